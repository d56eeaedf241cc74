"""What a simulated user talks over: a program's streams or terminal, HTTP, or a page."""

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

from typing_extensions import override

from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.ports import Talk
from unlit.evaluation.scenarios.template import fill
from unlit.evaluation.stage import NotExercised, Stage, as_text, captured

_QUIET_S: Final = 0.5
_POLL_S: Final = 0.05
_LIMIT: Final = 4_000_000
_TAIL: Final = 4096
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|\x1b\][^\x07]*\x07")


class Channel(Protocol):
    """One conversation with the product."""

    async def hear(self) -> str | None:
        """Return what the product said since the user spoke; None when it has ended."""
        ...

    async def say(self, text: str) -> None:
        """Say one thing."""
        ...

    async def close(self) -> None:
        """End the conversation and note what it showed."""
        ...


class ProgramChannel(Channel):
    """A command-line product, over its standard streams or a terminal.

    The product has said its piece when `prompt` stands at the end of it, or, without a prompt, when
    it has been quiet for `quiet_s`.
    """

    def __init__(
        self, stage: Stage, talk: Talk, params: Mapping[str, Any], *, terminal: bool
    ) -> None:
        self._stage = stage
        self._talk = talk
        self._terminal = terminal
        self._patience_s = float(params.get("patience_s", 20))
        self._quiet_s = float(params.get("quiet_s", _QUIET_S))
        prompt = params.get("prompt")
        self._prompt = None if prompt is None else re.compile(f"(?:{prompt})\\s*\\Z")
        self._all = b""
        self._spoke = 0
        self._ended = False

    @override
    async def hear(self) -> str | None:
        deadline = self._stage.clock.monotonic_s() + self._patience_s
        while not self._ended:
            left_s = deadline - self._stage.clock.monotonic_s()
            waits_for_more = self._prompt is not None or len(self._all) == self._spoke
            piece = await self._talk.receive(max(0.0, left_s) if waits_for_more else self._quiet_s)
            if left_s <= 0 or (piece is None and not waits_for_more):
                break
            if piece is None:
                continue
            self._ended = piece == b""
            self._all += piece[: max(0, _LIMIT - len(self._all))]
            if self._prompt is not None and self._prompt.search(self._text(self._spoke)[-_TAIL:]):
                break
        heard = self._text(self._spoke)
        self._spoke = len(self._all)
        return None if self._ended and not heard.strip() else heard

    @override
    async def say(self, text: str) -> None:
        await self._talk.send(text.encode("utf-8", "surrogateescape") + b"\n")

    @override
    async def close(self) -> None:
        ended = await self._talk.finish(self._patience_s)
        rest = ended.stdout[: max(0, _LIMIT - len(self._all))]
        self._all += rest
        self._stage.note(
            Observation(
                self._stage.step, "cli", exit_code=ended.exit_code, stdout=self._text(0),
                stderr=as_text(ended.stderr), timed_out=ended.timed_out,
                duration_s=ended.duration_s,
            )
        )  # fmt: skip

    def _text(self, start: int) -> str:
        text = as_text(self._all[start:])
        return _ESCAPES.sub("", text).replace("\r\n", "\n") if self._terminal else text


class HttpChannel(Channel):
    """A server that answers each thing said by one answer; ``{say}`` stands for what is said."""

    def __init__(self, stage: Stage, template: Mapping[str, Any], reply: str) -> None:
        self._stage = stage
        self._template = template
        self._reply = reply
        self._heard: str | None = ""

    @override
    async def hear(self) -> str | None:
        return self._heard

    @override
    async def say(self, text: str) -> None:
        from unlit.evaluation.drivers.http import perform

        await perform(fill(self._template, {"say": text}), self._stage)
        seen = self._stage.seen[-1]
        found = captured(self._reply, seen) if seen.status is not None else None
        self._heard = None if found is None else str(found)

    @override
    async def close(self) -> None:
        return


class PageChannel(Channel):
    """A page in a browser: a field to fill, something to click or press, a place to read."""

    def __init__(self, stage: Stage, params: Mapping[str, Any], patience_s: float) -> None:
        self._stage = stage
        self._params = params
        self._patience_s = patience_s
        self._before = ""

    @override
    async def hear(self) -> str | None:
        from unlit.evaluation.drivers.browser import text_at

        clock = self._stage.clock
        deadline = clock.monotonic_s() + self._patience_s
        last, since = self._before, clock.monotonic_s()
        while clock.monotonic_s() < deadline:
            now = await text_at(self._stage, str(self._params["hear"]))
            if now != last:
                last, since = now, clock.monotonic_s()
            elif now != self._before and clock.monotonic_s() - since >= _QUIET_S:
                break
            await clock.sleep(_POLL_S)
        heard = last[len(self._before) :] if last.startswith(self._before) else last
        self._before = last
        return heard

    @override
    async def say(self, text: str) -> None:
        from unlit.evaluation.drivers.browser import perform

        params: dict[str, Any] = {"fill": {str(self._params["fill"]): text}}
        params |= {key: self._params[key] for key in ("click", "press") if key in self._params}
        await perform(params, self._stage)

    @override
    async def close(self) -> None:
        return


async def open_channel(params: Mapping[str, Any], stage: Stage) -> Channel:
    """Open what a `user` step talks over.

    Raises:
        NotExercised: The product has no command, or no browser is here.
    """
    over: Mapping[str, Any] = params["over"]
    if "http" in over:
        table = dict(over["http"])
        return HttpChannel(stage, table, str(table.pop("reply", "body")))
    if "ui" in over:
        from unlit.evaluation.drivers.browser import perform

        await perform({"open": over["ui"].get("open", "/")}, stage)
        return PageChannel(stage, over["ui"], float(params.get("patience_s", 20)))
    terminal = "terminal" in over
    if not stage.launch.run:
        raise NotExercised(f"step {stage.step}: nothing says how the product starts")
    table = over["terminal" if terminal else "cli"] or {}
    argv = [*stage.launch.run, *(str(word) for word in table.get("run", ()))]
    env = {**stage.env, **{k: str(v) for k, v in (table.get("env") or {}).items()}}
    talk = await stage.sandbox.talk(argv, env=env, terminal=terminal)
    return ProgramChannel(stage, talk, {**params, **table}, terminal=terminal)
