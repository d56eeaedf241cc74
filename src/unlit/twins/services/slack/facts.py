"""Believing recorded reads: people, channels, messages and the team of a real workspace."""

from typing import Any

from unlit.twins.kit.world import World
from unlit.twins.model import Actor, Fact


def believe(world: World, facts: list[Fact]) -> None:
    """Put what facts show into the workspace, ids as they are."""
    for fact in facts:
        body = fact.response
        if not isinstance(body, dict) or body.get("ok") is not True:
            continue
        method = fact.path.rsplit("/", 1)[-1]
        if method in ("users.list", "users.info"):
            _people(world, body.get("members") or [body.get("user")])
        elif method in ("conversations.list", "conversations.info", "users.conversations"):
            _channels(world, body.get("channels") or [body.get("channel")])
        elif method == "team.info" and isinstance(body.get("team"), dict):
            meta = world.table("slack.meta")
            meta.put("team", {**meta["team"], **body["team"]})
        elif method == "auth.test":
            _me(world, body)
        elif method in ("conversations.history", "conversations.replies"):
            asked = dict(fact.query)
            sent = fact.request.get("$form", fact.request) if isinstance(fact.request, dict) else {}
            _messages(world, str({**asked, **sent}.get("channel", "")), body.get("messages") or [])


def _people(world: World, rows: list[Any]) -> None:
    users, meta = world.table("slack.users"), world.table("slack.meta")
    if not meta.get("believed_people"):
        meta.put("believed_people", True)
        for uid, row in list(users.items()):
            if row.get("is_bot"):
                users.patch(uid, _hidden=True)
            else:
                users.drop(uid)
    for row in rows:
        if isinstance(row, dict) and "id" in row:
            kept = {key: value for key, value in row.items() if key != "presence"}
            for flag in ("deleted", "is_bot"):
                kept.setdefault(flag, False)
            kept.setdefault("profile", {})
            users.put(row["id"], kept)
            if "presence" in row:
                world.table("slack.presence").put(row["id"], row["presence"])


def _channels(world: World, rows: list[Any]) -> None:
    for row in rows:
        if not isinstance(row, dict) or "id" not in row:
            continue
        kept = {key: value for key, value in row.items() if key not in ("is_member", "num_members")}
        for flag in ("is_im", "is_mpim", "is_private", "is_archived", "is_general"):
            kept.setdefault(flag, False)
        world.table("slack.channels").put(row["id"], kept)
        if world.table("slack.meta").get("untold") is not None:
            world.table("slack.older").put(row["id"], True)
        if "name" in row:
            world.table("slack.channel_names").put(row["name"], row["id"])
        if row.get("is_member", True):
            bot = world.table("slack.bots")[world.table("slack.meta")["bot"]]
            world.table(f"slack.members:{row['id']}").put(bot["user_id"], row.get("created", 0))


def _messages(world: World, channel: str, rows: list[Any]) -> None:
    table = world.table(f"slack.messages:{channel}")
    for row in sorted((r for r in rows if isinstance(r, dict)), key=lambda r: str(r.get("ts"))):
        table.put(row["ts"], row)


def _me(world: World, body: dict[str, Any]) -> None:
    meta = world.table("slack.meta")
    team = {
        **meta["team"],
        "id": body.get("team_id"),
        "name": body.get("team"),
        "url": body.get("url"),
    }
    meta.put("team", team)
    uid = str(body.get("user_id"))
    users = world.table("slack.users")
    if uid not in users:
        bot = world.table("slack.bots")[meta["bot"]]
        users.put(uid, {**users[bot["user_id"]], "id": uid, "name": body.get("user", "")})
    extra = {"bot_id": body["bot_id"]} if body.get("bot_id") else {}
    meta.put("me", Actor(uid, "bot" if extra else "user", None, extra))
