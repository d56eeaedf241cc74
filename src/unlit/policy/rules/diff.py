"""What changes when one policy replaces another: exactly, each with a shortest witness request.

Hosts, ports, methods, schemes and roles fall into finitely many classes that no rule tells apart;
one of each class is tried. Paths are compared by automaton. So "nothing changes" is a proof.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from unlit.core.errors import InvalidInput
from unlit.policy.model import ROLES, Decision, Policy, Request
from unlit.policy.rules.automaton import TooComplex, shortest_of_each
from unlit.policy.rules.classes import first_row, some_hosts, some_methods, some_ports
from unlit.policy.rules.table import Row, Table, decide

Kind = Literal["newly allowed", "newly refused", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: a shortest request, and what each policy says about it."""

    kind: Kind
    witness: Request
    before: Decision
    after: Decision

    @property
    def sentence(self) -> str:
        """Say the change in one line."""
        rules = f"{self.before.rule} → {self.after.rule}"
        return f"{self.kind}: {self.witness.role} {self.witness} — {rules}"


@dataclass(frozen=True, slots=True)
class Difference:
    """All that changes: requests, and the settings that are no requests."""

    changes: tuple[Change, ...]
    settings: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the two policies mean the same."""
        return not self.changes and not self.settings


def diff(before: Policy, after: Policy) -> Difference:
    """Compare two policies.

    Raises:
        InvalidInput: The path globs of one host have too many combinations.
    """
    try:
        return _diff(before, after)
    except TooComplex:
        raise InvalidInput(
            "POL-151",
            "The two policies cannot be compared exactly.",
            "the path globs of one host have too many combinations",
            "Use fewer stars in the paths of one host.",
        ) from None


def _diff(before: Policy, after: Policy) -> Difference:
    found: dict[tuple[object, ...], Change] = {}
    for change in _changes(before, after):
        witness = change.witness
        key = (witness.role, witness.host, change.kind, change.before.rule, change.after.rule)
        known = found.get(key)
        if known is None or len(witness.path) < len(known.witness.path):
            found[key] = change
    order = {"newly allowed": 0, "newly refused": 1, "changed": 2}
    changes = sorted(found.values(), key=lambda change: (order[change.kind], str(change.witness)))
    return Difference(tuple(changes), tuple(_settings(before, after)))


def _changes(before: Policy, after: Policy) -> Iterator[Change]:
    old, new = _table(before), _table(after)
    rules = (*before.rules, *after.rules)
    hosts = some_hosts(rule.host for rule in rules)
    ports, methods = some_ports(rules), some_methods(rules)
    for role in ROLES:
        for host in hosts:
            for scheme in ("https", "http"):
                for port in ports:
                    left = old.rows(role, scheme, host, port)
                    right = new.rows(role, scheme, host, port)
                    if _meaning(left) == _meaning(right):
                        continue
                    for method in methods:
                        for path in _differences(left, right, method):
                            yield _change(
                                before, after, Request(role, scheme, host, port, method, path)
                            )


def _table(policy: Policy) -> Table:
    return policy.table if policy.table is not None else Table(policy.rules)


def _change(before: Policy, after: Policy, witness: Request) -> Change:
    old, new = decide(before, witness), decide(after, witness)
    kind: Kind = "changed"
    if old.allowed != new.allowed:
        kind = "newly allowed" if new.allowed else "newly refused"
    return Change(kind, witness, old, new)


def _meaning(rows: tuple[Row, ...]) -> list[tuple[object, ...]]:
    return [
        (row.rule.effect, row.methods, row.rule.paths, row.rule.within, _outcome(row))
        for row in rows
    ]


def _outcome(row: Row | None) -> tuple[object, ...]:
    if row is None or row.rule.effect == "forbid":
        return ("deny",)
    rule = row.rule
    return (
        "allow",
        rule.credential,
        rule.twin,
        rule.allow_private,
        rule.ws,
        rule.encoded_slash,
        rule.tools,
    )


def _differences(left: tuple[Row, ...], right: tuple[Row, ...], method: str) -> Iterable[str]:
    """Return a shortest path for each two rules that decide about it differently."""
    ours = [row for row in left if not row.methods or method in row.methods]
    theirs = [row for row in right if not row.methods or method in row.methods]
    globs = sorted({g for row in (*ours, *theirs) for g in (*row.rule.paths, *row.rule.within)})

    def kind(matched: frozenset[str]) -> tuple[str, str] | None:
        old, new = first_row(ours, matched), first_row(theirs, matched)
        if _outcome(old) == _outcome(new):
            return None
        return (old.rule.name if old else "", new.rule.name if new else "")

    return shortest_of_each(globs, kind).values()


def _settings(before: Policy, after: Policy) -> Iterator[str]:
    pairs: list[tuple[str, Mapping[str, object], Mapping[str, object]]] = [
        ("credential", before.credentials, after.credentials),
        ("files", before.file_rules, after.file_rules),
        ("limits", before.role_limits, after.role_limits),
        ("budget", before.budgets, after.budgets),
    ]
    for kind, old, new in pairs:
        for name in sorted({*old, *new}):
            yield from _setting(f"{kind}.{name}", old.get(name), new.get(name))
    for word in ("mode", "on_deny"):
        if getattr(before, word) != getattr(after, word):
            yield f"{word}: {getattr(before, word)} → {getattr(after, word)}"


def _setting(name: str, old: object, new: object) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield f"{name}: {'removed' if new is None else 'added'}"
        return
    for field in fields(old):  # type: ignore[arg-type] # both are dataclasses of one kind
        left, right = getattr(old, field.name), getattr(new, field.name)
        if left != right and field.name != "at":
            yield f"{name}.{field.name}: {_shown(left)} → {_shown(right)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return "not set" if value is None else str(value)
