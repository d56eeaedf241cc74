"""Google's OAuth: tokens of users and service accounts, consent, looking at tokens, revoking."""

import base64
import binascii
import hashlib
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from unlit.twins.kit import signing
from unlit.twins.kit.http import Reply, Request
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.google.call import Ask, Routes, Row

routes = Routes("", "oauth")
LIFE_S: Final = 3599
JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ID: Final = "fake-client.apps.googleusercontent.com"
CLIENT_SECRET: Final = "fake-client-secret"  # noqa: S105 # visibly fake, of every world
_TOKEN_PATHS: Final = ("/token", "/o/oauth2/token", "/oauth2/v4/token", "/oauth2/v3/token")


def prepare(world: World) -> None:
    """Register the client that every world knows."""
    row = {"id": CLIENT_ID, "secret": CLIENT_SECRET, "redirects": ()}
    world.table("google.clients").put(CLIENT_ID, row)


def credential(request: Request) -> str | None:
    """Return what a token call identifies its world by: a refresh token or code."""
    if request.method == "POST" and request.raw_path in _TOKEN_PATHS:
        given = dict(request.form())
        return given.get("refresh_token") or given.get("code")
    return None


def refuse(status: int, error: str, text: str = "") -> Reply:
    """Return an OAuth error."""
    body = {"error": error}
    if text:
        body["error_description"] = text
    return Reply(status, body)


def issue(world: World, mail: str, scopes: frozenset[str] | None, client: str, kind: str) -> str:
    """Mint an access token."""
    token = "ya29.fake-" + world.text("google.token", 40)
    until = world.now() + LIFE_S
    extra = {"until": until, "client": client, "kind": kind}
    world.table("google.tokens").put(token, Actor(mail, kind, scopes, extra))
    world.issue(token)
    return token


def _answer(world: World, mail: str, scope: str, client: str, kind: str = "user") -> Row:
    token = issue(world, mail, frozenset(scope.split()), client, kind)
    out: Row = {"access_token": token, "expires_in": LIFE_S, "scope": scope, "token_type": "Bearer"}
    if "openid" in scope.split():
        out["id_token"] = id_token(world, mail, client)
    return out


def _token(ask: Ask) -> Any:
    given = dict(ask.request.form())
    if ask.request.content_type == "application/json":
        given = {str(k): str(v) for k, v in ask.body().items()}
    grant = given.get("grant_type", "")
    if not grant:
        return refuse(400, "invalid_request", "Missing required parameter: grant_type")
    if grant == JWT_GRANT:
        return _for_account(ask, given)
    if grant not in ("refresh_token", "authorization_code"):
        return refuse(400, "unsupported_grant_type", f"Invalid grant_type: {grant}")
    client = _client(ask, given)
    if client is None:
        return refuse(401, "invalid_client", "The OAuth client was not found.")
    secret = given.get("client_secret")
    if secret is not None and secret != client["secret"]:
        return refuse(401, "invalid_client", "Unauthorized")
    return (
        _refreshed(ask, given, client)
        if grant == "refresh_token"
        else _exchanged(ask, given, client)
    )


for _path in _TOKEN_PATHS:
    routes.add("POST", _path, "token", public=True)(_token)


def _client(ask: Ask, given: dict[str, str]) -> Row | None:
    ident = given.get("client_id")
    basic = ask.request.headers.get("authorization", "")
    if ident is None and basic.lower().startswith("basic "):
        try:
            pair = base64.b64decode(basic[6:]).decode()
        except (ValueError, binascii.Error):
            return None
        ident, _, given["client_secret"] = pair.partition(":")
    found: Row | None = ask.table("clients").get(ident)
    return found


def _refreshed(ask: Ask, given: dict[str, str], client: Row) -> Any:
    held = ask.table("refresh_tokens").get(given.get("refresh_token"))
    if held is None or held["client"] != client["id"]:
        return refuse(
            400, "invalid_grant", "Bad Request" if held else "Token has been expired or revoked."
        )
    scope = given.get("scope") or held["scope"]
    if not set(scope.split()) <= set(held["scope"].split()):
        return refuse(400, "invalid_scope", "Bad Request")
    return _answer(ask.world, held["mail"], scope, client["id"])


