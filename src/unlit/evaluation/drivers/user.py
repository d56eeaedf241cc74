"""Driver for simulated users: a conversation with the product until one of the two ends it."""

from collections.abc import Mapping
from typing import Any, Final

from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.drivers.channels import Channel, open_channel
from unlit.evaluation.ports import User
from unlit.evaluation.stage import NotExercised, Stage
from unlit.evaluation.users.scripted import GAVE_UP, ScriptedUser, source_of

SATISFIED: Final = "satisfied"
PRODUCT_ENDED: Final = "product_ended"
TOO_LONG: Final = "too_long"
SILENCE: Final = "silence"


async def perform(params: Mapping[str, Any], stage: Stage) -> None:
    """Let the user of this step talk to the product; what must come of it is checked here."""
    user = _user(params, stage)
    channel = await open_channel(params, stage)
    talk = _Talk(int(params.get("turns", 30)))
    try:
        await talk.hold(user, channel)
    finally:
        await channel.close()
    persona = user.persona.name if isinstance(user, ScriptedUser) else "model"
    stage.note(
        Observation(
            stage.step, "user", body="\n".join([f"persona: {persona}", *talk.lines]),
            end=talk.end, turns=talk.turns,
        )
    )  # fmt: skip
    wanted = str(params.get("must_end", SATISFIED))
    if talk.end != wanted:
        stage.extra["misfit"] = f"the user ended `{talk.end}`, not `{wanted}`"


def _user(params: Mapping[str, Any], stage: Stage) -> User:
    if "model" not in params:
        values = [str(value) for value in stage.values.values()]
        return ScriptedUser(params, source_of(stage.seed, stage.step), values)
    if stage.model_line is None:
        raise NotExercised("no model plays the user (`--user PROVIDER:MODEL`)")
    from unlit.evaluation.users.model import ModelUser

    return ModelUser(stage.model_line, params["model"])


class _Talk:
    """One conversation: what was said, by whom, and how it ended."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.lines: list[str] = []
        self.turns = 0
        self.end = TOO_LONG

    async def hold(self, user: User, channel: Channel) -> None:
        """Talk until somebody ends it, or for as many turns as there may be."""
        said = await user.opens()
        if said.lines:
            await self._say(said.lines, channel)
        while self.turns < self._most:
            heard = await channel.hear()
            if heard is None:
                self.end = PRODUCT_ENDED
                return
            self.lines.append(f"product: {heard.strip()}")
            if not heard.strip() and self.turns:
                self.end = SILENCE
                return
            self.turns += 1
            said = await user.answers(heard)
            if said.lines:
                await self._say(said.lines, channel)
            if said.end is not None:
                self.end = said.end
                return
            if not said.lines:
                self.end = GAVE_UP
                return

    async def _say(self, lines: tuple[str, ...], channel: Channel) -> None:
        for line in lines:
            self.lines.append(f"user: {line}")
            await channel.say(line)
