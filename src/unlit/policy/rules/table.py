"""The compiled form of a policy: a decision is a few dictionary look-ups and one expression."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from unlit.policy.model import Decision, Policy, Request, Rule
from unlit.policy.rules.globs import host_pattern, path_pattern

_MOST_REMEMBERED: Final = 4096
_DEFAULT_DENY: Final = "default deny"


@dataclass(frozen=True, slots=True)
class Row:
    """One rule with its patterns compiled; `decision` is what it answers when it matches."""

    rule: Rule
    host: re.Pattern[str]
    path: re.Pattern[str] | None
    within: re.Pattern[str] | None
    methods: frozenset[str]
    decision: Decision

    def fits(self, method: str, path: str) -> bool:
        """Say whether the row matches the part of a request that is not remembered."""
        if self.methods and method not in self.methods:
            return False
        if self.path is not None and self.path.match(path) is None:
            return False
        return self.within is None or self.within.match(path) is not None


class Table:
    """All rows of a policy, forbids first; remembers which rows concern a host and port."""

    __slots__ = ("_remembered", "_rows")

    def __init__(self, rules: Iterable[Rule]) -> None:
        ordered = sorted(rules, key=lambda rule: rule.effect == "allow")
        self._rows = tuple(_row(rule) for rule in ordered)
        self._remembered: dict[tuple[str, str, str, int], tuple[Row, ...]] = {}

    def rows(self, role: str, scheme: str, host: str, port: int) -> tuple[Row, ...]:
        """Return the rows that may match requests of `role` to this origin, forbids first."""
        key = (role, scheme, host, port)
        rows = self._remembered.get(key)
        if rows is None:
            rows = tuple(row for row in self._rows if _concerns(row, *key))
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = rows
        return rows


def _row(rule: Rule) -> Row:
    return Row(
        rule,
        host_pattern(rule.host),
        _any_of(rule.paths),
        _any_of(rule.within),
        frozenset(rule.methods),
        _decision(rule),
    )


def _any_of(globs: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(path_pattern, globs)), re.DOTALL) if globs else None


def _decision(rule: Rule) -> Decision:
    if rule.effect == "forbid":
        why = f"{rule.name} ({rule.at}) forbids it, and a forbid wins over every allow."
        return Decision(False, rule.name, rule.sentence, None, None, why, "deny", rule)
    why = f"{rule.name} ({rule.at}) allows it."
    outcome = "twin" if rule.twin else "upstream"
    return Decision(
        True,
        rule.name,
        rule.sentence,
        rule.credential,
        rule.twin,
        why,
        "twin" if outcome == "twin" else "upstream",
        rule,
    )


def _concerns(row: Row, role: str, scheme: str, host: str, port: int) -> bool:
    rule = row.rule
    return (
        role in rule.roles
        and (not rule.ports or port in rule.ports)
        and scheme in rule.schemes
        and row.host.match(host) is not None
    )


def decide(policy: Policy, request: Request) -> Decision:
    """Decide one request: any matching forbid denies, else the first matching allow, else deny."""
    table = policy.table
    if table is None:
        raise ValueError("the policy was not compiled")
    rows = table.rows(request.role, request.scheme, request.host, request.port)
    for row in rows:
        if row.fits(request.method, request.path):
            return row.decision
    return _denied(request, rows)


def _denied(request: Request, rows: tuple[Row, ...]) -> Decision:
    near = [row.rule for row in rows if row.rule.effect == "allow"]
    if near:
        why = f"no rule allows it; {near[0].name} ({near[0].at}) allows this host, but only: "
        why += near[0].sentence
    else:
        why = f"no rule lets {request.role} reach {request.host} on port {request.port}."
    sentence = "What no rule allows is denied."
    return Decision(False, _DEFAULT_DENY, sentence, None, None, why, "deny")
