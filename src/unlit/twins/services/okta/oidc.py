"""OpenID Connect beside the tokens: introspection, keys, user info, sign-out, metadata."""

from typing import Any, Final
from urllib.parse import urlencode

from unlit.twins.kit.http import Reply, Text
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import authservers, keys, tokens, users
from unlit.twins.services.okta.oauth import (
    GRANTS,
    OAuthError,
    answered,
    authorize,
    client_of,
    form_of,
    token,
)
from unlit.twins.services.okta.org import org_id


# --- looking at tokens
def introspect(call: Exchange) -> Reply:
    """``POST …/introspect``."""
    form = form_of(call)
    app = client_of(call, form)
    if not form.get("token"):
        raise OAuthError("invalid_request", "The introspection request must contain a 'token'.")
    row = tokens.alive(call.world, form["token"])
    if row is None or (row["server"] is None and row["client_id"] != app["id"]):
        return Reply(200, {"active": False})
    claims = row["claims"]
    out = {
        "active": True, "scope": " ".join(row["scope"]), "username": claims["sub"],
        "exp": int(row["exp"]), "iat": claims["iat"], "sub": claims["sub"], "aud": claims["aud"],
        "iss": claims["iss"], "jti": claims["jti"], "client_id": claims["cid"],
    }  # fmt: skip
    if row["kind"] == "access_token":
        out["token_type"] = "DPoP" if "cnf" in claims else "Bearer"
    if row["uid"]:
        out["uid"] = row["uid"]
    return Reply(200, out)


def revoke(call: Exchange) -> Reply:
    """``POST …/revoke``: always 200, also for what is no token."""
    form = form_of(call)
    client_of(call, form)
    if not form.get("token"):
        raise OAuthError("invalid_request", "The revoke request must contain a 'token'.")
    tokens.revoke(call.world, form["token"])
    return Reply(200)


def jwks(call: Exchange) -> Reply:
    """``GET …/keys``."""
    key = {
        "kty": "RSA",
        "alg": "RS256",
        "kid": tokens.kid(call.world),
        "use": "sig",
        **{name: keys.public_jwk()[name] for name in ("e", "n")},
    }
    return Reply(200, {"keys": [key]}, [("cache-control", "max-age=4892640, must-revalidate")])


def userinfo(call: Exchange) -> Reply:
    """``GET …/userinfo``."""
    row = tokens.alive(call.world, call.token or "")
    if row is None or not row["uid"]:
        problem = 'Bearer error="invalid_token", error_description="The access token is invalid."'
        return Reply(401, None, [("www-authenticate", problem)])
    if "openid" not in row["scope"]:
        problem = (
            'Bearer error="insufficient_scope", error_description="The access token must '
            "provide access to at least one of these scopes - profile, email, address or "
            'phone"'
        )
        return Reply(403, None, [("www-authenticate", problem)])
    user = users.find(call.world, row["uid"])
    if user is None:
        return Reply(401)
    return Reply(200, tokens.user_claims(user, list(row["scope"])))


def logout(call: Exchange) -> Reply:
    """``GET …/logout``: goes where it is told to."""
    asked = {**dict(call.request.query), **form_of(call)}
    back = asked.get("post_logout_redirect_uri")
    if not back:
        return Reply(
            200,
            Text("<html><body>Signed out</body></html>"),
            [("content-type", "text/html;charset=utf-8")],
        )
    state = "?" + urlencode({"state": asked["state"]}) if "state" in asked else ""
    return Reply(302, None, [("location", back + state)])


def metadata(call: Exchange) -> Reply:
    """``GET …/.well-known/{openid-configuration,oauth-authorization-server}``."""
    issuer = tokens.issuer(call)
    base = f"{issuer}/v1" if call.params else f"{issuer}/oauth2/v1"
    body: dict[str, Any] = {"issuer": issuer}
    for name, path in (
        ("authorization", "authorize"),
        ("token", "token"),
        ("userinfo", "userinfo"),
        ("registration", "clients"),
        ("introspection", "introspect"),
        ("revocation", "revoke"),
        ("end_session", "logout"),
        ("device_authorization", "device/authorize"),
    ):
        at = f"{call.request.origin}/oauth2/v1/clients" if path == "clients" else f"{base}/{path}"
        body[f"{name}_endpoint"] = at
    methods = [
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "none",
    ]
    body |= {
        "jwks_uri": f"{base}/keys",
        "response_types_supported": ["code", "id_token", "code id_token", "code token",
                                     "id_token token", "code id_token token"],
        "response_modes_supported": ["query", "fragment", "form_post", "okta_post_message"],
        "grant_types_supported": list(GRANTS), "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": list(authservers.SCOPES),
        "token_endpoint_auth_methods_supported": methods,
        "claims_supported": ["iss", "ver", "sub", "aud", "iat", "exp", "jti", "auth_time", "amr",
                             "idp", "nonce", "name", "nickname", "preferred_username",
                             "given_name", "middle_name", "family_name", "email",
                             "email_verified", "profile", "zoneinfo", "locale", "address",
                             "phone_number", "picture", "website", "gender", "birthdate",
                             "updated_at", "at_hash", "c_hash"],
        "code_challenge_methods_supported": ["S256"],
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": ["HS256", "HS384", "HS512", "RS256",
                                                        "RS384", "RS512", "ES256", "ES384",
                                                        "ES512"],
        "dpop_signing_alg_values_supported": ["RS256", "RS384", "RS512", "ES256", "ES384",
                                              "ES512"],
    }  # fmt: skip
    return Reply(200, body)


def organization(call: Exchange) -> Reply:
    """``GET /.well-known/okta-organization``."""
    believed = call.table("documents").get("/.well-known/okta-organization")
    if believed is not None:
        return Reply(200, believed)
    host = call.request.origin
    return Reply(200, {
        "id": org_id(call.world), "pipeline": "idx",
        "settings": {"analyticsCollectionEnabled": False, "bugReportingEnabled": True,
                     "omEnabled": False},
        "_links": {"organization": {"href": host}, "alternate": {"href": host}},
    })  # fmt: skip


def _routes() -> tuple[Route, ...]:
    found = []
    for base, name in (("/oauth2/v1", "org"), ("/oauth2/{authorizationServerId}/v1", "custom")):
        rows = (
            ("GET", "authorize", authorize), ("POST", "authorize", authorize),
            ("POST", "token", token), ("POST", "introspect", introspect),
            ("POST", "revoke", revoke), ("GET", "keys", jwks), ("GET", "userinfo", userinfo),
            ("POST", "userinfo", userinfo), ("GET", "logout", logout), ("POST", "logout", logout),
        )  # fmt: skip
        for method, path, rule in rows:
            found.append(
                Route(method, f"{base}/{path}", answered(rule), f"{name}.{path}", open=True)
            )
    found += [
        Route("GET", prefix + path, answered(metadata), f"metadata{prefix}{path}", open=True)
        for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
        for prefix in ("", "/oauth2/{authorizationServerId}")
    ]
    found.append(
        Route(
            "GET",
            "/.well-known/okta-organization",
            organization,
            "getWellknownOrgMetadata",
            open=True,
        )
    )
    return tuple(found)


ROUTES: Final = _routes()
