"""What people do in Slack: they write, react, press buttons, submit modals, type commands."""

import json
from typing import Any, Final
from urllib.parse import urlencode

from unlit.twins.kit.http import Malformed, Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Delivery
from unlit.twins.services.slack import events, installs, richtext, timeline, views, workspace

FORM: Final = "application/x-www-form-urlencoded"
RESPONSE_USES: Final = 5
RESPONSE_S: Final = 1800


def _person(world: World, data: dict[str, Any]) -> dict[str, Any]:
    key = str(data.get("user") or world.table("slack.meta")["admin"])
    row = workspace.find_user(world, key)
    if row is None:
        raise VendorError(400, "user_not_found", f"there is no user {key!r}")
    return row


def _place(world: World, data: dict[str, Any]) -> dict[str, Any]:
    key = str(data.get("channel", "general")).removeprefix("#")
    cid = world.table("slack.channel_names").get(key, key)
    row = world.table("slack.channels").get(cid)
    if row is None:
        raise VendorError(400, "channel_not_found", f"there is no channel {key!r}")
    return row  # type: ignore[no-any-return] # JSON


def happen(world: World, event: str, data: dict[str, Any]) -> None:
    """Let a person do something.

    Args:
        world: The world.
        event: ``message``, ``reaction_added``, ``app_home_opened``, ``block_actions``,
            ``view_submission``, ``view_closed``, ``slash_command``, ``shortcut`` or
            ``message_action``; any other type of the Events API is told as `data` says it.
        data: ``user``, ``channel`` (by name), ``text`` …; further keys go into the event.
    """
    if event == "message":
        _write(world, data)
    elif event == "reaction_added":
        row = _place(world, data)
        message = world.table(f"slack.messages:{row['id']}").get(str(data.get("ts")))
        if message is None:
            raise VendorError(400, "message_not_found", "there is no such message")
        name = str(data.get("reaction", "thumbsup"))
        events.reaction(world, event, row["id"], message, name, _person(world, data)["id"])
    elif event in ("block_actions", "view_submission", "view_closed", "shortcut", "message_action"):
        _interact(world, event, data)
    elif event == "slash_command":
        _command(world, data)
    else:
        fields = {key: value for key, value in data.items() if key != "type"}
        if "user" in fields:
            fields["user"] = _person(world, data)["id"]
        at = f"{world.clock.tick():.6f}"
        events.publish(world, {"type": event, "event_ts": at, **fields})


def _write(world: World, data: dict[str, Any]) -> None:
    row, person = _place(world, data), _person(world, data)
    text = str(data.get("text", ""))
    fields: dict[str, Any] = {
        "user": person["id"], "text": text, "team": workspace.team_id(world),
        "client_msg_id": world.text("slack.client_msg", 32, "0123456789abcdef"),
        "blocks": richtext.blocks(text, world.text("slack.block", 5)),
    }  # fmt: skip
    if data.get("thread_ts"):
        fields["thread_ts"] = str(data["thread_ts"])
    world.table(f"slack.members:{row['id']}").put(person["id"], int(world.now()))
    timeline.put(world, row["id"], fields)


def _address(world: World, name: str) -> str:
    config = world.table("slack.meta").get("events") or {}
    url = config.get(name) or config.get("request_url")
    if not url:
        raise VendorError(400, "no_address", f"the seed sets no events.{name}")
    return str(url)


def _who(world: World, person: dict[str, Any]) -> dict[str, Any]:
    team = world.table("slack.meta")["team"]
    return {
        "user": {"id": person["id"], "username": person["name"], "name": person["name"],
                 "team_id": team["id"]},
        "team": {"id": team["id"], "domain": team["domain"]},
    }  # fmt: skip


def response_url(world: World, channel: str, person: str, origin: str, ts: str | None) -> str:
    """Mint an address that an app may answer to, five times within half an hour."""
    token = world.text("slack.response", 24)
    team = workspace.team_id(world)
    world.table("slack.responses").put(token, {
        "channel": channel, "user": person, "left": RESPONSE_USES, "at": world.now(), "ts": ts,
    })  # fmt: skip
    world.issue(token)
    return f"{origin}/actions/{team}/{world.number('slack.action', 1000)}/{token}"


