"""Canvases: documents of Markdown that are files, of people or of a channel."""

from typing import Any, Final

from unlit.twins.services.slack import channels, files
from unlit.twins.services.slack.ask import Ask, SlackError, missing
from unlit.twins.services.slack.workspace import mint, seconds

HEX: Final = "0123456789abcdef"
_HEADS: Final = {
    "h1": ("# ",),
    "h2": ("## ",),
    "h3": ("### ",),
    "any_header": ("# ", "## ", "### "),
}
_PLACES: Final = frozenset(("insert_at_start", "insert_at_end", "insert_before", "insert_after"))


def _markdown(content: Any) -> str:
    if content is None:
        return ""
    if not isinstance(content, dict) or content.get("type") != "markdown":
        raise SlackError("invalid_arguments", response_metadata={
            "messages": ["[ERROR] document_content.type must be markdown"]})  # fmt: skip
    return str(content.get("markdown") or "")


def _sections(ask: Ask, text: str) -> list[dict[str, str]]:
    """Return the blocks of a text, each under an id of its own."""
    parts = [part for part in text.split("\n") if part.strip()]
    return [{"id": f"temp:C:{ask.world.text('slack.section', 24, HEX)}", "text": p} for p in parts]


def _made(ask: Ask, title: str, text: str) -> dict[str, Any]:
    plain = {"id": mint(ask.world, "F"), "name": title or "Untitled", "user": ask.me}
    row = files.make(ask.world, ask.call.request.origin, plain, text.encode())
    row |= {
        "mimetype": "application/vnd.slack-docs", "filetype": "quip", "pretty_type": "Canvas",
        "mode": "quip", "editable": True, "updated": seconds(ask.world), "access": "owner",
        "editors": [ask.me], "_sections": _sections(ask, text), "_access": {},
    }  # fmt: skip
    ask.table("files").put(row["id"], row)
    return row


def create(ask: Ask) -> dict[str, Any]:
    """``canvases.create``; with a channel, it becomes one of the channel's tabs."""
    place = channels.channel(ask, ask.text("channel_id")) if ask.has("channel_id") else None
    row = _made(
        ask, ask.text("title"), _markdown(ask.json("document_content", "invalid_arguments"))
    )
    if place is not None:
        _tab(ask, place, row["id"])
    return {"canvas_id": row["id"]}


def create_of_channel(ask: Ask) -> dict[str, Any]:
    """``conversations.canvases.create``: a channel has one canvas of its own."""
    place = channels.channel(ask, ask.required("channel_id"))
    if place["id"] in ask.table("channel_canvases"):
        raise SlackError("channel_canvas_already_exists")
    text = _markdown(ask.json("document_content", "invalid_arguments"))
    row = _made(ask, ask.text("title") or str(place.get("name") or ""), text)
    ask.table("channel_canvases").put(place["id"], row["id"])
    kept = ask.table("channels")[place["id"]]
    mark = {"file_id": row["id"], "is_empty": not text, "quip_thread_id": row["id"]}
    properties = {**(kept.get("properties") or {}), "canvas": mark}
    ask.table("channels").patch(place["id"], properties=properties)
    return {"canvas_id": row["id"]}


def _tab(ask: Ask, place: dict[str, Any], key: str) -> None:
    properties = place.get("properties") or {}
    tab = {"id": key, "label": "", "type": "canvas", "data": {"file_id": key}}
    properties = {**properties, "tabs": [*(properties.get("tabs") or ()), tab]}
    ask.table("channels").patch(place["id"], properties=properties)


def _canvas(ask: Ask) -> dict[str, Any]:
    row = ask.table("files").get(ask.required("canvas_id"))
    if row is None or row.get("mode") != "quip" or row.get("_deleted"):
        raise SlackError("canvas_not_found")
    return row  # type: ignore[no-any-return] # JSON


