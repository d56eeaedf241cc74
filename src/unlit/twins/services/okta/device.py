"""Devices without a browser, requests pushed before they are made, and new client secrets."""

from typing import Final

from unlit.twins.kit.http import Reply, Text
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import apps, tokens, users
from unlit.twins.services.okta.oauth import (
    DEVICE,
    OAuthError,
    answered,
    app_with,
    client_of,
    form_of,
)

DEVICE_S: Final = 600
PUSHED_S: Final = 300
INTERVAL_S: Final = 5


def authorize(call: Exchange) -> Reply:
    """``POST …/device/authorize``."""
    form = form_of(call)
    app = client_of(call, form)
    kinds = (app["settings"].get("oauthClient") or {}).get("grant_types") or []
    if DEVICE not in kinds:
        raise OAuthError(
            "unauthorized_client", "The client is not authorized to use the provided grant type."
        )
    scopes = form.get("scope", "").split()
    if not scopes:
        raise OAuthError("invalid_scope", "The scope parameter must be specified.")
    code = call.world.text("okta.device", 40)
    shown = call.world.text("okta.user_code", 8, "BCDFGHJKLMNPQRSTVWXZ")
    call.table("devices").put(code, {
        "client": app["id"], "scope": scopes, "user_code": shown, "user": None, "denied": False,
        "until": call.world.now() + DEVICE_S, "asked": None,
        "server": call.params.get("authorizationServerId"),
    })  # fmt: skip
    call.world.issue(code)
    page = f"{call.request.origin}/activate"
    return Reply(200, {
        "device_code": code, "user_code": shown, "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={shown}",
        "expires_in": DEVICE_S, "interval": INTERVAL_S,
    })  # fmt: skip


def answer(world: World, user_code: str, uid: str, *, approve: bool) -> bool:
    """Let a person answer for a device; return whether one waits with that code."""
    table = world.table("okta.devices")
    for key, row in table.items():
        if row["user_code"] == user_code and row["user"] is None and not row["denied"]:
            table.patch(key, user=uid if approve else None, denied=not approve)
            return True
    return False


def activate(call: Exchange) -> Reply:
    """``GET /activate``: the administrator (or who is hinted at) agrees at once."""
    hint = call.request.arg("login_hint") or str(call.table("meta").get("admin"))
    user = users.find(call.world, hint)
    code = call.request.arg("user_code") or ""
    good = user is not None and answer(call.world, code, user["id"], approve=True)
    text = "Device activated" if good else "Invalid code. Try again."
    html = [("content-type", "text/html;charset=utf-8")]
    return Reply(200 if good else 400, Text(f"<html><body>{text}</body></html>"), html)


def push(call: Exchange) -> Reply:
    """``POST …/par``: keeps an authorisation request and names it."""
    form = form_of(call)
    app = client_of(call, form)
    if "request_uri" in form:
        raise OAuthError("invalid_request", "The 'request_uri' parameter is not allowed.")
    back = form.get("redirect_uri", "")
    if back not in ((app["settings"].get("oauthClient") or {}).get("redirect_uris") or []):
        raise OAuthError(
            "invalid_request",
            "The 'redirect_uri' parameter must be a Login redirect URI in the client app settings.",
        )
    name = "urn:okta:" + call.world.text("okta.par", 43)
    kept = {key: value for key, value in form.items() if not key.startswith("client_")}
    kept["client_id"] = app["credentials"]["oauthClient"]["client_id"]
    call.table("pushed").put(name, {"asked": kept, "until": call.world.now() + PUSHED_S})
    return Reply(201, {"request_uri": name, "expires_in": PUSHED_S})


def new_secret(call: Exchange) -> Reply:
    """``POST /oauth2/v1/clients/{clientId}/lifecycle/newSecret``: the old one counts no longer."""
    app = app_with(call, call.params["clientId"])
    if app is None:
        raise OAuthError("invalid_client", "A client with the given ID was not found.", 404)
    client = app["credentials"]["oauthClient"]
    if not str(client.get("token_endpoint_auth_method")).startswith("client_secret"):
        raise OAuthError("invalid_client_metadata", "The client does not use a secret.")
    secret = call.world.text("okta.client_secret", 64)
    changed = {**app["credentials"], "oauthClient": {**client, "client_secret": secret}}
    call.world.table(f"okta.at:{apps.KIND}").put(app["id"], {**app, "credentials": changed})
    call.table("client_secrets").put(app["id"], secret)
    apps.keep_secret(call.world, app["id"], secret)
    settings = app["settings"].get("oauthClient") or {}
    return Reply(200, {
        "client_id": client["client_id"], "client_secret": secret, "client_name": app["label"],
        "client_secret_expires_at": 0,
        "token_endpoint_auth_method": client["token_endpoint_auth_method"],
        "grant_types": settings.get("grant_types") or [],
        "response_types": settings.get("response_types") or [],
        "redirect_uris": settings.get("redirect_uris") or [],
        "application_type": settings.get("application_type"),
    })  # fmt: skip


def revoke_user(call: Exchange) -> Reply:
    """``POST /oauth2/v1/global-token-revocation``: every token of a person is worth nothing."""
    subject = call.fields().get("subject") or call.fields().get("sub_id") or {}
    wanted = subject.get("id") or subject.get("email") if isinstance(subject, dict) else None
    user = users.find(call.world, str(wanted or ""))
    if user is None:
        raise OAuthError("invalid_request", "The subject was not found.", 404)
    tokens.revoke_all(call.world, uid=user["id"])
    return Reply(204)


def _routes() -> tuple[Route, ...]:
    found = []
    for base, name in (("/oauth2/v1", "org"), ("/oauth2/{authorizationServerId}/v1", "custom")):
        for path, rule in (("device/authorize", authorize), ("par", push)):
            found.append(Route("POST", f"{base}/{path}", answered(rule), f"{name}.{path}",
                               open=True))  # fmt: skip
    return (
        *found,
        Route("GET", "/activate", activate, "device.activate", open=True),
        Route("POST", "/oauth2/v1/clients/{clientId}/lifecycle/newSecret", answered(new_secret),
              "generateNewClientSecret", scopes=("okta.clients.manage",)),
        Route("POST", "/oauth2/v1/global-token-revocation", answered(revoke_user),
              "globalTokenRevocation", scopes=("okta.users.manage",)),
    )  # fmt: skip


ROUTES: Final = _routes()
