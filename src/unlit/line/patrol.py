"""Round the clock: watch a tracker for tickets marked ready, build them, say what came of it.

Several runs at a time, as many as may be. What was done for which revision of which ticket is kept
in one file that is replaced as a whole; a comment of ours carries a mark that is looked for before
it is written; a run is looked for before it is begun. So a restart does nothing twice.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from unlit.context.changes import Comment, Start
from unlit.context.library import Library
from unlit.context.model import Item, Ref
from unlit.context.ports import Commented, Tracker
from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput, UnlitError
from unlit.core.ids import RunId
from unlit.intent import parse_spec, ready
from unlit.intent.rules.render import render_spec
from unlit.intent.rules.show import as_comment
from unlit.line.tickets import spec_from_ticket
from unlit.review.outside import Answer, Said

Done = Literal["asked", "begun", "told", "unusable"]


@dataclass(frozen=True, slots=True)
class Handled:
    """What was last done for a ticket, at which revision of it.

    Attributes:
        told: Mark of what was last told of its run.
        heard: Comments that were taken as decisions.
    """

    revision: str
    done: Done
    run: str = ""
    told: str = ""
    heard: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """What to watch.

    Attributes:
        source: Name of the source.
        query: Which of its tickets are meant, in the source's own words.
        owner: Who owns the specs that are made.
        parallel: How many runs are worked on at a time.
    """

    source: str
    query: str
    owner: str = ""
    parallel: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands.

    Attributes:
        mark: Names what there is to tell: another mark, another comment.
        text: What is told.
        works: Whether it is still being worked on, or should be.
        asks: Whether it waits for a person at its gate.
    """

    mark: str
    text: str = ""
    works: bool = False
    asks: bool = False


class Factory(Protocol):
    """The line, as the patrol needs it."""

    def refusal(self) -> str | None:
        """Say why no run may begin now, such as a budget that is used up; `None` when one may."""
        ...

    def find(self, spec: Path) -> RunId | None:
        """Return the run that was begun from this file as it is now, if there is one."""
        ...

    async def begin(self, spec: Path) -> RunId:
        """Begin a run of a spec."""
        ...

    async def finish(self, run: RunId) -> None:
        """Take a run to its gate or its end, going on with it if it was begun before."""
        ...

    def standing(self, run: RunId) -> Standing:
        """Say how a run stands."""
        ...


class Gate(Protocol):
    """Takes decisions that were made in a ticket."""

    def decide(self, said: Said) -> Answer:
        """Make a decision for whom it was said by."""
        ...


