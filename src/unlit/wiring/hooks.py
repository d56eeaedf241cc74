"""Lifecycle hooks of a repository, told while something works on it and before it ends."""

import asyncio
import logging
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from unlit.core.errors import UnlitError
from unlit.core.ids import RunId
from unlit.core.system import SystemClock
from unlit.record.store import Store
from unlit.ship.adapters.hook_calls import HookCalls
from unlit.ship.hooks import Outbox
from unlit.ship.rules.hooks import Hook
from unlit.wiring.paths import StatePaths
from unlit.wiring.settings import Settings
from unlit.wiring.ship_plan import after_gate_of

_PAUSE_S: Final = 0.5
_LOG: Final = logging.getLogger(__name__)


def open_outbox(
    repository: Path, settings: Settings, paths: StatePaths, store: Store
) -> Outbox | None:
    """Return the outbox of a repository's hooks; `None` when it has none.

    Raises:
        InvalidInput: unlit.toml is not understood.
    """
    hooks = tuple(
        Hook(one.name, frozenset(one.on), one.run, one.url, one.key_env, one.timeout_s, one.fence)
        for one in after_gate_of(repository).hooks
    )
    if not hooks:
        return None
    clock = SystemClock()

    def in_fence(hook: Hook, facts: Mapping[str, str], body: bytes) -> str | None:
        return asyncio.run(_fenced(repository, settings, paths, hook, facts, body))

    calls = HookCalls(repository, settings.env, clock, in_fence)
    return Outbox(store, hooks, paths.root / "hooks", calls, clock)


async def _fenced(
    repository: Path,
    settings: Settings,
    paths: StatePaths,
    hook: Hook,
    facts: Mapping[str, str],
    body: bytes,
) -> str | None:
    from unlit.ship.adapters.fence_hands import DeployPlace, deploy_fence

    place = DeployPlace(
        RunId(facts["UNLIT_RUN"]), repository / "policy.toml", paths.root, settings.env,
        hook.timeout_s, "hook",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="unlit-hook-") as folder:
        try:
            async with deploy_fence(place, Path(folder), SystemClock()) as hands:
                code, words = await hands.run(hook.run, dict(facts), body)
        except UnlitError as error:
            return str(error)
    return None if code == 0 else f"it ended with {code}: {words}"


@contextmanager
def telling(
    repository: Path, settings: Settings, paths: StatePaths, store: Store
) -> Iterator[None]:
    """Tell the hooks of a repository what happens meanwhile, and the rest at the end."""
    outbox = open_outbox(repository, settings, paths, store)
    if outbox is None:
        yield
        return
    outbox.begin()
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(_PAUSE_S):
            _pump(outbox)

    thread = threading.Thread(target=work, name="hooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        _pump(outbox)


def _pump(outbox: Outbox) -> None:
    try:
        outbox.pump()
    except Exception:  # whatever a hook or its cursor does, a run goes on; it is told next time
        _LOG.exception("hooks were not told; they are told next time")
