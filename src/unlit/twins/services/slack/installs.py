"""Apps and tokens: OAuth v2 with scopes and rotation, revocation, Socket Mode's address."""

import base64
import binascii
from typing import Any, Final
from urllib.parse import urlencode

from unlit.twins.kit.http import Reply, Text
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.model import Actor
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.workspace import seconds

CODE_S: Final = 600
TOKEN_S: Final = 43_200


def client_of(world: World) -> dict[str, str]:
    """Return the credentials of the preset app; visibly fake."""
    meta = world.table("slack.meta")
    found = meta.get("client")
    if found is None:
        found = meta.put("client", {
            "client_id": f"fake-client-{world.text('slack.client', 12, '0123456789')}",
            "client_secret": f"fake-secret-{world.text('slack.client', 20, '0123456789abcdef')}",
            "signing_secret": f"fake-signing-{world.text('slack.client', 20, '0123456789abcdef')}",
        })  # fmt: skip
    return found  # type: ignore[no-any-return] # JSON


def webhook_path(world: World) -> str:
    """Return the path of the preset app's incoming webhook."""
    meta = world.table("slack.meta")
    found = meta.get("webhook")
    if found is None:
        secret = "fake" + world.text("slack.webhook", 20)
        found = meta.put("webhook", f"/services/{meta['team']['id']}/{meta['bot']}/{secret}")
        world.issue(secret)
    return str(found)


def authorize(call: Exchange) -> Reply:
    """``GET /oauth/v2/authorize``: the person says yes at once, the browser goes back."""
    request = call.request
    back = request.arg("redirect_uri") or ""
    if request.arg("client_id") != client_of(call.world)["client_id"]:
        text = Text("<html><body>invalid_client_id</body></html>")
        return Reply(200, text, [("content-type", "text/html")])
    code = call.world.text("slack.code", 40, "0123456789abcdef")
    call.table("codes").put(code, {
        "scope": request.arg("scope") or "", "user_scope": request.arg("user_scope") or "",
        "redirect_uri": back, "at": call.world.now(), "nonce": request.arg("nonce"),
    })  # fmt: skip
    call.world.issue(code)
    pairs = {"code": code, "state": request.arg("state") or ""}
    mark = "&" if "?" in back else "?"
    return Reply(302, None, [("location", f"{back}{mark}{urlencode(pairs)}")])


