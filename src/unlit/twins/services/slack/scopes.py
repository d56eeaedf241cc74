"""Which scopes a method wants: any one of a set is enough (docs.slack.dev, Scopes, 2026-08)."""

from typing import Final

_KINDS: Final = ("channels", "groups", "im", "mpim")
_READ: Final = tuple(f"{kind}:read" for kind in _KINDS)
_HISTORY: Final = tuple(f"{kind}:history" for kind in _KINDS)
_MANAGE: Final = ("channels:manage", "channels:write", "groups:write", "im:write", "mpim:write")
BY_METHOD: Final[dict[str, tuple[str, ...]]] = {
    "conversations.history": _HISTORY,
    "conversations.replies": _HISTORY,
    "conversations.info": _READ,
    "conversations.list": _READ,
    "conversations.members": _READ,
    "users.conversations": _READ,
    "conversations.join": ("channels:join", "channels:write"),
    "conversations.setTopic": (*_MANAGE, "channels:write.topic", "groups:write.topic"),
    "conversations.setPurpose": (*_MANAGE, "channels:write.topic", "groups:write.topic"),
    "conversations.invite": (*_MANAGE, "channels:write.invites", "groups:write.invites"),
    "users.list": ("users:read",),
    "users.info": ("users:read",),
    "users.getPresence": ("users:read",),
    "users.setPresence": ("users:write",),
    "users.lookupByEmail": ("users:read.email",),
    "users.identity": ("identity.basic",),
    "openid.connect.userInfo": ("openid",),
    "users.profile.get": ("users.profile:read",),
    "users.profile.set": ("users.profile:write",),
    "bots.info": ("users:read",),
    "team.info": ("team:read",),
    "emoji.list": ("emoji:read",),
    "files.info": ("files:read",),
    "files.list": ("files:read",),
    "bookmarks.list": ("bookmarks:read",),
    "pins.list": ("pins:read",),
    "reactions.get": ("reactions:read",),
    "reactions.list": ("reactions:read",),
    "stars.list": ("stars:read",),
    "reminders.list": ("reminders:read",),
    "reminders.info": ("reminders:read",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "dnd.info": ("dnd:read",),
    "dnd.teamInfo": ("dnd:read",),
    "search.messages": ("search:read",),
    "search.files": ("search:read",),
    "search.all": ("search:read",),
    "chat.getPermalink": (),
    "chat.unfurl": ("links:write",),
    "apps.connections.open": ("connections:write",),
}
_BY_FAMILY: Final[dict[str, tuple[str, ...]]] = {
    "chat": ("chat:write", "chat:write:bot", "chat:write:user"),
    "conversations": _MANAGE,
    "files": ("files:write",),
    "reactions": ("reactions:write",),
    "pins": ("pins:write",),
    "bookmarks": ("bookmarks:write",),
    "stars": ("stars:write",),
    "reminders": ("reminders:write",),
    "usergroups": ("usergroups:write",),
    "dnd": ("dnd:write",),
    "canvases": ("canvases:write",),
    "calls": ("calls:write",),
    "slackLists": ("lists:write",),
}


def wanted(method: str) -> tuple[str, ...]:
    """Return the scopes any one of which allows a method; none means that none is needed."""
    if method in BY_METHOD:
        return BY_METHOD[method]
    return _BY_FAMILY.get(method.split(".", 1)[0], ())