def _interact(world: World, kind: str, data: dict[str, Any]) -> None:
    person = _person(world, data)
    meta = world.table("slack.meta")
    bot = world.table("slack.bots")[meta["bot"]]
    origin = str((meta.get("events") or {}).get("origin", "https://hooks.slack.com"))
    payload: dict[str, Any] = {
        "type": kind,
        **_who(world, person),
        "api_app_id": bot["app_id"],
        "token": "fake-verification-token",
        "trigger_id": views.new_trigger(world, person["id"]),
        "is_enterprise_install": False,
        "enterprise": None,
    }
    if data.get("channel"):
        channel = _place(world, data)
        payload["channel"] = {"id": channel["id"], "name": channel.get("name", "directmessage")}
        ts = str(data["ts"]) if data.get("ts") else None
        payload["response_url"] = response_url(world, channel["id"], person["id"], origin, ts)
        if ts:
            message = world.table(f"slack.messages:{channel['id']}").get(ts) or {}
            payload["message"] = {k: v for k, v in message.items() if not k.startswith("_")}
            payload["container"] = {
                "type": "message",
                "message_ts": ts,
                "channel_id": channel["id"],
                "is_ephemeral": False,
            }
    if data.get("view_id"):
        view = world.table("slack.views").get(str(data["view_id"])) or {}
        state = {"values": data.get("values") or {}}
        payload["view"] = {
            **{k: v for k, v in view.items() if not k.startswith("_")},
            "state": state,
        }
    for key in ("actions", "callback_id", "view"):
        if key in data:
            payload[key] = data[key]
    body = urlencode({"payload": json.dumps(payload)}).encode()
    url = _address(world, "interactivity_url")
    world.outbox.append(
        Delivery("slack", kind, "POST", url, tuple(events.headers(world, body, FORM)), body)
    )


def _command(world: World, data: dict[str, Any]) -> None:
    person, channel = _person(world, data), _place(world, data)
    meta = world.table("slack.meta")
    bot = world.table("slack.bots")[meta["bot"]]
    origin = str((meta.get("events") or {}).get("origin", "https://hooks.slack.com"))
    fields = {
        "token": "fake-verification-token", "team_id": meta["team"]["id"],
        "team_domain": meta["team"]["domain"], "channel_id": channel["id"],
        "channel_name": channel.get("name", "directmessage"), "user_id": person["id"],
        "user_name": person["name"], "command": str(data.get("command", "/command")),
        "text": str(data.get("text", "")), "api_app_id": bot["app_id"],
        "is_enterprise_install": "false",
        "response_url": response_url(world, channel["id"], person["id"], origin, None),
        "trigger_id": views.new_trigger(world, person["id"]),
    }  # fmt: skip
    body = urlencode(fields).encode()
    url = _address(world, "command_url")
    world.outbox.append(
        Delivery(
            "slack", "slash_command", "POST", url, tuple(events.headers(world, body, FORM)), body
        )
    )


def answer_action(call: Exchange) -> Reply:
    """``POST`` to a `response_url`: a message of the app, or a change of the one acted on."""
    token = call.params["token"]
    row = call.table("responses").get(token)
    if row is None or row["left"] <= 0 or call.world.now() - row["at"] > RESPONSE_S:
        return Reply(404, b"expired_url", [("content-type", "text/plain")])
    try:
        body = call.request.json()
    except Malformed:
        return Reply(400, b"invalid_payload", [("content-type", "text/plain")])
    if not isinstance(body, dict):
        return Reply(400, b"invalid_payload", [("content-type", "text/plain")])
    call.table("responses").put(token, {**row, "left": row["left"] - 1})
    table = call.world.table(f"slack.messages:{row['channel']}")
    old = table.get(row["ts"]) if row["ts"] else None
    bot = call.table("bots")[call.table("meta")["bot"]]
    content = {key: body[key] for key in ("text", "blocks", "attachments") if key in body}
    if body.get("delete_original") and old is not None:
        timeline.remove(call.world, row["channel"], old)
    elif body.get("replace_original") and old is not None:
        table.put(row["ts"], {**old, **content})
        events.changed(call.world, row["channel"], {**old, **content}, old)
    elif body.get("response_type") == "in_channel":
        timeline.put(call.world, row["channel"], {
            "text": "", **content, "user": bot["user_id"], "bot_id": bot["id"],
            "app_id": bot["app_id"], "team": workspace.team_id(call.world),
        })  # fmt: skip
    return Reply(200, b"ok", [("content-type", "text/plain")])


def incoming(call: Exchange) -> Reply:
    """``POST /services/…``: an incoming webhook of the preset app, into ``#general``."""
    known = installs.webhook_path(call.world)
    plain = [("content-type", "text/plain")]
    if call.request.path != known:
        return Reply(404, b"no_service", plain)
    try:
        body = call.request.json()
    except Malformed:
        return Reply(400, b"invalid_payload", plain)
    if not isinstance(body, dict) or not (
        body.get("text") or body.get("blocks") or body.get("attachments")
    ):
        return Reply(400, b"no_text" if isinstance(body, dict) else b"invalid_payload", plain)
    bot = call.table("bots")[call.table("meta")["bot"]]
    cid = call.table("channel_names").get("general")
    timeline.put(call.world, str(cid), {
        "subtype": "bot_message", "text": str(body.get("text", "")), "bot_id": bot["id"],
        **{key: body[key] for key in ("blocks", "attachments", "username", "icons")
           if key in body},
    })  # fmt: skip
    return Reply(200, b"ok", plain)


ROUTES: Final = (
    Route("POST", "/actions/{team}/{number}/{token}", answer_action, "response_url", open=True),
    Route("POST", "/services/{team}/{bot}/{secret}", incoming, "incoming_webhook", open=True),
)
