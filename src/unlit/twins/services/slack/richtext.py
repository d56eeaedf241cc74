"""Text of a message as ``rich_text`` blocks, the way Slack stores what an app wrote."""

import re
from typing import Any, Final

_TOKEN: Final = re.compile(
    r"<@(?P<user>[UW][A-Z0-9]+)(?:\|[^>]*)?>|<#(?P<channel>C[A-Z0-9]+)(?:\|[^>]*)?>"
    r"|<!(?P<special>here|channel|everyone)>|<!subteam\^(?P<group>S[A-Z0-9]+)(?:\|[^>]*)?>"
    r"|<(?P<url>(?:https?|mailto):[^|>]+)(?:\|(?P<label>[^>]+))?>"
    r"|(?P<bare>https?://[^\s<>|]+)|:(?P<emoji>[a-z0-9_+'\-]+):"
    r"|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)"
    r"|(?<!\w)~(?P<strike>[^~\n]+)~(?!\w)|`(?P<code>[^`\n]+)`"
)
_SPECIAL: Final = re.compile(r"[<>&:*_~`]")
_STYLES: Final = ("bold", "italic", "strike", "code")


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def elements(text: str) -> list[dict[str, Any]]:
    """Return the elements of one section."""
    if not _SPECIAL.search(text):
        return [{"type": "text", "text": text}]
    out: list[dict[str, Any]] = []
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() > at:
            out.append({"type": "text", "text": _plain(text[at : match.start()])})
        out.append(_element(match))
        at = match.end()
    if at < len(text):
        out.append({"type": "text", "text": _plain(text[at:])})
    return out


def _element(match: "re.Match[str]") -> dict[str, Any]:
    kind = match.lastgroup if match.lastgroup != "label" else "url"
    value = match[kind] if kind else ""
    if kind == "user":
        return {"type": "user", "user_id": value}
    if kind == "channel":
        return {"type": "channel", "channel_id": value}
    if kind == "group":
        return {"type": "usergroup", "usergroup_id": value}
    if kind == "special":
        return {"type": "broadcast", "range": value}
    if kind == "url":
        link: dict[str, Any] = {"type": "link", "url": _plain(value)}
        return {**link, "text": _plain(match["label"])} if match["label"] else link
    if kind == "bare":
        return {"type": "link", "url": value}
    if kind == "emoji":
        return {"type": "emoji", "name": value}
    return {"type": "text", "text": _plain(value), "style": {str(kind): True}}


def blocks(text: str, block_id: str) -> list[dict[str, Any]]:
    """Return the ``rich_text`` block of a text."""
    section = {"type": "rich_text_section", "elements": elements(text)}
    return [{"type": "rich_text", "block_id": block_id, "elements": [section]}]
