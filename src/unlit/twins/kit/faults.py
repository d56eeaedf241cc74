"""Fault rules: which call is struck, how often, by what."""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.twins.model import FaultRule

KINDS: Final = ("status", "timeout", "drop", "truncate", "stale", "duplicate", "reorder")
_NUMBERS: Final = ("status", "times", "after")


def parse_fault(entry: Any) -> FaultRule:
    """Read one rule as people write it.

    Raises:
        InvalidInput: A key is unknown or a value is not of its kind.
    """
    known = {item.name for item in fields(FaultRule)}
    if not isinstance(entry, Mapping) or "on" not in entry:
        raise _wrong(entry, "a fault is a table with `on`, what it strikes")
    unknown = sorted(set(entry) - known)
    if unknown:
        raise _wrong(entry, f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")
    values = dict(entry)
    try:
        for name in _NUMBERS:
            if values.get(name) is not None:
                values[name] = int(values[name])
        for name in ("retry_after", "probability", "latency_s"):
            if values.get(name) is not None:
                values[name] = float(values[name])
    except (TypeError, ValueError) as error:
        raise _wrong(entry, str(error)) from error
    rule = FaultRule(**values)
    if rule.kind not in KINDS:
        raise _wrong(entry, f"kind is one of {', '.join(KINDS)}")
    return rule


def _wrong(entry: Any, why: str) -> InvalidInput:
    return InvalidInput(
        "TWN-101",
        f"Fault {entry!r} cannot be used.",
        why + ".",
        "write for example {on: chat.postMessage, status: 429, retry_after: 2, times: 1}.",
    )


@dataclass(slots=True)
class _Armed:
    rule: FaultRule
    seen: int = 0
    struck: int = 0


@dataclass(slots=True)
class Faults:
    """The rules of one world, in order; the first that strikes wins."""

    armed: dict[str, list[_Armed]] = field(default_factory=dict)

    def add(self, service: str, rules: Iterable[FaultRule]) -> None:
        """Arm rules for a service."""
        self.armed.setdefault(service, []).extend(_Armed(rule) for rule in rules)

    def clear(self, service: str | None = None) -> None:
        """Disarm the rules of one service, or of all."""
        if service is None:
            self.armed.clear()
        else:
            self.armed.pop(service, None)

    def rules(self) -> dict[str, list[dict[str, Any]]]:
        """Return what is armed and how often it struck."""
        return {
            service: [
                {
                    "on": a.rule.on,
                    "kind": a.rule.kind,
                    "status": a.rule.status,
                    "times": a.rule.times,
                    "struck": a.struck,
                }
                for a in armed
            ]
            for service, armed in self.armed.items()
        }

    def copy(self) -> "Faults":
        """Return equal rules that count by themselves."""
        return Faults(
            {
                s: [_Armed(a.rule, a.seen, a.struck) for a in armed]
                for s, armed in self.armed.items()
            }
        )

    def has(self, kind: str) -> bool:
        """Whether a rule of a kind is armed."""
        return any(a.rule.kind == kind for armed in self.armed.values() for a in armed)

    def strike(
        self, service: str, op: str, method: str, template: str, path: str, draw: float
    ) -> FaultRule | None:
        """Return the rule that strikes this call, if any.

        Args:
            service: Name the call came in under.
            op: The vendor's operation.
            method: HTTP method.
            template: Route template.
            path: Path of the call.
            draw: Number in [0, 1) for rules with a probability.
        """
        for armed in self.armed.get(service, ()):
            rule = armed.rule
            if not _hits(rule.on, op, method, template, path):
                continue
            armed.seen += 1
            if armed.seen <= rule.after or (rule.times is not None and armed.struck >= rule.times):
                continue
            if draw < rule.probability:
                armed.struck += 1
                return rule
        return None


def _hits(on: str, op: str, method: str, template: str, path: str) -> bool:
    if on in ("*", op):
        return True
    verb, _, rest = on.partition(" ")
    if rest:
        if verb not in ("*", method):
            return False
        return fnmatch.fnmatchcase(path, _pattern(rest)) or rest == template
    return "*" in on and fnmatch.fnmatchcase(op, on)


def _pattern(text: str) -> str:
    return re.sub(r"\{[^}]*\}", "*", text).replace("[", "[[]")
