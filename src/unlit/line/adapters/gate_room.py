"""The gates that need not ask, as the line needs them: the rules are read anew each time."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from typing_extensions import override

from unlit.core.ids import RunId
from unlit.line.ports import AskedIntent, Gates
from unlit.record.model import GateDecision, RunState
from unlit.record.store import Store
from unlit.review.rules.gates import GateRules, standing, why_intent


class GateRoom(Gates):
    """Looks at the rules of the repository and at what was decided.

    Args:
        store: The record.
        rules: Reads the rules as they are now.
    """

    def __init__(self, store: Store, rules: Callable[[], GateRules]) -> None:
        self._store = store
        self._rules = rules

    @override
    def intent(self, run: RunId, missing: Sequence[str]) -> AskedIntent:
        asks = self._rules().asks("intent")
        found = self._store.find_run(run)
        made = self._store.gate_decision(run, "intent")
        known = any(
            row.facts.get("spec_digest") == found.spec_digest
            for row in self._store.gate_decisions(gate="intent")
            if row.run != run and row.decision == "approved"
        )
        why = why_intent(asks, missing, known=known)
        return AskedIntent(why, "" if made is None else made.decision, _people(made))

    @override
    def ship(self, run: RunId) -> str:
        rules = self._rules()
        found = self._store.find_run(run)
        decisions = self._store.gate_decisions(run)
        if found.state is RunState.SHIPPED:
            return ""
        waits = replace(found, state=RunState.WAITING)  # also while it is worked on
        if standing(waits, decisions, rules).gate != "ship":
            return ""
        made = {row.person for row in decisions if row.gate.startswith("ship/")}
        left = rules.of("ship").needed - len(made)
        people = "another decision" if left == 1 else f"{left} more people"
        return f"its outcome is approved; the ship gate asks for {people}"


def _people(made: GateDecision | None) -> tuple[str, ...]:
    if made is None:
        return ()
    return tuple(str(name) for name in made.facts.get("people") or (made.person,))
