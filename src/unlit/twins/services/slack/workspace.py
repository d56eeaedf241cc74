"""The workspace: ids, timestamps, cursors, the team and its people."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from unlit.twins.kit.world import UPPER, World
from unlit.twins.services.slack.ask import Ask, SlackError

_USER: Final = re.compile(r"^[UW][A-Z0-9]{8,11}$")
AVATAR: Final = "https://secure.gravatar.com/avatar/{0}.jpg?s={1}&d=mm"
SIZES: Final = (24, 32, 48, 72, 192, 512)
COLORS: Final = ("9f69e7", "4bbe2e", "e7392d", "3c989f", "674b1b", "e96699", "684b6c", "4cc091")


def mint(world: World, letter: str, length: int = 10) -> str:
    """Return a fresh id such as ``C07ABCDEF12``."""
    return f"{letter}0{world.text('slack.' + letter, length - 1, UPPER)}"


def next_ts(world: World) -> str:
    """Return a timestamp later than any before in the workspace."""
    micros = int(world.clock.tick() * 1_000_000)
    last = world.counters.get("slack.ts", 0)
    if micros <= last:
        micros = last + 1
    world.counters["slack.ts"] = micros
    text = str(micros)
    return f"{text[:-6]}.{text[-6:]}"


def seconds(world: World) -> int:
    """Return the world's time in whole seconds."""
    return int(world.now())


def team_id(world: World) -> str:
    """Return the id of the workspace."""
    return str(world.table("slack.meta")["team"]["id"])


def add_user(world: World, name: str, **fields: Any) -> dict[str, Any]:
    """Put a member into the workspace and return it.

    Args:
        world: The world.
        name: The short name.
        fields: Vendor's fields; ``profile`` and ``email`` go into the profile.
    """
    uid = fields.pop("id", None) or mint(world, "U")
    real = fields.pop("real_name", None) or name.replace(".", " ").title()
    email = fields.pop("email", None)
    digest = world.text("slack.avatar", 12, "0123456789abcdef")
    team = team_id(world)
    is_bot = bool(fields.get("is_bot"))
    first, _, last = real.partition(" ")
    profile: dict[str, Any] = {
        "title": "",
        "phone": "",
        "skype": "",
        "real_name": real,
        "real_name_normalized": real,
        "display_name": fields.pop("display_name", "" if is_bot else name),
        "display_name_normalized": "",
        "fields": None,
        "status_text": "",
        "status_emoji": "",
        "status_emoji_display_info": [],
        "status_expiration": 0,
        "avatar_hash": digest,
        **{f"image_{size}": AVATAR.format(digest, size) for size in SIZES},
        "status_text_canonical": "",
        "team": team,
        "first_name": first,
        "last_name": last,
    }
    if is_bot:
        profile |= {
            "api_app_id": fields.pop("app_id", ""),
            "always_active": True,
            "bot_id": fields.pop("bot_id", ""),
        }
    else:
        profile["email"] = email or f"{name}@example.com"
    profile |= fields.pop("profile", {})
    profile["display_name_normalized"] = profile["display_name"]
    row = {
        "id": uid,
        "team_id": team,
        "name": name,
        "deleted": False,
        "color": COLORS[len(world.table("slack.users")) % len(COLORS)],
        "real_name": real,
        "tz": "America/Los_Angeles",
        "tz_label": "Pacific Standard Time",
        "tz_offset": -28800,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": is_bot,
        "is_app_user": False,
        "updated": seconds(world),
        "is_email_confirmed": not is_bot,
        "has_2fa": False,
        "who_can_share_contact_card": "EVERYONE",
        **fields,
    }
    world.table("slack.users").put(uid, row)
    return row


def find_user(world: World, key: str) -> dict[str, Any] | None:
    """Return a member by id, ``@name`` or name."""
    users = world.table("slack.users")
    row: dict[str, Any] | None = users.get(key)
    if row is None and key:
        name = key.removeprefix("@")
        row = next((user for user in users.values() if user["name"] == name), None)
    return row


def user(ask: Ask, key: str, code: str = "user_not_found") -> dict[str, Any]:
    """Return the member with an id.

    Raises:
        SlackError: There is none.
    """
    row = ask.table("users").get(key)
    if row is None and _USER.match(key) and believes(ask, "users", key):
        row = add_user(ask.world, key.lower(), id=key)
    if row is None:
        raise SlackError(code)
    return row  # type: ignore[no-any-return] # rows are JSON


# --- quick starts: what a workspace has not told yet may be named (see `welcome`)
def believes(ask: Ask, what: str, key: str) -> bool:
    """Whether an id that nobody knows may be of the workspace; the answer will say so."""
    if what not in (ask.table("meta").get("untold") or ()):
        return False
    ask.believed.append(key)
    return True


def told(world: World, what: str) -> None:
    """Remember that the workspace has listed its channels or people: now it is known."""
    meta = world.table("slack.meta")
    untold = meta.get("untold")
    if untold and what in untold:
        meta.put("untold", untold - {what})


# --- cursors
def encode_cursor(kind: str, value: str) -> str:
    """Return an opaque cursor."""
    return base64.b64encode(f"{kind}:{value}".encode()).decode()


def decode_cursor(text: str, kind: str) -> str:
    """Return what a cursor of `kind` stands for.

    Raises:
        SlackError: It is not one that this method gave out.
    """
    try:
        found = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise SlackError("invalid_cursor") from error
    name, _, value = found.partition(":")
    if name != kind or not value:
        raise SlackError("invalid_cursor")
    return value


def page(
    ask: Ask, rows: Iterable[Any], kind: str, *, key: Callable[[Any], str], usual: int, most: int
) -> tuple[list[Any], str]:
    """Return one page of `rows` and the next cursor (empty at the end)."""
    limit = ask.number("limit", usual, most) or usual
    source = iter(rows)
    if ask.has("cursor"):
        start = decode_cursor(ask.text("cursor"), kind)
        chunk = []
        for row in source:
            if key(row) == start:
                chunk = [row]
                break
        else:
            raise SlackError("invalid_cursor")
        chunk += islice(source, limit)
    else:
        chunk = list(islice(source, limit + 1))
    if len(chunk) > limit:
        return chunk[:limit], encode_cursor(kind, key(chunk[limit]))
    return chunk, ""


def numbered(ask: Ask, rows: list[Any]) -> tuple[list[Any], dict[str, int]]:
    """Return a page by `page` and `count`, and what the older methods say of it."""
    count = ask.number("count", 100, 1000) or 100
    number = ask.number("page", 1) or 1
    pages = -(-len(rows) // count)
    paging = {"count": count, "total": len(rows), "page": number, "pages": pages}
    return rows[(number - 1) * count : number * count], paging
