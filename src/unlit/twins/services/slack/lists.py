"""Slack Lists: columns, items, cells; a list is a file."""

from typing import Any, Final

from unlit.twins.services.slack import files, richtext, workspace
from unlit.twins.services.slack.ask import Ask, SlackError, missing
from unlit.twins.services.slack.canvases import whom_of
from unlit.twins.services.slack.workspace import mint, seconds

KINDS: Final = frozenset(
    ("text", "message", "number", "select", "multi_select", "date", "user", "attachment",
     "checkbox", "email", "phone", "channel", "rating", "created_by", "last_edited_by",
     "created_time", "last_edited_time", "vote", "canvas", "reference", "link", "rich_text",
     "todo_completed", "todo_assignee", "todo_due_date")
)  # fmt: skip
_TODO: Final = (
    ("todo_completed", "Completed"), ("todo_assignee", "Assignee"), ("todo_due_date", "Due date"),
)  # fmt: skip


def _columns(ask: Ask, given: Any) -> list[dict[str, Any]]:
    if given is None:
        given = [{"key": "name", "name": "Name", "type": "text", "is_primary_column": True}]
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise SlackError("invalid_schema")
    if sum(bool(one.get("is_primary_column")) for one in given) != 1:
        raise SlackError("invalid_primary_column")
    if any(one.get("type") not in KINDS for one in given):
        raise SlackError("invalid_column_type")
    if any(not one.get("key") or not one.get("name") for one in given):
        raise SlackError("invalid_schema")
    return [{**one, "id": mint(ask.world, "Col")} for one in given]


def create(ask: Ask) -> dict[str, Any]:
    """``slackLists.create``: with columns, or as a copy of another list."""
    title = ask.required("name")
    if ask.has("copy_from_list_id") and ask.has("schema"):
        raise SlackError("invalid_copy_and_schema_args")
    source = _list(ask, "copy_from_list_id") if ask.has("copy_from_list_id") else None
    if source is not None:
        columns = source["list_metadata"]["schema"]
    else:
        columns = _columns(ask, ask.json("schema", "invalid_schema"))
    if ask.flag("todo_mode"):
        columns += [
            {"key": key, "name": name, "type": key, "id": mint(ask.world, "Col")}
            for key, name in _TODO
        ]
    plain = {"id": mint(ask.world, "F"), "name": title, "user": ask.me}
    row = files.make(ask.world, ask.call.request.origin, plain, b"")
    about = {
        "schema": columns, "subtask_schema": columns, "views": [], "icon": "",
        "description_blocks": ask.json("description_blocks", "invalid_arguments") or [],
        "todo_mode": ask.flag("todo_mode"),
    }  # fmt: skip
    row |= {
        "mimetype": "application/vnd.slack-list", "filetype": "list", "pretty_type": "List",
        "mode": "list", "editable": True, "list_metadata": about, "_access": {},
    }  # fmt: skip
    ask.table("files").put(row["id"], row)
    if source is not None and ask.flag("include_copied_list_records"):
        for item in ask.table(f"items:{source['id']}").values():
            key = mint(ask.world, "Rec")
            ask.table(f"items:{row['id']}").put(key, {**item, "id": key, "list_id": row["id"]})
    return {
        "list_id": row["id"],
        "list_metadata": {"schema": columns, "subtask_schema": columns},
    }


def _list(ask: Ask, name: str = "list_id") -> dict[str, Any]:
    row = ask.table("files").get(ask.required(name))
    if row is None or row.get("mode") != "list" or row.get("_deleted"):
        raise SlackError("list_not_found")
    return row  # type: ignore[no-any-return] # JSON


def update(ask: Ask) -> dict[str, Any]:
    """``slackLists.update``."""
    row = _list(ask, "id")
    about = dict(row["list_metadata"])
    if ask.has("description_blocks"):
        about["description_blocks"] = ask.json("description_blocks", "invalid_arguments")
    if ask.has("todo_mode"):
        about["todo_mode"] = ask.flag("todo_mode")
    title = ask.text("name") or row["title"]
    ask.table("files").put(row["id"], {
        **row, "title": title, "name": title, "list_metadata": about,
        "updated": seconds(ask.world),
    })  # fmt: skip
    return {}


def _cell(ask: Ask, row: dict[str, Any], given: Any) -> dict[str, Any]:
    """Return a cell as items have it, with the key of its column."""
    if not isinstance(given, dict):
        raise SlackError("invalid_args")
    key = given.get("column_id")
    if not key:
        raise SlackError("column_id_not_provided")
    column = next((one for one in row["list_metadata"]["schema"] if one["id"] == key), None)
    if column is None:
        raise SlackError("invalid_column_id")
    hidden = ("column_id", "row_id", "row_id_to_create")
    more = {name: value for name, value in given.items() if name not in hidden}
    out = {"key": column["key"], "column_id": key, **more}
    if "rich_text" in out and "text" not in out:
        out["text"] = _plain(out["rich_text"])
    elif isinstance(out.get("text"), str):
        out["rich_text"] = richtext.blocks(out["text"], ask.world.text("slack.block", 5))
    return {**out, "value": next((v for k, v in out.items() if k not in ("key", "column_id")), "")}


def _plain(blocks: Any) -> str:
    if isinstance(blocks, dict):
        return str(blocks.get("text") or "") + _plain(blocks.get("elements") or [])
    return "".join(_plain(one) for one in blocks) if isinstance(blocks, list) else ""


