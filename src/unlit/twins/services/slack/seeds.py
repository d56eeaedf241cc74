"""What every workspace has from the start, and seeds as people write them."""

from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.twins.kit.seeds import expand
from unlit.twins.kit.world import UPPER, World
from unlit.twins.services.slack import channels, events, installs, workspace
from unlit.twins.services.slack.timeline import put

KEYS: Final = ("channels", "users", "messages", "team", "seed", "events")


def prepare(world: World) -> None:
    """Put in the team, Slackbot, a person, the app's bot and ``#general``, ``#random``."""
    meta = world.table("slack.meta")
    domain = "twin-workspace"
    icon = {
        f"image_{size}": f"https://a.slack-edge.com/80588/img/avatars-teams/ava_0001-{size}.png"
        for size in (34, 44, 68, 88, 102, 132)
    }
    meta.put("team", {
        "id": "T0" + world.text("slack.T", 9, UPPER), "name": "Twin Workspace",
        "url": f"https://{domain}.slack.com/", "domain": domain, "email_domain": "example.com",
        "icon": {**icon, "image_default": True}, "avatar_base_url":
        "https://ca.slack-edge.com/", "is_verified": False,
    })  # fmt: skip
    workspace.add_user(world, "slackbot", id="USLACKBOT", real_name="Slackbot")
    admin = workspace.add_user(
        world,
        "dev",
        real_name="Dev Example",
        email="dev@example.com",
        is_admin=True,
        is_owner=True,
        is_primary_owner=True,
    )
    bot = add_app(world, "twin-app")
    meta.put("admin", admin["id"])
    meta.put("bot", bot["id"])
    for name in ("general", "random"):
        row = channels.add(world, name, admin["id"])
        world.table(f"slack.members:{row['id']}").put(bot["user_id"], workspace.seconds(world))


def add_app(world: World, name: str) -> dict[str, Any]:
    """Install an app with a bot and return the bot."""
    bot_id, app_id = workspace.mint(world, "B"), workspace.mint(world, "A")
    row = workspace.add_user(world, name, is_bot=True, real_name=name, app_id=app_id, bot_id=bot_id)
    icon = "https://a.slack-edge.com/80588/img/plugins/app/bot_{0}.png"
    bot = {
        "id": bot_id,
        "deleted": False,
        "name": name,
        "updated": workspace.seconds(world),
        "app_id": app_id,
        "user_id": row["id"],
        "icons": {f"image_{size}": icon.format(size) for size in (36, 48, 72)},
    }
    world.table("slack.bots").put(bot_id, bot)
    return bot


def seed(world: World, spec: Any) -> None:
    """Add users, channels and messages.

    ``channels: [{name: security, members: [ada], is_private: false}]``,
    ``users: [{name: ada, email: …}]``, ``messages: [{channel: security, user: ada, text: …}]``.

    Raises:
        InvalidInput: A key is unknown or a value is not of its kind.
    """
    spec = spec or {}
    unknown = sorted(set(spec) - set(KEYS))
    if unknown:
        raise _wrong(f"unknown key {unknown[0]!r}; known: {', '.join(KEYS)}")
    if isinstance(spec.get("team"), dict):
        team = world.table("slack.meta")["team"]
        world.table("slack.meta").put("team", {**team, **spec["team"]})
    if isinstance(spec.get("events"), dict):
        installs.client_of(world)
        events.subscribe(world, spec["events"])
    for entry in expand(spec.get("users")):
        _user(world, entry)
    for entry in expand(spec.get("channels")):
        _channel(world, entry)
    for entry in expand(spec.get("messages")):
        _message(world, entry)


def _user(world: World, entry: dict[str, Any]) -> dict[str, Any]:
    fields = dict(entry)
    name = fields.pop("name", None)
    if not isinstance(name, str) or not name:
        raise _wrong("a user needs a name")
    return workspace.add_user(world, name, **fields)


def _channel(world: World, entry: dict[str, Any]) -> dict[str, Any]:
    fields = dict(entry)
    name = str(fields.pop("name", "")).removeprefix("#")
    people = fields.pop("members", None)
    if not name:
        raise _wrong("a channel needs a name")
    meta = world.table("slack.meta")
    for what in ("topic", "purpose"):
        if isinstance(fields.get(what), str):
            fields[what] = {
                "value": fields[what],
                "creator": meta["admin"],
                "last_set": workspace.seconds(world),
            }
    found = world.table("slack.channel_names").get(name)
    if found is None:
        row = channels.add(world, name, meta["admin"], **fields)
    else:
        row = world.table("slack.channels").patch(found, **fields)
    table = world.table(f"slack.members:{row['id']}")
    if people is None:
        table.put(world.table("slack.bots")[meta["bot"]]["user_id"], workspace.seconds(world))
    for person in people or ():
        user = workspace.find_user(world, str(person)) or _user(world, {"name": str(person)})
        table.put(user["id"], workspace.seconds(world))
    return row


def _message(world: World, entry: dict[str, Any]) -> None:
    name = str(entry.get("channel", "general")).removeprefix("#")
    cid = world.table("slack.channel_names").get(name)
    if cid is None:
        cid = _channel(world, {"name": name})["id"]
    person = str(entry.get("user", "dev"))
    user = workspace.find_user(world, person) or _user(world, {"name": person})
    fields = {
        "user": user["id"],
        "text": str(entry.get("text", "")),
        "team": workspace.team_id(world),
    }
    if entry.get("thread_ts"):
        fields["thread_ts"] = str(entry["thread_ts"])
    put(world, cid, {**fields, "_seeded": True}, entry.get("ts"))


def collections(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return messages as scenarios assert on them; notices of joining and the like are left out."""
    found = []
    users = world.table("slack.users")
    for channel in world.table("slack.channels").values():
        label = "#" + channel["name"] if "name" in channel else channel["id"]
        for row in world.table(f"slack.messages:{channel['id']}").values():
            if str(row.get("subtype", "")).startswith(("channel_", "group_", "tombstone")):
                continue
            user = users.get(row.get("user"))
            found.append({
                "channel": label, "text": row["text"], "thread": row.get("thread_ts"),
                "user": user["name"] if user else row.get("user"), "ts": row["ts"],
            })  # fmt: skip
    return {"slack.messages": found}


def _wrong(why: str) -> InvalidInput:
    return InvalidInput("TWN-102", "The seed of slack cannot be used.", why + ".", "correct it.")
