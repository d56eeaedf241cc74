"""Members of the workspace, the team, and who one is."""

from typing import Any, Final

from unlit.twins.services.slack import workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.workspace import seconds

_PROFILE: Final = (
    "display_name", "email", "first_name", "last_name", "phone", "pronouns", "real_name", "skype",
    "start_date", "status_emoji", "status_expiration", "status_text", "title", "fields",
)  # fmt: skip


def auth_test(ask: Ask) -> dict[str, Any]:
    """``auth.test``."""
    team = ask.table("meta")["team"]
    actor = ask.call.actor
    row = ask.table("users").get(actor.id) or {}
    out = {
        "url": team["url"],
        "team": team["name"],
        "user": row.get("name", ""),
        "team_id": team["id"],
        "user_id": actor.id,
    }
    if actor.extra.get("bot_id"):
        out["bot_id"] = actor.extra["bot_id"]
    return {**out, "is_enterprise_install": False}


def api_test(ask: Ask) -> dict[str, Any]:
    """``api.test``: an echo, or the error asked for."""
    args = {key: value for key, value in ask.args.items() if key != "token"}
    if ask.has("error"):
        raise SlackError(ask.text("error"), args=args)
    return {"args": args} if args else {}


def team_info(ask: Ask) -> dict[str, Any]:
    """``team.info``."""
    team = ask.table("meta")["team"]
    wanted = ask.text("team")
    if wanted and wanted != team["id"]:
        raise SlackError("team_not_found")
    return {"team": team}


def listed(ask: Ask) -> dict[str, Any]:
    """``users.list``; without a limit everybody at once."""
    workspace.told(ask.world, "users")
    everyone = (row for row in ask.table("users").values() if not row.get("_hidden"))
    presence = ask.flag("presence")

    def render(row: dict[str, Any]) -> dict[str, Any]:
        out = shown(ask, row)
        if out["profile"].get("fields"):
            out["profile"] = {**out["profile"], "fields": None}  # lists leave them out
        if presence and not row["deleted"]:
            out["presence"] = ask.table("presence").get(row["id"], "away")
        return out

    if not ask.has("limit") and not ask.has("cursor"):
        return {"members": [render(row) for row in everyone], "cache_ts": seconds(ask.world)}
    rows, cursor = workspace.page(
        ask, everyone, "user", key=lambda row: str(row["id"]), usual=100, most=1000
    )
    out: dict[str, Any] = {"offset": workspace.decode_cursor(cursor, "user")} if cursor else {}
    return {
        **out,
        "members": [render(row) for row in rows],
        "cache_ts": seconds(ask.world),
        "response_metadata": {"next_cursor": cursor},
    }


def shown(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    """Render a member for the caller."""
    out = {key: value for key, value in row.items() if not key.startswith("_")}
    scopes = ask.call.actor.scopes
    if scopes is not None and "users:read.email" not in scopes:
        out["profile"] = {k: v for k, v in out["profile"].items() if k != "email"}
    if ask.flag("include_locale"):
        out["locale"] = "en-US"
    return out


def _single(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    """Render one member by itself: only lists carry ``fields``."""
    out = shown(ask, row)
    return {**out, "profile": {k: v for k, v in out["profile"].items() if k != "fields"}}


def info(ask: Ask) -> dict[str, Any]:
    """``users.info``."""
    return {"user": _single(ask, workspace.user(ask, ask.required("user", "user_not_found")))}


def by_email(ask: Ask) -> dict[str, Any]:
    """``users.lookupByEmail``."""
    wanted = ask.required("email").casefold()
    for row in ask.table("users").values():
        email = row["profile"].get("email")
        if email and email.casefold() == wanted and not row["deleted"]:
            return {"user": _single(ask, row)}
    raise SlackError("users_not_found")


def profile(ask: Ask) -> dict[str, Any]:
    """``users.profile.get``."""
    row = workspace.user(ask, ask.text("user") or ask.me)
    return {"profile": _whole(ask, row)}


def _whole(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    """Return a profile as the profile methods show it: custom fields, huddles, no bot's ids."""
    profile = shown(ask, row)["profile"]
    hidden = ("api_app_id", "bot_id", "always_active", "team")
    out = {key: value for key, value in profile.items() if key not in hidden}
    return {
        "start_date": "", "pronouns": "", "huddle_state": "default_unset",
        "huddle_state_expiration_ts": 0, **out, "fields": profile.get("fields") or {},
    }  # fmt: skip


def set_profile(ask: Ask) -> dict[str, Any]:
    """``users.profile.set``: some fields, or one by name and value."""
    row = workspace.user(ask, ask.text("user") or ask.me)
    if ask.has("name"):
        changes: Any = {ask.text("name"): ask.args.get("value", "")}
    else:
        changes = ask.json("profile", "invalid_profile")
    if not isinstance(changes, dict) or not changes:
        raise SlackError("invalid_profile")
    for key in changes:
        if key not in _PROFILE:
            raise SlackError("invalid_profile")
    if len(str(changes.get("status_text", ""))) > 100:
        raise SlackError("too_long")
    new = {**row["profile"], **changes}
    if "status_text" in changes and changes["status_text"] and not new.get("status_emoji"):
        new["status_emoji"] = ":speech_balloon:"
    if "first_name" in changes or "last_name" in changes:
        new["real_name"] = f"{new.get('first_name', '')} {new.get('last_name', '')}".strip()
    new["real_name_normalized"] = new["real_name"]
    new["display_name_normalized"] = new["display_name"]
    new = ask.table("users").patch(
        row["id"], profile=new, real_name=new["real_name"], updated=seconds(ask.world)
    )
    return {"username": row["name"], "profile": _whole(ask, new)}


def presence(ask: Ask) -> dict[str, Any]:
    """``users.getPresence``."""
    row = workspace.user(ask, ask.text("user") or ask.me)
    state = ask.table("presence").get(row["id"], "active" if row["is_bot"] else "away")
    if row["id"] != ask.me:
        return {"presence": state}
    return {
        "presence": state,
        "online": state == "active",
        "auto_away": False,
        "manual_away": ask.table("presence").get(row["id"]) == "away",
        "connection_count": 1 if state == "active" else 0,
        "last_activity": seconds(ask.world),
    }


def set_presence(ask: Ask) -> dict[str, Any]:
    """``users.setPresence``."""
    wanted = ask.required("presence", "invalid_presence")
    if wanted not in ("auto", "away"):
        raise SlackError("invalid_presence")
    ask.table("presence").put(ask.me, "away" if wanted == "away" else "active")
    return {}


def bot_info(ask: Ask) -> dict[str, Any]:
    """``bots.info``."""
    wanted = ask.text("bot") or ask.call.actor.extra.get("bot_id", "")
    row = ask.table("bots").get(wanted)
    if row is None:
        raise SlackError("bot_not_found")
    return {"bot": row}


METHODS: Final = {
    "auth.test": auth_test,
    "api.test": api_test,
    "team.info": team_info,
    "users.list": listed,
    "users.info": info,
    "users.lookupByEmail": by_email,
    "users.profile.get": profile,
    "users.profile.set": set_profile,
    "users.getPresence": presence,
    "users.setPresence": set_presence,
    "bots.info": bot_info,
}
