"""OAuth 2 of Atlassian's cloud: tokens, refresh with rotation, which sites a token reaches."""

from typing import Any, Final
from urllib.parse import quote, urlencode

from unlit.twins.kit.http import Reply
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row

routes = Routes()
CLIENT_ID: Final = "fake-jira-client"
CLIENT_SECRET: Final = "fake-jira-secret"  # noqa: S105 # visibly fake, of every world
LIFE_S: Final = 3600


def cloud_id(world: World) -> str:
    """Return the id of the site."""
    table = world.table("jira.site")
    found = table.get("cloud id")
    if found is None:
        digits = world.text("jira.cloud", 32, "0123456789abcdef")
        found = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        table.put("cloud id", found)
    return str(found)


def issue(world: World, account: str, scopes: frozenset[str] | None) -> str:
    """Mint an access token."""
    token = "fake-ey." + world.text("jira.token", 60)
    until = world.now() + LIFE_S
    world.table("jira.tokens").put(token, Actor(account, "user", scopes, {"until": until}))
    world.issue(token)
    return token


def _refuse(error: str, text: str, status: int = 400) -> Reply:
    return Reply(status, {"error": error, "error_description": text})


def _answer(world: World, account: str, scope: str) -> Row:
    scopes = frozenset(scope.split())
    out: Row = {
        "access_token": issue(world, account, scopes),
        "expires_in": LIFE_S,
        "token_type": "Bearer",
        "scope": scope,
    }
    if "offline_access" in scopes:
        refresh = "fake-refresh-" + world.text("jira.refresh", 40)
        world.table("jira.refresh_tokens").put(refresh, {"account": account, "scope": scope})
        world.issue(refresh)
        out["refresh_token"] = refresh
    return out


@routes.add("POST", "oauth/token", "oauthToken", public=True, stem="")
def token(ask: Ask) -> Any:
    """Exchange a code, or a refresh token that is used up by it."""
    given = dict(ask.request.form())
    if ask.request.content_type == "application/json":
        given = {str(k): str(v) for k, v in ask.body().items()}
    if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return _refuse("access_denied", "Unauthorized", 401)
    grant = given.get("grant_type")
    if grant == "refresh_token":
        held = ask.site.table("refresh_tokens").drop(given.get("refresh_token"))
        if held is None:
            return _refuse("unauthorized_client", "refresh_token is invalid", 403)
        return _answer(ask.site.world, held["account"], held["scope"])
    if grant == "authorization_code":
        held = ask.site.table("codes").drop(given.get("code"))
        if held is None or held["redirect"] != given.get("redirect_uri"):
            return _refuse("invalid_grant", "Invalid authorization code", 403)
        return _answer(ask.site.world, held["account"], held["scope"])
    return _refuse("unsupported_grant_type", "Unsupported grant type")


@routes.add("GET", "authorize", "oauthAuthorize", public=True, stem="")
def authorize(ask: Ask) -> Any:
    """Agree at once as the administrator, and send the caller back with a code."""
    redirect = ask.arg("redirect_uri")
    if ask.arg("client_id") != CLIENT_ID or not redirect:
        return _refuse("invalid_request", "Unknown client or redirect_uri")
    code = "fake-code-" + ask.site.world.text("jira.code", 40)
    row = {
        "account": ask.site.table("site").get("admin"),
        "scope": ask.arg("scope"),
        "redirect": redirect,
    }
    ask.site.table("codes").put(code, row)
    ask.site.world.issue(code)
    query = urlencode({"code": code, "state": ask.arg("state")}, quote_via=quote)
    joint = "&" if "?" in redirect else "?"
    return Reply(302, None, [("location", redirect + joint + query)])


@routes.add("GET", "oauth/token/accessible-resources", "accessibleResources", stem="")
def resources(ask: Ask) -> Any:
    """Return the sites that a token reaches."""
    scopes = ask.exchange.actor.scopes
    return [
        {
            "id": cloud_id(ask.site.world),
            "url": ask.request.origin,
            "name": "twin",
            "scopes": sorted(scopes or ()),
            "avatarUrl": f"{ask.request.origin}/avatars/240/flag.png",
        }
    ]


@routes.add("GET", "me", "oauthMe", stem="")
def me(ask: Ask) -> Any:
    """Return the person behind a token."""
    row = ask.site.table("users").get(ask.me) or {}
    return {
        "account_type": row.get("accountType"),
        "account_id": ask.me,
        "email": row.get("emailAddress"),
        "name": row.get("displayName"),
        "picture": f"{ask.request.origin}/avatars/{ask.me}",
        "account_status": "active" if row.get("active") else "inactive",
        "zoneinfo": row.get("timeZone"),
        "locale": str(row.get("locale") or "en_US").replace("_", "-"),
    }
