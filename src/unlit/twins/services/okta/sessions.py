"""The sessions that a sign-in (`authn`) ends in."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import events, users
from unlit.twins.services.okta.errors import failure, missing
from unlit.twins.services.okta.org import href

SESSION_S: Final = 7200


def create(call: Exchange) -> Reply:
    """``POST /api/v1/sessions``."""
    row = call.table("session_tokens").drop(str(call.fields().get("sessionToken") or ""))
    if row is None or row["until"] <= call.world.now():
        raise failure("E0000004")
    user = users.find(call.world, row["user"])
    if user is None:
        raise failure("E0000004")
    at = iso(call.world.clock.tick())
    key = "102" + call.world.text("okta.sid", 22)
    session = {
        "id": key,
        "userId": user["id"],
        "login": user["profile"]["login"],
        "createdAt": at,
        "expiresAt": iso(call.world.now() + SESSION_S),
        "status": "ACTIVE",
        "lastPasswordVerification": at,
        "lastFactorVerification": at if row.get("mfa") else None,
        "amr": ["pwd", "mfa"] if row.get("mfa") else ["pwd"],
        "idp": {"id": call.table("meta").get("org"), "type": "OKTA"},
        "mfaActive": bool(row.get("mfa")),
        "until": call.world.now() + SESSION_S,
    }
    call.table("sessions").put(key, session)
    users.change(call.world, user["id"], lastLogin=at)
    events.record(call, "user.session.start", events.user_target(user))
    return Reply(200, shown(call, session))


def shown(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Render a session."""
    path = f"/sessions/{row['id']}"
    links = {
        "self": {"href": href(call, path), "hints": {"allow": ["GET", "DELETE"]}},
        "refresh": {
            "href": href(call, f"{path}/lifecycle/refresh"),
            "hints": {"allow": ["POST"]},
        },
        "user": {
            "name": row["login"],
            "href": href(call, f"/users/{row['userId']}"),
            "hints": {"allow": ["GET"]},
        },
    }
    return {**{key: value for key, value in row.items() if key != "until"}, "_links": links}


def _session(call: Exchange) -> dict[str, Any]:
    key = call.params.get("sessionId") or "me"
    named = key
    if key == "me":
        for part in call.request.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            named = value if name in ("sid", "idx") else named
    row = call.table("sessions").get(named)
    if row is None or row["until"] <= call.world.now():
        raise missing(key, "Session")
    return row  # type: ignore[no-any-return] # JSON


def get(call: Exchange) -> Reply:
    """``GET /api/v1/sessions/{sessionId}`` and ``…/me``."""
    return Reply(200, shown(call, _session(call)))


def close(call: Exchange) -> Reply:
    """``DELETE /api/v1/sessions/{sessionId}`` and ``…/me``."""
    call.table("sessions").drop(_session(call)["id"])
    return Reply(204)


def refresh(call: Exchange) -> Reply:
    """``POST …/lifecycle/refresh``: it lasts its whole time again."""
    until = call.world.now() + SESSION_S
    row = call.table("sessions").patch(_session(call)["id"], until=until, expiresAt=iso(until))
    return Reply(200, shown(call, row))


def close_all(world: World, uid: str) -> None:
    """End every session of a user."""
    table = world.table("okta.sessions")
    for key in [key for key, row in table.items() if row["userId"] == uid]:
        table.drop(key)


_ONE: Final = "/api/v1/sessions/{sessionId}"
_ME: Final = "/api/v1/sessions/me"
_MANAGE: Final = ("okta.sessions.manage",)
_READ: Final = ("okta.sessions.read",)
ROUTES: Final = (
    Route("POST", "/api/v1/sessions", create, "createSession", scopes=_MANAGE),
    Route("GET", _ONE, get, "getSession", scopes=_READ),
    Route("DELETE", _ONE, close, "revokeSession", scopes=_MANAGE),
    Route("POST", _ONE + "/lifecycle/refresh", refresh, "refreshSession", scopes=_MANAGE),
    Route("GET", _ME, get, "getCurrentSession", open=True),
    Route("DELETE", _ME, close, "closeCurrentSession", open=True),
    Route("POST", _ME + "/lifecycle/refresh", refresh, "refreshCurrentSession", open=True),
)  # fmt: skip
