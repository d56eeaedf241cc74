"""User groups, reminders, do not disturb, custom emoji."""

from collections.abc import Sequence
from typing import Any, Final

from unlit.twins.kit.world import World
from unlit.twins.services.slack import workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.workspace import mint, seconds, team_id


# --- user groups
def _group(ask: Ask) -> dict[str, Any]:
    row = ask.table("usergroups").get(ask.required("usergroup"))
    if row is None:
        raise SlackError("no_such_subteam")
    return row  # type: ignore[no-any-return] # JSON


def _group_shown(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    people = row["users"]
    out = {**row, "user_count": len(people)}
    if not ask.flag("include_users"):
        out.pop("users")
    if not ask.flag("include_count", True):
        out.pop("user_count")
    return out


def create_group(ask: Ask) -> dict[str, Any]:
    """``usergroups.create``."""
    name = ask.required("name")
    handle = ask.text("handle") or name.lower().replace(" ", "-")
    for row in ask.table("usergroups").values():
        if row["name"] == name:
            raise SlackError("name_already_exists")
        if row["handle"] == handle:
            raise SlackError("handle_already_exists")
    places = ask.many("channels")
    row = make_group(ask.world, ask.me, name, handle, [], ask.text("description"), places)
    return {"usergroup": _group_shown(ask, row)}


def make_group(
    world: World,
    by: str,
    name: str,
    handle: str,
    people: list[str],
    description: str = "",
    places: Sequence[str] = (),
) -> dict[str, Any]:
    """Put a user group into the workspace and return it."""
    key, now = mint(world, "S"), seconds(world)
    row = {
        "id": key, "team_id": team_id(world), "is_usergroup": True, "is_subteam": True,
        "name": name, "description": description, "handle": handle, "is_external": False,
        "date_create": now, "date_update": now, "date_delete": 0, "auto_type": None,
        "auto_provision": False, "enterprise_subteam_id": "", "created_by": by,
        "updated_by": by, "deleted_by": None,
        "prefs": {"channels": list(places), "groups": []}, "users": people,
        "channel_count": len(places),
    }  # fmt: skip
    world.table("slack.usergroups").put(key, row)
    return row


def list_groups(ask: Ask) -> dict[str, Any]:
    """``usergroups.list``."""
    disabled = ask.flag("include_disabled")
    rows = [row for row in ask.table("usergroups").values() if disabled or not row["date_delete"]]
    out = []
    for row in rows:
        shown = {**row, "user_count": len(row["users"])}
        if not ask.flag("include_users"):
            shown.pop("users")
        out.append(shown)
    return {"usergroups": out}


def update_group(ask: Ask) -> dict[str, Any]:
    """``usergroups.update``."""
    row = _group(ask)
    changes: dict[str, Any] = {
        name: ask.text(name) for name in ("name", "handle", "description") if ask.has(name)
    }
    if ask.has("channels"):
        changes["prefs"] = {**row["prefs"], "channels": ask.many("channels")}
    row = ask.table("usergroups").patch(
        row["id"], **changes, date_update=seconds(ask.world), updated_by=ask.me
    )
    return {"usergroup": _group_shown(ask, row)}


def switch_group(ask: Ask) -> dict[str, Any]:
    """``usergroups.enable`` and ``usergroups.disable``."""
    row = _group(ask)
    off = ask.call.route.op.endswith("disable")
    if bool(row["date_delete"]) == off:
        raise SlackError("already_disabled" if off else "already_enabled")
    row = ask.table("usergroups").patch(
        row["id"],
        date_delete=seconds(ask.world) if off else 0,
        deleted_by=ask.me if off else None,
        date_update=seconds(ask.world),
        updated_by=ask.me,
    )
    return {"usergroup": _group_shown(ask, row)}


def group_users(ask: Ask) -> dict[str, Any]:
    """``usergroups.users.list``."""
    return {"users": _group(ask)["users"]}


def set_group_users(ask: Ask) -> dict[str, Any]:
    """``usergroups.users.update``."""
    row, people = _group(ask), ask.many("users")
    if not people:
        raise SlackError("no_users_provided")
    for uid in people:
        if uid not in ask.table("users"):
            raise SlackError("invalid_users")
    row = ask.table("usergroups").patch(
        row["id"], users=people, date_update=seconds(ask.world), updated_by=ask.me
    )
    return {"usergroup": {**row, "user_count": len(people)}}


# --- reminders
def remind(ask: Ask) -> dict[str, Any]:
    """``reminders.add``."""
    text, when = ask.required("text"), ask.required("time")
    try:
        at = int(when)
    except ValueError as error:
        raise SlackError("cannot_parse") from error
    if at < 10_000_000:
        at += seconds(ask.world)
    if at < seconds(ask.world):
        raise SlackError("time_in_past")
    uid = ask.text("user") or ask.me
    workspace.user(ask, uid)
    key = "Rm" + mint(ask.world, "R")[1:]
    row = {
        "id": key,
        "creator": ask.me,
        "user": uid,
        "text": text,
        "recurring": False,
        "time": at,
        "complete_ts": 0,
    }
    ask.table("reminders").put(key, row)
    return {"reminder": row}


def _reminder(ask: Ask) -> dict[str, Any]:
    row = ask.table("reminders").get(ask.required("reminder"))
    if row is None:
        raise SlackError("not_found")
    return row  # type: ignore[no-any-return] # JSON


def reminder(ask: Ask) -> dict[str, Any]:
    """``reminders.info``."""
    return {"reminder": _reminder(ask)}


def reminders(ask: Ask) -> dict[str, Any]:
    """``reminders.list``."""
    rows = ask.table("reminders").values()
    return {"reminders": [row for row in rows if ask.me in (row["creator"], row["user"])]}


def complete_reminder(ask: Ask) -> dict[str, Any]:
    """``reminders.complete``."""
    row = _reminder(ask)
    if row["recurring"]:
        raise SlackError("cannot_complete_recurring")
    ask.table("reminders").patch(row["id"], complete_ts=seconds(ask.world))
    return {}


def delete_reminder(ask: Ask) -> dict[str, Any]:
    """``reminders.delete``."""
    ask.table("reminders").drop(_reminder(ask)["id"])
    return {}


# --- do not disturb
def _dnd(ask: Ask, uid: str) -> dict[str, Any]:
    until = ask.table("snooze").get(uid, 0)
    now = seconds(ask.world)
    out = {"dnd_enabled": False, "next_dnd_start_ts": 1, "next_dnd_end_ts": 1}
    if until > now:
        out |= {
            "snooze_enabled": True,
            "snooze_endtime": until,
            "snooze_remaining": until - now,
            "snooze_is_indefinite": False,
        }
    else:
        out["snooze_enabled"] = False
    return out


def dnd_info(ask: Ask) -> dict[str, Any]:
    """``dnd.info``."""
    uid = ask.text("user") or ask.me
    workspace.user(ask, uid)
    return _dnd(ask, uid)


def dnd_team(ask: Ask) -> dict[str, Any]:
    """``dnd.teamInfo``."""
    people = ask.many("users") or [row["id"] for row in ask.table("users").values()]
    return {
        "users": {
            uid: {k: v for k, v in _dnd(ask, uid).items() if "snooze" not in k}
            for uid in people
            if uid in ask.table("users")
        }
    }


def snooze(ask: Ask) -> dict[str, Any]:
    """``dnd.setSnooze``."""
    minutes = ask.number("num_minutes", 0)
    if not minutes:
        raise SlackError("missing_duration")
    until = seconds(ask.world) + 60 * minutes
    ask.table("snooze").put(ask.me, until)
    return {
        "snooze_enabled": True,
        "snooze_endtime": until,
        "snooze_remaining": 60 * minutes,
        "snooze_is_indefinite": False,
    }


def end_snooze(ask: Ask) -> dict[str, Any]:
    """``dnd.endSnooze`` and ``dnd.endDnd``."""
    if ask.call.route.op == "dnd.endDnd":
        return {}
    if ask.table("snooze").get(ask.me, 0) <= seconds(ask.world):
        raise SlackError("snooze_not_active")
    ask.table("snooze").drop(ask.me)
    return _dnd(ask, ask.me)


def emoji(ask: Ask) -> dict[str, Any]:
    """``emoji.list``."""
    return {"emoji": dict(ask.table("emoji").items()), "cache_ts": f"{seconds(ask.world)}.000000"}


METHODS: Final = {
    "usergroups.create": create_group,
    "usergroups.list": list_groups,
    "usergroups.update": update_group,
    "usergroups.enable": switch_group,
    "usergroups.disable": switch_group,
    "usergroups.users.list": group_users,
    "usergroups.users.update": set_group_users,
    "reminders.add": remind,
    "reminders.info": reminder,
    "reminders.list": reminders,
    "reminders.complete": complete_reminder,
    "reminders.delete": delete_reminder,
    "dnd.info": dnd_info,
    "dnd.teamInfo": dnd_team,
    "dnd.setSnooze": snooze,
    "dnd.endSnooze": end_snooze,
    "dnd.endDnd": end_snooze,
    "emoji.list": emoji,
}
