"""Whether each decision in the record has its entry in the audit log of gates."""

from collections.abc import Iterable

from unlit.policy import AuditEntry
from unlit.record.model import GateDecision

KIND = "gate.decision"


def without_entry(
    decisions: Iterable[GateDecision], entries: Iterable[AuditEntry]
) -> tuple[str, ...]:
    """Return a sentence for each decision whose entry is missing or says something else.

    The entry names the same run, gate, person, decision, candidate and tree. One vote of several
    is kept under ``GATE/PERSON``; its entry names the gate alone. An access gate has a number. What
    was decided on an earlier candidate of the run is kept under ``GATE@CANDIDATE``.
    """
    logged = {
        (
            entry.identity.run, str(entry.fields.get("gate")), str(entry.fields.get("person")),
            str(entry.fields.get("decision")), entry.fields.get("candidate"),
            entry.fields.get("tree"),
        )
        for entry in entries
        if entry.kind == KIND
    }  # fmt: skip
    return tuple(
        f"{row.person} {row.decision} run {row.run} at the gate {row.gate}: no such log entry"
        for row in decisions
        if (
            row.run, _gate(row), row.person, row.decision, row.candidate, row.tree,
        ) not in logged
    )  # fmt: skip


def _gate(row: GateDecision) -> str:
    parts = row.gate.split("/")
    return "/".join(parts[: 2 if parts[0] == "access" else 1]).partition("@")[0]
