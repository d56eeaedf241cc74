"""Search: words, quotes, and the modifiers ``from: in: has: before: after: on: during: is: -``."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from unlit.twins.kit.world import World
from unlit.twins.services.slack import channels, files, timeline, workspace
from unlit.twins.services.slack.ask import Ask, SlackError

_TOKEN: Final = re.compile(r'(-?)(?:([a-z]+):)?(?:"([^"]*)"|(\S+))')
_MODIFIERS: Final = frozenset(
    ("from", "in", "has", "before", "after", "on", "during", "is", "to", "with")
)


class Query:
    """A search as people type it.

    Args:
        world: Whose people and channels are named.
        text: What was typed.
        me: Who asks.
    """

    def __init__(self, world: World, text: str, me: str) -> None:
        self.world, self.me = world, me
        self.words: list[str] = []
        self.without: list[str] = []
        self.modifiers: list[tuple[bool, str, str]] = []
        for minus, name, quoted, bare in _TOKEN.findall(text):
            value = quoted or bare
            if name in _MODIFIERS:
                self.modifiers.append((bool(minus), name, value))
                continue
            word = (f"{name}:{value}" if name else value).casefold().strip("*")
            (self.without if minus else self.words).append(word)

    def matches(self, channel: dict[str, Any], row: dict[str, Any]) -> bool:
        """Whether a message is found."""
        text = str(row.get("text", "")).casefold()
        if not all(word in text for word in self.words):
            return False
        if any(word in text for word in self.without):
            return False
        return all(
            self._holds(name, value, channel, row) != minus for minus, name, value in self.modifiers
        )

    def _holds(self, name: str, value: str, channel: dict[str, Any], row: dict[str, Any]) -> bool:
        if name == "from":
            return self._person(value) == row.get("user")
        if name == "in":
            wanted = value.strip("<>").removeprefix("#").split("|", 1)[0]
            return wanted in (channel.get("name"), channel["id"])
        if name == "has":
            return self._has(value, row)
        if name == "is":
            return value == "thread" and bool(row.get("thread_ts"))
        if name in ("before", "after", "on", "during"):
            return self._day(name, value, float(row["ts"]))
        return True

    def _person(self, value: str) -> str | None:
        value = value.strip("<>").removeprefix("@")
        if value == "me":
            return self.me
        found = workspace.find_user(self.world, value)
        return found["id"] if found else None

    @staticmethod
    def _has(value: str, row: dict[str, Any]) -> bool:
        if value.startswith(":"):
            return any(mark["name"] == value.strip(":") for mark in row.get("reactions", ()))
        if value == "link":
            return "http" in str(row.get("text", ""))
        if value in ("reaction", "file"):
            return bool(row.get("reactions" if value == "reaction" else "files"))
        return value == "pin" and bool(row.get("pinned_to"))

    def _day(self, name: str, value: str, at: float) -> bool:
        start, end = _span(value, self.world.moment())
        if name == "before":
            return at < start
        return at >= end if name == "after" else start <= at < end


def _span(value: str, now: datetime) -> tuple[float, float]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if value in ("today", "yesterday"):
        start = today - timedelta(days=value == "yesterday")
        return start.timestamp(), (start + timedelta(days=1)).timestamp()
    for shape, days in (("%Y-%m-%d", 1), ("%Y-%m", 31), ("%Y", 366)):
        try:
            start = datetime.strptime(value, shape).replace(tzinfo=UTC)
        except ValueError:
            continue
        end = start + timedelta(days=days)
        if days > 1:
            end = end.replace(day=1) if days == 31 else end.replace(month=1, day=1)
        return start.timestamp(), end.timestamp()
    return 0.0, float("inf")


def _query(ask: Ask) -> Query:
    text = ask.text("query").strip()
    if not text:
        raise SlackError("no_query")
    return Query(ask.world, text, ask.me)


def found_messages(ask: Ask) -> list[dict[str, Any]]:
    """Return matches, best first: newest first, or as `sort` and `sort_dir` say."""
    query = _query(ask)
    found = []
    for channel in ask.table("channels").values():
        if not channel.get("is_channel") and not channels.is_member(ask, channel):
            continue
        found += [
            _match(ask, channel, row)
            for row in ask.table(f"messages:{channel['id']}").values()
            if not row.get("_deleted") and query.matches(channel, row)
        ]
    down = ask.text("sort_dir", "desc") != "asc"
    return sorted(found, key=lambda item: float(item["ts"]), reverse=down)


def _match(ask: Ask, channel: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    user = ask.table("users").get(row.get("user")) or {}
    iid = ask.world.text("slack.iid", 32, "0123456789abcdef")
    text = str(row.get("text", ""))
    return {
        "iid": "-".join((iid[:8], iid[8:12], iid[12:16], iid[16:20], iid[20:])),
        "team": workspace.team_id(ask.world),
        "score": 0,
        "channel": {
            "id": channel["id"],
            "is_channel": bool(channel.get("is_channel")),
            "is_group": bool(channel.get("is_group")),
            "is_im": channel["is_im"],
            "is_mpim": channel["is_mpim"],
            "is_shared": channel.get("is_shared", False),
            "is_org_shared": channel.get("is_org_shared", False),
            "is_ext_shared": channel.get("is_ext_shared", False),
            "is_private": channel["is_private"],
            "name": channel.get("name", channel["id"]),
            "pending_shared": [],
            "is_pending_ext_shared": channel.get("is_pending_ext_shared", False),
        },
        "type": "im" if channel["is_im"] else "message",
        "user": row.get("user", ""),
        "username": user.get("name", row.get("username", "")),
        "ts": row["ts"],
        "text": text,
        "permalink": timeline.link(ask.world, channel["id"], row),
        "no_reactions": not row.get("reactions"),
        **({"blocks": row["blocks"]} if row.get("blocks") else {}),
    }


def _paged(ask: Ask, rows: list[Any]) -> dict[str, Any]:
    count = ask.number("count", 20, 100) or 20
    page = ask.number("page", 1) or 1
    pages = -(-len(rows) // count)
    chunk = rows[(page - 1) * count : page * count]
    first = (page - 1) * count + 1 if chunk else 0
    return {
        "total": len(rows),
        "pagination": {
            "total_count": len(rows), "page": page, "per_page": count, "page_count": pages,
            "first": first, "last": first + len(chunk) - 1 if chunk else 0,
        },
        "paging": {"count": count, "total": len(rows), "page": page, "pages": pages},
        "matches": chunk,
    }  # fmt: skip


def in_messages(ask: Ask) -> dict[str, Any]:
    """``search.messages``."""
    return {"query": ask.text("query"), "messages": _paged(ask, found_messages(ask))}


def _found_files(ask: Ask) -> list[dict[str, Any]]:
    query = _query(ask)
    return [
        files.shown(ask, row)
        for row in reversed(list(ask.table("files").values()))
        if not row.get("_deleted")
        and all(word in f"{row['name']} {row['title']}".casefold() for word in query.words)
    ]


def in_files(ask: Ask) -> dict[str, Any]:
    """``search.files``."""
    return {"query": ask.text("query"), "files": _paged(ask, _found_files(ask))}


def everywhere(ask: Ask) -> dict[str, Any]:
    """``search.all``."""
    return {
        "query": ask.text("query"),
        "messages": _paged(ask, found_messages(ask)),
        "files": _paged(ask, _found_files(ask)),
        "posts": {"total": 0, "matches": []},
    }


METHODS: Final = {
    "search.messages": in_messages,
    "search.files": in_files,
    "search.all": everywhere,
}
