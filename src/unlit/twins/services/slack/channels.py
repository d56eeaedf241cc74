"""Conversations: public and private channels, direct and group messages."""

import re
from collections.abc import Iterator
from typing import Any, Final

from unlit.twins.kit.world import World
from unlit.twins.services.slack import workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.timeline import put
from unlit.twins.services.slack.workspace import mint, seconds, team_id

_ID: Final = re.compile(r"^[CG][A-Z0-9]{8,11}$")
_NAME: Final = re.compile(r"^[\w\-]+$", re.UNICODE)


def add(world: World, name: str, creator: str, **fields: Any) -> dict[str, Any]:
    """Put a channel into the workspace and return it."""
    now = seconds(world)
    private = bool(fields.pop("is_private", False))
    cid = fields.pop("id", None) or mint(world, "C")
    empty = {"value": "", "creator": "", "last_set": 0}
    team = team_id(world)
    row = {
        "id": cid,
        "name": name,
        "is_channel": not private,
        "is_group": private,
        "is_im": False,
        "is_mpim": False,
        "is_private": private,
        "created": now,
        "is_archived": False,
        "is_general": name == "general",
        "unlinked": 0,
        "name_normalized": name,
        "is_shared": False,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": team,
        "updated": int(world.now() * 1000),
        "parent_conversation": None,
        "creator": creator,
        "is_ext_shared": False,
        "shared_team_ids": [team],
        "pending_connected_team_ids": [],
        "is_frozen": False,
        "topic": empty,
        "purpose": empty,
        "previous_names": [],
        "properties": {"tabs": [{"id": "files", "label": "", "type": "files"}]},
        **fields,
    }
    world.table("slack.channels").put(cid, row)
    world.table("slack.channel_names").put(name, cid)
    if creator:
        world.table(f"slack.members:{cid}").put(creator, now)
    return row


def members(world: World, cid: str) -> list[str]:
    """Return the ids of a conversation's members in the order they joined."""
    return list(world.table(f"slack.members:{cid}"))


def is_member(ask: Ask, row: dict[str, Any], uid: str | None = None) -> bool:
    """Whether a user (by default the caller) belongs to a conversation."""
    return (uid or ask.me) in ask.table(f"members:{row['id']}")


def channel(ask: Ask, key: str | None = None, *, named: bool = False) -> dict[str, Any]:
    """Return a conversation that the caller can see.

    Args:
        ask: The call.
        key: Its id; by default the argument ``channel``.
        named: Also take ``#name`` and ``name``.

    Raises:
        SlackError: ``channel_not_found``; also for a private one of others.
    """
    key = ask.required("channel") if key is None else key
    table = ask.table("channels")
    row: dict[str, Any] | None = table.get(key)
    if row is None and named:
        found = ask.table("channel_names").get(key.removeprefix("#"))
        row = table.get(found) if found else None
    if row is None:
        row = known(ask, key)
    if row is None:
        raise SlackError("channel_not_found")
    if not row.get("is_channel") and not is_member(ask, row):
        raise SlackError("channel_not_found")
    return row


def known(ask: Ask, key: str) -> dict[str, Any] | None:
    """Return the conversation with an id, also one that a workspace of quick starts may have."""
    row: dict[str, Any] | None = ask.table("channels").get(key)
    if row is None and _ID.match(key) and workspace.believes(ask, "channels", key):
        private = key.startswith("G")
        row = add(ask.world, key.lower(), ask.me, id=key, is_private=private)
        ask.table("older").put(key, True)
    return row


def shown(
    ask: Ask, row: dict[str, Any], *, count: bool = True, unread: bool = False
) -> dict[str, Any]:
    """Render a conversation for the caller."""
    out = {key: value for key, value in row.items() if not key.startswith("_")}
    if row["is_im"]:
        others = [uid for uid in members(ask.world, row["id"]) if uid != ask.me]
        out["user"] = others[0] if others else ask.me
        return out
    out["is_member"] = is_member(ask, row)
    if unread and out["is_member"]:
        out |= unread_of(ask, row)
    if count:
        out["num_members"] = len(ask.table(f"members:{row['id']}"))
    return out