def edit(ask: Ask) -> dict[str, Any]:
    """``canvases.edit``: at the start, at the end, before, after or in place of a section."""
    row, changes = _canvas(ask), ask.json("changes", "invalid_arguments")
    if not isinstance(changes, list) or not changes:
        raise missing("changes")
    parts, title = list(row["_sections"]), row["title"]
    for change in changes:
        verb = change.get("operation") if isinstance(change, dict) else None
        if verb == "rename":
            title = _markdown(change.get("title_content")) or title
        elif verb == "delete":
            parts.pop(_at(parts, change))
        elif verb == "replace" and not change.get("section_id"):
            parts = _sections(ask, _markdown(change.get("document_content")))
        elif verb == "replace":
            at = _at(parts, change)
            parts[at : at + 1] = _sections(ask, _markdown(change.get("document_content")))
        elif verb in _PLACES:
            at = _where(parts, verb, change)
            parts[at:at] = _sections(ask, _markdown(change.get("document_content")))
        else:
            raise SlackError("invalid_arguments", response_metadata={
                "messages": [f"[ERROR] failed to match operation {verb}"]})  # fmt: skip
    text = "\n".join(part["text"] for part in parts).encode()
    ask.table("files").put(row["id"], {
        **row, "_sections": parts, "_data": text, "size": len(text), "title": title, "name": title,
        "updated": seconds(ask.world), "last_editor": ask.me,
    })  # fmt: skip
    return {}


def _where(parts: list[dict[str, str]], verb: str, change: dict[str, Any]) -> int:
    if verb == "insert_at_start":
        return 0
    if verb == "insert_at_end":
        return len(parts)
    return _at(parts, change) + (verb == "insert_after")


def _at(parts: list[dict[str, str]], change: dict[str, Any]) -> int:
    key = change.get("section_id")
    for at, part in enumerate(parts):
        if part["id"] == key:
            return at
    raise SlackError("canvas_editing_failed", detail=f"section_id {key} was not found")


def look_up(ask: Ask) -> dict[str, Any]:
    """``canvases.sections.lookup``: by kind of heading, by text, by both."""
    row, wanted = _canvas(ask), ask.json("criteria", "invalid_arguments")
    if not isinstance(wanted, dict) or not wanted:
        raise missing("criteria")
    heads = tuple(h for kind in wanted.get("section_types") or () for h in _HEADS.get(kind, ()))
    text = str(wanted.get("contains_text") or "").casefold()
    found = [
        {"id": part["id"]}
        for part in row["_sections"]
        if (not heads or part["text"].startswith(heads)) and text in part["text"].casefold()
    ]
    return {"sections": found}


def delete(ask: Ask) -> dict[str, Any]:
    """``canvases.delete``."""
    row = _canvas(ask)
    ask.table("files").patch(row["id"], _deleted=True)
    for place, key in list(ask.table("channel_canvases").items()):
        if key == row["id"]:
            ask.table("channel_canvases").drop(place)
    return {}


def whom_of(ask: Ask) -> list[str]:
    """Return the people or the channels that a right is about; one kind only."""
    users, places = ask.many("user_ids"), ask.many("channel_ids")
    if bool(users) == bool(places):
        raise SlackError("invalid_parameters")
    if any(key not in ask.table("users") for key in users):
        raise SlackError("user_not_found")
    if any(key not in ask.table("channels") for key in places):
        raise SlackError("channel_not_found")
    return [*users, *places]


def allow(ask: Ask) -> dict[str, Any]:
    """``canvases.access.set``."""
    row, whom, level = _canvas(ask), whom_of(ask), ask.required("access_level")
    if level not in ("read", "write", "owner"):
        raise SlackError("invalid_parameters")
    kept = {**row["_access"], **dict.fromkeys(whom, level)}
    shares = [key for key in whom if key in ask.table("channels")]
    ask.table("files").patch(
        row["id"], _access=kept, channels=list(dict.fromkeys([*row["channels"], *shares]))
    )
    return {}


def forbid(ask: Ask) -> dict[str, Any]:
    """``canvases.access.delete``."""
    row, whom = _canvas(ask), whom_of(ask)
    kept = {key: level for key, level in row["_access"].items() if key not in whom}
    places = [key for key in row["channels"] if key not in whom]
    ask.table("files").patch(row["id"], _access=kept, channels=places)
    return {}


METHODS: Final = {
    "canvases.create": create,
    "canvases.edit": edit,
    "canvases.delete": delete,
    "canvases.sections.lookup": look_up,
    "canvases.access.set": allow,
    "canvases.access.delete": forbid,
    "conversations.canvases.create": create_of_channel,
}
