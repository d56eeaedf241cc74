"""``POST /policies/simulate``: which policy and rule of each type somebody would meet, and why.

Conditions on people and zones are decided from the world. Others (risk, device, platform, a word of
an expression) match only where the context that is sent says so; where it says nothing they are
``UNDEFINED``, and so is what hangs on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import groups, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.policies import POLICIES

MATCH, NOT_MATCH, UNDEFINED = "MATCH", "NOT_MATCH", "UNDEFINED"
TYPES: Final = (
    "OKTA_SIGN_ON", "PASSWORD", "MFA_ENROLL", "ACCESS_POLICY", "PROFILE_ENROLLMENT",
    "IDP_DISCOVERY",
)  # fmt: skip
_APPS: Final = "okta.at:/api/v1/apps"
_OF_APPS: Final = {"ACCESS_POLICY": "accessPolicy", "PROFILE_ENROLLMENT": "profileEnrollment"}


@dataclass(frozen=True, slots=True)
class Context:
    """Who comes from where; `None` is not told."""

    user: str | None
    groups: frozenset[str] | None
    zones: frozenset[str] | None
    level: str | None


def simulate(call: Exchange) -> Reply:
    """Answer for each type of policy that is asked for; every one by default."""
    body = call.json()
    if not isinstance(body, dict):
        raise failure("E0000003")
    app = body.get("appInstance")
    row = call.world.table(_APPS).get(app)
    if row is None:
        raise (
            missing(str(app), "AppInstance")
            if app
            else invalid("appInstance", "appInstance: The field cannot be left blank")
        )
    wanted = body.get("policyTypes") or body.get("policyType") or TYPES
    if not isinstance(wanted, list | tuple) or not set(wanted) <= set(TYPES):
        raise invalid("policyTypes", "policyTypes: The field is invalid")
    context = _context(call, body.get("policyContext"))
    everything = "EVALUATED" in (call.request.arg("expand") or "")
    found = [_of_type(call, str(kind), row, context, everything) for kind in wanted]
    return Reply(200, {"evaluation": found})


def _context(call: Exchange, sent: Any) -> Context:
    told = sent if isinstance(sent, dict) else {}

    def ids(name: str) -> frozenset[str] | None:
        part = told.get(name)
        return frozenset(part.get("ids") or ()) if isinstance(part, dict) else None

    key, mine = (told.get("user") or {}).get("id"), ids("groups")
    if key is not None:
        user = users.find(call.world, str(key))
        if user is None:
            raise missing(str(key), "User")
        key = user["id"]
        if mine is None:
            mine = frozenset(row["id"] for row in groups.of_user(call.world, key))
    everyone = groups.by_name(call.world, "Everyone")
    if mine is not None and everyone is not None:
        mine |= {everyone["id"]}
    return Context(key, mine, ids("zones"), (told.get("risk") or {}).get("level"))


# --- policies and rules, the first that matches of each
def _of_type(
    call: Exchange, kind: str, app: Any, context: Context, everything: bool
) -> dict[str, Any]:
    shown: dict[str, list[Any]] = {MATCH: [], UNDEFINED: [], "all": []}
    for policy in _policies(call, kind, app):
        row = _row(policy, context)
        row["rules"] = []
        for rule in _ordered(call, f"{POLICIES}/{policy['id']}/rules"):
            row["rules"].append(_row(rule, context))
            if row["rules"][-1]["status"] == MATCH:
                break
        shown["all"].append(row)
        rules = [rule for rule in row["rules"] if rule["status"] == row["status"]]
        if row["status"] in (MATCH, UNDEFINED):
            shown[row["status"]].append({**row, "rules": rules})
        if row["status"] == MATCH:
            break
    return {
        "status": None, "policyType": kind, "result": {"policies": shown[MATCH]},
        "undefined": {"policies": shown[UNDEFINED]},
        "evaluated": {"policies": shown["all"] if everything else []},
    }  # fmt: skip


def _policies(call: Exchange, kind: str, app: Any) -> Iterator[dict[str, Any]]:
    link = (app.get("_links") or {}).get(_OF_APPS.get(kind, "")) or {}
    own = str(link.get("href", "")).rpartition("/")[2]
    for policy in _ordered(call, POLICIES):
        if policy.get("type") == kind and (kind not in _OF_APPS or policy["id"] == own):
            yield policy


def _ordered(call: Exchange, path: str) -> Iterator[dict[str, Any]]:
    rows = call.world.table(f"okta.at:{path}").values()
    active = [row for row in rows if row.get("status") == "ACTIVE"]
    yield from sorted(active, key=lambda row: int(row.get("priority") or 0))


def _row(thing: dict[str, Any], context: Context) -> dict[str, Any]:
    told = [
        {"type": name, "status": status}
        for name, status in _conditions(thing.get("conditions") or {}, context)
    ]
    statuses = {condition["status"] for condition in told}
    status = next((word for word in (NOT_MATCH, UNDEFINED) if word in statuses), MATCH)
    return {"id": thing["id"], "name": thing.get("name"), "status": status, "conditions": told}


def _conditions(conditions: dict[str, Any], context: Context) -> Iterator[tuple[str, str]]:
    people = conditions.get("people") or {}
    for what, mine in (("groups", context.groups), ("users", _alone(context.user))):
        part = people.get(what) or {}
        for verb in ("include", "exclude"):
            if part.get(verb):
                is_in = None if mine is None else bool(mine & set(part[verb]))
                yield f"people.{what}.{verb}", _status(is_in, verb == "include")
    network = conditions.get("network") or {}
    for verb in ("include", "exclude"):
        if network.get("connection") == "ZONE" and network.get(verb):
            inside = None if context.zones is None else bool(context.zones & set(network[verb]))
            yield f"network.{verb}", _status(inside, verb == "include")
    level = (conditions.get("riskScore") or {}).get("level")
    if level not in (None, "ANY"):
        is_level = None if context.level is None else context.level == level
        yield "riskScore.level", _status(is_level, True)
    if (conditions.get("elCondition") or {}).get("condition"):
        yield "elCondition", UNDEFINED


def _alone(user: str | None) -> frozenset[str] | None:
    return None if user is None else frozenset((user,))


def _status(is_so: bool | None, wanted: bool) -> str:
    if is_so is None:
        return UNDEFINED
    return MATCH if is_so is wanted else NOT_MATCH


ROUTES: Final = (
    Route("POST", POLICIES + "/simulate", simulate, "createPolicySimulation",
          scopes=("okta.policies.read",)),
)  # fmt: skip
