"""Try it: begin, use and end a candidate in a fence of its own, with its twins' state beside it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from starlette.responses import RedirectResponse, Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from unlit.console.model import Console, Role
from unlit.console.trials import Kept, Trials
from unlit.console.web import Page
from unlit.core.errors import InvalidInput
from unlit.review.tryout import plan_of
from unlit.review.tryout.worlds import best_of, choices, world_seed

POLL_S: Final = 0.3
OPENING_S: Final = 3.0
_ROWS: Final = 12
_TEXT: Final = 400


def trials_of(console: Console) -> Trials:
    """Return where tries run.

    Raises:
        InvalidInput: Nothing can be tried in this console.
    """
    if console.trials is None:
        raise InvalidInput(
            "CON-052", "Nothing can be tried in this console.",
            "it has no state folder to keep a fence in.", "start it with `unlit console`.",
        )  # fmt: skip
    return console.trials


async def begin(page: Page) -> Response:
    """Begin a try of a run's candidate and go to its page."""
    console, trials = page.console, trials_of(page.console)
    run = console.store.find_run(page.path("run")).id
    plan = plan_of(console.store, run, page.form.get("candidate", "")[:60])
    may_see = page.session.may(Role.EVALUATOR)
    name = page.form.get("world", "")[:200]
    if not name:
        asked = [row.criterion for row in console.store.questions(run) if row.answer is None]
        found = await asyncio.to_thread(choices, plan.vault, may_see=may_see)
        name = best_of(found, next(iter(asked), None)).name
    world = await asyncio.to_thread(world_seed, plan.vault, name, may_see=may_see)
    made = trials.begin(plan, world, page.session.person)
    opening = trials.find(made).task
    if opening is not None:  # most are open in a second: then the page is whole at once
        await asyncio.wait({opening}, timeout=OPENING_S)
    return RedirectResponse(f"/tries/{made}", 303)


async def show(page: Page) -> Response:
    """Show a try: the product, and what its twins hold."""
    kept = trials_of(page.console).find(page.path("name"))
    plan = kept.trial.plan
    found = await asyncio.to_thread(choices, plan.vault, may_see=page.session.may(Role.EVALUATOR))
    return page.render("try.html", **facts_of(kept), choices=found, page_live=not kept.is_over)


async def end(page: Page) -> Response:
    """End a try."""
    trials = trials_of(page.console)
    kept = trials.find(page.path("name"))
    await trials.end(kept, f"ended by {page.session.person}")
    return RedirectResponse(f"/tries/{kept.trial.name}", 303)


def facts_of(kept: Kept) -> dict[str, Any]:
    """Return what the page and its live part show."""
    trial = kept.trial
    seen = trial.seen()
    changed = [
        (name, len(seen.state.get(name, ())), _lines(both.get("added", [])),
         _lines(both.get("removed", [])), len(both.get("added", [])))
        for name, both in seen.changed.items()
    ]  # fmt: skip
    names = {name for name, *_ in changed}
    same = [(name, len(rows)) for name, rows in sorted(seen.state.items()) if name not in names]
    return {
        "k": kept,
        "t": trial,
        "plan": trial.plan,
        "changed": changed,
        "same": same,
        "calls": list(reversed(seen.calls)),
        "total": seen.total,
        "log": list(trial.log)[-60:],
    }


def _lines(rows: list[dict[str, Any]]) -> list[tuple[tuple[str, str], ...]]:
    shown = [_pairs(row) for row in rows[-_ROWS:]]
    hidden = len(rows) - len(shown)
    return [*([((f"and {hidden:,} before", ""),)] if hidden > 0 else []), *shown]


def _pairs(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key, _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        for key, value in row.items()
        if value not in (None, "", [], {}, False)
    )


def _short(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}… ({len(text):,} characters)"


async def states(page: Page) -> AsyncIterator[str]:
    """Yield the live part whenever it changes, until the try is over."""
    trials = trials_of(page.console)
    kept = trials.find(page.path("name"))
    trials.join(kept)
    try:
        last: object = None
        while True:
            mark = (kept.trial.state, kept.steps, kept.trial.seen().total, len(kept.trial.log))
            if mark != last:
                last = mark
                yield page.text("try_state.html", **facts_of(kept))
            if kept.is_over:
                return
            await page.console.clock.sleep(POLL_S)
    finally:
        trials.leave(kept)


async def talk(socket: WebSocket, kept: Kept, trials: Trials) -> None:
    """Join a browser's terminal to the try's: bytes out; ``t…`` typed and ``r…`` resized in."""
    terminal = kept.trial.terminal
    await socket.accept()
    if terminal is None or kept.is_over:
        await socket.close(4425 if kept.trial.state == "starting" else 4404)
        return
    trials.join(kept)

    async def show_all() -> None:
        await terminal.watch(socket.send_bytes)
        await socket.close(1000)

    showing = asyncio.get_running_loop().create_task(show_all())
    try:
        while True:
            words = await socket.receive_text()
            if words[:1] == "t":
                terminal.type(words[1:].encode("utf-8", "replace"))
            elif words[:1] == "r":
                rows, _, columns = words[1:].partition(",")
                if rows.isdigit() and columns.isdigit():
                    terminal.resize(int(rows[:4]), int(columns[:4]))
    except (WebSocketDisconnect, RuntimeError, KeyError):
        pass  # the page was left, or sent what is no text
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await showing
        trials.leave(kept)
