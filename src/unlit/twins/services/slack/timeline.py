"""What stands in a conversation: putting, removing and linking messages."""

from typing import Any

from unlit.twins.kit.world import World
from unlit.twins.services.slack import events
from unlit.twins.services.slack.workspace import next_ts


def put(world: World, cid: str, fields: dict[str, Any], ts: str | None = None) -> dict[str, Any]:
    """Put a message into a conversation and return it."""
    ts = ts or next_ts(world)
    row = {"type": "message", "ts": ts, **fields}
    world.table(f"slack.messages:{cid}").put(ts, row)
    thread = row.get("thread_ts")
    if thread is not None and thread != ts:
        replies = world.table("slack.replies")
        replies.put((cid, thread), (*replies.get((cid, thread), ()), ts))
    events.message(world, cid, row)
    return row


def remove(world: World, cid: str, old: dict[str, Any]) -> None:
    """Take a message out of a conversation."""
    ts, thread = old["ts"], old.get("thread_ts")
    table, replies = world.table(f"slack.messages:{cid}"), world.table("slack.replies")
    if replies.get((cid, ts)):
        table.put(
            ts,
            {
                "type": "message",
                "subtype": "tombstone",
                "text": "This message was deleted.",
                "user": "USLACKBOT",
                "hidden": True,
                "ts": ts,
                "thread_ts": ts,
                "_deleted": True,
            },
        )
    else:
        table.drop(ts)
    if thread is not None and thread != ts:
        left = tuple(item for item in replies.get((cid, thread), ()) if item != ts)
        if left:
            replies.put((cid, thread), left)
        else:
            replies.drop((cid, thread))
    for name in ("pins", "reactions"):
        world.table(f"slack.{name}").drop((cid, ts))
    events.deleted(world, cid, old)


def link(world: World, cid: str, message: dict[str, Any]) -> str:
    """Return the permanent URL of a message."""
    base = world.table("slack.meta")["team"]["url"]
    url = f"{base}archives/{cid}/p{message['ts'].replace('.', '')}"
    thread = message.get("thread_ts")
    return url if not thread or thread == message["ts"] else f"{url}?thread_ts={thread}&cid={cid}"