def _exchanged(ask: Ask, given: dict[str, str], client: Row) -> Any:
    held = ask.table("codes").drop(given.get("code"))
    if held is None or held["client"] != client["id"] or held["until"] < ask.world.now():
        return refuse(
            400, "invalid_grant", "Malformed auth code." if held is None else "Bad Request"
        )
    if given.get("redirect_uri") != held["redirect"]:
        return refuse(400, "redirect_uri_mismatch", "Bad Request")
    if held["challenge"]:
        if not given.get("code_verifier"):
            return refuse(400, "invalid_grant", "Missing code verifier.")
        if _challenge(given["code_verifier"], held["method"]) != held["challenge"]:
            return refuse(400, "invalid_grant", "Invalid code verifier.")
    out = _answer(ask.world, held["mail"], held["scope"], client["id"])
    if held["offline"]:
        refresh = "1//fake-" + ask.world.text("google.refresh", 40)
        row = {"mail": held["mail"], "scope": held["scope"], "client": client["id"]}
        ask.table("refresh_tokens").put(refresh, row)
        ask.world.issue(refresh)
        out["refresh_token"] = refresh
    return out


def _challenge(verifier: str, method: str) -> str:
    if method != "S256":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# --- service accounts
def _for_account(ask: Ask, given: dict[str, str]) -> Any:
    parts = given.get("assertion", "").split(".")
    try:
        head, claims = (msgspec.json.decode(_unpadded(part)) for part in parts[:2])
        signature = _unpadded(parts[2])
    except (ValueError, IndexError, binascii.Error, msgspec.DecodeError):
        return refuse(400, "invalid_grant", "Bad Request")
    account = ask.table("accounts").get(claims.get("iss"))
    if account is None:
        return refuse(400, "invalid_grant", "Invalid grant: account not found")
    if head.get("alg") != "RS256" or not _signed(account, parts, signature):
        return refuse(400, "invalid_grant", "Invalid JWT Signature.")
    now = ask.world.now()
    issued, until = claims.get("iat", 0), claims.get("exp", 0)
    if until < now or issued > now + 300 or until - issued > 3600:
        return refuse(
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim.",
        )
    scope = str(claims.get("scope") or "")
    if not scope:
        return refuse(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    mail = str(claims.get("sub") or account["email"])
    if mail != account["email"]:
        known = ask.table("people").get(mail.lower())
        if known is None:
            return refuse(400, "invalid_grant", "Invalid email or User ID")
        if not account.get("delegation"):
            return refuse(
                401,
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or "
                "client not authorized for any of the scopes requested.",
            )
    out = _answer(ask.world, mail.lower(), scope, account["email"], "service")
    out.pop("scope")
    return out


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed(account: Row, parts: list[str], signature: bytes) -> bool:
    """Check a signature by the account's public key; an account without one trusts any."""
    pem = account.get("public_key")
    if not pem:
        return True
    key = serialization.load_pem_public_key(str(pem).encode())
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    try:
        key.verify(
            signature, f"{parts[0]}.{parts[1]}".encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return False
    return True


# --- consent
def _consent(ask: Ask) -> Any:
    """Agree at once, as the person named by `login_hint` or else the administrator."""
    client = ask.table("clients").get(ask.arg("client_id"))
    redirect = ask.arg("redirect_uri")
    if client is None:
        return _page(401, "Error 401: invalid_client", "The OAuth client was not found.")
    allowed = client["redirects"]
    if not redirect or (allowed and redirect not in allowed):
        return _page(400, "Error 400: redirect_uri_mismatch", "The redirect URI is not registered.")
    joint = "&" if "?" in redirect else "?"
    if ask.arg("response_type") != "code":
        query = urlencode({"error": "unsupported_response_type", "state": ask.arg("state")})
        return Reply(302, None, [("location", redirect + joint + query)])
    if not ask.arg("scope"):
        return _page(400, "Error 400: invalid_request", "Missing required parameter: scope")
    people = ask.table("people")
    person = people.get(ask.arg("login_hint").lower()) or next(iter(people.values()))
    code = "4/0fake-" + ask.world.text("google.code", 60)
    ask.table("codes").put(
        code,
        {
            "client": client["id"],
            "redirect": redirect,
            "scope": ask.arg("scope"),
            "mail": person["emailAddress"].lower(),
            "challenge": ask.arg("code_challenge"),
            "method": ask.arg("code_challenge_method", "plain"),
            "offline": ask.arg("access_type") == "offline",
            "until": ask.world.now() + 600,
        },
    )
    ask.world.issue(code)
    query = urlencode(
        {"state": ask.arg("state"), "code": code, "scope": ask.arg("scope")}, quote_via=quote
    )
    return Reply(302, None, [("location", redirect + joint + query)])


for _path in ("/o/oauth2/v2/auth", "/o/oauth2/auth"):
    routes.add("GET", _path, "auth", public=True)(_consent)


def _page(status: int, title: str, text: str) -> Reply:
    shown = escape(title)
    html = f"<!doctype html><title>{shown}</title><h1>{shown}</h1><p>{escape(text)}</p>"
    return Reply(status, html.encode(), [("content-type", "text/html; charset=utf-8")])


# --- looking at tokens
_EVERY: Final = frozenset(
    f"https://www.googleapis.com/auth/{name}" for name in ("documents", "drive", "spreadsheets")
)


def _tokeninfo(ask: Ask) -> Any:
    given = dict(ask.request.form()) if ask.request.method == "POST" else {}
    token = ask.arg("access_token") or given.get("access_token", "")
    actor = ask.table("tokens").get(token)
    if token and token == ask.exchange.twin.default_token(ask.world):
        held = ask.exchange.twin.administrator(ask.world)  # a token of every scope, without an end
        extra = {"client": CLIENT_ID, "until": ask.world.now() + 3600}
        actor = Actor(held.id, held.kind, _EVERY, extra)
    if not isinstance(actor, Actor):
        return refuse(400, "invalid_token", "Invalid Value")
    left = int(float(actor.extra.get("until", 0)) - ask.world.now())
    if left <= 0:
        return refuse(400, "invalid_token", "Invalid Value")
    person = ask.table("people").get(actor.id) or {}
    scope = " ".join(sorted(actor.scopes or ()))
    out: Row = {
        "azp": actor.extra["client"],
        "aud": actor.extra["client"],
        "scope": scope,
        "exp": str(int(ask.world.now()) + left),
        "expires_in": str(left),
        "access_type": "online" if actor.kind == "service" else "offline",
    }
    if person:
        out |= {"sub": person["id"], "email": person["emailAddress"], "email_verified": "true"}
    return out


for _path in ("/tokeninfo", "/oauth2/v3/tokeninfo", "/oauth2/v1/tokeninfo", "/oauth2/v2/tokeninfo"):
    for _method in ("GET", "POST"):
        routes.add(_method, _path, "tokeninfo", public=True)(_tokeninfo)


def _userinfo(ask: Ask) -> Any:
    me = ask.me
    newer = "/v2/" not in ask.request.raw_path
    out: Row = {"sub" if newer else "id": me.get("id")}
    scopes = ask.exchange.actor.scopes
    stem = "https://www.googleapis.com/auth/userinfo."
    if scopes is None or scopes & {"profile", f"{stem}profile"}:
        out |= {
            "name": me.get("displayName"),
            "picture": "https://lh3.googleusercontent.com/a/default",
        }
    if scopes is None or scopes & {"email", f"{stem}email"}:
        out |= {
            "email": me.get("emailAddress"),
            ("email_verified" if newer else "verified_email"): True,
        }
    return out


for _path in ("/oauth2/v3/userinfo", "/oauth2/v2/userinfo", "/oauth2/v1/userinfo", "/v1/userinfo"):
    routes.add("GET", _path, "userinfo")(_userinfo)


def _revoke(ask: Ask) -> Any:
    token = ask.arg("token") or dict(ask.request.form()).get("token", "")
    gone = ask.table("tokens").drop(token) or ask.table("refresh_tokens").drop(token)
    return (
        Reply(200, {})
        if gone is not None
        else refuse(400, "invalid_token", "Token expired or revoked")
    )


for _path in ("/revoke", "/o/oauth2/revoke"):
    for _method in ("GET", "POST"):
        routes.add(_method, _path, "revoke", public=True)(_revoke)


# --- identity tokens
def id_token(world: World, mail: str, client: str) -> str:
    """Sign an identity token; its key is this process's own."""
    person = world.table("google.people").get(mail) or {}
    now = int(world.now())
    claims = {
        "iss": "https://accounts.google.com",
        "azp": client,
        "aud": client,
        "sub": person.get("id", ""),
        "email": person.get("emailAddress", mail),
        "email_verified": True,
        "name": person.get("displayName"),
        "iat": now,
        "exp": now + 3600,
    }
    return signing.signed(claims)


@routes.add("GET", "/oauth2/v3/certs", "certs", public=True)
def certs(ask: Ask) -> Any:
    """Return the public key of identity tokens."""
    return signing.key_set()


@routes.add("GET", "/.well-known/openid-configuration", "discovery", public=True)
def configuration(ask: Ask) -> Any:
    """Return where the endpoints are."""
    base = ask.request.origin
    return {
        "issuer": "https://accounts.google.com",
        "authorization_endpoint": f"{base}/o/oauth2/v2/auth",
        "token_endpoint": f"{base}/token",
        "userinfo_endpoint": f"{base}/v1/userinfo",
        "revocation_endpoint": f"{base}/revoke",
        "jwks_uri": f"{base}/oauth2/v3/certs",
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": ["authorization_code", "refresh_token", JWT_GRANT],
    }


__all__ = ["certs", "credential", "issue", "prepare", "routes"]
