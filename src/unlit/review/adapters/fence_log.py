"""What the fences of a run saw, from the audit logs that they were written to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unlit.core.ids import RunId
from unlit.policy import AuditEntry
from unlit.review.adapters.log_tail import tail
from unlit.review.model import FenceLine
from unlit.review.rules.reading import table, whole

_MOST = 5000


def fences_of(logs: Sequence[Path], run: RunId) -> tuple[FenceLine, ...]:
    """Return one line for each stage and role that opened fences, in the order of the line.

    Args:
        logs: Folders of audit logs; one that is missing is left out.
        run: The run.
    """
    sums: dict[tuple[str, str], _Sum] = {}
    for log in logs:
        found = tail(log, lambda entry: _is_close(entry, run), want=_MOST)
        for entry in reversed(found.entries):
            key = (entry.identity.stage.partition("/")[0], entry.identity.role)
            sums.setdefault(key, _Sum()).add(entry.fields)
    return _in_order(sums)


def fences_in(closed: Sequence[Mapping[str, Any]]) -> tuple[FenceLine, ...]:
    """Return the same lines from entries that were exported, with stage and role in each."""
    sums: dict[tuple[str, str], _Sum] = {}
    for row in closed:
        key = (str(row.get("stage")).partition("/")[0], str(row.get("role")))
        sums.setdefault(key, _Sum()).add(row)
    return _in_order(sums)


def _in_order(sums: Mapping[tuple[str, str], "_Sum"]) -> tuple[FenceLine, ...]:
    order = ("baseline", "context", "build", "checks", "validate", "sealed")
    place = {name: n for n, name in enumerate(order)}
    keys = sorted(sums, key=lambda key: (place.get(key[0], len(order)), key))
    return tuple(sums[key].line(*key) for key in keys)


def _is_close(entry: AuditEntry, run: RunId) -> bool:
    return entry.kind == "fence.close" and entry.identity.run == run


@dataclass
class _Sum:
    """Adds up what fences of one stage and role report."""

    fences: int = 0
    exchanges: int = 0
    denied: int = 0
    probes: list[bool] = field(default_factory=list)
    unproven: int = 0
    weak: dict[str, None] = field(default_factory=dict)

    def add(self, fields: Mapping[str, Any]) -> None:
        self.fences += 1
        self.exchanges += whole(fields.get("exchanges")) or 0
        self.denied += whole(fields.get("denied")) or 0
        probes = table(fields.get("probes"))
        ends = {name.rpartition("@")[2] for name in probes}
        self.unproven += not {"start", "end"} <= ends
        self.probes += [value is True for value in probes.values()]
        for name in fields.get("weak") or ():
            self.weak[str(name)] = None

    def line(self, stage: str, role: str) -> FenceLine:
        held = all(self.probes) if self.probes and not self.unproven else None
        if self.probes and not all(self.probes):
            held = False
        return FenceLine(
            stage=stage,
            candidate=None,
            held=held,
            denied=self.denied,
            exchanges=self.exchanges,
            weak=tuple(self.weak),
            role=role,
            fences=self.fences,
        )
