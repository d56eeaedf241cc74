"""Policies and rules: priorities without gaps, copies, what belongs to the system."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table, World
from unlit.twins.services.okta.errors import failure, missing
from unlit.twins.services.okta.org import mint, stamp

POLICIES: Final = "/api/v1/policies"
RULES: Final = POLICIES + "/{policyId}/rules"
_AUTH: Final = "/api/v1/authorizationServers/{authServerId}/policies"
ORDERED: Final = (POLICIES, RULES, _AUTH, _AUTH + "/{policyId}/rules")


def _siblings(table: Table, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that a row is ordered among: of its type, without the system's, in order."""
    found = [
        other for other in table.values()
        if other.get("type") == row.get("type") and not other.get("system")
        and other.get("id") != row.get("id")
    ]  # fmt: skip
    return sorted(found, key=lambda other: int(other.get("priority") or 0))


def placed(call: Exchange, table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Give a row the priority it asks for, or the next one; the others make room."""
    if row.get("system"):
        return row
    others = _siblings(table, row)
    sent = call.json()
    wanted = sent.get("priority") if isinstance(sent, dict) else None
    before = table.get(row.get("id"))
    if not isinstance(wanted, int) or wanted < 1:
        wanted = before.get("priority") if before is not None else len(others) + 1
    at = min(int(wanted or 1), len(others) + 1)
    others.insert(at - 1, row)
    _number(table, [other for other in others if other is not row], skip=at)
    _sink(table, row, len(others) + 1)
    return {**row, "priority": at}


def _number(table: Table, rows: list[dict[str, Any]], skip: int = 0) -> None:
    number = 0
    for row in rows:
        number += 1
        if number == skip:
            number += 1
        if row.get("priority") != number and row.get("id") in table:
            table.put(row["id"], {**row, "priority": number})


def _sink(table: Table, like: dict[str, Any], last: int) -> None:
    """Let the system's own row of the type come last; one that catches all stays at 99."""
    for other in list(table.values()):
        is_own = other.get("system") and other.get("type") == like.get("type")
        if is_own and other.get("priority") not in (last, 99):
            table.put(other["id"], {**other, "priority": last})


def removed(table: Table, row: dict[str, Any]) -> None:
    """Close the gap that a removed row left."""
    left = _siblings(table, row)
    _number(table, left)
    _sink(table, row, len(left) + 1)


def _policy(call: Exchange) -> dict[str, Any]:
    key = call.params["policyId"]
    row = call.world.table(f"okta.at:{POLICIES}").get(key)
    if row is None:
        raise missing(key, "Policy")
    return row  # type: ignore[no-any-return] # JSON


def clone(call: Exchange) -> Reply:
    """``POST /api/v1/policies/{policyId}/clone``: a copy with its rules."""
    old = _policy(call)
    table = call.world.table(f"okta.at:{POLICIES}")
    at, key = stamp(call.world), mint(call.world, "rst")
    row = {
        **old,
        "id": key,
        "name": f"[cloned] {old.get('name')}",
        "system": False,
        "created": at,
        "lastUpdated": at,
        "priority": len(_siblings(table, old)) + 2,
    }
    row = replaced(row, old["id"], key)
    row["id"] = key
    table.put(key, row)
    for rule in call.world.table(f"okta.at:{POLICIES}/{old['id']}/rules").values():
        fresh = mint(call.world, "rul")
        copy = replaced(replaced(rule, old["id"], key), rule["id"], fresh)
        call.world.table(f"okta.at:{POLICIES}/{key}/rules").put(fresh, copy)
    return Reply(200, row)


def replaced(value: Any, old: str, new: str) -> Any:
    """Return a value in whose texts `old` is `new`."""
    if isinstance(value, dict):
        return {key: replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value


def delete(call: Exchange) -> Reply:
    """``DELETE`` of a policy or a rule; the system's own stay."""
    parts = call.request.raw_path.rstrip("/").split("/")
    key, path = parts[-1], "/".join(parts[:-1])
    table = call.world.table("okta.at:" + path)
    row = table.get(key)
    if row is None:
        raise missing(key, "PolicyRule" if path.endswith("/rules") else "Policy")
    if row.get("system"):
        raise failure("E0000006")
    table.drop(key)
    _forget(call.world, f"okta.at:{path}/{key}/")
    removed(table, row)
    return Reply(204)


def _forget(world: World, below: str) -> None:
    for name in [name for name in world.tables if name.startswith(below)]:
        world.tables.pop(name)


_MANAGE: Final = ("okta.policies.manage",)
ROUTES: Final = (
    Route("POST", POLICIES + "/{policyId}/clone", clone, "clonePolicy", scopes=_MANAGE),
    Route("DELETE", POLICIES + "/{policyId}", delete, "deletePolicy", scopes=_MANAGE),
    Route("DELETE", RULES + "/{ruleId}", delete, "deletePolicyRule", scopes=_MANAGE),
)  # fmt: skip
