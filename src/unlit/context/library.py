"""Use cases over several sources: who owns this, index, search, read, write with confirmation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from unlit.context.adapters.index import Hit, Index
from unlit.context.changes import NAMES, Change, Delete
from unlit.context.model import Item, Ref
from unlit.context.ports import Commented, Connector, Tracker
from unlit.core.errors import InvalidInput, RefusedByPolicy, UnlitError

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What indexing one source did; `problem` is its error, and what was read before it is kept."""

    source: str
    seen: int
    changed: int
    problem: UnlitError | None = None


class Library:
    """All configured sources of a repository.

    Args:
        sources: Connectors by instance name.
        index: The cross-source index.
        outside: Names of the sources that lie outside the repository.
    """

    def __init__(
        self, sources: Mapping[str, Connector], index: Index, outside: tuple[str, ...] = ()
    ) -> None:
        self.sources = dict(sources)
        self.index = index
        self._outside = outside

    @property
    def configured(self) -> dict[str, Connector]:
        """The sources that lie outside the repository."""
        return {name: self.sources[name] for name in self._outside}

    def owner(self, text: str) -> Ref:
        """Find which source a pasted URL or key belongs to; ``NAME:KEY`` says it outright.

        Raises:
            InvalidInput: No source recognises it, or several do.
        """
        name, _, key = text.partition(":")
        if name in self.sources and key and not key.startswith("//"):
            found = self.sources[name].owns(key)
            return found or Ref(name, self.sources[name].kind, key)
        owners = [ref for one in self.sources.values() if (ref := one.owns(text)) is not None]
        if len(owners) == 1:
            return owners[0]
        names = ", ".join(self.sources) or "none configured"
        what = "belongs to no source" if not owners else "is a key in several sources"
        raise InvalidInput(
            "CTX-311",
            f"{text!r} {what}.",
            f"the sources are: {names}.",
            "write NAME:KEY, for example jira:SEC-12.",
        )

    def read(self, ref: Ref, *, comments: bool = False) -> list[Item]:
        """Read one thing, and what people said about it.

        Raises:
            InvalidInput: It is gone.
        """
        connector = self.source(ref.source)
        item = connector.fetch(ref)
        if item is None:
            self.index.drop(ref)
            raise InvalidInput(
                "CTX-312",
                f"{ref.source} has no {ref.kind} {ref.key}.",
                "it was deleted, moved, or the credential may not see it.",
                "check the key; it is no longer in the index.",
            )
        self.index.put([item])
        said = (
            list(connector.comments(ref)) if comments and isinstance(connector, Commented) else []
        )
        return [item, *said]

    def refresh(self, names: Iterable[str] = (), *, query: str = "") -> list[Refreshed]:
        """Index what each source lists; one that fails does not stop the others."""
        return [self._refresh(name, query) for name in names or self.sources]

    def _refresh(self, name: str, query: str) -> Refreshed:
        connector = self.source(name)
        done = Refreshed(name, 0, 0)
        batch: list[Item] = []
        try:
            for ref in connector.search(query):
                item = connector.fetch(ref)
                if item is None:
                    continue
                batch.append(item)
                if len(batch) == _BATCH:
                    done = self._keep(done, batch)
                    batch = []
            return self._keep(done, batch)
        except UnlitError as error:
            return replace(self._keep(done, batch), problem=error)

    def _keep(self, done: Refreshed, batch: list[Item]) -> Refreshed:
        changed = self.index.put(batch)
        return replace(done, seen=done.seen + len(batch), changed=done.changed + changed)

    def search(self, query: str, *, source: str | None = None, limit: int = 20) -> list[Hit]:
        """Search the index of all sources, or of one."""
        return self.index.search(query, source=source, limit=limit)

    def write(self, name: str, change: Change, *, confirmed_by: str = "", person: str = "") -> Ref:
        """Write one change to a source.

        Args:
            name: The source.
            change: What to write.
            confirmed_by: Who else agreed; deleting needs another person than `person`.
            person: Who asks.

        Raises:
            InvalidInput: The source cannot do that.
            RefusedByPolicy: Nobody else has agreed to a deletion.
        """
        connector = self.source(name)
        word = NAMES[type(change)]
        if not isinstance(connector, Tracker) or type(change) not in connector.writes:
            can = ""
            if isinstance(connector, Tracker):
                can = ", ".join(sorted(NAMES[kind] for kind in connector.writes))
            raise InvalidInput(
                "CTX-313",
                f"{name} cannot {word}.",
                f"it can: {can or 'be read only'}.",
                "use another source, or its own pages.",
            )
        if isinstance(change, Delete) and (not confirmed_by or confirmed_by == person):
            raise RefusedByPolicy(
                "CTX-314",
                f"Nobody but {person or 'you'} has agreed to delete {change.ref.key}.",
                "what is deleted does not come back, so a second person confirms it.",
                "ask somebody, then add --confirmed-by NAME.",
            )
        return connector.apply(change)

    def statuses(self, ref: Ref) -> tuple[str, ...]:
        """Return the states a thing can move to now."""
        connector = self.source(ref.source)
        return connector.statuses(ref) if isinstance(connector, Tracker) else ()

    def source(self, name: str) -> Connector:
        """Return a source by name.

        Raises:
            InvalidInput: There is none of that name.
        """
        if name not in self.sources:
            raise InvalidInput(
                "CTX-315",
                f"There is no source {name!r}.",
                "a source is a table [source.NAME] in unlit.toml.",
                f"use one of: {', '.join(self.sources) or 'none configured'}.",
            )
        return self.sources[name]
