"""Files that lie elsewhere (``files.remote.*``) and calls of other services (``calls.*``)."""

from typing import Any, Final

from unlit.twins.services.slack import channels, files, workspace
from unlit.twins.services.slack.ask import Ask, SlackError
from unlit.twins.services.slack.workspace import mint, seconds


# --- remote files
def _remote(ask: Ask) -> dict[str, Any]:
    if ask.has("file") and ask.has("external_id"):
        raise SlackError("too_many_ids")
    if ask.has("file"):
        row = ask.table("files").get(ask.text("file"))
    else:
        key = ask.table("external_ids").get(ask.required("external_id", "invalid_args"))
        row = ask.table("files").get(key) if key else None
    if row is None or row.get("_deleted") or row.get("external_type") != "app":
        raise SlackError("file_not_found")
    return row  # type: ignore[no-any-return] # JSON


def _fields(ask: Ask) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if ask.has("title"):
        title = ask.text("title")
        out |= {"title": title, "name": title}
    if ask.has("external_url"):
        url = ask.text("external_url")
        if not url.startswith(("http://", "https://")):
            raise SlackError("invalid_url" if "update" in ask.call.route.op else "invalid_args")
        out |= {"external_url": url, "url_private": url}
    if ask.has("filetype"):
        out["filetype"] = ask.text("filetype")
    return out


def add(ask: Ask) -> dict[str, Any]:
    """``files.remote.add``: Slack learns of a file; the same id again names the same one."""
    external = ask.required("external_id")
    ask.required("title"), ask.required("external_url")
    known = ask.table("external_ids").get(external)
    if known is not None:
        row = ask.table("files").put(known, {**ask.table("files")[known], **_fields(ask)})
        return {"file": files.shown(ask, row)}
    plain = {"id": mint(ask.world, "F"), "name": ask.text("title"), "user": ask.me}
    row = files.make(ask.world, ask.call.request.origin, plain, b"")
    for name in ("url_private_download", "permalink_public", "edit_link", "preview", "lines",
                 "preview_highlight", "lines_more", "preview_is_truncated"):  # fmt: skip
        row.pop(name, None)
    row |= {
        "mimetype": "application/vnd.slack-remote", "filetype": "remote", "pretty_type": "Remote",
        "mode": "external", "editable": False, "is_external": True, "external_type": "app",
        "external_id": external, "app_id": ask.call.actor.extra.get("app_id", ""),
        "app_name": _app_name(ask), **_fields(ask),
    }  # fmt: skip
    ask.table("files").put(row["id"], row)
    ask.table("external_ids").put(external, row["id"])
    return {"file": files.shown(ask, row)}


def _app_name(ask: Ask) -> str:
    bot = ask.table("bots").get(ask.call.actor.extra.get("bot_id", ""))
    return str(bot["name"]) if bot else ""


def info(ask: Ask) -> dict[str, Any]:
    """``files.remote.info``."""
    return {"file": files.shown(ask, _remote(ask))}


def listed(ask: Ask) -> dict[str, Any]:
    """``files.remote.list``: newest first; of a channel, or between two moments."""
    where = ask.text("channel")
    early = files.moment_of(ask, "ts_from", 0.0)
    late = files.moment_of(ask, "ts_to", float("inf"))
    rows = [
        row
        for row in ask.table("files").values()
        if row.get("external_type") == "app"
        and not row.get("_deleted")
        and early <= row["created"] <= late
        and (not where or where in (*row["channels"], *row["groups"], *row["ims"]))
    ]
    found, cursor = workspace.page(
        ask, rows[::-1], "remote", key=lambda row: str(row["id"]), usual=100, most=1000
    )
    return {
        "files": [files.shown(ask, row) for row in found],
        "response_metadata": {"next_cursor": cursor},
    }


def share(ask: Ask) -> dict[str, Any]:
    """``files.remote.share``: a message with the file in each conversation."""
    row = _remote(ask)
    for key in ask.required("channels").split(","):
        place = channels.channel(ask, key.strip())
        if not channels.is_member(ask, place):
            raise SlackError("not_in_channel")
        files.share(ask, [ask.table("files")[row["id"]]], place, "", "")
    return {"file": files.shown(ask, ask.table("files")[row["id"]])}


