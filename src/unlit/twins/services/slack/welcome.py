"""What a workspace of quick starts has, and what its callers name before it told them anything.

An unknown token stands for somebody whose workspace existed before (`--any-token`). As long as
that workspace has not listed its channels or its people, an id in the vendor's form that a call
names is taken to be one of them; the answer says so in the header ``x-twin-believed``.
"""

from typing import Final

from unlit.twins.kit.world import World
from unlit.twins.services.slack import directs, files, teamwork, workspace
from unlit.twins.services.slack.timeline import put

PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000280000001e00802000000bab34bb30000000049454e44ae426082"
)
_ORIGIN: Final = "https://files.slack.com"


def welcome(world: World) -> None:
    """Put in people with pictures, a group, a shared picture, open conversations, some talk."""
    meta = world.table("slack.meta")
    meta.put("untold", frozenset(("channels", "users")))
    bot = world.table("slack.bots")[meta["bot"]]["user_id"]
    field = "Xf0" + world.text("slack.Xf", 8, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    people = [meta["admin"]]
    for name, title in (("ada", "Engineer"), ("grace", "Designer")):
        row = workspace.add_user(world, name, real_name=f"{name.title()} Example")
        profile = {
            **row["profile"],
            "title": title,
            "image_original": row["profile"]["image_512"].replace("s=512", "s=1024"),
            "is_custom_image": True,
            "fields": {field: {"value": title, "alt": ""}},
        }
        world.table("slack.users").patch(row["id"], profile=profile)
        people.append(row["id"])
    for name in ("general", "random"):
        cid = world.table("slack.channel_names")[name]
        for uid in people:
            world.table(f"slack.members:{cid}").put(uid, workspace.seconds(world))
    for uid in people:
        directs.direct(world, bot, uid)
    teamwork.make_group(world, meta["admin"], "Everyone at work", "everyone-at-work", people)
    _talk(world, people)


def _talk(world: World, people: list[str]) -> None:
    general = world.table("slack.channel_names")["general"]
    team = workspace.team_id(world)
    first = {"user": people[0], "team": team, "_seeded": True}
    put(world, general, {**first, "text": "Hello everyone, this is where we talk."})
    link = "https://example.com/handbook"
    put(world, general, {
        **first, "user": people[1], "text": f"Our handbook: <{link}>", "attachments": [{
            "id": 1, "fallback": "Example: Handbook", "service_name": "Example",
            "title": "Handbook", "title_link": link, "text": "How we work.", "from_url": link,
            "original_url": link, "thumb_url": "https://example.com/handbook.png",
            "thumb_width": 200, "thumb_height": 150, "service_icon": "https://example.com/icon.png",
        }],
    })  # fmt: skip
    fields = {"id": workspace.mint(world, "F"), "name": "office.png", "user": people[2]}
    row = files.make(world, _ORIGIN, fields, PIXEL)
    random = world.table("slack.channel_names")["random"]
    message = put(world, random, {
        "user": people[2], "text": "", "upload": True, "display_as_bot": False, "files": [],
        "_seeded": True,
    })  # fmt: skip
    mark = {
        "reply_users": [], "reply_users_count": 0, "reply_count": 0, "ts": message["ts"],
        "channel_name": "random", "team_id": team, "share_user_id": people[2], "source": "UPLOAD",
    }  # fmt: skip
    row |= {"channels": [random], "is_public": True, "shares": {"public": {random: [mark]}}}
    world.table("slack.files").put(row["id"], row)
    shown = {key: value for key, value in row.items() if not key.startswith("_")}
    world.table(f"slack.messages:{random}").put(message["ts"], {**message, "files": [shown]})
