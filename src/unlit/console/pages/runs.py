"""All runs: facets by state, find, pages by keyset."""

from typing import Any, Final

from starlette.responses import Response

from unlit.console.board import group_of
from unlit.console.queries import Cursor
from unlit.console.web import Page
from unlit.record.model import RunState

PAGE: Final = 50
STATES: Final = tuple(state.value for state in RunState)


def runs(page: Page) -> Response:
    """Show one page of runs, or its JSON."""
    state = page.param("state") if page.param("state") in STATES else ""
    text = page.param("q")[:100]
    found = page.queries.runs(
        states=[state] if state else (),
        text=text,
        after=Cursor.parse(page.param("after")),
        limit=PAGE + 1,
    )
    rows, more = found[:PAGE], len(found) > PAGE
    ids = [row.id for row in rows]
    shares = page.queries.shares(ids) if ids else {}
    last = rows[-1] if rows else None
    after = Cursor(last.created_at.isoformat(), last.id).text() if last and more else ""
    if page.wants_json:
        plain = [
            {"run": row.id, "title": row.title, "state": row.state.value, "verdict": row.verdict,
             "created_at": row.created_at.isoformat()}
            for row in rows
        ]  # fmt: skip
        return page.json({"schema": "unlit.runs/1", "runs": plain, "after": after or None})
    counts = page.queries.counts()
    facts: dict[str, Any] = {
        "rows": rows,
        "shares": {
            name: [share for share in lines if share.partition == "validation"]
            for name, lines in shares.items()
        },
        "spent": page.queries.spent(ids) if ids else {},
        "after": after,
        "state": state,
        "text": text,
        "counts": [(name, counts[name]) for name in STATES if counts.get(name)],
        "total": sum(counts.values()),
        "group_of": group_of,
        "is_first": not page.param("after"),
    }
    return page.render("runs_rows.html" if page.is_partial else "runs.html", **facts)
