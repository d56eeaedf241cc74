"""What apps are told: the Events API over HTTP, or Socket Mode while a socket is open."""

import hashlib
import hmac
import json
from typing import Any, Final

from unlit.twins.kit.delivery import SOCKET
from unlit.twins.kit.world import UPPER, World
from unlit.twins.model import Delivery

RTM: Final = (("x-twin-socket", "rtm"),)
RETRIES_S: Final = (0.0, 60.0, 300.0)


def sign(secret: str, at: int, body: bytes) -> str:
    """Return ``v0=…``, Slack's signature of a request."""
    base = f"v0:{at}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def headers(world: World, body: bytes, kind: str = "application/json") -> list[tuple[str, str]]:
    """Return the signed headers of a request to an app; signed now, in the receiver's time."""
    at = int(world.clock.wall())
    secret = world.table("slack.meta")["client"]["signing_secret"]
    return [
        ("content-type", kind),
        ("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)"),
        ("x-slack-request-timestamp", str(at)),
        ("x-slack-signature", sign(secret, at, body)),
    ]


def subscribe(world: World, config: dict[str, Any]) -> None:
    """Set where events and interactions go, and verify the address as Slack does.

    Args:
        world: The world.
        config: ``request_url``, ``interactivity_url``, ``command_url``, ``types`` (all by default).
    """
    meta = world.table("slack.meta")
    meta.put("events", {**(meta.get("events") or {}), **config, "verified": False})
    url = config.get("request_url")
    if url:
        challenge = world.text("slack.challenge", 52)
        body = _encode(
            {"token": "fake-verification-token", "challenge": challenge, "type": "url_verification"}
        )
        world.outbox.append(
            Delivery(
                "slack",
                "url_verification",
                "POST",
                str(url),
                tuple(headers(world, body)),
                body,
                0,
                challenge,
            )
        )


def verified(world: World, delivery: Delivery, status: int, body: bytes) -> None:
    """Learn what the address answered to the challenge."""
    config = world.table("slack.meta").get("events") or {}
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
        answered = value.get("challenge") if isinstance(value, dict) else value
    except ValueError:
        answered = text.removeprefix("challenge=")
    good = 200 <= status < 300 and answered == delivery.verify
    world.table("slack.meta").put("events", {**config, "verified": good})


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def publish(world: World, event: dict[str, Any]) -> None:
    """Tell the app of an event, if it listens for it."""
    meta = world.table("slack.meta")
    config = meta.get("events") or {}
    sockets, rtm = meta.get("sockets", 0), meta.get("rtm", 0)
    url = config.get("request_url")
    told = bool(sockets or (url and config.get("verified")))
    if not told and not rtm:
        return
    types = config.get("types")
    if not rtm and types and event["type"] not in _names(types):
        return
    bot = world.table("slack.bots")[meta["bot"]]
    team = meta["team"]["id"]
    body = _encode(
        {
            "token": "fake-verification-token",
            "team_id": team,
            "context_team_id": team,
            "context_enterprise_id": None,
            "api_app_id": bot["app_id"],
            "event": event,
            "type": "event_callback",
            "event_id": "Ev0" + world.text("slack.event", 9, UPPER),
            "event_time": int(world.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": team,
                    "user_id": bot["user_id"],
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": "4-" + world.text("slack.context", 60),
        }
    )
    if rtm:
        world.outbox.append(Delivery("slack", event["type"], "POST", SOCKET, RTM, body))
    if not told or (types and event["type"] not in _names(types)):
        return
    where = SOCKET if sockets else str(url)
    sent = () if sockets else tuple(headers(world, body))
    world.outbox.append(Delivery("slack", event["type"], "POST", where, sent, body))


def _names(types: Any) -> set[str]:
    return {str(name).split(".", 1)[0] for name in types}


def _kind(world: World, cid: str) -> str:
    row = world.table("slack.channels").get(cid) or {}
    if row.get("is_im"):
        return "im"
    if row.get("is_mpim"):
        return "mpim"
    return "group" if row.get("is_private") else "channel"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _listens(world: World) -> bool:
    meta = world.tables["slack.meta"]
    if meta.get("sockets") or meta.get("rtm"):
        return True
    config = meta.get("events")
    return bool(config and config.get("verified"))


def message(world: World, cid: str, row: dict[str, Any]) -> None:
    """A message was posted; one that names the app is an ``app_mention`` too."""
    if not _listens(world) or row.get("_seeded"):
        return
    base = {**_plain(row), "channel": cid, "event_ts": row["ts"]}
    publish(world, {**base, "channel_type": _kind(world, cid)})
    bot = world.table("slack.bots")[world.table("slack.meta")["bot"]]
    if f"<@{bot['user_id']}>" in str(row.get("text", "")) and row.get("user") != bot["user_id"]:
        publish(world, {**base, "type": "app_mention"})
    if str(row.get("subtype", "")).endswith("_join"):
        publish(world, {
            "type": "member_joined_channel", "user": row.get("user"), "channel": cid,
            "channel_type": "G" if _kind(world, cid) == "group" else "C",
            "team": world.table("slack.meta")["team"]["id"], "event_ts": row["ts"],
            **({"inviter": row["inviter"]} if "inviter" in row else {}),
        })  # fmt: skip


def changed(world: World, cid: str, new: dict[str, Any], old: dict[str, Any]) -> None:
    """A message was edited."""
    if not _listens(world):
        return
    at = f"{world.clock.tick():.6f}"
    publish(world, {
        "type": "message", "subtype": "message_changed", "message": _plain(new),
        "previous_message": _plain(old), "channel": cid, "hidden": True, "ts": at,
        "event_ts": at, "channel_type": _kind(world, cid),
    })  # fmt: skip


def deleted(world: World, cid: str, old: dict[str, Any]) -> None:
    """A message was deleted."""
    if not _listens(world):
        return
    at = f"{world.clock.tick():.6f}"
    publish(world, {
        "type": "message", "subtype": "message_deleted", "previous_message": _plain(old),
        "channel": cid, "hidden": True, "deleted_ts": old["ts"], "ts": at, "event_ts": at,
        "channel_type": _kind(world, cid),
    })  # fmt: skip


def reaction(world: World, kind: str, cid: str, row: dict[str, Any], name: str, user: str) -> None:
    """A reaction was added or removed."""
    if _listens(world):
        publish(world, {
            "type": kind, "user": user, "reaction": name, "item_user": row.get("user"),
            "item": {"type": "message", "channel": cid, "ts": row["ts"]},
            "event_ts": f"{world.clock.tick():.6f}",
        })  # fmt: skip


def file(world: World, kind: str, row: dict[str, Any], cid: str | None = None) -> None:
    """A file was made, shared or deleted."""
    if _listens(world):
        event = {
            "type": kind,
            "file_id": row["id"],
            "user_id": row["user"],
            "file": {"id": row["id"]},
            "event_ts": f"{world.clock.tick():.6f}",
        }
        publish(world, {**event, "channel_id": cid} if cid else event)
