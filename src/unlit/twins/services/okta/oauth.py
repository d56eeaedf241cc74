"""OAuth 2.0 and OpenID Connect: authorise, token, introspect, revoke, keys, user info, metadata."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from unlit.twins.kit.http import Reply, Text
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import apps, authservers, keys, tokens, users

CODE_S: Final = 60
_GONE: Final = "Not found: Resource not found: {0} (AuthorizationServer)"
_WHO: Final = "Invalid value for 'client_id' parameter."
_NO_OPENID: Final = "The authorization server resource does not have the openid scope."
DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS: Final = ("authorization_code", "implicit", "refresh_token", "password",
                 "client_credentials", DEVICE)  # fmt: skip


class OAuthError(Exception):
    """Becomes ``{"error", "error_description"}``."""

    def __init__(self, code: str, text: str, status: int = 400, **headers: str) -> None:
        super().__init__(code)
        self.reply = Reply(
            status,
            {"error": code, "error_description": text},
            [(name.replace("_", "-"), value) for name, value in headers.items()],
        )


def answered(rule: Callable[[Exchange], Reply]) -> Callable[[Exchange], Reply]:
    """Turn OAuth's errors into replies, and ``default`` into the default server."""

    def answer(call: Exchange) -> Reply:
        server = call.params.get("authorizationServerId")
        if server is not None:
            known = call.world.table(authservers.TABLE)
            default = call.table("meta").get("auth_server")
            if (server != "default" and server not in known) or default is None:
                return Reply(
                    404,
                    {
                        "errorCode": "E0000007",
                        "errorSummary": _GONE.format(server),
                        "errorLink": "E0000007",
                        "errorId": "",
                        "errorCauses": [],
                    },
                )
        try:
            return rule(call)
        except OAuthError as error:
            return error.reply

    return answer


def _server(call: Exchange) -> dict[str, Any] | None:
    name = call.params.get("authorizationServerId")
    if name is None:
        return None
    table = call.world.table(authservers.TABLE)
    key = call.table("meta").get("auth_server") if name == "default" else name
    return table.get(key)  # type: ignore[no-any-return] # JSON


def form_of(call: Exchange) -> dict[str, str]:
    """Return the fields of the body."""
    return dict(call.request.form()) if call.request.body else {}


