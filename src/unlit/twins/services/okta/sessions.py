"""Signing in with a password, and the sessions that come of it."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import events, users
from unlit.twins.services.okta.errors import failure, missing
from unlit.twins.services.okta.org import href

TOKEN_S: Final = 300
SESSION_S: Final = 7200
_SIGNED_IN: Final = ("ACTIVE", "PASSWORD_EXPIRED")


def authn(call: Exchange) -> Reply:
    """``POST /api/v1/authn``: who knows the password gets a token that becomes a session once."""
    body = call.fields()
    user = users.find(call.world, str(body.get("username") or ""))
    known = call.table("passwords").get(user["id"]) if user is not None else None
    if user is not None and user["status"] == "LOCKED_OUT":
        return Reply(200, {"status": "LOCKED_OUT", "_embedded": {}})
    right = known is not None and known == body.get("password")
    if user is None or not right or user["status"] not in _SIGNED_IN:
        if user is not None:
            target = events.user_target(user)
            events.record(call, "user.session.start", target, outcome="FAILURE")
        raise failure("E0000004")
    token = "20111" + call.world.text("okta.session_token", 50)
    profile = user["profile"]
    out: dict[str, Any] = {"expiresAt": iso(call.world.now() + TOKEN_S), "status": "SUCCESS"}
    if user["status"] == "PASSWORD_EXPIRED":
        out["status"], out["stateToken"] = "PASSWORD_EXPIRED", token
    else:
        out["sessionToken"] = token
        at = {"user": user["id"], "until": call.world.now() + TOKEN_S}
        call.table("session_tokens").put(token, at)
    shown = {
        "login": profile["login"],
        "firstName": profile.get("firstName"),
        "lastName": profile.get("lastName"),
        "locale": profile.get("locale") or "en_US",
        "timeZone": profile.get("timezone") or "America/Los_Angeles",
    }
    out["_embedded"] = {
        "user": {"id": user["id"], "passwordChanged": user["passwordChanged"], "profile": shown}
    }
    return Reply(200, out)


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
        "lastFactorVerification": None,
        "amr": ["pwd"],
        "idp": {"id": call.table("meta").get("org"), "type": "OKTA"},
        "mfaActive": False,
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
    Route("POST", "/api/v1/authn", authn, "authn", open=True),
    Route("POST", "/api/v1/sessions", create, "createSession", scopes=_MANAGE),
    Route("GET", _ONE, get, "getSession", scopes=_READ),
    Route("DELETE", _ONE, close, "revokeSession", scopes=_MANAGE),
    Route("POST", _ONE + "/lifecycle/refresh", refresh, "refreshSession", scopes=_MANAGE),
    Route("GET", _ME, get, "getCurrentSession", open=True),
    Route("DELETE", _ME, close, "closeCurrentSession", open=True),
    Route("POST", _ME + "/lifecycle/refresh", refresh, "refreshCurrentSession", open=True),
)  # fmt: skip
