"""The system log: one entry for each thing that happened, and who is told of it."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso, moment
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import hooks
from unlit.twins.services.okta.errors import failure, invalid
from unlit.twins.services.okta.paging import page
from unlit.twins.services.okta.scim import FilterError, parse

_SAID: Final = {
    "user.lifecycle.create": "Create Okta user",
    "user.lifecycle.activate": "Activate Okta user",
    "user.lifecycle.reactivate": "Reactivate Okta user",
    "user.lifecycle.deactivate": "Deactivate Okta user",
    "user.lifecycle.suspend": "Suspend Okta user",
    "user.lifecycle.unsuspend": "Unsuspend Okta user",
    "user.lifecycle.delete.completed": "Delete Okta user completed",
    "user.account.update_profile": "Update user profile for Okta",
    "user.account.update_password": "User update password for Okta",
    "user.account.reset_password": "User reset password for Okta",
    "user.account.expire_password": "Expire user password for Okta",
    "user.account.unlock": "Unlock user account for Okta",
    "user.mfa.factor.reset_all": "Reset all factors for user",
    "group.lifecycle.create": "Create Okta group",
    "group.lifecycle.delete": "Delete Okta group",
    "group.profile.update": "Update Okta group",
    "group.user_membership.add": "Add user to group membership",
    "group.user_membership.remove": "Remove user from group membership",
    "application.lifecycle.create": "Create application",
    "application.lifecycle.update": "Update application",
    "application.lifecycle.delete": "Delete application",
    "application.lifecycle.activate": "Activate application",
    "application.lifecycle.deactivate": "Deactivate application",
    "policy.lifecycle.create": "Create policy",
    "policy.lifecycle.update": "Update policy",
    "policy.lifecycle.delete": "Delete policy",
}


def user_target(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a user as the target of an event."""
    profile = row["profile"]
    shown = f"{profile.get('firstName') or ''} {profile.get('lastName') or ''}".strip()
    return [_target(row["id"], "User", profile.get("login"), shown or profile.get("login"))]


def group_target(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a group as the target of an event."""
    return [_target(row["id"], "UserGroup", "unknown", row["profile"]["name"])]


def app_target(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an application as the target of an event."""
    return [_target(row["id"], "AppInstance", row.get("label"), row.get("label"))]


def _target(key: str, kind: str, alternate: Any, shown: Any) -> dict[str, Any]:
    return {
        "id": key,
        "type": kind,
        "alternateId": alternate,
        "displayName": shown,
        "detailEntry": None,
    }


def record(
    call: Exchange, kind: str, target: list[dict[str, Any]], *, outcome: str = "SUCCESS"
) -> dict[str, Any]:
    """Write an event of a call into the system log, and tell the event hooks."""
    request = call.request
    entry = event(call.world, kind, target, outcome=outcome, actor=_actor(call))
    entry["client"]["userAgent"]["rawUserAgent"] = request.headers.get("user-agent", "")
    entry["debugContext"]["debugData"] = {
        "requestId": entry["transaction"]["id"],
        "requestUri": request.raw_path,
        "url": request.raw_path + ("?" + request.raw_query if request.raw_query else "?"),
    }
    return entry


def _actor(call: Exchange) -> dict[str, Any]:
    row = call.table("users").get(call.actor.id)
    if row is not None:
        return user_target(row)[0]
    kind = "PublicClientApp" if call.actor.kind == "client" else "User"
    return _target(call.actor.id, kind, "unknown", call.actor.id)


def event(
    world: World,
    kind: str,
    target: list[dict[str, Any]],
    *,
    outcome: str = "SUCCESS",
    actor: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write an event into the system log and return it."""
    at = iso(world.clock.tick())
    raw = world.text("okta.event", 32, "0123456789abcdef")
    uuid = "-".join((raw[:8], raw[8:12], "11f0", raw[16:20], raw[20:32]))
    entry: dict[str, Any] = {
        "actor": actor or _target("system@okta", "SystemPrincipal", "system@okta", "Okta System"),
        "client": {
            "userAgent": {"rawUserAgent": "", "os": "Unknown", "browser": "UNKNOWN"},
            "zone": "null",
            "device": "Unknown",
            "id": None,
            "ipAddress": "127.0.0.1",
            "geographicalContext": None,
        },
        "device": None,
        "authenticationContext": {
            "authenticationProvider": None,
            "credentialProvider": None,
            "credentialType": None,
            "issuer": None,
            "interface": None,
            "authenticationStep": 0,
            "rootSessionId": None,
            "externalSessionId": world.text("okta.session", 25),
        },
        "displayMessage": _SAID.get(kind, kind),
        "eventType": kind,
        "outcome": {"result": outcome, "reason": None},
        "published": at,
        "securityContext": {
            "asNumber": None,
            "asOrg": None,
            "isp": None,
            "domain": None,
            "isProxy": None,
        },
        "severity": "INFO",
        "debugContext": {"debugData": {}},
        "legacyEventType": None,
        "transaction": {
            "type": "WEB",
            "id": world.text("okta.transaction", 32, "0123456789abcdef"),
            "detail": {},
        },
        "uuid": uuid,
        "version": "0",
        "request": {"ipChain": []},
        "target": target or None,
    }
    world.table("okta.log").put(uuid, entry)
    hooks.tell(world, entry)
    return entry


def logs(call: Exchange) -> Reply:
    """``GET /api/v1/logs`` with `since`, `until`, `filter`, `q`, `sortOrder`, `limit`, `after`."""
    rows = list(call.table("log").values())
    now = call.world.now()
    for name in ("since", "until"):
        text = call.request.arg(name)
        if text:
            bound = _bound(name, text, now)
            keep_late = name == "since"
            rows = [row for row in rows if (row["published"] >= bound) == keep_late]
    text = call.request.arg("filter")
    if text:
        try:
            test = parse(text)
        except FilterError as error:
            raise invalid("filter", f"Invalid filter: {error}") from error
        rows = [row for row in rows if test(row)]
    words = (call.request.arg("q") or "").casefold().split()
    if words:
        rows = [row for row in rows if all(word in str(row).casefold() for word in words)]
    if (call.request.arg("sortOrder") or "ASCENDING").upper() == "DESCENDING":
        rows.reverse()
    return page(call, rows, lambda row: row, usual=100, most=1000, key=lambda row: row["uuid"])


def _bound(name: str, text: str, now: float) -> str:
    from unlit.core.errors import InvalidInput

    try:
        when = moment(text, now)
    except InvalidInput as error:
        raise failure("E0000030") from error
    return iso(when) or ""


ROUTES: Final = (
    Route("GET", "/api/v1/logs", logs, "listLogEvents", scopes=("okta.logs.read",)),
)  # fmt: skip
