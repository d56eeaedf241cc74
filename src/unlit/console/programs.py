"""What programs do beyond reading: start a run, and follow events as they come."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from unlit.console.model import Console
from unlit.console.web import Page
from unlit.core.errors import InvalidInput, OutsideFailed, UsageError
from unlit.core.ids import RunId
from unlit.record.model import RunEvent
from unlit.review.model import to_plain

POLL_S: Final = 0.25
QUIET_S: Final = 15.0
FOLLOW_S: Final = 60
MOST_STREAMS: Final = 64
_NAME: Final = re.compile(r"[\w][\w.-]{0,99}")
_open: set[object] = set()


def start(page: Page) -> Response:
    """Start a run of a spec; with the same Idempotency-Key, the run that was started before."""
    console = page.console
    if console.start is None:
        raise InvalidInput(
            "CON-071", "This console starts no runs.", "it only reads a record.",
            "start one with `unlit run SPEC`.",
        )  # fmt: skip
    name = page.form["spec"].removesuffix(".md")
    if not _NAME.fullmatch(name):
        raise UsageError(
            "CON-026", "The request is wrong: spec is the name of a file in specs/.",
            "programs are told exactly.", "send a name such as access-review.",
        )  # fmt: skip
    key = page.request.headers.get("idempotency-key", "")[:200]
    run, again = console.start(name, page.form.get("agent", ""), page.session.person, key)
    return JSONResponse({"run": run, "again": again})


def stream(page: Page) -> Response:
    """Follow events as server-sent events; the id of each is where to go on from.

    It ends after a while, and a client asks again with the last id, as EventSource does by itself.
    """
    request, console = page.request, page.console
    after = request.headers.get("last-event-id") or page.param("after") or "0"
    if not (after.isascii() and after.isdigit() and len(after) < 17):
        raise UsageError(
            "CON-026", f"The request is wrong: after {after[:40]!r} is none.",
            "programs are told exactly.", "send the id of the last event, a number.",
        )  # fmt: skip
    name = page.param("run")
    run = console.store.find_run(name).id if name else None
    if len(_open) >= MOST_STREAMS:
        raise OutsideFailed(
            "CON-072", f"{MOST_STREAMS} streams are open already.", "each of them costs a look.",
            "close one, or ask GET /events now and then.",
        )  # fmt: skip
    for_s = page.param("for_s") or str(FOLLOW_S)
    if not (for_s.isascii() and for_s.isdigit() and 1 <= int(for_s[:6]) <= 3600):
        raise UsageError(
            "CON-026", f"The request is wrong: for_s {for_s[:40]!r} is none.",
            "programs are told exactly.", "send a number of seconds from 1 to 3600.",
        )  # fmt: skip
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _follow(console, run, int(after), int(for_s)),
        media_type="text/event-stream",
        headers=headers,
    )


async def _follow(
    console: Console, run: RunId | None, after: int, for_s: int
) -> AsyncIterator[str]:
    mark = object()
    _open.add(mark)
    clock = console.clock
    end_s = clock.monotonic_s() + for_s
    said_s = clock.monotonic_s()
    try:
        yield ": here\n\n"
        while True:
            rows = await run_in_threadpool(console.store.events, run, after=after, limit=200)
            for row in rows:
                after = row.seq
                yield _event(row)
            now_s = clock.monotonic_s()
            if rows:
                said_s = now_s
                continue
            if now_s >= end_s:
                return
            if now_s - said_s >= QUIET_S:
                said_s = now_s
                yield ": still here\n\n"
            await clock.sleep(POLL_S)
    finally:
        _open.discard(mark)


def _event(row: RunEvent) -> str:
    plain: Any = to_plain(row)
    return f"id: {row.seq}\nevent: {row.kind}\ndata: {json.dumps(plain)}\n\n"
