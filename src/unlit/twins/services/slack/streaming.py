"""Messages that grow while they are written: ``chat.startStream``, append, stop."""

from typing import Any, Final

from unlit.twins.services.slack import channels, events, messages, richtext
from unlit.twins.services.slack.ask import Ask, SlackError, missing
from unlit.twins.services.slack.blocks import check_blocks
from unlit.twins.services.slack.timeline import put

MOST: Final = 12_000


def _said(ask: Ask) -> str:
    """Return the text that a call adds: ``markdown_text``, or the text of its chunks."""
    text = ask.text("markdown_text")
    chunks = ask.json("chunks", "invalid_chunks")
    if chunks is None:
        chunks = []
    if not isinstance(chunks, list) or not all(isinstance(part, dict) for part in chunks):
        raise SlackError("invalid_chunks")
    for part in chunks:
        if part.get("type") not in ("markdown_text", "task_update", "plan_update", "blocks"):
            raise SlackError("invalid_chunks")
        if part["type"] == "markdown_text":
            text += str(part.get("text") or "")
    if len(text) > MOST:
        raise SlackError("msg_too_long")
    return text


def start(ask: Ask) -> dict[str, Any]:
    """``chat.startStream``: an empty message in a thread, that is being written."""
    row = channels.channel(ask)
    if row["is_archived"]:
        raise SlackError("is_archived")
    if not channels.is_member(ask, row):
        raise SlackError("not_in_channel")
    if not row["is_im"]:
        for name in ("recipient_user_id", "recipient_team_id"):
            if ask.has("thread_ts") and not ask.has(name):
                raise SlackError(f"missing_{name}")
    text = _said(ask)
    fields = {**messages.author(ask), "text": text, "streaming_state": "in_progress"}
    messages.dressed(ask, row["id"], fields)
    message = put(ask.world, row["id"], fields)
    return {"channel": row["id"], "ts": message["ts"]}


def _growing(ask: Ask) -> tuple[str, dict[str, Any]]:
    cid = channels.channel(ask)["id"]
    row = messages.find(ask, cid, ask.required("ts"))
    if row.get("user") != ask.me:
        raise SlackError("message_not_owned_by_app")
    if row.get("streaming_state") != "in_progress":
        raise SlackError("message_not_in_streaming_state")
    return cid, row


def append(ask: Ask) -> dict[str, Any]:
    """``chat.appendStream``: more text at the end of the message."""
    cid, row = _growing(ask)
    if not ask.has("markdown_text") and not ask.has("chunks"):
        raise missing("markdown_text")
    ask.table(f"messages:{cid}").put(row["ts"], {**row, "text": row["text"] + _said(ask)})
    return {"channel": cid, "ts": row["ts"]}


def stop(ask: Ask) -> dict[str, Any]:
    """``chat.stopStream``: the message is whole now, and stands in the history as it is."""
    cid, row = _growing(ask)
    text = row["text"] + _said(ask)
    new = {key: value for key, value in row.items() if key != "streaming_state"}
    blocks = ask.json("blocks", "invalid_blocks_format")
    if blocks:
        check_blocks(blocks)
    made = richtext.blocks(text, messages.block_id(ask.world)) if text else []
    extra = [
        part if part.get("block_id") else {**part, "block_id": messages.block_id(ask.world)}
        for part in blocks or ()
    ]
    new |= {"text": text, "blocks": [*made, *extra]}
    metadata = ask.json("metadata", "invalid_metadata_format")
    if isinstance(metadata, dict):
        new["metadata"] = metadata
    ask.table(f"messages:{cid}").put(row["ts"], new)
    events.changed(ask.world, cid, new, row)
    return {"channel": cid, "ts": row["ts"], "message": messages.shown(ask, cid, new)}


METHODS: Final = {
    "chat.startStream": start,
    "chat.appendStream": append,
    "chat.stopStream": stop,
}
