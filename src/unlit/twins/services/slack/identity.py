"""Who somebody is: Sign in with Slack, OpenID Connect, older OAuth, configuration tokens."""

from typing import Any, Final

from unlit.twins.kit import signing
from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.slack import installs, workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.workspace import SIZES, seconds

ISSUER: Final = "https://slack.com"
TOOLING_S: Final = 43_200
SIGN_IN: Final = frozenset(("openid", "email", "profile"))


def identity(ask: Ask) -> dict[str, Any]:
    """``users.identity``: as much of the person as the token's ``identity.*`` scopes show."""
    if ask.call.actor.kind == "bot":
        raise SlackError("not_allowed_token_type")
    row, team = workspace.user(ask, ask.me), ask.table("meta")["team"]
    have = ask.call.actor.scopes
    person: dict[str, Any] = {"name": row["real_name"], "id": row["id"]}
    house: dict[str, Any] = {"id": team["id"]}
    if have is None or "identity.email" in have:
        person["email"] = row["profile"].get("email")
    if have is None or "identity.avatar" in have:
        person |= {f"image_{size}": row["profile"][f"image_{size}"] for size in SIZES}
    if have is None or "identity.team" in have:
        house |= {"name": team["name"], "domain": team["domain"], **team["icon"]}
    return {"user": person, "team": house}


def _claims(world: World, uid: str) -> dict[str, Any]:
    row, team = world.table("slack.users")[uid], world.table("slack.meta")["team"]
    profile, at = row["profile"], f"{ISSUER}/"
    return {
        "sub": uid, f"{at}user_id": uid, f"{at}team_id": team["id"],
        "email": profile.get("email"), "email_verified": bool(row.get("is_email_confirmed")),
        "date_email_verified": row["updated"], "name": row["real_name"],
        "picture": profile["image_512"], "given_name": profile.get("first_name", ""),
        "family_name": profile.get("last_name", ""), "locale": row.get("locale", "en-US"),
        f"{at}team_name": team["name"], f"{at}team_domain": team["domain"],
        **{f"{at}user_image_{size}": profile[f"image_{size}"] for size in SIZES},
        **{f"{at}team_{key}": value for key, value in team["icon"].items()},
    }  # fmt: skip


def user_info(ask: Ask) -> dict[str, Any]:
    """``openid.connect.userInfo``."""
    if ask.call.actor.kind == "bot":
        raise SlackError("not_allowed_token_type")
    return _claims(ask.world, ask.me)


def connect(ask: Ask) -> dict[str, Any]:
    """``openid.connect.token``: a code of ``/openid/connect/authorize`` becomes an ID token."""
    if ask.text("grant_type", "authorization_code") not in ("authorization_code", "refresh_token"):
        raise SlackError("unsupported_grant_type")
    found = installs.access(ask, person=True)
    if ask.text("grant_type") == "refresh_token":
        keys = ("access_token", "refresh_token", "expires_in")
        return {**{key: found[key] for key in keys}, "token_type": "Bearer"}
    person = found["authed_user"]
    now = seconds(ask.world)
    nonce = ask.table("codes").get(ask.text("code"), {}).get("nonce")
    claims = {
        "iss": ISSUER, "aud": ask.text("client_id"), "exp": now + 300, "iat": now,
        "auth_time": now, **({"nonce": nonce} if nonce else {}),
        **_claims(ask.world, person["id"]),
    }  # fmt: skip
    keys = ("access_token", "refresh_token", "expires_in")
    return {
        **{key: person[key] for key in keys if key in person},
        "token_type": "Bearer",
        "id_token": signing.signed(claims),
    }


def access_of_user(ask: Ask) -> dict[str, Any]:
    """``oauth.v2.user.access``: a code becomes a person's token only."""
    found = installs.access(ask)
    person = found["authed_user"]
    if "access_token" not in person:
        raise SlackError("no_user_scopes")
    keys = ("access_token", "refresh_token", "expires_in", "token_type")
    return {
        **{key: person[key] for key in keys if key in person},
        "authed_user": {"id": person["id"], "scope": person["scope"]},
        "team": {"id": found["team"]["id"]},
    }


def access_of_old(ask: Ask) -> dict[str, Any]:
    """``oauth.access``: what installs gave before OAuth v2."""
    found = installs.access(ask)
    bot, person = "access_token" in found, found["authed_user"]
    out: dict[str, Any] = {
        "access_token": person.get("access_token") or found.get("access_token"),
        "token_type": "user" if "access_token" in person else "bot",
        "scope": person.get("scope") or found.get("scope") or "",
        "user_id": person["id"],
        "team_id": found["team"]["id"],
        "team_name": found["team"]["name"],
        "enterprise_id": None,
    }
    if bot:
        out["bot"] = {
            "bot_user_id": found["bot_user_id"],
            "bot_access_token": found["access_token"],
        }
    return out