# --- who asks
def client_of(call: Exchange, form: dict[str, str]) -> dict[str, Any]:
    """Return the client of a request, proven by secret, key or (public ones) not at all."""
    key, secret = form.get("client_id", ""), form.get("client_secret")
    head = call.request.headers.get("authorization", "")
    if head.lower().startswith("basic "):
        try:
            key, _, secret = base64.b64decode(head[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OAuthError("invalid_client", _WHO, 401) from error
    assertion = form.get("client_assertion")
    if assertion:
        found = tokens.decode(assertion)
        key = str(found[1].get("sub", "")) if found else ""
    app = app_with(call, key)
    if app is None:
        raise OAuthError("invalid_client", "Invalid value for 'client_id' parameter.", 401)
    client = app["credentials"]["oauthClient"]
    method = client["token_endpoint_auth_method"]
    if method == "private_key_jwt":
        _check_assertion(call, app, assertion)
    elif method.startswith("client_secret") and secret != client.get("client_secret"):
        raise OAuthError(
            "invalid_client",
            "The client secret supplied for a confidential client is invalid.",
            401,
        )
    return app


def app_with(call: Exchange, key: str) -> dict[str, Any] | None:
    """Return the active application whose client id this is."""
    for row in call.world.table(f"okta.at:{apps.KIND}").values():
        client = (row.get("credentials") or {}).get("oauthClient") or {}
        if client.get("client_id") == key and row.get("status") == "ACTIVE":
            return row  # type: ignore[no-any-return] # JSON
    return None


def _check_assertion(call: Exchange, app: dict[str, Any], assertion: str | None) -> None:
    jwks = ((app["settings"].get("oauthClient") or {}).get("jwks") or {}).get("keys") or []
    if not assertion:
        raise OAuthError("invalid_client", "The client_assertion is missing.", 401)
    claims = tokens.verify(assertion, jwks)
    if claims is None:
        raise OAuthError("invalid_client", "The client_assertion signature is invalid.", 401)
    good = f"{tokens.issuer(call)}/oauth2/v1/token"
    server = call.params.get("authorizationServerId")
    if server is not None:
        good = f"{tokens.issuer(call)}/v1/token"
    audience = claims.get("aud")
    if good not in (audience if isinstance(audience, list) else [audience]):
        raise OAuthError(
            "invalid_client",
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
            401,
        )
    if float(claims.get("exp", 0)) <= call.world.clock.wall():
        raise OAuthError("invalid_client", "The client_assertion token is expired.", 401)


# --- proof of possession (RFC 9449)
def _dpop(call: Exchange, app: dict[str, Any]) -> str | None:
    wanted = (app["settings"].get("oauthClient") or {}).get("dpop_bound_access_tokens")
    proof = call.request.headers.get("dpop")
    if not proof:
        if wanted:
            raise OAuthError("invalid_dpop_proof", "The DPoP proof JWT header is missing.")
        return None
    found = tokens.decode(proof)
    jwk = found[0].get("jwk") if found else None
    claims = tokens.verify(proof, [jwk]) if isinstance(jwk, dict) else None
    if claims is None or not isinstance(jwk, dict):
        raise OAuthError("invalid_dpop_proof", "The DPoP proof JWT is invalid.")
    nonce = claims.get("nonce")
    if nonce is None or nonce not in call.table("dpop_nonces"):
        fresh = call.world.text("okta.nonce", 32)
        call.table("dpop_nonces").put(fresh, call.world.now())
        raise OAuthError(
            "use_dpop_nonce",
            "Authorization server requires nonce in DPoP proof.",
            400,
            dpop_nonce=fresh,
        )
    return tokens.thumbprint(jwk)


# --- authorise
def _asked(call: Exchange) -> dict[str, str]:
    """Return what is asked for, in the request or (RFC 9126) pushed before it."""
    asked = {**dict(call.request.query), **form_of(call)}
    pushed = call.table("pushed").drop(asked.get("request_uri", ""))
    if pushed is not None and pushed["until"] > call.world.now():
        asked = {**asked, **pushed["asked"]}
    return asked


def authorize(call: Exchange) -> Reply:
    """``GET …/authorize``: the person who is hinted at (or the administrator) says yes at once."""
    asked = _asked(call)
    app = app_with(call, asked.get("client_id", ""))
    back = asked.get("redirect_uri", "")
    if app is None:
        return Reply(
            400,
            Text("<html><body>invalid_client</body></html>"),
            [("content-type", "text/html;charset=utf-8")],
        )
    allowed = (app["settings"].get("oauthClient") or {}).get("redirect_uris") or []
    if back not in allowed:
        return Reply(
            400,
            Text(
                "<html><body>The 'redirect_uri' parameter must be a Login redirect "
                "URI in the client app settings.</body></html>"
            ),
            [("content-type", "text/html;charset=utf-8")],
        )
    state = {"state": asked["state"]} if "state" in asked else {}
    kinds = asked.get("response_type", "").split()
    scopes = asked.get("scope", "").split()
    if not kinds or not set(kinds) <= {"code", "token", "id_token"}:
        return _back(
            back,
            asked,
            {
                **state,
                "error": "unsupported_response_type",
                "error_description": "The response type is not supported by the "
                "authorization server.",
            },
        )
    if "openid" not in scopes and call.params.get("authorizationServerId") is None:
        return _back(
            back,
            asked,
            {
                **state,
                "error": "invalid_scope",
                "error_description": _NO_OPENID,
            },
        )
    user = users.find(call.world, asked.get("login_hint", "")) if asked.get("login_hint") else None
    user = user or users.find(call.world, str(call.table("meta").get("admin")))
    if user is None or user["status"] != "ACTIVE":
        return _back(
            back,
            asked,
            {
                **state,
                "error": "access_denied",
                "error_description": "User is not assigned to the client application.",
            },
        )
    out = dict(state)
    if "code" in kinds:
        code = call.world.text("okta.code", 43)
        call.table("codes").put(code, {
            "client": app["id"], "user": user["id"], "scope": scopes, "redirect_uri": back,
            "nonce": asked.get("nonce"), "challenge": asked.get("code_challenge"),
            "method": asked.get("code_challenge_method", "plain"), "at": call.world.now(),
            "server": call.params.get("authorizationServerId"),
        })  # fmt: skip
        call.world.issue(code)
        out["code"] = code
    grant = issue(call, app, scopes, user, nonce=asked.get("nonce"))
    if "token" in kinds:
        out |= {
            key: str(grant[key]) for key in ("access_token", "token_type", "expires_in", "scope")
        }
    if "id_token" in kinds and "id_token" in grant:
        out["id_token"] = grant["id_token"]
    return _back(back, asked, out)


def _back(uri: str, asked: dict[str, str], pairs: dict[str, str]) -> Reply:
    mode = asked.get("response_mode") or (
        "query" if asked.get("response_type") == "code" else "fragment"
    )
    if mode == "form_post":
        fields = "".join(
            f'<input type="hidden" name="{key}" value="{value}"/>' for key, value in pairs.items()
        )
        page = f'<html><body><form method="post" action="{uri}">{fields}</form></body></html>'
        return Reply(200, Text(page), [("content-type", "text/html;charset=utf-8")])
    mark = "#" if mode == "fragment" else ("&" if "?" in uri else "?")
    return Reply(302, None, [("location", f"{uri}{mark}{urlencode(pairs)}")])


# --- token
def token(call: Exchange) -> Reply:
    """``POST …/token``."""
    form = form_of(call)
    grant = form.get("grant_type")
    if not grant:
        raise OAuthError("invalid_request", "The token request must contain a 'grant_type'.")
    app = client_of(call, form)
    bound = _dpop(call, app)
    allowed = (app["settings"].get("oauthClient") or {}).get("grant_types") or []
    if grant not in GRANTS and grant not in RULES:
        raise OAuthError("unsupported_grant_type", f"The grant type '{grant}' is not supported.")
    if grant not in allowed and not (
        grant == "refresh_token" and "offline_access" in form.get("scope", "offline_access")
    ):
        raise OAuthError(
            "unauthorized_client", "The client is not authorized to use the provided grant type."
        )
    rule = RULES.get(grant)
    if rule is None:
        raise OAuthError("unsupported_grant_type", f"The grant type '{grant}' is not supported.")
    return Reply(200, rule(call, app, form, bound), [("cache-control", "no-cache, no-store")])


def _by_code(
    call: Exchange, app: dict[str, Any], form: dict[str, str], bound: str | None
) -> dict[str, Any]:
    row = call.table("codes").drop(form.get("code", ""))
    late = row is not None and call.world.now() - row["at"] > CODE_S
    if row is None or late or row["client"] != app["id"]:
        raise OAuthError("invalid_grant", "The authorization code is invalid or has expired.")
    if row["redirect_uri"] != form.get("redirect_uri"):
        raise OAuthError(
            "invalid_grant",
            "The 'redirect_uri' does not match the redirection URI "
            "used in the authorization request.",
        )
    if row["challenge"] is not None:
        verifier = form.get("code_verifier", "")
        if row["method"] == "S256":
            verifier = keys.url64(hashlib.sha256(verifier.encode()).digest())
        if verifier != row["challenge"]:
            raise OAuthError("invalid_grant", "PKCE verification failed.")
    elif app["credentials"]["oauthClient"].get("pkce_required"):
        raise OAuthError("invalid_grant", "PKCE code challenge is required.")
    user = users.find(call.world, row["user"])
    if user is None:
        raise OAuthError("invalid_grant", "The user is not active.")
    return issue(call, app, row["scope"], user, nonce=row["nonce"], bound=bound)


def _by_refresh(
    call: Exchange, app: dict[str, Any], form: dict[str, str], bound: str | None
) -> dict[str, Any]:
    old = form.get("refresh_token", "")
    row = tokens.alive(call.world, old)
    if row is None or row["kind"] != "refresh_token" or row["client_id"] != app["id"]:
        raise OAuthError("invalid_grant", "The refresh token is invalid or expired.")
    scopes = form.get("scope", "").split() or list(row["scope"])
    if not set(scopes) <= set(row["scope"]):
        raise OAuthError("invalid_scope", "The requested scopes were not granted.")
    user = users.find(call.world, row["uid"])
    if user is None or user["status"] != "ACTIVE":
        raise OAuthError("invalid_grant", "The user is not active.")
    if (app["settings"].get("oauthClient") or {}).get("refresh_token", {}).get(
        "rotation_type"
    ) == "ROTATE":
        tokens.revoke(call.world, old)
        return issue(call, app, scopes, user, bound=bound)
    out = issue(call, app, [s for s in scopes if s != "offline_access"], user, bound=bound)
    return {**out, "scope": " ".join(scopes), "refresh_token": old}


def _by_password(
    call: Exchange, app: dict[str, Any], form: dict[str, str], bound: str | None
) -> dict[str, Any]:
    user = users.find(call.world, form.get("username", ""))
    known = call.table("passwords").get(user["id"]) if user else None
    if user is None or user["status"] != "ACTIVE" or known != form.get("password"):
        raise OAuthError("invalid_grant", "The credentials provided were invalid.")
    return issue(call, app, form.get("scope", "").split(), user, bound=bound)


def _by_device(
    call: Exchange, app: dict[str, Any], form: dict[str, str], bound: str | None
) -> dict[str, Any]:
    table, code = call.table("devices"), form.get("device_code", "")
    row = table.get(code)
    if row is None or row["client"] != app["id"]:
        raise OAuthError("invalid_grant", "The device code is invalid or has expired.")
    if row["until"] <= call.world.now():
        raise OAuthError("expired_token", "The device code is invalid or has expired.")
    if row["denied"]:
        raise OAuthError("access_denied", "The resource owner denied the request.")
    user = users.find(call.world, row["user"]) if row["user"] else None
    if user is None:
        raise OAuthError(
            "authorization_pending",
            "The device authorization is pending. Please try again later.",
        )
    table.drop(code)
    return issue(call, app, row["scope"], user, bound=bound)


def _by_client(
    call: Exchange, app: dict[str, Any], form: dict[str, str], bound: str | None
) -> dict[str, Any]:
    scopes = form.get("scope", "").split()
    if not scopes:
        raise OAuthError(
            "invalid_scope",
            "One or more scopes are not configured for the authorization server resource.",
        )
    server = _server(call)
    if server is None:
        if any(not scope.startswith("okta.") for scope in scopes):
            raise OAuthError("invalid_scope", "The scope is not allowed for this grant.")
        grants = call.world.table(f"okta.at:{apps.KIND}/{app['id']}/grants").values()
        granted = {row.get("scopeId") for row in grants}
        if not set(scopes) <= granted:
            raise OAuthError(
                "invalid_scope", "The requested scope is invalid, unknown, or malformed."
            )
    else:
        rows = call.world.table(f"{authservers.TABLE}/{server['id']}/scopes").values()
        custom = {row["name"] for row in rows if not row.get("system")}
        if not set(scopes) <= custom:
            raise OAuthError(
                "invalid_scope",
                "One or more scopes are not configured for the authorization server resource.",
            )
    return issue(call, app, scopes, None, bound=bound)


def issue(
    call: Exchange,
    app: dict[str, Any],
    scopes: list[str],
    user: dict[str, Any] | None,
    *,
    nonce: str | None = None,
    bound: str | None = None,
) -> dict[str, Any]:
    """Mint the tokens of a grant and return the answer that has them."""
    world, server = call.world, _server(call)
    now = int(world.now())
    issuer = tokens.issuer(call)
    client = app["credentials"]["oauthClient"]["client_id"]
    claims: dict[str, Any] = {
        "ver": 1, "jti": "AT." + world.text("okta.jti", 43), "iss": issuer,
        "aud": server["audiences"][0] if server and server.get("audiences") else issuer,
        "iat": now, "exp": now + tokens.ACCESS_S, "cid": client, "scp": scopes,
        "sub": user["profile"]["login"] if user else client,
    }  # fmt: skip
    if user is not None:
        claims |= {"uid": user["id"], "auth_time": now}
    if bound is not None:
        claims["cnf"] = {"jkt": bound}
    row = {
        "kind": "access_token", "client_id": app["id"], "uid": user["id"] if user else None,
        "scope": scopes, "exp": float(claims["exp"]), "claims": claims,
        "server": server["id"] if server else None,
    }  # fmt: skip
    access = tokens.sign(world, claims)
    tokens.remember(world, access, row)
    out: dict[str, Any] = {
        "token_type": "DPoP" if bound else "Bearer", "expires_in": tokens.ACCESS_S,
        "access_token": access, "scope": " ".join(scopes),
    }  # fmt: skip
    if user is not None and "offline_access" in scopes:
        out["refresh_token"] = world.text("okta.refresh", 43)
        tokens.remember(world, out["refresh_token"], {
            **row, "kind": "refresh_token", "exp": world.now() + tokens.REFRESH_S,
        })  # fmt: skip
    if user is not None and "openid" in scopes:
        at_hash = keys.url64(hashlib.sha256(access.encode()).digest()[:16])
        identity = {
            **tokens.user_claims(user, scopes), "ver": 1, "iss": issuer, "aud": client,
            "iat": now, "exp": now + tokens.ACCESS_S, "jti": "ID." + world.text("okta.jti", 43),
            "amr": ["pwd"], "idp": call.table("meta").get("org"), "auth_time": now,
            "at_hash": at_hash,
        }  # fmt: skip
        if nonce:
            identity["nonce"] = nonce
        out["id_token"] = tokens.sign(world, identity)
    return out


Grant = Callable[[Exchange, dict[str, Any], dict[str, str], str | None], dict[str, Any]]
# Other modules add theirs: what `grant_type` names, and how it becomes tokens.
RULES: Final[dict[str, Grant]] = {
    "authorization_code": _by_code,
    "refresh_token": _by_refresh,
    "password": _by_password,
    "client_credentials": _by_client,
    DEVICE: _by_device,
}
