"""The rules of gates as they are written down: `[gate.NAME]` and `[gate.roles]`, read strictly."""

from collections.abc import Mapping, Sequence
from typing import Any

from unlit.core.errors import InvalidInput
from unlit.review.rules.gates import ASKS, GATES, GateRule, GateRules


def parse_rules(table: Mapping[str, Any], people: Sequence[str] = ()) -> GateRules:
    """Read `[gate.NAME]` tables, and `[gate.roles]`; strict.

    Args:
        table: The tables by name.
        people: Who may decide where a gate names nobody.

    Raises:
        InvalidInput: An unknown gate, role or key, or a value of the wrong kind.
    """
    roles = _roles(table.get("roles", {}))
    rules = {gate: _rule(gate, found, roles) for gate, found in table.items() if gate != "roles"}
    return GateRules(rules, _people(list(people), roles, "factory.reviewers"))


def _rule(gate: str, found: Any, roles: Mapping[str, tuple[str, ...]]) -> GateRule:
    where = f"[gate.{gate}]"
    if gate not in GATES or not isinstance(found, Mapping):
        raise _bad(where, f"gates are {', '.join(GATES)}; roles has people by role")
    known = {
        "people", "needed", "not_the_author", "expires_h", "delegates", "ask", "not_who_decided",
    }  # fmt: skip
    if extra := sorted(set(found) - known):
        raise _bad(f"{where} {extra[0]}", f"keys are {', '.join(sorted(known))}")
    other = found.get("delegates", {})
    if not isinstance(other, Mapping):
        raise _bad(f"{where} delegates", "people by person")
    return GateRule(
        gate,
        _people(found.get("people", []), roles, f"{where} people"),
        _whole(found.get("needed", 1), f"{where} needed"),
        _yes(found.get("not_the_author", False), f"{where} not_the_author"),
        _hours(found.get("expires_h"), f"{where} expires_h"),
        {
            str(person): _people(others, roles, f"{where} delegates")
            for person, others in other.items()
        },
        _ask(gate, found.get("ask", ""), where),
        _gates(found.get("not_who_decided", []), f"{where} not_who_decided"),
    )


def _roles(found: Any) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(found, Mapping):
        raise _bad("[gate.roles]", "people by role")
    return {
        str(name): _people(people, {}, f"[gate.roles] {name}") for name, people in found.items()
    }


def _people(found: Any, roles: Mapping[str, tuple[str, ...]], where: str) -> tuple[str, ...]:
    """Read people; ``@ROLE`` is everybody in that role."""
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise _bad(where, "a list of names")
    people: list[str] = []
    for name in found:
        if not name.startswith("@"):
            people.append(name)
        elif name[1:] in roles:
            people += roles[name[1:]]
        else:
            raise _bad(where, f"people, or @ROLE with a role of [gate.roles]; not {name}")
    if found and not people:
        raise _bad(where, "a role with somebody in it: an empty one would let anybody decide")
    return tuple(dict.fromkeys(people))


def _ask(gate: str, found: Any, where: str) -> str:
    if found == "":
        return ""
    allowed = ASKS.get(gate, ())
    if found not in allowed:
        words = ", ".join(allowed) or f"nothing: the gate {gate} asks by itself"
        raise _bad(f"{where} ask", words)
    return str(found)


def _gates(found: Any, where: str) -> tuple[str, ...]:
    if not isinstance(found, list) or any(gate not in GATES for gate in found):
        raise _bad(where, f"a list of {', '.join(GATES)}")
    return tuple(found)


def _yes(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _bad(where, "true or false")
    return value


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _bad(where, "a whole number of at least 1")
    return value


def _hours(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise _bad(where, "hours above 0")
    return float(value)


def _bad(where: str, expected: str) -> InvalidInput:
    return InvalidInput(
        "REV-021",
        f"{where} in unlit.toml is not understood.",
        f"it takes: {expected}.",
        "correct it; a gate that is half understood stays shut.",
    )
