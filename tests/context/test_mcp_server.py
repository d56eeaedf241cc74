"""The library as tools of an agent: what is asked for is bounded from both sides."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from unlit.context.adapters.index import Index
from unlit.context.library import Library
from unlit.context.mcp_server import Served, build_server
from unlit.context.model import Item, Ref, Trust

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Many:
    """A source of more items than an answer may have."""

    kind = "many"

    def search(self, query: str) -> Iterator[Ref]:
        return (Ref("many", "issue", str(number)) for number in range(80))

    def fetch(self, ref: Ref) -> Item:
        return Item(ref, "1", f"words {ref.key}", "", Trust.INTERNAL, NOW)


@pytest.mark.parametrize(("limit", "rows"), [(-1, 1), (0, 1), (7, 7), (10_000, 50)])
async def test_no_limit_lets_an_answer_grow(limit: int, rows: int, tmp_path: Path) -> None:
    source: Any = Many()
    library = Library({"many": source}, Index(tmp_path / "index.db"))
    library.refresh()
    server = build_server(Served(library, read_only=True))
    for name, given in (("search", {"query": "words"}), ("list", {"source": "many"})):
        answer: Any = await server.call_tool(name, {**given, "limit": limit})
        assert len(json.loads(answer.content[0].text)) == rows
