"""Push channels: what watchers of files are sent."""

import json
from email.utils import formatdate
from typing import Any

from unlit.twins.model import Delivery

Row = dict[str, Any]


def send(world: Any, row: Row, state: str, body: bytes, changed: str = "") -> None:
    """Put a notification on its way."""
    headers = [
        ("content-type", "application/json; utf-8"),
        ("x-goog-channel-id", row["id"]),
        ("x-goog-channel-expiration", _http_date(row["until"])),
        ("x-goog-resource-state", state),
        ("x-goog-message-number", str(row["number"])),
        ("x-goog-resource-id", row["resourceId"]),
        ("x-goog-resource-uri", row["uri"]),
        ("user-agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"),
    ]
    if row.get("token"):
        headers.append(("x-goog-channel-token", row["token"]))
    if changed:
        headers.append(("x-goog-changed", changed))
    world.table("google.channels").patch(row["id"], number=row["number"] + 1)
    world.outbox.append(Delivery("drive", state, "POST", row["address"], tuple(headers), body))


def _http_date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


def notify(world: Any, ident: str, state: str, changed: str) -> None:
    """Tell the channels that watch a file, and those that watch all changes."""
    for row in list(world.table("google.channels").values()):
        if row["until"] < world.now():
            world.table("google.channels").drop(row["id"])
        elif row["resource"] == "changes":
            send(world, row, "change", json.dumps({"kind": "drive#changes"}).encode())
        elif row["resource"] == ident:
            send(world, row, state, b"", changed)
