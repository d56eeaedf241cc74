"""Use cases over several sources: who owns this, index, search, read, write with confirmation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from unlit.context.adapters.index import Hit, Index
from unlit.context.adapters.pending import PendingChanges
from unlit.context.changes import NAMES, Change, Comment, Create
from unlit.context.confirming import Pending, WriteRules, named_in
from unlit.context.model import Item, Named, Ref
from unlit.context.ports import Commented, Connector, Fielded, Noting, Peopled, Placed, Tracker
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
        rules: What each source says about changes; by default a second person for deleting.
        pending: Where changes wait for that person.
        note: Writes who asked, agreed and was refused into the audit log, before anything is done.
        narrow: Search only what these sources hold, whatever else was indexed.
    """

    def __init__(  # each is a part of a library
        self,
        sources: Mapping[str, Connector],
        index: Index,
        outside: tuple[str, ...] = (),
        *,
        rules: Mapping[str, WriteRules] | None = None,
        pending: PendingChanges | None = None,
        note: Noting | None = None,
        narrow: bool = False,
    ) -> None:
        self.sources = dict(sources)
        self.index = index
        self._outside = outside
        self._rules = dict(rules or {})
        self._pending = pending
        self._note = note
        self._narrow = narrow

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
                if item is None:  # deleted between its list and now
                    self.index.drop(ref)
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
        within: str | list[str] | None = source
        if self._narrow:
            within = [name for name in self.sources if source in (None, name)]
        return self.index.search(query, source=within, limit=limit)

    def write(self, name: str, change: Change, *, person: str = "", agreed: str = "") -> Ref:
        """Write one change to a source.

        Args:
            name: The source.
            change: What to write.
            person: Who asks.
            agreed: Who else has agreed, where another person must (see `confirm`).

        Raises:
            InvalidInput: The source cannot do that.
            RefusedByPolicy: The source's rules forbid it, or nobody else has agreed to it yet.
        """
        connector = self._writable(name, change)
        _refuse_no_words(name, change)
        rules = self._rules.get(name, WriteRules())
        if named_in(change, rules.block):
            self._noted("source.refused", name, change, by=person, outcome="deny")
            raise RefusedByPolicy(
                "CTX-318",
                f"{name} does not let anybody {NAMES[type(change)]}.",
                f"[source.{name}] blocks it in unlit.toml.",
                "do it in the source's own pages, or change the rule.",
            )
        if named_in(change, rules.confirm) and (not agreed or agreed == person):
            raise self._unconfirmed(name, change, person)
        self._noted("source.change", name, change, by=person, agreed=agreed)
        return connector.apply(change)

    def _noted(self, kind: str, name: str, change: Change, **more: str) -> None:
        if self._note is None:
            return
        ref = getattr(change, "ref", None)
        key = ref.key if ref is not None else getattr(change, "title", "")
        facts = {"source": name, "do": NAMES[type(change)], "key": key, **more}
        self._note(kind, {field: text for field, text in facts.items() if text})

    def _writable(self, name: str, change: Change) -> Tracker:
        connector = self.source(name)
        if isinstance(connector, Tracker) and type(change) in connector.writes:
            return connector
        can = ""
        if isinstance(connector, Tracker):
            can = ", ".join(sorted(NAMES[kind] for kind in connector.writes))
        raise InvalidInput(
            "CTX-313",
            f"{name} cannot {NAMES[type(change)]}.",
            f"it can: {can or 'be read only'}.",
            "use another source, or its own pages.",
        )

    def _unconfirmed(self, name: str, change: Change, person: str) -> UnlitError:
        ref = getattr(change, "ref", None)
        title, revision = getattr(change, "title", None) or "", ""
        if ref is not None:
            (item,) = self.read(ref)
            title, revision = item.title, item.revision
        remedy = "a second person must agree; nothing here can ask one."
        if self._pending is not None:
            asked = self._pending.ask(name, change, person, title, revision)
            self._noted("source.asked", name, change, by=person, id=asked.id)
            remedy = f"another person runs: unlit context confirm {asked.id}"
        what = f"{NAMES[type(change)]} {ref.key if ref is not None else ''} {title!r}"
        return RefusedByPolicy(
            "CTX-314",
            f"Nobody but {person or 'you'} has agreed to {' '.join(what.split())}.",
            f"[source.{name}] wants a second person for it.",
            remedy,
        )

    def waiting(self) -> list[Pending]:
        """Return the changes that wait for another person, oldest first."""
        return self._pending.all() if self._pending is not None else []

    def confirm(self, name: str, person: str) -> tuple[Pending, Ref]:
        """Do a waiting change, as another person than the one who asked.

        Raises:
            InvalidInput: Nothing of that id waits, or the thing has changed since it was asked.
            RefusedByPolicy: The same person asked.
        """
        if self._pending is None:
            raise InvalidInput("CTX-319", f"No change {name!r} waits.", "none can.", "ask again.")
        asked = self._pending.get(name)
        who = {"by": asked.asked_by, "id": asked.id}
        if asked.asked_by == person:
            self._noted("source.refused", asked.source, asked.change, **who, outcome="deny")
            raise RefusedByPolicy(
                "CTX-314",
                f"{person} asked for this, and cannot also confirm it.",
                "two people look at what does not come back.",
                "let somebody else run it, as themselves.",
            )
        ref = getattr(asked.change, "ref", None)
        if ref is not None and self.read(ref)[0].revision != asked.revision:
            self._pending.drop(name)
            raise InvalidInput(
                "CTX-320",
                f"{ref.key} has changed since {asked.asked_by} asked.",
                "what was asked about is no longer what would be changed.",
                "look at it, and ask again.",
            )
        self._noted("source.confirmed", asked.source, asked.change, **who, agreed=person)
        done = self.write(asked.source, asked.change, person=asked.asked_by, agreed=person)
        self._pending.drop(name)
        return asked, done

    def places(self, name: str) -> list[Named]:
        """List where things can lie in a source: projects, teams, lists, channels."""
        connector = self.source(name)
        return list(connector.places()) if isinstance(connector, Placed) else []

    def people(self, name: str) -> list[Named]:
        """List who can be given a thing in a source."""
        connector = self.source(name)
        return list(connector.people()) if isinstance(connector, Peopled) else []

    def fields(self, ref: Ref) -> list[Named]:
        """List the fields of a thing that can be set."""
        connector = self.source(ref.source)
        return list(connector.fields(ref)) if isinstance(connector, Fielded) else []

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


def _refuse_no_words(name: str, change: Change) -> None:
    """Refuse what would leave an empty place in a source: not every one refuses it itself."""
    said = {Comment: "body", Create: "title"}.get(type(change))
    if said is None or getattr(change, said).strip():
        return
    what = "comment without words" if said == "body" else "thing without a title"
    raise InvalidInput(
        "CTX-328",
        f"A {what} is not written to {name}.",
        "nobody could read what was meant.",
        f"give its {said}.",
    )
