"""Clients that register themselves (RFC 7591): each is an OpenID Connect application."""

import json
from datetime import datetime
from typing import Any, Final

from unlit.twins.kit.http import Reply, Request
from unlit.twins.kit.router import Match, Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import apps
from unlit.twins.services.okta.oauth import OAuthError, answered
from unlit.twins.services.okta.paging import page

PATH: Final = "/oauth2/v1/clients"
_SETTINGS: Final = (
    "client_uri", "logo_uri", "redirect_uris", "post_logout_redirect_uris", "response_types",
    "grant_types", "initiate_login_uri", "application_type", "tos_uri", "policy_uri", "jwks",
)  # fmt: skip
_SENT_TO: Final = frozenset(("authorization_code", "implicit"))


def _metadata(call: Exchange) -> dict[str, Any]:
    """Return what a client says of itself, with the defaults of the RFC."""
    body = call.fields()
    if not isinstance(body.get("client_name"), str) or not body["client_name"]:
        raise OAuthError("invalid_client_metadata", "The 'client_name' parameter is required.")
    kinds = body.get("grant_types", ["authorization_code"])
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise OAuthError("invalid_client_metadata", "The 'grant_types' parameter is invalid.")
    places = body.get("redirect_uris", [])
    if not isinstance(places, list) or not all(":" in str(place) for place in places):
        raise OAuthError("invalid_redirect_uri", "The 'redirect_uris' parameter is invalid.")
    if _SENT_TO & set(kinds) and not places:
        raise OAuthError("invalid_redirect_uri", "The 'redirect_uris' parameter is required.")
    answers = ["code"] if "authorization_code" in kinds else ["token"]
    return {
        "application_type": "web", "token_endpoint_auth_method": "client_secret_basic",
        "response_types": answers, **body, "grant_types": kinds,
    }  # fmt: skip


def _application(said: dict[str, Any]) -> dict[str, Any]:
    method = said["token_endpoint_auth_method"]
    return {
        "name": "oidc_client", "label": said["client_name"], "signOnMode": "OPENID_CONNECT",
        "credentials": {"oauthClient": {"token_endpoint_auth_method": method}},
        "settings": {"oauthClient": {k: said[k] for k in _SETTINGS if said.get(k) is not None}},
    }  # fmt: skip


def _shown(row: dict[str, Any], *, secret: bool = False) -> dict[str, Any]:
    client, settings = row["credentials"]["oauthClient"], row["settings"]["oauthClient"]
    out = {
        "client_id": client["client_id"],
        "client_id_issued_at": int(datetime.fromisoformat(row["created"]).timestamp()),
        "client_name": row["label"],
        **{name: settings.get(name) for name in _SETTINGS if name in settings},
        "token_endpoint_auth_method": client["token_endpoint_auth_method"],
    }  # fmt: skip
    if secret and client.get("client_secret"):
        out |= {"client_secret": client["client_secret"], "client_secret_expires_at": 0}
    return out


def _application_of(call: Exchange) -> dict[str, Any]:
    for row in _rows(call):
        if row["credentials"]["oauthClient"].get("client_id") == call.params["clientId"]:
            return row
    raise OAuthError("invalid_client", "A client with the given ID was not found.", 404)


def _rows(call: Exchange) -> list[dict[str, Any]]:
    return [
        row
        for row in call.world.table(f"okta.at:{apps.KIND}").values()
        if row.get("signOnMode") == "OPENID_CONNECT"
        and (row.get("credentials") or {}).get("oauthClient")
    ]


def _through(call: Exchange, method: str, path: str, body: Any = None) -> Reply:
    """Do with the application what its own route does."""
    data = b"" if body is None else json.dumps(body).encode()
    asked = Request(method, path, "", call.request.headers, data, call.request.origin)
    inner = Exchange(call.twin, call.service, call.world, asked, call.token)
    found = call.twin.router.match(method, path)
    assert isinstance(found, Match)  # noqa: S101 # the twin's own routes
    inner.match, inner.actor = found, call.actor
    return found.route.handler(inner)


def create(call: Exchange) -> Reply:
    """``POST /oauth2/v1/clients``."""
    made = _through(call, "POST", apps.KIND, _application(_metadata(call))).body
    return Reply(201, _shown(made, secret=True))


def get(call: Exchange) -> Reply:
    """``GET /oauth2/v1/clients/{clientId}``: without the secret, which is told once."""
    return Reply(200, _shown(_application_of(call)))


def listed(call: Exchange) -> Reply:
    """``GET /oauth2/v1/clients``, with `q` and pages."""
    word = (call.request.arg("q") or "").casefold()
    rows = [row for row in _rows(call) if str(row["label"]).casefold().startswith(word)]
    return page(call, rows, _shown, usual=50, most=200)


def replace(call: Exchange) -> Reply:
    """``PUT /oauth2/v1/clients/{clientId}``."""
    row, said = _application_of(call), _metadata(call)
    body = _application(said)
    body["credentials"]["oauthClient"]["client_id"] = call.params["clientId"]
    return Reply(200, _shown(_through(call, "PUT", f"{apps.KIND}/{row['id']}", body).body))


def delete(call: Exchange) -> Reply:
    """``DELETE /oauth2/v1/clients/{clientId}``."""
    path = f"{apps.KIND}/{_application_of(call)['id']}"
    _through(call, "POST", f"{path}/lifecycle/deactivate")
    _through(call, "DELETE", path)
    return Reply(204)


_READ, _MANAGE = ("okta.clients.read",), ("okta.clients.manage",)
ROUTES: Final = (
    Route("POST", PATH, answered(create), "createClient", scopes=("okta.clients.register",)),
    Route("GET", PATH, answered(listed), "listClients", scopes=_READ),
    Route("GET", PATH + "/{clientId}", answered(get), "getClient", scopes=_READ),
    Route("PUT", PATH + "/{clientId}", answered(replace), "replaceClient", scopes=_MANAGE),
    Route("DELETE", PATH + "/{clientId}", answered(delete), "deleteClient", scopes=_MANAGE),
)
