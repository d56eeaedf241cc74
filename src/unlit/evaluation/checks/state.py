"""Closed-world check of the twins' state: what the product did, against what it was to do.

Effects are the objects that were added or changed since the world was given. Whatever no check
declares is itself a failure: a second ticket, a message in another channel, a deleted user.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from unlit.evaluation.checks.match import match_field

State = Mapping[str, Sequence[Mapping[str, Any]]]

_RESERVED: Final = frozenset({"count", "where", "total", "removed", "others"})

IMPLIED: Final[Mapping[str, Mapping[str, Any]]] = {
    # Making a file makes its maker the owner; nobody would write that down.
    "drive.permissions": {"role": "owner"},
}
"""Objects that a service makes by itself as part of a declared effect; never undeclared."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What happened to one collection."""

    added: tuple[Mapping[str, Any], ...] = ()
    removed: tuple[Mapping[str, Any], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def effects(before: State, after: State) -> dict[str, Effects]:
    """Return, per collection, what was added (or became) and what was removed."""
    result: dict[str, Effects] = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name, ()), after.get(name, ())
        if old is new:
            continue
        added, removed = _difference(new, old), _difference(old, new)
        if added or removed:
            result[name] = Effects(added, removed)
    return result


def _difference(
    items: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    have = Counter(map(_key, others))
    result = []
    for item in items:
        key = _key(item)
        if have[key] > 0:
            have[key] -= 1
        else:
            result.append(item)
    return tuple(result)


def _key(item: Mapping[str, Any]) -> str:
    return json.dumps(item, sort_keys=True, default=str)


def check_state(
    expectations: Iterable[Mapping[str, Any]], before: State, after: State
) -> dict[str, list[str]]:
    """Compare all `twin` checks of a scenario with what happened.

    Args:
        expectations: The value of each `twin` check: collection to expectation.
        before: State when the first step began.
        after: State when the last step had ended.

    Returns:
        Misfits per collection; empty when everything that happened was declared and nothing else.
    """
    done = effects(before, after)
    declared: dict[str, list[Any]] = {}
    for expectation in expectations:
        for name, value in expectation.items():
            declared.setdefault(name, []).append(value)
    misfits: dict[str, list[str]] = {}
    for name in sorted({*declared, *done}):
        found = _collection(name, declared.get(name, []), done.get(name, Effects()), after)
        if found:
            misfits[name] = found
    return misfits


def _collection(name: str, expected: Sequence[Any], done: Effects, after: State) -> list[str]:
    implied = IMPLIED.get(name)
    added = [item for item in done.added if implied is None or not _fits(implied, item)]
    if not expected:
        return _undeclared(added, done)
    misfits: list[str] = []
    accepted: set[int] = set()
    open_world = False
    removed_declared = False
    for value in expected:
        if value == "any":
            open_world = removed_declared = True
        elif isinstance(value, list | tuple):
            misfits += _exact(value, list(done.added), accepted, added)
        else:
            open_world = open_world or value.get("others") == "any"
            removed_declared = removed_declared or "removed" in value
            misfits += _counted(value, done, added, accepted, len(after.get(name, ())))
    if not open_world:
        extra = [item for item in added if id(item) not in accepted]
        if extra:
            misfits.append(f"{len(extra)} undeclared: {_shown(extra)}")
        if not removed_declared and _gone(done):
            misfits.append(f"{len(_gone(done))} undeclared removals")
    return misfits


def _undeclared(added: Sequence[Mapping[str, Any]], done: Effects) -> list[str]:
    misfits = []
    if added:
        misfits.append(f"{len(added)} undeclared: {_shown(added)}")
    if _gone(done):
        misfits.append(f"{len(_gone(done))} undeclared removals")
    return misfits


def _gone(done: Effects) -> list[Mapping[str, Any]]:
    """Removed objects that did not merely change: no added object carries their identity."""
    kept = {_identity(item) for item in done.added} - {None}
    return [item for item in done.removed if _identity(item) not in kept]


def _identity(item: Mapping[str, Any]) -> str | None:
    for name in ("id", "key", "ts"):
        if name in item:
            return f"{name}={item[name]}"
    return None


def _exact(
    wanted: Sequence[Any],
    done: list[Mapping[str, Any]],
    accepted: set[int],
    added: list[Mapping[str, Any]],
) -> list[str]:
    # An exact list may name what is implied too; it then counts like everything else.
    candidates = done if len(wanted) > len(added) else added
    left = [item for item in candidates if id(item) not in accepted]
    missing = []
    for want in wanted:
        match = next((item for item in left if _fits(want, item)), None)
        if match is None:
            missing.append(want)
        else:
            left.remove(match)
            accepted.add(id(match))
    return [f"{len(missing)} missing: {_shown(missing)}"] if missing else []


def _counted(
    value: Mapping[str, Any],
    done: Effects,
    added: Sequence[Mapping[str, Any]],
    accepted: set[int],
    total: int,
) -> list[str]:
    conditions = {key: item for key, item in value.items() if key not in _RESERVED}
    conditions |= value.get("where") or {}
    matching = [item for item in added if _fits(conditions, item)]
    accepted.update(id(item) for item in matching)
    misfits = _count("", value.get("count", {"min": 1}), len(matching), added, conditions)
    if "count" not in value and ("total" in value or "removed" in value) and not conditions:
        misfits = []
    if "total" in value:
        misfits += _count("in all ", value["total"], total, (), {})
    if "removed" in value:
        misfits += _count("removed ", value["removed"], len(_gone(done)), (), {})
    return misfits


def _count(
    what: str,
    wanted: Any,
    have: int,
    added: Sequence[Mapping[str, Any]],
    conditions: Mapping[str, Any],
) -> list[str]:
    if isinstance(wanted, Mapping):
        low, high = int(wanted.get("min", 0)), wanted.get("max")
        if have >= low and (high is None or have <= int(high)):
            return []
        text = f"{what}{have}, not " + (f"{low} or more" if high is None else f"{low} to {high}")
    elif have == int(wanted):
        return []
    else:
        text = f"{what}{have}, not {wanted}"
    near = _nearest(conditions, added) if have == 0 else None
    return [f"{text}; nearest: {near}" if near else text]


def _nearest(conditions: Mapping[str, Any], added: Sequence[Mapping[str, Any]]) -> str | None:
    misfits = sorted((_misfits(conditions, item) for item in added), key=len)
    return "; ".join(misfits[0]) if misfits and conditions else None


def _fits(conditions: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    return not _misfits(conditions, item)


def _misfits(conditions: Mapping[str, Any], item: Mapping[str, Any]) -> list[str]:
    misfits: list[str] = []
    for name, expected in conditions.items():
        if name not in item:
            misfits.append(f"{name} is missing")
        else:
            misfits += match_field(expected, item[name], name)
    return misfits


def _shown(items: Sequence[Any]) -> str:
    text = json.dumps(items[0], ensure_ascii=False, default=str, sort_keys=True)
    return text if len(text) <= 160 else text[:157] + "…"