def _client(ask: Ask) -> None:
    known = client_of(ask.world)
    key, secret = ask.text("client_id"), ask.text("client_secret")
    head = ask.call.request.headers.get("authorization", "")
    if head.lower().startswith("basic "):
        try:
            key, _, secret = base64.b64decode(head[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise SlackError("invalid_client_id") from error
    if key != known["client_id"]:
        raise SlackError("invalid_client_id")
    if secret != known["client_secret"]:
        raise SlackError("bad_client_secret")


def mint_token(world: World, kind: str, actor: Actor, *, expires: bool = False) -> dict[str, Any]:
    """Mint a token for an actor and return it as OAuth answers it."""
    token = f"{kind}-fake-{world.text('slack.token', 24)}"
    if expires:
        token = f"xoxe.{token}"
    world.table("slack.tokens").put(token, actor)
    world.issue(token)
    out: dict[str, Any] = {"access_token": token}
    if expires:
        world.table("slack.expiry").put(token, world.now() + TOKEN_S)
        refresh = f"xoxe-1-fake-{world.text('slack.refresh', 24)}"
        world.table("slack.refreshes").put(refresh, {"kind": kind, "actor": actor, "of": token})
        world.issue(refresh)
        out |= {"refresh_token": refresh, "expires_in": TOKEN_S}
    return out


def access(ask: Ask, *, person: bool = False) -> dict[str, Any]:
    """``oauth.v2.access``: a code, or a refresh token, becomes tokens.

    Args:
        ask: The call.
        person: The scopes are a person's (Sign in with Slack), not a bot's.
    """
    _client(ask)
    if ask.text("grant_type") == "refresh_token":
        return _refreshed(ask)
    row = ask.table("codes").get(ask.text("code"))
    if row is None or row.get("used"):
        raise SlackError("invalid_code" if row is None else "code_already_used")
    if ask.world.now() - row["at"] > CODE_S:
        raise SlackError("invalid_code")
    if (
        row["redirect_uri"]
        and ask.has("redirect_uri")
        and (row["redirect_uri"] != ask.text("redirect_uri"))
    ):
        raise SlackError("bad_redirect_uri")
    ask.table("codes").put(ask.text("code"), {**row, "used": True})
    if person:
        return _granted(ask, "", row["scope"] or row["user_scope"])
    return _granted(ask, row["scope"], row["user_scope"])


def _granted(ask: Ask, scope: str, user_scope: str) -> dict[str, Any]:
    meta = ask.table("meta")
    bot = ask.table("bots")[meta["bot"]]
    team = meta["team"]
    expires = bool(meta.get("token_rotation"))
    out: dict[str, Any] = {
        "app_id": bot["app_id"],
        "authed_user": {"id": meta["admin"]},
        "team": {"id": team["id"], "name": team["name"]},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if scope:
        scopes = frozenset(scope.replace(" ", ",").split(","))
        extra = {"bot_id": bot["id"], "app_id": bot["app_id"]}
        actor = Actor(bot["user_id"], "bot", scopes, extra)
        out |= {
            "scope": ",".join(sorted(scopes)),
            "token_type": "bot",
            "bot_user_id": bot["user_id"],
            **mint_token(ask.world, "xoxb", actor, expires=expires),
        }
    if user_scope:
        scopes = frozenset(user_scope.replace(" ", ",").split(","))
        actor = Actor(meta["admin"], "user", scopes, {"app_id": bot["app_id"]})
        out["authed_user"] |= {
            "scope": ",".join(sorted(scopes)),
            "token_type": "user",
            **mint_token(ask.world, "xoxp", actor, expires=expires),
        }
    return out


def _refreshed(ask: Ask) -> dict[str, Any]:
    row = ask.table("refreshes").drop(ask.text("refresh_token"))
    if row is None:
        raise SlackError("invalid_refresh_token")
    ask.table("expiry").put(row["of"], 0.0)
    actor: Actor = row["actor"]
    team = ask.table("meta")["team"]
    return {
        **mint_token(ask.world, row["kind"], actor, expires=True),
        "token_type": "bot" if row["kind"] == "xoxb" else "user",
        "scope": ",".join(sorted(actor.scopes or ())),
        "app_id": actor.extra.get("app_id"),
        "bot_user_id": actor.id,
        "team": {"id": team["id"], "name": team["name"]},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def revoke(ask: Ask) -> dict[str, Any]:
    """``auth.revoke``."""
    if ask.flag("test"):
        return {"revoked": False}
    token = ask.call.token
    ask.table("revoked").put(token, seconds(ask.world))
    return {"revoked": True}


def teams(ask: Ask) -> dict[str, Any]:
    """``auth.teams.list``."""
    team = ask.table("meta")["team"]
    return {
        "teams": [{"id": team["id"], "name": team["name"]}],
        "response_metadata": {"next_cursor": ""},
    }


def socket_url(ask: Ask) -> dict[str, Any]:
    """``apps.connections.open``: where Socket Mode connects to, once, within 30 seconds."""
    ticket = ask.world.text("slack.ticket", 32, "0123456789abcdef")
    ask.table("tickets").put(
        ticket, {"app": ask.call.actor.extra.get("app_id"), "at": ask.world.now()}
    )
    ask.world.issue(ticket)
    app = ask.call.actor.extra.get("app_id", "")
    return {"url": f"{_socket_base(ask)}/link/?ticket={ticket}&app_id={app}"}


def _socket_base(ask: Ask) -> str:
    origin = ask.call.request.origin
    if origin.startswith("https://"):
        return "wss://wss-primary.slack.com"
    return origin.replace("http://", "ws://", 1)


def rtm(ask: Ask) -> dict[str, Any]:
    """``rtm.connect``, ``rtm.start``: where the client's socket connects to, within 30 s."""
    ticket = ask.world.text("slack.ticket", 32, "0123456789abcdef")
    row = {"token": ask.call.token, "rtm": True, "at": ask.world.now()}
    ask.table("tickets").put(ticket, row)
    ask.world.issue(ticket)
    team = ask.table("meta")["team"]
    user = ask.table("users").get(ask.me) or {}
    return {
        "url": f"{_socket_base(ask)}/link/?ticket={ticket}",
        "team": {"id": team["id"], "name": team["name"], "domain": team["domain"]},
        "self": {"id": ask.me, "name": user.get("name", "")},
    }


METHODS: Final = {
    "rtm.connect": rtm,
    "rtm.start": rtm,
    "oauth.v2.access": access,
    "auth.revoke": revoke,
    "auth.teams.list": teams,
    "apps.connections.open": socket_url,
}
OPEN: Final = frozenset(
    ("oauth.v2.access", "oauth.v2.user.access", "oauth.access", "openid.connect.token", "api.test",
     "tooling.tokens.rotate")
)  # fmt: skip
ROUTES: Final = (Route("GET", "/oauth/v2/authorize", authorize, "oauth.v2.authorize", open=True),)