def unread_of(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    """Return what a member is told of what was read."""
    table = ask.table(f"messages:{row['id']}")
    latest = next(reversed(table), None)
    read = ask.table(f"read:{ask.me}").get(row["id"], "0000000000.000000")
    count = 0
    for ts in reversed(table):
        if float(ts) <= float(read) or count >= 100:
            break
        count += 1
    shown_latest = None
    if latest is not None:
        shown_latest = {k: v for k, v in table[latest].items() if not k.startswith("_")}
    return {
        "last_read": read,
        "latest": shown_latest,
        "unread_count": count,
        "unread_count_display": count,
    }


def valid_name(ask: Ask, name: str) -> str:
    """Return a channel name that may be used.

    Raises:
        SlackError: The name is empty, too long, taken, or has characters Slack does not take.
    """
    name = name.removeprefix("#")
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > 80:
        raise SlackError("invalid_name_maxlength")
    if not re.search(r"\w", name):
        raise SlackError("invalid_name_punctuation")
    if name != name.lower() or not _NAME.match(name):
        raise SlackError("invalid_name_specials")
    if name in ask.table("channel_names"):
        raise SlackError("name_taken")
    return name


def _change(ask: Ask, row: dict[str, Any], **fields: Any) -> dict[str, Any]:
    fields.setdefault("updated", int(ask.world.now() * 1000))
    return ask.table("channels").patch(row["id"], **fields)  # type: ignore[no-any-return] # JSON


def _not_direct(row: dict[str, Any]) -> None:
    if row["is_im"] or row["is_mpim"]:
        raise SlackError("method_not_supported_for_channel_type")


# --- methods
def create(ask: Ask) -> dict[str, Any]:
    """``conversations.create``."""
    name = valid_name(ask, ask.text("name"))
    row = add(ask.world, name, ask.me, is_private=ask.flag("is_private"))
    _notice(ask, row, "channel_join", f"<@{ask.me}> has joined the channel")
    canvas = {"file_id": mint(ask.world, "F"), "is_empty": True, "quip_thread_id": ""}
    canvas["quip_thread_id"] = ask.world.text("slack.quip", 11)
    row = _change(ask, row, properties={"canvas": canvas, **row["properties"]})
    out = shown(ask, row, count=False, unread=True) | {"priority": 0}
    return {"channel": out}


def info(ask: Ask) -> dict[str, Any]:
    """``conversations.info``."""
    row = channel(ask)
    out = shown(ask, row, count=ask.flag("include_num_members"))
    if row["is_im"]:
        out |= unread_of(ask, row) | {"is_open": True}
    elif is_member(ask, row):
        out |= unread_of(ask, row)
    if ask.flag("include_locale"):
        out["locale"] = "en-US"
    return {"channel": out}


def listed(ask: Ask) -> dict[str, Any]:
    """``conversations.list``."""
    workspace.told(ask.world, "channels")
    rows, cursor = workspace.page(
        ask, _of_types(ask), "team", key=lambda row: str(row["id"]), usual=100, most=1000
    )
    return {
        "channels": [shown(ask, row) for row in rows],
        "response_metadata": {"next_cursor": cursor},
    }


def of_user(ask: Ask) -> dict[str, Any]:
    """``users.conversations``."""
    uid = ask.text("user") or ask.me
    workspace.user(ask, uid)
    workspace.told(ask.world, "channels")
    rows = (row for row in _of_types(ask) if is_member(ask, row, uid))
    found, cursor = workspace.page(
        ask, rows, "team", key=lambda row: str(row["id"]), usual=100, most=1000
    )
    channels = []
    for row in found:
        out = shown(ask, row, count=False)
        for late in ("is_member", "is_frozen"):
            out.pop(late, None)
        channels.append(out)
    return {"channels": channels, "response_metadata": {"next_cursor": cursor}}


def kind_of(row: dict[str, Any]) -> str:
    """Return the name that ``types`` has for a conversation."""
    if row["is_im"]:
        return "im"
    if row["is_mpim"]:
        return "mpim"
    return "private_channel" if row["is_private"] else "public_channel"


def _of_types(ask: Ask) -> Iterator[dict[str, Any]]:
    wanted = {part.strip() for part in ask.text("types", "public_channel").split(",")}
    if not wanted <= {"public_channel", "private_channel", "mpim", "im"}:
        raise SlackError("invalid_types")
    hide_archived = ask.flag("exclude_archived")
    for row in ask.table("channels").values():
        kind = kind_of(row)
        if kind not in wanted or (hide_archived and row["is_archived"]):
            continue
        if kind == "public_channel" or is_member(ask, row):
            yield row


def join(ask: Ask) -> dict[str, Any]:
    """``conversations.join``."""
    row = channel(ask)
    _not_direct(row)
    if row["is_archived"]:
        raise SlackError("is_archived")
    table = ask.table(f"members:{row['id']}")
    if ask.me in table:
        ask.warnings.append("already_in_channel")
        return {"channel": shown(ask, row, count=False)}
    table.put(ask.me, seconds(ask.world))
    _notice(ask, row, "channel_join", f"<@{ask.me}> has joined the channel")
    return {"channel": shown(ask, row, count=False)}


def leave(ask: Ask) -> dict[str, Any]:
    """``conversations.leave``."""
    row = channel(ask)
    _not_direct(row)
    if row["is_archived"]:
        raise SlackError("is_archived")
    if row["is_general"]:
        raise SlackError("cant_leave_general")
    if not is_member(ask, row):
        return {"not_in_channel": True}
    ask.table(f"members:{row['id']}").drop(ask.me)
    _notice(ask, row, "channel_leave", f"<@{ask.me}> has left the channel")
    return {}


def invite(ask: Ask) -> dict[str, Any]:
    """``conversations.invite``."""
    row = channel(ask)
    _not_direct(row)
    names = [name.strip() for name in ask.text("users").split(",") if name.strip()]
    if not names:
        raise SlackError("no_user")
    if row["is_archived"]:
        raise SlackError("is_archived")
    if not is_member(ask, row):
        raise SlackError("not_in_channel")
    for uid in names:
        if uid == ask.me:
            raise SlackError("cant_invite_self")
        workspace.user(ask, uid)
        if is_member(ask, row, uid):
            raise SlackError("already_in_channel")
    for uid in names:
        ask.table(f"members:{row['id']}").put(uid, seconds(ask.world))
        _notice(
            ask, row, "channel_join", f"<@{uid}> has joined the channel", user=uid, inviter=ask.me
        )
    return {"channel": shown(ask, row, count=False) | _read_by(ask, row)}


def _read_by(ask: Ask, row: dict[str, Any]) -> dict[str, Any]:
    last = ask.table(f"read:{ask.me}").get(row["id"], "0000000000.000000")
    return {"is_read_only": False, "last_read": last}


def kick(ask: Ask) -> dict[str, Any]:
    """``conversations.kick``."""
    row = channel(ask)
    _not_direct(row)
    uid = workspace.user(ask, ask.required("user"))["id"]
    if uid == ask.me:
        raise SlackError("cant_kick_self")
    if row["is_general"]:
        raise SlackError("cant_kick_from_general")
    if not is_member(ask, row, uid):
        raise SlackError("not_in_channel")
    ask.table(f"members:{row['id']}").drop(uid)
    _notice(ask, row, "channel_leave", f"<@{uid}> has left the channel", user=uid)
    return {"errors": {}}


def member_list(ask: Ask) -> dict[str, Any]:
    """``conversations.members``."""
    row = channel(ask)
    found, cursor = workspace.page(
        ask, ask.table(f"members:{row['id']}"), "user", key=str, usual=100, most=1000
    )
    return {"members": found, "response_metadata": {"next_cursor": cursor}}


def rename(ask: Ask) -> dict[str, Any]:
    """``conversations.rename``."""
    row = channel(ask)
    _not_direct(row)
    if not is_member(ask, row):
        raise SlackError("not_in_channel")
    if row["is_general"]:
        raise SlackError("not_authorized")
    name = valid_name(ask, ask.text("name"))
    ask.table("channel_names").drop(row["name"])
    ask.table("channel_names").put(name, row["id"])
    old = row["name"]
    row = _change(
        ask, row, name=name, name_normalized=name, previous_names=[old, *row["previous_names"]]
    )
    _notice(
        ask,
        row,
        "channel_name",
        f'has renamed the channel from "{old}" to "{name}"',
        old_name=old,
        name=name,
    )
    return {"channel": shown(ask, row) | _read_by(ask, row) | {"locale": "en-US"}}


def _set(ask: Ask, what: str) -> dict[str, Any]:
    row = channel(ask)
    text = ask.text(what)
    if len(text) > 250:
        raise SlackError("too_long")
    if row["is_archived"]:
        raise SlackError("is_archived")
    if not is_member(ask, row):
        raise SlackError("not_in_channel")
    value = {"value": text, "creator": ask.me, "last_set": seconds(ask.world)}
    row = _change(ask, row, **{what: value})
    _notice(ask, row, f"channel_{what}", f"set the channel {what}: {text}", **{what: text})
    out = {"channel": shown(ask, row, count=False, unread=what == "topic")}
    return {**out, "purpose": text} if what == "purpose" else out


def set_topic(ask: Ask) -> dict[str, Any]:
    """``conversations.setTopic``."""
    return _set(ask, "topic")


def set_purpose(ask: Ask) -> dict[str, Any]:
    """``conversations.setPurpose``."""
    return _set(ask, "purpose")


def archive(ask: Ask) -> dict[str, Any]:
    """``conversations.archive``."""
    row = channel(ask)
    _not_direct(row)
    if row["is_general"]:
        raise SlackError("cant_archive_general")
    if row["is_archived"]:
        raise SlackError("already_archived")
    _notice(ask, row, "channel_archive", "archived the channel")
    _change(ask, row, is_archived=True)
    return {}


def unarchive(ask: Ask) -> dict[str, Any]:
    """``conversations.unarchive``."""
    row = channel(ask)
    if not row["is_archived"]:
        raise SlackError("not_archived")
    row = _change(ask, row, is_archived=False)
    ask.table(f"members:{row['id']}").put(ask.me, seconds(ask.world))
    return {}


def mark(ask: Ask) -> dict[str, Any]:
    """``conversations.mark``."""
    row = channel(ask)
    if not re.match(r"^\d+\.\d+$", ask.required("ts")):
        raise SlackError("invalid_timestamp")
    if not is_member(ask, row):
        raise SlackError("not_in_channel")
    ask.table(f"read:{ask.me}").put(row["id"], ask.text("ts"))
    return {}


def _notice(ask: Ask, row: dict[str, Any], subtype: str, text: str, **fields: Any) -> None:
    prefix = subtype.replace("channel_", "group_") if row["is_private"] else subtype
    fields.setdefault("user", ask.me)
    put(ask.world, row["id"], {"subtype": prefix, "text": text, **fields})


METHODS: Final = {
    "conversations.create": create,
    "conversations.info": info,
    "conversations.list": listed,
    "users.conversations": of_user,
    "conversations.join": join,
    "conversations.leave": leave,
    "conversations.invite": invite,
    "conversations.kick": kick,
    "conversations.members": member_list,
    "conversations.rename": rename,
    "conversations.setTopic": set_topic,
    "conversations.setPurpose": set_purpose,
    "conversations.archive": archive,
    "conversations.unarchive": unarchive,
    "conversations.mark": mark,
}
