"""Signing in without a browser: back channels (CIBA) and direct authentication out of band."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import factors, oauth, tokens, users
from unlit.twins.services.okta.oauth import OAuthError, answered, client_of, form_of

CIBA: Final = "urn:openid:params:grant-type:ciba"
OOB: Final = "urn:okta:params:oauth:grant-type:oob"
LIFE_S: Final = 300
INTERVAL_S: Final = 5
_CHANNELS: Final = {"push": "push", "sms": "sms", "voice": "call"}


def _allowed(call: Exchange, grant: str) -> tuple[dict[str, str], dict[str, Any]]:
    form = form_of(call)
    app = client_of(call, form)
    if grant not in ((app["settings"].get("oauthClient") or {}).get("grant_types") or []):
        raise OAuthError(
            "unauthorized_client", "The client is not authorized to use the provided grant type."
        )
    return form, app


def _person(call: Exchange, form: dict[str, str]) -> dict[str, Any]:
    hint = form.get("login_hint", "")
    if not hint and form.get("id_token_hint"):
        found = tokens.decode(form["id_token_hint"])
        hint = str(found[1].get("sub") or "") if found else ""
    if not hint:
        raise OAuthError("invalid_request", "One of 'login_hint' or 'id_token_hint' is required.")
    user = users.find(call.world, hint)
    if user is None or user["status"] != "ACTIVE":
        raise OAuthError("unknown_user_id", "The user could not be identified.")
    return user


def _wait(call: Exchange, app: dict[str, Any], user: dict[str, Any], **more: Any) -> str:
    """Keep a request that a person still has to answer."""
    key = call.world.text("okta.oob", 43)
    call.table("waiting").put(key, {
        "client": app["id"], "user": user["id"], "result": "WAITING",
        "until": call.world.now() + LIFE_S,
        "server": call.params.get("authorizationServerId"), **more,
    })  # fmt: skip
    call.world.issue(key)
    return key


def back_channel(call: Exchange) -> Reply:
    """``POST …/bc/authorize``: the person is asked on another device."""
    form, app = _allowed(call, CIBA)
    scopes = form.get("scope", "").split()
    if "openid" not in scopes:
        raise OAuthError("invalid_scope", "The 'openid' scope must be requested.")
    if len(form.get("binding_message", "")) > 20:
        raise OAuthError("invalid_binding_message", "The 'binding_message' is too long.")
    lasts = form.get("request_expiry", str(LIFE_S))
    if not lasts.isdigit() or not 1 <= int(lasts) <= LIFE_S:
        raise OAuthError("invalid_request", "The 'request_expiry' is not valid.")
    user = _person(call, form)
    key = _wait(call, app, user, scope=scopes, until=call.world.now() + int(lasts))
    return Reply(200, {"auth_req_id": key, "expires_in": int(lasts), "interval": INTERVAL_S})


def out_of_band(call: Exchange) -> Reply:
    """``POST …/oob-authenticate``, ``…/primary-authenticate``: by push, text or call."""
    form, app = _allowed(call, OOB)
    channel = form.get("channel_hint", "push")
    if channel not in _CHANNELS:
        raise OAuthError("invalid_request", "The 'channel_hint' is not valid.")
    user = _person(call, form)
    rows = factors.table_of(call.world, user["id"]).values()
    factor = next(
        (f for f in rows if f.get("factorType") == _CHANNELS[channel] and f["status"] == "ACTIVE"),
        None,
    )
    if factor is None:
        raise OAuthError("invalid_request", "The user has no authenticator for this channel.")
    out: dict[str, Any] = {"expires_in": LIFE_S, "channel": channel}
    if channel == "push":
        out |= {"oob_code": _wait(call, app, user), "binding_method": "none"}
        return Reply(200, {**out, "interval": INTERVAL_S})
    code = factors.send_code(call, user, factor)
    key = _wait(call, app, user, code=code)
    return Reply(200, {**out, "oob_code": key, "binding_method": "prompt"})


def challenge(call: Exchange) -> Reply:
    """``POST …/challenge``: a second factor; nobody is asked for one by the password grant."""
    form = form_of(call)
    client_of(call, form)
    if not form.get("mfa_token"):
        raise OAuthError("invalid_request", "The 'mfa_token' parameter is required.")
    raise OAuthError("invalid_grant", "The mfa_token is invalid or has expired.")


def answer(world: World, uid: str, *, approve: bool) -> bool:
    """Let a person answer the newest request that waits for them; return whether there was one."""
    table = world.table("okta.waiting")
    for key in reversed(table):
        row = table[key]
        if row["user"] == uid and row["result"] == "WAITING" and "code" not in row:
            table.patch(key, result="SUCCESS" if approve else "REJECTED")
            return True
    return False


def _granted(
    call: Exchange, app: dict[str, Any], form: dict[str, str], key: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    table = call.table("waiting")
    row = table.get(key)
    if row is None or row["client"] != app["id"]:
        raise OAuthError("invalid_grant", "The code is invalid or has expired.")
    if row["until"] <= call.world.now():
        raise OAuthError("expired_token", "The request has expired.")
    if row["result"] == "REJECTED":
        raise OAuthError("access_denied", "The resource owner denied the request.")
    if "code" in row and form.get("binding_code") != row["code"]:
        raise OAuthError("invalid_grant", "The binding code is invalid.")
    if row["result"] == "WAITING" and "code" not in row:
        raise OAuthError("authorization_pending", "The request is pending. Please try again later.")
    user = users.find(call.world, row["user"])
    if user is None or user["status"] != "ACTIVE":
        raise OAuthError("invalid_grant", "The user is not active.")
    table.drop(key)
    return row, user


def by_back_channel(
    call: Exchange, app: dict[str, Any], form: dict[str, str], bound: str | None
) -> dict[str, Any]:
    """Exchange an ``auth_req_id`` for tokens."""
    row, user = _granted(call, app, form, form.get("auth_req_id", ""))
    return oauth.issue(call, app, row["scope"], user, bound=bound)


def by_oob(
    call: Exchange, app: dict[str, Any], form: dict[str, str], bound: str | None
) -> dict[str, Any]:
    """Exchange an ``oob_code`` for tokens."""
    _, user = _granted(call, app, form, form.get("oob_code", ""))
    return oauth.issue(call, app, form.get("scope", "").split(), user, bound=bound)


oauth.RULES[CIBA] = by_back_channel
oauth.RULES[OOB] = by_oob


def _routes() -> tuple[Route, ...]:
    rules = {
        "bc/authorize": back_channel,
        "oob-authenticate": out_of_band,
        "primary-authenticate": out_of_band,
        "challenge": challenge,
    }
    return tuple(
        Route("POST", f"{base}/{path}", answered(rule), f"{name}.{path}", open=True)
        for base, name in (("/oauth2/v1", "org"), ("/oauth2/{authorizationServerId}/v1", "custom"))
        for path, rule in rules.items()
    )


ROUTES: Final = _routes()