class Ledger:
    """What was handled, in one file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._rows: dict[str, Handled] = {
            key: Handled(**{**row, "heard": tuple(row.get("heard", ()))})
            for key, row in rows.items()
        }

    def find(self, ref: Ref) -> Handled | None:
        """Return what was done for a ticket."""
        return self._rows.get(_name(ref))

    def with_runs(self, source: str) -> tuple[Ref, ...]:
        """Return the tickets of a source that a run was begun for, whatever their state is now."""
        names = [name.split(":", 2) for name, row in self._rows.items() if row.run]
        return tuple(Ref(*name) for name in names if name[0] == source)

    def keep(self, ref: Ref, handled: Handled) -> None:
        """Write down what was done."""
        self._rows[_name(ref)] = handled
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._path.with_suffix(".partial")
        plain: Mapping[str, object] = {key: asdict(row) for key, row in self._rows.items()}
        partial.write_text(json.dumps(plain, indent=1), encoding="utf-8")
        partial.replace(self._path)


@dataclass(frozen=True, slots=True)
class Post:
    """Where the patrol works and whom it tells.

    Attributes:
        specs: Folder for the specs made from tickets.
        say: Told one sentence for each thing done.
        gate: Takes decisions made in tickets; none are taken without it.
    """

    specs: Path
    say: Callable[[str], None] = lambda sentence: None
    gate: Gate | None = None


class Patrol:
    """Goes round the tickets.

    Args:
        watch: Which tickets.
        library: The sources.
        factory: The line.
        ledger: What was done before.
        post: Where it works.
    """

    def __init__(
        self, watch: Watch, library: Library, factory: Factory, ledger: Ledger, post: Post
    ) -> None:
        self._watch = watch
        self._library = library
        self._factory = factory
        self._ledger = ledger
        self._specs = post.specs
        self._say = post.say
        self._gate = post.gate
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tired: set[str] = set()
        self._full = ""

    async def round(self) -> int:
        """Handle every ticket that needs it and wait for the runs; return how many were handled."""
        handled = await self.sweep()
        while self._tasks:
            await asyncio.wait(self._tasks.values())
            self._reap()
            handled += await self._sweep()
        return handled

    async def sweep(self) -> int:
        """Handle every ticket that needs it, without waiting for a run; return how many were.

        A source that does not answer ends the round and nothing else; the next round tries again.
        """
        self._reap()
        self._tired.clear()
        return await self._sweep()

    async def _sweep(self) -> int:
        self._full = ""
        handled = 0
        try:
            connector = self._library.source(self._watch.source)
            found = list(connector.search(self._watch.query))
        except UnlitError as error:
            self._say(str(error))
            return 0
        begun = self._ledger.with_runs(self._watch.source)
        for ref in dict.fromkeys((*begun, *found)):
            try:
                handled += await self._ticket(ref, wanted=ref in found)
            except UnlitError as error:
                self._say(f"{_name(ref)}: {error}")
        if self._full:
            self._say(self._full)
        return handled

    async def stop(self) -> None:
        """Stop working on runs; they go on at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _reap(self) -> None:
        for name, task in list(self._tasks.items()):
            if not task.done():
                continue
            del self._tasks[name]
            error = None if task.cancelled() else task.exception()
            if isinstance(error, UnlitError):
                self._say(f"{name}: {error}")
                self._tired.add(name)  # it is tried again in the next round
            elif error is not None:
                raise error

    async def _ticket(self, ref: Ref, *, wanted: bool) -> int:
        if _name(ref) in self._tasks:
            return 0
        known = self._ledger.find(ref)
        if known is not None and known.run and self._follow(ref, known):
            return 1
        if not wanted or (known is not None and known.done == "begun"):
            return 0
        item = self._library.source(ref.source).fetch(ref)
        if item is None or (known is not None and known.revision == _content(item)):
            return 0
        return self._judge(ref, item)

    def _follow(self, ref: Ref, known: Handled) -> bool:
        """Go on with a ticket's run: work on it, tell of it, hear what was decided there."""
        run = RunId(known.run)
        standing = self._factory.standing(run)
        if standing.works:
            if _name(ref) in self._tired or self._is_full(known=True):
                return False
            self._tasks[_name(ref)] = asyncio.create_task(self._factory.finish(run))
            return True
        if standing.mark != known.told:
            self._comment_once(ref, standing.mark, standing.text)
            known = replace(known, done="told", told=standing.mark)
            self._ledger.keep(ref, known)
            self._say(f"{ref.source}:{ref.key}: outcome of {run} told in the ticket")
            return True
        return standing.asks and self._hear(ref, known)

    def _is_full(self, *, known: bool = False) -> bool:
        why = None if known else self._factory.refusal()
        if why is None and len(self._tasks) >= self._watch.parallel:
            why = f"{len(self._tasks)} of {self._watch.parallel} runs are being worked on"
        if why is not None:
            self._full = f"nothing more is begun now: {why}"
        return why is not None

    def _judge(self, ref: Ref, item: Item) -> int:
        """Ask in a ticket what is unclear, whether or not a place is free; build what is ready."""
        text = f"{ref.source}:{ref.key}"
        try:
            imported = spec_from_ticket(self._library, text, owner=self._watch.owner)
        except InvalidInput as error:
            mark = f"unlit {_content(item)} unusable"
            self._comment_once(ref, mark, f"Unlit cannot build this: {error.what}")
            self._ledger.keep(ref, Handled(_content(item), "unusable"))
            self._say(f"{text} cannot become a spec: {error.what}")
            return 1
        path = self._specs / f"{ref.key.replace('/', '-')}.md"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(render_spec(imported.spec), encoding="utf-8")
        spec = parse_spec(path.read_text(encoding="utf-8"), str(path))
        readiness = ready(spec)
        if not readiness.ready:
            mark = f"unlit {_content(item)} asked"
            self._comment_once(ref, mark, as_comment(spec, readiness))
            self._ledger.keep(ref, Handled(_content(item), "asked"))
            self._say(f"{text} is not ready: asked in the ticket")
            return 1
        if self._is_full():
            return 0
        self._tasks[_name(ref)] = asyncio.create_task(self._begin(ref, item, path))
        return 1

    async def _begin(self, ref: Ref, item: Item, path: Path) -> None:
        run = self._factory.find(path) or await self._factory.begin(path)
        self._ledger.keep(ref, Handled(_content(item), "begun", run))
        self._take(ref)
        self._say(f"{ref.source}:{ref.key} is being built as {run}")
        await self._factory.finish(run)

    def _comment_once(self, ref: Ref, mark: str, text: str) -> None:
        connector = self._library.source(ref.source)
        if isinstance(connector, Commented) and any(
            mark in item.body for item in connector.comments(ref)
        ):
            return
        self._library.write(ref.source, Comment(ref, f"{text.rstrip()}\n\n({mark})"))

    def _hear(self, ref: Ref, known: Handled) -> bool:
        """Take ``/approve REASON`` and ``/reject REASON`` that came after what we told."""
        connector = self._library.source(ref.source)
        if self._gate is None or not isinstance(connector, Commented):
            return False
        after = False
        for item in connector.comments(ref):
            if known.told in item.body:
                after = True
                continue
            said = _said(item, RunId(known.run), f"{ref.source}:{ref.key}") if after else None
            if said is None or item.ref.key in known.heard:
                continue
            answer = self._gate.decide(said)
            self._comment_once(ref, f"unlit answers {item.ref.key}", answer.text)
            known = replace(known, heard=(*known.heard, item.ref.key))
            self._ledger.keep(ref, known)
            self._say(f"{ref.source}:{ref.key}: {answer.text}")
            return True
        return False

    def _take(self, ref: Ref) -> None:
        connector = self._library.source(ref.source)
        if isinstance(connector, Tracker) and Start in connector.writes:
            connector.apply(Start(ref))


async def watch(
    patrol: Patrol,
    wait: Callable[[], Awaitable[bool]],
    beside: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Go round until `wait` says that it is enough.

    Args:
        patrol: Goes round.
        wait: Waits for the next round; `False` ends it.
        beside: What else is done in every round.
    """
    try:
        while True:
            await patrol.sweep()
            if beside is not None:
                await beside()
            if not await wait():
                return
    finally:
        await patrol.stop()


def _said(item: Item, run: RunId, place: str) -> Said | None:
    """Read a decision from a comment; `None` when it is none."""
    first, _, rest = item.body.strip().partition("\n")
    word, _, reason = first.strip().partition(" ")
    decision = {"/approve": "approved", "/reject": "rejected"}.get(word.lower())
    if decision is None:
        return None
    words = " ".join(f"{reason} {rest}".split())[:1500]
    return Said(item.account or "", run, decision, words, place)


def _content(item: Item) -> str:
    """Name what a ticket says: our own comments and moves must not look like a new revision."""
    return digest_json([item.title, item.body]).removeprefix("sha256:")[:16]


def _name(ref: Ref) -> str:
    return f"{ref.source}:{ref.kind}:{ref.key}"