def update(ask: Ask) -> dict[str, Any]:
    """``files.remote.update``."""
    row = _remote(ask)
    new = {**row, **_fields(ask), "updated": seconds(ask.world)}
    return {"file": files.shown(ask, ask.table("files").put(row["id"], new))}


def remove(ask: Ask) -> dict[str, Any]:
    """``files.remote.remove``."""
    row = _remote(ask)
    ask.table("external_ids").drop(row["external_id"])
    ask.table("files").patch(row["id"], _deleted=True)
    return {}


# --- calls
def _people(ask: Ask) -> list[dict[str, Any]]:
    found = ask.json("users", "bad_users")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SlackError("bad_users")
    for one in found:
        if "slack_id" in one and one["slack_id"] not in ask.table("users"):
            raise SlackError("user_not_found")
        if "slack_id" not in one and "external_id" not in one:
            raise SlackError("bad_users")
    return found


def _same(one: dict[str, Any]) -> tuple[Any, Any]:
    return one.get("slack_id"), one.get("external_id")


def start(ask: Ask) -> dict[str, Any]:
    """``calls.add``."""
    row: dict[str, Any] = {
        "id": mint(ask.world, "R"),
        "date_start": ask.number("date_start", seconds(ask.world)),
        "external_unique_id": ask.required("external_unique_id"),
        "join_url": ask.required("join_url"),
    }
    for name in ("external_display_id", "desktop_app_join_url", "title"):
        if ask.has(name):
            row[name] = ask.text(name)
    if ask.has("created_by") and ask.text("created_by") not in ask.table("users"):
        raise SlackError("invalid_created_by")
    row["users"] = _people(ask) if ask.has("users") else []
    ask.table("calls").put(row["id"], row)
    return {"call": row}


def _call(ask: Ask, *, running: bool = False) -> dict[str, Any]:
    row = ask.table("calls").get(ask.required("id"))
    if row is None:
        raise SlackError("invalid_call_id")
    if running and "date_end" in row:
        raise SlackError("inactive_call")
    return row  # type: ignore[no-any-return] # JSON


def of(ask: Ask) -> dict[str, Any]:
    """``calls.info``."""
    return {"call": _call(ask)}


def change(ask: Ask) -> dict[str, Any]:
    """``calls.update``."""
    row = _call(ask)
    names = ("title", "join_url", "desktop_app_join_url")
    new = {**row, **{name: ask.text(name) for name in names if ask.has(name)}}
    return {"call": ask.table("calls").put(row["id"], new)}


def end(ask: Ask) -> dict[str, Any]:
    """``calls.end``."""
    row = _call(ask, running=True)
    lasted = ask.number("duration", max(0, seconds(ask.world) - row["date_start"]))
    ask.table("calls").put(row["id"], {**row, "date_end": row["date_start"] + lasted})
    return {}


def join(ask: Ask) -> dict[str, Any]:
    """``calls.participants.add``."""
    row, more = _call(ask, running=True), _people(ask)
    new = {_same(one): one for one in (*row["users"], *more)}
    ask.table("calls").put(row["id"], {**row, "users": list(new.values())})
    return {}


def leave(ask: Ask) -> dict[str, Any]:
    """``calls.participants.remove``."""
    row, less = _call(ask, running=True), {_same(one) for one in _people(ask)}
    kept = [one for one in row["users"] if _same(one) not in less]
    ask.table("calls").put(row["id"], {**row, "users": kept})
    return {}


METHODS: Final = {
    "files.remote.add": add,
    "files.remote.info": info,
    "files.remote.list": listed,
    "files.remote.share": share,
    "files.remote.update": update,
    "files.remote.remove": remove,
    "calls.add": start,
    "calls.info": of,
    "calls.update": change,
    "calls.end": end,
    "calls.participants.add": join,
    "calls.participants.remove": leave,
}
