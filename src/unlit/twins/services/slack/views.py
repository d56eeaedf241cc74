"""Modals and the app's home: triggers that expire, hashes that guard, stacks of three."""

from typing import Any, Final

from unlit.twins.kit.world import World
from unlit.twins.services.slack import workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.blocks import check_blocks
from unlit.twins.services.slack.workspace import mint, team_id

TRIGGER_S: Final = 3.0
_PLAIN: Final = ("title", "submit", "close")


def new_trigger(world: World, user: str) -> str:
    """Return a trigger id that lasts three seconds of the world's time."""
    number = world.text("slack.trigger", 13, "0123456789")
    trigger = f"{number}.{number[:9]}.{world.text('slack.trigger', 32, '0123456789abcdef')}"
    world.table("slack.triggers").put(trigger, {"user": user, "at": world.now(), "used": False})
    return trigger


def _trigger(ask: Ask) -> dict[str, Any]:
    key = ask.text("trigger_id") or ask.text("interactivity_pointer")
    row = ask.table("triggers").get(key)
    if row is None:
        raise SlackError("invalid_trigger_id")
    if ask.world.now() - row["at"] > TRIGGER_S:
        raise SlackError("expired_trigger_id")
    if row["used"]:
        raise SlackError("exchanged_trigger_id")
    ask.table("triggers").put(key, {**row, "used": True})
    return row  # type: ignore[no-any-return] # JSON


def _view(ask: Ask, kinds: tuple[str, ...]) -> dict[str, Any]:
    view = ask.json("view", "invalid_arguments")
    if not isinstance(view, dict):
        raise _wrong("missing required field: view")
    if view.get("type") not in kinds:
        raise _wrong(f"must be one of: {', '.join(kinds)} [json-pointer:/view/type]")
    if view["type"] == "modal" and not isinstance(view.get("title"), dict):
        raise _wrong("missing required field: title [json-pointer:/view]")
    blocks = view.get("blocks")
    if not isinstance(blocks, list):
        raise _wrong("missing required field: blocks [json-pointer:/view]")
    try:
        if len(blocks) <= 100:
            check_blocks(blocks[:50])
    except SlackError as error:
        raise SlackError("invalid_arguments", **error.detail) from error
    return view


def _wrong(message: str) -> SlackError:
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def _hash(world: World) -> str:
    return f"{int(world.now())}.{world.text('slack.hash', 8)}"


def _kept(ask: Ask, view: dict[str, Any], **fields: Any) -> dict[str, Any]:
    actor = ask.call.actor
    blocks = [
        block if block.get("block_id") else {**block, "block_id": ask.world.text("slack.block", 5)}
        for block in view["blocks"]
    ]
    key = fields.pop("id", None) or mint(ask.world, "V")
    row = {
        "id": key,
        "team_id": team_id(ask.world),
        "type": view["type"],
        "blocks": blocks,
        "private_metadata": view.get("private_metadata", ""),
        "callback_id": view.get("callback_id", ""),
        "state": {"values": {}},
        "hash": _hash(ask.world),
        "title": view.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
        "clear_on_close": bool(view.get("clear_on_close")),
        "notify_on_close": bool(view.get("notify_on_close")),
        "close": view.get("close"),
        "submit": view.get("submit"),
        "previous_view_id": None,
        "root_view_id": key,
        "app_id": actor.extra.get("app_id", ""),
        "external_id": view.get("external_id", ""),
        "app_installed_team_id": team_id(ask.world),
        "bot_id": actor.extra.get("bot_id", ""),
        **fields,
    }
    ask.table("views").put(key, row)
    return {name: value for name, value in row.items() if not name.startswith("_")}


def opened(ask: Ask) -> dict[str, Any]:
    """``views.open``."""
    view = _view(ask, ("modal",))
    trigger = _trigger(ask)
    return {"view": _kept(ask, view, _user=trigger["user"])}


def pushed(ask: Ask) -> dict[str, Any]:
    """``views.push``: on top of the one that is open, three at most."""
    view = _view(ask, ("modal",))
    user = _trigger(ask)["user"]
    stack = [
        row
        for row in ask.table("views").values()
        if row.get("_user") == user and row["type"] == "modal"
    ]
    if len(stack) >= 3:
        raise SlackError("push_limit_reached")
    if not stack:
        return {"view": _kept(ask, view, _user=user)}
    return {
        "view": _kept(
            ask, view, _user=user, previous_view_id=stack[-1]["id"], root_view_id=stack[0]["id"]
        )
    }


def updated(ask: Ask) -> dict[str, Any]:
    """``views.update``."""
    view = _view(ask, ("modal", "home"))
    rows = ask.table("views")
    old = rows.get(ask.text("view_id"))
    if old is None and ask.has("external_id"):
        wanted = ask.text("external_id")
        old = next((row for row in rows.values() if row["external_id"] == wanted), None)
    if old is None:
        raise SlackError("not_found")
    if ask.has("hash") and ask.text("hash") != old["hash"]:
        raise SlackError("hash_conflict")
    return {
        "view": _kept(
            ask,
            view,
            id=old["id"],
            _user=old.get("_user"),
            root_view_id=old["root_view_id"],
            previous_view_id=old["previous_view_id"],
        )
    }


def published(ask: Ask) -> dict[str, Any]:
    """``views.publish``: the home of one person."""
    uid = workspace.user(ask, ask.required("user_id"), "user_not_found")["id"]
    view = _view(ask, ("home",))
    homes = ask.table("homes")
    old = ask.table("views").get(homes.get(uid))
    if old is not None and ask.has("hash") and ask.text("hash") != old["hash"]:
        raise SlackError("hash_conflict")
    row = _kept(ask, view, _user=uid, **({"id": old["id"]} if old else {}))
    homes.put(uid, row["id"])
    return {"view": row}


METHODS: Final = {
    "views.open": opened,
    "views.push": pushed,
    "views.update": updated,
    "views.publish": published,
}
