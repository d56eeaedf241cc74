"""What the evaluator asks of the ledger, through the wall between them: before each model call."""

import json
from collections.abc import Mapping
from typing import Any, Final

from unlit.core.errors import BudgetUsedUp
from unlit.evaluation import metering
from unlit.fence.gateway.allowance import Meter
from unlit.models.model import ModelUsage, usage_from_json
from unlit.policy import Identity

OPTION: Final = metering.OPTION


class Money:
    """The calls of one grading.

    Args:
        meter: The ledger.
        who: Whose money it is.
    """

    def __init__(self, meter: Meter, who: Identity) -> None:
        self._meter = meter
        self._who = who
        self._open: dict[str, tuple[str, str]] = {}

    def reserve(self, asked: Mapping[str, Any]) -> bytes:
        """Hold what a call may cost; return the line that answers the evaluator."""
        provider, model = str(asked["provider"]), str(asked["model"])
        most = asked.get("max_tokens")
        try:
            ticket = self._meter.reserve(
                self._who, provider, model, int(asked["input_tokens"]),
                None if most is None else int(most),
            )  # fmt: skip
        except BudgetUsedUp as refusal:
            said = {"code": refusal.code, "what": refusal.what, "why": refusal.why,
                    "remedy": refusal.remedy}  # fmt: skip
            return f"{json.dumps({'refused': said})}\n".encode()
        self._open[ticket] = (provider, model)
        return f"{json.dumps({'ticket': ticket})}\n".encode()

    def settle(self, said: Mapping[str, Any]) -> None:
        """Book what a call used."""
        ticket = str(said["ticket"])
        if self._open.pop(ticket, None) is not None:
            row = said.get("usage")
            self._meter.settle(ticket, None if row is None else usage_from_json(row))

    def close(self) -> None:
        """Book the calls whose end nobody told, at what was held for them."""
        for ticket, (provider, model) in self._open.items():
            self._meter.settle(ticket, ModelUsage(provider, model, 0, 0))
        self._open.clear()
