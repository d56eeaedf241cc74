"""What the index holds that a spec is about: a source for snapshots, ranked, within a budget.

The whole text of the best items goes in, as it was read into the index; when that was is kept with
each. The same index and the same specs give the same items in the same order.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from unlit.context.adapters.index import Index
from unlit.context.model import Item, Ref, Trust

BUDGET_BYTES: Final = 96 * 1024
MOST_ITEMS: Final = 12
_WORD: Final = re.compile(r"[^\W\d_][\w-]{3,}")
_FRONT: Final = re.compile(r"\A---\n.*?\n---\n", re.S)
_COMMON: Final = frozenset(
    re.findall(
        r"\w+",
        """
        shall when then while where with without that this these those from into have has been
        will would should must each every only other more than them they their there what which
        example examples input outcome criteria criterion intent boundaries boundary scope metric
        because about after before such some same also none nothing case cases answered irrelevant
        program system prints exit code empty zero limit duplicate concurrent
        """,
    )
)
_MOST_WORDS: Final = 24


def terms(text: str) -> tuple[str, ...]:
    """Return the words that a spec is about: often used or in its headings, not everybody's."""
    body = _FRONT.sub("", text)
    counted: Counter[str] = Counter()
    for line in body.splitlines():
        weight = 3 if line.startswith("#") else 1
        for word in _WORD.findall(line):
            if word.lower() not in _COMMON:
                counted[word.lower()] += weight
    return tuple(word for word, _ in sorted(counted.items(), key=lambda p: (-p[1], p[0])))[
        :_MOST_WORDS
    ]


class RelevantItems:
    """Items of an index that fit a spec best; `about` says which.

    Args:
        index: What was read before, by `unlit context index`.
        sources: Which sources count.
        public: Whether items that anybody may have written count too.
        budget_bytes: Most bytes of bodies.
        limit: Most items.
    """

    name = "relevant"

    def __init__(
        self,
        index: Index,
        sources: Iterable[str],
        *,
        public: bool = False,
        budget_bytes: int = BUDGET_BYTES,
        limit: int = MOST_ITEMS,
    ) -> None:
        self._index = index
        self._terms: tuple[str, ...] = ()
        self._sources = tuple(sources)
        self._public = public
        self._budget = budget_bytes
        self._limit = limit
        self._items: dict[Ref, Item] = {}

    def about(self, text: str) -> None:
        """Say what the items must fit; without it nothing is found."""
        self._terms = terms(text)

    def search(self, query: str) -> Iterator[Ref]:
        """Yield the best items that fit the budget whole, best first."""
        words = terms(query) or self._terms
        room = self._budget
        for item in self._index.relevant(words, self._sources, limit=4 * self._limit):
            size = len(item.body.encode("utf-8"))
            wanted = self._public or item.trust is not Trust.PUBLIC
            if not wanted or size > room or len(self._items) >= self._limit:
                continue
            room -= size
            self._items[item.ref] = item
            yield item.ref

    def fetch(self, ref: Ref) -> Item | None:
        """Return one of the items that were found; a source is not read again."""
        return self._items.get(ref)
