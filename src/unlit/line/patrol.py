"""Round the clock: watch a tracker for tickets marked ready, build them, say what came of it.

One ticket at a time. What was done for which revision of which ticket is kept in one file that is
replaced as a whole, so that a restart does nothing twice: a ticket is asked about once a revision,
a run is begun once a revision, and an outcome is told once a run.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from unlit.context.changes import Comment, Start
from unlit.context.library import Library
from unlit.context.model import Item, Ref
from unlit.context.ports import Tracker
from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput, UnlitError
from unlit.core.ids import RunId
from unlit.intent import parse_spec, ready
from unlit.intent.rules.render import render_spec
from unlit.line.tickets import spec_from_ticket, write_readiness

Done = Literal["asked", "begun", "told", "unusable"]


@dataclass(frozen=True, slots=True)
class Handled:
    """What was last done for a ticket, at which revision of it."""

    revision: str
    done: Done
    run: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """What to watch.

    Attributes:
        source: Name of the source.
        query: Which of its tickets are meant, in the source's own words.
        owner: Who owns the specs that are made.
    """

    source: str
    query: str
    owner: str = ""


class Factory(Protocol):
    """The line, as the patrol needs it."""

    async def begin(self, spec: Path) -> RunId:
        """Begin a run of a spec."""
        ...

    async def finish(self, run: RunId) -> str:
        """Take a run to its end, going on with it if it was begun before; return its report."""
        ...


class Ledger:
    """What was handled, in one file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._rows: dict[str, Handled] = {key: Handled(**row) for key, row in rows.items()}

    def find(self, ref: Ref) -> Handled | None:
        """Return what was done for a ticket."""
        return self._rows.get(_name(ref))

    def keep(self, ref: Ref, handled: Handled) -> None:
        """Write down what was done, before anything else is."""
        self._rows[_name(ref)] = handled
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._path.with_suffix(".partial")
        plain: Mapping[str, object] = {key: asdict(row) for key, row in self._rows.items()}
        partial.write_text(json.dumps(plain, indent=1), encoding="utf-8")
        partial.replace(self._path)


class Patrol:
    """Goes round the tickets.

    Args:
        watch: Which tickets.
        library: The sources.
        factory: The line.
        ledger: What was done before.
        specs: Folder for the specs made from tickets.
        say: Told one sentence for each thing done.
    """

    def __init__(
        self,
        watch: Watch,
        library: Library,
        factory: Factory,
        ledger: Ledger,
        specs: Path,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self._watch = watch
        self._library = library
        self._factory = factory
        self._ledger = ledger
        self._specs = specs
        self._say = say

    async def round(self) -> int:
        """Handle every ticket that needs it, one after another; return how many that were.

        A source that does not answer ends the round and nothing else; the next round tries again.
        """
        handled = 0
        try:
            connector = self._library.source(self._watch.source)
            refs = list(connector.search(self._watch.query))
        except UnlitError as error:
            self._say(str(error))
            return 0
        for ref in refs:
            try:
                handled += await self._ticket(ref)
            except UnlitError as error:
                self._say(f"{_name(ref)}: {error}")
        return handled

    async def _ticket(self, ref: Ref) -> int:
        known = self._ledger.find(ref)
        if known is not None and known.done == "begun":
            await self._finish(ref, known)
            return 1
        item = self._library.source(ref.source).fetch(ref)
        if item is None or (known is not None and known.revision == _content(item)):
            return 0
        await self._judge(ref, item)
        return 1

    async def _judge(self, ref: Ref, item: Item) -> None:
        text = f"{ref.source}:{ref.key}"
        try:
            imported = spec_from_ticket(self._library, text, owner=self._watch.owner)
        except InvalidInput as error:
            self._ledger.keep(ref, Handled(_content(item), "unusable"))
            self._library.write(ref.source, Comment(ref, f"Unlit cannot build this: {error.what}"))
            self._say(f"{text} cannot become a spec: {error.what}")
            return
        path = self._specs / f"{ref.key.replace('/', '-')}.md"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(render_spec(imported.spec), encoding="utf-8")
        spec = parse_spec(path.read_text(encoding="utf-8"), str(path))
        readiness = ready(spec)
        if not readiness.ready:
            self._ledger.keep(ref, Handled(_content(item), "asked"))
            write_readiness(self._library, text, spec, readiness)
            self._say(f"{text} is not ready: asked in the ticket")
            return
        run = await self._factory.begin(path)
        begun = Handled(_content(item), "begun", run)
        self._ledger.keep(ref, begun)
        self._take(ref)
        self._say(f"{text} is being built as {run}")
        await self._finish(ref, begun)

    async def _finish(self, ref: Ref, known: Handled) -> None:
        report = await self._factory.finish(RunId(known.run))
        self._ledger.keep(ref, replace(known, done="told"))
        self._library.write(ref.source, Comment(ref, report))
        self._say(f"{ref.source}:{ref.key}: outcome of {known.run} told in the ticket")

    def _take(self, ref: Ref) -> None:
        connector = self._library.source(ref.source)
        if isinstance(connector, Tracker) and Start in connector.writes:
            connector.apply(Start(ref))


async def watch(patrol: Patrol, wait: Callable[[], Awaitable[bool]]) -> None:
    """Go round until `wait` says that it is enough."""
    while True:
        await patrol.round()
        if not await wait():
            return


def _content(item: Item) -> str:
    """Name what a ticket says: our own comments and moves must not look like a new revision."""
    return digest_json([item.title, item.body]).removeprefix("sha256:")[:16]


def _name(ref: Ref) -> str:
    return f"{ref.source}:{ref.kind}:{ref.key}"