def rotate(ask: Ask) -> dict[str, Any]:
    """``tooling.tokens.rotate``: a configuration token and its refresh token are exchanged."""
    given = ask.required("refresh_token")
    table, meta = ask.table("tooling"), ask.table("meta")
    first = meta.get("untold") is not None and given.startswith("xoxe-")  # made on a page, once
    if not table.get(given, first):
        raise SlackError("invalid_refresh_token")
    table.put(given, False)
    now = seconds(ask.world)
    token = f"xoxe.xoxp-fake-{ask.world.text('slack.tooling', 24)}"
    fresh = f"xoxe-fake-{ask.world.text('slack.tooling', 24)}"
    table.put(fresh, True)
    for key in (token, fresh):
        ask.world.issue(key)
    ask.table("tokens").put(token, ask.call.actor)
    return {
        "token": token, "refresh_token": fresh, "team_id": meta["team"]["id"],
        "user_id": meta["admin"], "iat": now, "exp": now + TOOLING_S,
    }  # fmt: skip


def exchange(ask: Ask) -> dict[str, Any]:
    """``migration.exchange``: a workspace that stands alone has no other ids."""
    raise SlackError("not_enterprise_team")


def picture(ask: Ask) -> dict[str, Any]:
    """``users.setPhoto``: the person's pictures are others from now on."""
    if ask.call.actor.kind == "bot":
        raise SlackError("not_allowed_token_type")
    data = ask.args.get("image")
    if not isinstance(data, bytes) or not data:
        raise SlackError("bad_image" if data else "invalid_arguments")
    row = workspace.user(ask, ask.me)
    digest = ask.world.text("slack.avatar", 12, "0123456789abcdef")
    names = (*SIZES, 1024)
    made = {f"image_{size}": workspace.AVATAR.format(digest, size) for size in names}
    made |= {"image_original": workspace.AVATAR.format(digest, "original"), "avatar_hash": digest}
    profile = {**row["profile"], **made, "is_custom_image": True}
    ask.table("users").patch(row["id"], profile=profile, updated=seconds(ask.world))
    return {"profile": made}


def no_picture(ask: Ask) -> dict[str, Any]:
    """``users.deletePhoto``: the person has the drawn picture again."""
    if ask.call.actor.kind == "bot":
        raise SlackError("not_allowed_token_type")
    row = workspace.user(ask, ask.me)
    hidden = ("image_original", "image_1024", "is_custom_image")
    profile = {key: value for key, value in row["profile"].items() if key not in hidden}
    digest = ask.world.text("slack.avatar", 12, "0123456789abcdef")
    profile |= {f"image_{size}": workspace.AVATAR.format(digest, size) for size in SIZES}
    profile["avatar_hash"] = digest
    ask.table("users").patch(row["id"], profile=profile, updated=seconds(ask.world))
    return {}


# --- routes beside the API
def authorize(call: Exchange) -> Reply:
    """``GET /openid/connect/authorize``, ``/oauth/authorize``: the person says yes at once."""
    return installs.authorize(call)


def discovery(call: Exchange) -> Reply:
    """``GET /.well-known/openid-configuration``."""
    base = call.request.origin
    return Reply(200, {
        "issuer": ISSUER,
        "authorization_endpoint": f"{base}/openid/connect/authorize",
        "token_endpoint": f"{base}/api/openid.connect.token",
        "userinfo_endpoint": f"{base}/api/openid.connect.userInfo",
        "jwks_uri": f"{base}/openid/connect/keys",
        "scopes_supported": sorted(SIGN_IN),
        "response_types_supported": ["code"], "response_modes_supported": ["form_post"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["sub", "auth_time", "iss"],
        "claims_parameter_supported": False, "request_parameter_supported": False,
        "request_uri_parameter_supported": True,
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    })  # fmt: skip


def keys_of(call: Exchange) -> Reply:
    """``GET /openid/connect/keys``."""
    return Reply(200, signing.key_set())


METHODS: Final = {
    "users.identity": identity,
    "users.setPhoto": picture,
    "users.deletePhoto": no_picture,
    "openid.connect.token": connect,
    "openid.connect.userInfo": user_info,
    "oauth.access": access_of_old,
    "oauth.v2.user.access": access_of_user,
    "tooling.tokens.rotate": rotate,
    "migration.exchange": exchange,
}
ROUTES: Final = (
    Route("GET", "/openid/connect/authorize", authorize, "openid.connect.authorize", open=True),
    Route("GET", "/oauth/authorize", authorize, "oauth.authorize", open=True),
    Route("GET", "/.well-known/openid-configuration", discovery, "openid.discovery", open=True),
    Route("GET", "/openid/connect/keys", keys_of, "openid.keys", open=True),
)