def add(ask: Ask) -> dict[str, Any]:
    """``slackLists.items.create``."""
    row = _list(ask)
    table, key, now = ask.table(f"items:{row['id']}"), mint(ask.world, "Rec"), seconds(ask.world)
    fields: list[dict[str, Any]] = []
    if ask.has("duplicated_item_id"):
        twin = table.get(ask.text("duplicated_item_id"))
        if twin is None:
            raise SlackError("duplicated_item_not_found")
        fields = twin["fields"]
    fields = fields + [_cell(ask, row, one) for one in ask.json("initial_fields", "invalid_args")
                       or ()]  # fmt: skip
    item = {
        "id": key, "list_id": row["id"], "date_created": now, "created_by": ask.me,
        "updated_by": ask.me, "fields": fields, "updated_timestamp": str(now),
    }  # fmt: skip
    if ask.has("parent_item_id"):
        item["parent_record_id"] = ask.text("parent_item_id")
    return {"item": table.put(key, item)}


def _record(ask: Ask, row: dict[str, Any], key: str) -> dict[str, Any]:
    item = ask.table(f"items:{row['id']}").get(key)
    if item is None:
        raise SlackError("record_not_found")
    return item  # type: ignore[no-any-return] # JSON


def listed(ask: Ask) -> dict[str, Any]:
    """``slackLists.items.list``."""
    row = _list(ask)
    wanted = ask.flag("archived")
    rows = [
        item
        for item in ask.table(f"items:{row['id']}").values()
        if bool(item.get("archived")) == wanted
    ]
    found, cursor = workspace.page(
        ask, rows, "item", key=lambda item: str(item["id"]), usual=100, most=1000
    )
    return {"items": found, "response_metadata": {"next_cursor": cursor}}


def info(ask: Ask) -> dict[str, Any]:
    """``slackLists.items.info``."""
    row = _list(ask)
    item = _record(ask, row, ask.required("id"))
    return {"list": files.shown(ask, row), "record": item, "subtasks": [
        other for other in ask.table(f"items:{row['id']}").values()
        if other.get("parent_record_id") == item["id"]]}  # fmt: skip


def fill(ask: Ask) -> dict[str, Any]:
    """``slackLists.items.update``: cells of rows, new rows too."""
    row, cells = _list(ask), ask.json("cells", "invalid_args")
    if not isinstance(cells, list) or not cells:
        raise missing("cells")
    table, now = ask.table(f"items:{row['id']}"), seconds(ask.world)
    with ask.world.atomic():
        for given in cells:
            made = _cell(ask, row, given)
            key = given.get("row_id")
            if not key:
                raise SlackError("row_id_not_provided")
            item = table.get(key)
            if item is None:
                raise SlackError("row_not_found")
            kept = [one for one in item["fields"] if one["column_id"] != made["column_id"]]
            table.put(key, {**item, "fields": [*kept, made], "updated_by": ask.me,
                            "updated_timestamp": str(now)})  # fmt: skip
    return {}


def drop(ask: Ask) -> dict[str, Any]:
    """``slackLists.items.delete`` and ``deleteMultiple``."""
    row = _list(ask)
    if ask.call.route.op.endswith("Multiple"):
        keys = ask.json("ids", "invalid_arguments")
        if not isinstance(keys, list) or not keys:
            raise missing("ids")
    else:
        keys = [ask.required("id")]
        _record(ask, row, keys[0])
    for key in keys:
        ask.table(f"items:{row['id']}").drop(str(key))
    return {}


def allow(ask: Ask) -> dict[str, Any]:
    """``slackLists.access.set``."""
    row, level = _list(ask), ask.required("access_level")
    if level not in ("read", "write", "owner"):
        raise SlackError("invalid_parameters")
    ask.table("files").patch(
        row["id"], _access={**row["_access"], **dict.fromkeys(whom_of(ask), level)}
    )
    return {}


def forbid(ask: Ask) -> dict[str, Any]:
    """``slackLists.access.delete``."""
    row, whom = _list(ask), whom_of(ask)
    kept = {key: level for key, level in row["_access"].items() if key not in whom}
    ask.table("files").patch(row["id"], _access=kept)
    return {}


def export(ask: Ask) -> dict[str, Any]:
    """``slackLists.download.start``: a job that is done at once."""
    row, key = _list(ask), mint(ask.world, "LeF")
    ask.table("list_jobs").put(key, row["id"])
    return {"job_id": key}


def exported(ask: Ask) -> dict[str, Any]:
    """``slackLists.download.get``: where the list lies as a table."""
    row = _list(ask)
    if ask.table("list_jobs").get(ask.required("job_id")) != row["id"]:
        raise SlackError("job_not_found")
    columns = row["list_metadata"]["schema"]
    lines = [",".join(_quoted(one["name"]) for one in columns)]
    for item in ask.table(f"items:{row['id']}").values():
        cells = {one["column_id"]: one for one in item["fields"]}
        lines.append(",".join(_quoted(_shown(cells.get(one["id"]))) for one in columns))
    ask.table("files").patch(row["id"], _data="\n".join(lines).encode())
    return {"status": "COMPLETED", "download_url": row["url_private_download"]}


def _shown(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    value = cell.get("text", cell.get("value"))
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text


METHODS: Final = {
    "slackLists.create": create,
    "slackLists.update": update,
    "slackLists.items.create": add,
    "slackLists.items.list": listed,
    "slackLists.items.info": info,
    "slackLists.items.update": fill,
    "slackLists.items.delete": drop,
    "slackLists.items.deleteMultiple": drop,
    "slackLists.access.set": allow,
    "slackLists.access.delete": forbid,
    "slackLists.download.start": export,
    "slackLists.download.get": exported,
}
