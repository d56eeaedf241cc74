"""Requests that an audit log says were denied, as the material of a proposal."""

from collections.abc import Iterator
from pathlib import Path

from unlit.core.errors import InvalidInput
from unlit.policy.audit.reading import read_entries
from unlit.policy.model import Request
from unlit.policy.rules.testing import parse_url


def denied_requests(directory: Path, run: str | None = None) -> Iterator[Request]:
    """Yield the requests that policy denied or, in shadow and learn mode, would have denied.

    Raises:
        InvalidInput: There is no log in `directory`.
    """
    for entry in read_entries(directory, run):
        fields = entry.fields
        by_policy = fields.get("rule") == "default deny" and fields.get("outcome") == "deny"
        if entry.kind != "exchange" or not (by_policy or fields.get("would") == "deny"):
            continue
        method, url = fields.get("method"), fields.get("url")
        if isinstance(method, str) and isinstance(url, str):
            try:
                yield parse_url(entry.identity.role, method, url)
            except InvalidInput:
                continue
