"""Cursor paging: `limit`, an opaque `after`, and Link headers; Okta sends no totals."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from unlit.twins.kit.http import Reply
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta.errors import failure, invalid


def limit_of(call: Exchange, usual: int, most: int) -> int:
    """Read `limit`; more than `most` is `most`, as for Okta's directory lists."""
    text = call.request.arg("limit")
    if text is None or text == "":
        return usual
    try:
        value = int(text)
    except ValueError as error:
        raise invalid("limit", "limit: must be a number") from error
    if value < 0:
        raise invalid("limit", "The limit must be greater than or equal to 0.")
    return min(value, most) if value else usual


def page(
    call: Exchange,
    rows: Iterable[Any],
    render: Callable[[Any], Any],
    *,
    usual: int = 200,
    most: int = 200,
    key: Callable[[Any], str] = lambda row: str(row["id"]),
) -> Reply:
    """Return one page of `rows` with its Link headers.

    Args:
        call: The call.
        rows: Everything, in order.
        render: Row to JSON.
        usual: Page size when none is asked for.
        most: Largest page size.
        key: The cursor's text for a row.
    """
    limit = limit_of(call, usual, most)
    after = call.request.arg("after")
    source = iter(rows)
    if after:
        for row in source:
            if key(row) == after:
                break
        else:
            raise failure("E0000029", "Invalid cursor.")
    chunk = list(islice(source, limit + 1))
    more = len(chunk) > limit
    chunk = chunk[:limit]
    reply = Reply(200, [render(row) for row in chunk])
    reply.headers.append(("link", f'<{_url(call, None)}>; rel="self"'))
    if more and chunk:
        reply.headers.append(("link", f'<{_url(call, key(chunk[-1]))}>; rel="next"'))
    return reply


def _url(call: Exchange, after: str | None) -> str:
    pairs = [(name, value) for name, value in call.request.query if name != "after"]
    old = call.request.arg("after")
    if after is not None:
        pairs.insert(0, ("after", after))
    elif old is not None:
        pairs.insert(0, ("after", old))
    text = urlencode(pairs, quote_via=quote)
    return f"{call.request.origin}{call.request.raw_path}" + (f"?{text}" if text else "")
