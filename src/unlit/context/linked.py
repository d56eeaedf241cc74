"""What a spec links to: tickets, pages, designs and errors whose URL stands in its text."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from unlit.context.model import Item, Ref
from unlit.context.ports import Connector

_URL: Final = re.compile(r"https?://[^\s<>()\[\]\"'`]+")


class LinkedItems:
    """A source made of other sources: only what is linked is read.

    Args:
        texts: Texts with links, such as specs.
        connectors: Who may own a link, by name.
    """

    name = "linked"

    def __init__(self, texts: Iterable[str], connectors: Mapping[str, Connector]) -> None:
        self._texts = tuple(texts)
        self._connectors = dict(connectors)

    def search(self, query: str) -> Iterator[Ref]:
        """Yield what is linked and owned, each once, in the order of the texts."""
        seen: set[Ref] = set()
        for text in self._texts:
            for url in _URL.findall(text):
                for connector in self._connectors.values():
                    ref = connector.owns(url.rstrip(".,;:"))
                    if ref is not None and ref not in seen:
                        seen.add(ref)
                        yield ref

    def fetch(self, ref: Ref) -> Item | None:
        """Read one linked thing from the source that owns it."""
        return self._connectors[ref.source].fetch(ref)
