"""The tries that run now: few at once, each ended when nobody looks or its time is up."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput, RefusedByPolicy, UnlitError
from unlit.review.tryout import Settings, Trial, TryPlan
from unlit.review.tryout.trial import sweep
from unlit.review.tryout.worlds import WorldSeed

MOST: Final = 4
UNWATCHED_S: Final = 600.0
LONGEST_S: Final = 3600.0
_TICK_S: Final = 2.0
_KEPT: Final = 20
logger = logging.getLogger(__name__)


@dataclass
class Kept:
    """A try with who began it and who looks at it."""

    trial: Trial
    person: str
    began_s: float
    watching: int = 0
    unwatched_s: float = 0.0
    why: str = ""
    task: "asyncio.Task[None] | None" = None
    steps: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs."""
        return self.trial.state in ("ended", "failed")


@dataclass
class Trials:
    """Begins, finds and ends tries.

    Attributes:
        audit: Told before a try begins and after it has ended: kind, run, person, fields.
    """

    settings: Settings
    clock: Clock
    audit: Callable[[str, str, str, Mapping[str, object]], None]
    _kept: dict[str, Kept] = field(default_factory=dict)
    _watch: "asyncio.Task[None] | None" = None
    _closing: "set[asyncio.Task[None]]" = field(default_factory=set)

    def begin(self, plan: TryPlan, world: WorldSeed, person: str) -> str:
        """Begin a try and return its name; it opens by itself.

        Raises:
            RefusedByPolicy: Too many run already.
        """
        if sum(not kept.is_over for kept in self._kept.values()) >= MOST:
            raise RefusedByPolicy(
                "CON-051", f"{MOST} candidates are being tried already.",
                "each holds a fence and twins of its own.", "end one of them first.",
            )  # fmt: skip
        name = f"try-{secrets.token_hex(6)}"
        self.audit("try.begin", plan.run, person, {
            "try": name, "candidate": plan.candidate, "commit": plan.commit,
            "world": world.choice.name, "seed": world.seed,
        })  # fmt: skip
        sweep(self.settings.folder)
        now_s = self.clock.monotonic_s()
        kept = Kept(Trial(name, plan, world, self.settings), person, now_s, unwatched_s=now_s)
        self._kept[name] = kept
        self._forget()
        kept.task = asyncio.get_running_loop().create_task(self._open(kept))
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._look_after())
        return name

    async def _open(self, kept: Kept) -> None:
        def stepped() -> None:
            kept.steps += 1

        try:
            await kept.trial.open(self.clock, stepped)
        except UnlitError as error:
            kept.why = f"{error.what} {error.why}"
        except asyncio.CancelledError:
            kept.why = "it was ended while it began"
        except Exception as error:  # one try must not end the console
            logger.exception("a try failed")
            kept.why = f"something of ours failed: {type(error).__name__}"

    def find(self, name: str) -> Kept:
        """Return a try.

        Raises:
            InvalidInput: There is none of that name.
        """
        kept = self._kept.get(name)
        if kept is None:
            raise InvalidInput(
                "CON-053", "There is no such try.",
                "a try lives until nobody looks, and ends with the console.",
                "begin another from the run's report.",
            )  # fmt: skip
        return kept

    def living(self) -> list[Kept]:
        """Return the tries that still run, oldest first."""
        return [kept for kept in self._kept.values() if not kept.is_over]

    def join(self, kept: Kept) -> None:
        """Somebody looks."""
        kept.watching += 1

    def leave(self, kept: Kept) -> None:
        """Somebody looks away."""
        kept.watching -= 1
        kept.unwatched_s = self.clock.monotonic_s()

    async def end(self, kept: Kept, why: str) -> None:
        """End a try and write down what its fence saw."""
        if kept.task is not None and not kept.task.done():
            kept.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await kept.task
        if kept.is_over:
            return
        kept.why = why
        await kept.trial.close()
        report = kept.trial.report
        self.audit("try.end", kept.trial.plan.run, kept.person, {
            "try": kept.trial.name, "why": why,
            "held": None if report is None else report.held,
            "processes_left": None if report is None else report.processes_left,
        })  # fmt: skip

    async def _look_after(self) -> None:
        while any(not kept.is_over for kept in self._kept.values()):
            await self.clock.sleep(_TICK_S)
            now_s = self.clock.monotonic_s()
            for kept in tuple(self._kept.values()):
                why = self._over(kept, now_s)
                if why:
                    await self.end(kept, why)

    def _over(self, kept: Kept, now_s: float) -> str:
        if kept.is_over or kept.trial.state == "starting":
            return ""
        if kept.trial.has_ended_itself:
            return "the shell has ended"
        if now_s - kept.began_s > LONGEST_S:
            return "an hour is over"
        if kept.watching <= 0 and now_s - kept.unwatched_s > UNWATCHED_S:
            return "nobody has looked for ten minutes"
        return ""

    def _forget(self) -> None:
        over = [name for name, kept in self._kept.items() if kept.is_over]
        for name in over[: max(0, len(self._kept) - _KEPT)]:
            del self._kept[name]

    async def close(self) -> None:
        """End all; the console ends."""
        if self._watch is not None:
            self._watch.cancel()
        for kept in tuple(self._kept.values()):
            with contextlib.suppress(UnlitError, OSError):
                await self.end(kept, "the console has ended")
