"""The money of judges and simulated users: asked for through the wall, before each call is made.

The evaluator has no way to the record. A call's worst price is held by the process that ordered the
grading, in the same ledger as every other call of the run; its answer is waited for, and a refusal
is the gateway's 402. Lines: ``{"reserve": {…}}`` is answered by ``{"ticket": …}`` or
``{"refused": {…}}``; ``{"settle": {…}}`` is not answered.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from typing_extensions import override

from unlit.core.errors import BudgetUsedUp
from unlit.fence.gateway.allowance import Meter
from unlit.models.model import ModelUsage
from unlit.policy import Identity

OPTION: Final = "metered"
"""Option of a request whose sender answers `reserve`."""


class Lines(Protocol):
    """Where answers come from; a binary file is one."""

    def readline(self) -> bytes:
        """Return the next line; empty at the end."""
        ...


class AskingMeter(Meter):
    """Asks whoever ordered the grading.

    Args:
        tell: Writes one line outwards.
        answers: The lines that come back, one for each `reserve`, in their order.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None], answers: Lines) -> None:
        self._tell = tell
        self._answers = answers

    @override
    def reserve(
        self,
        identity: Identity,
        provider: str,
        model: str,
        input_tokens: int,
        max_tokens: int | None,
    ) -> str:
        wanted = {"provider": provider, "model": model, "input_tokens": input_tokens,
                  "max_tokens": max_tokens}  # fmt: skip
        self._tell({"reserve": wanted})
        answer = self._read()
        if "ticket" in answer:
            return str(answer["ticket"])
        said = answer.get("refused") or {}
        raise BudgetUsedUp(
            str(said.get("code", "EVA-160")),
            str(said.get("what", "Nobody answers for the money of this grading.")),
            str(said.get("why", "the process that ordered it has ended.")),
            str(said.get("remedy", "grade again.")),
        )

    @override
    def settle(self, ticket: str, usage: ModelUsage | None) -> None:
        spent = None if usage is None else usage.to_json()
        self._tell({"settle": {"ticket": ticket, "usage": spent}})

    def _read(self) -> Mapping[str, Any]:
        try:
            value = json.loads(self._answers.readline() or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}
