"""What administrators read of a workspace, and what Slack's own platform keeps for its apps."""

import re
from typing import Any, Final

from unlit.twins.services.slack import files, workspace
from unlit.twins.services.slack.ask import Ask, SlackError, missing
from unlit.twins.services.slack.workspace import mint

_AGENT: Final = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Slack/4.36"


def _person(ask: Ask) -> None:
    if ask.call.actor.kind == "bot":
        raise SlackError("not_allowed_token_type")


# --- the workspace
def logins(ask: Ask) -> dict[str, Any]:
    """``team.accessLogs``: who signed in; in a twin, everybody once, when they joined."""
    _person(ask)
    before = files.moment_of(ask, "before", float("inf"))
    rows = [
        {
            "user_id": row["id"], "username": row["name"], "date_first": row["updated"],
            "date_last": row["updated"], "count": 1, "ip": "127.0.0.1", "user_agent": _AGENT,
            "isp": None, "country": None, "region": None,
        }
        for row in ask.table("users").values()
        if not row["is_bot"] and row["id"] != "USLACKBOT" and row["updated"] <= before
    ]  # fmt: skip
    found, paging = workspace.numbered(ask, rows)
    return {"logins": found, "paging": paging}


def billable(ask: Ask) -> dict[str, Any]:
    """``team.billableInfo``: people who are there count, bots and guests of one channel do not."""
    _person(ask)
    rows = ask.table("users").values()
    if ask.has("user"):
        rows = [workspace.user(ask, ask.text("user"))]
    found, cursor = workspace.page(
        ask, rows, "billable", key=lambda row: str(row["id"]), usual=1000, most=1000
    )
    counted = {
        row["id"]: {
            "billing_active": not (row["deleted"] or row["is_bot"] or row["is_ultra_restricted"])
            and row["id"] != "USLACKBOT"
        }
        for row in found
    }
    return {"billable_info": counted, "response_metadata": {"next_cursor": cursor}}


def integrations(ask: Ask) -> dict[str, Any]:
    """``team.integrationLogs``: which apps were added."""
    _person(ask)
    admin = str(ask.table("meta")["admin"])
    name = (ask.table("users").get(admin) or {}).get("name", "")
    rows = [
        {
            "app_id": row["app_id"], "app_type": row["name"], "user_id": admin, "user_name": name,
            "date": str(row["updated"]), "change_type": "added", "scope": "",
        }
        for row in ask.table("bots").values()
        if ask.text("app_id", row["app_id"]) == row["app_id"]
        and ask.text("user", admin) == admin
        and ask.text("change_type", "added") == "added"
    ]  # fmt: skip
    found, paging = workspace.numbered(ask, rows)
    return {"logs": found, "paging": paging}


def profile(ask: Ask) -> dict[str, Any]:
    """``team.profile.get``: the fields of people's profiles beside the usual ones."""
    used = {
        key: value
        for row in ask.table("users").values()
        for key, value in (row["profile"].get("fields") or {}).items()
    }
    section = "X" + ask.table("meta")["team"]["id"][1:]
    fields = [
        {
            "id": key, "ordering": at, "label": "Title" if at == 0 else f"Field {at}", "hint": "",
            "type": "text", "possible_values": None, "options": {"is_protected": False},
            "is_hidden": False, "section_id": section,
        }
        for at, key in enumerate(used)
    ]  # fmt: skip
    head = {
        "id": section, "team_id": ask.table("meta")["team"]["id"], "section_type": "custom",
        "label": "About me", "order": 3, "is_hidden": False,
    }  # fmt: skip
    return {"profile": {"fields": fields, "sections": [head] if fields else []}}


def plan(ask: Ask) -> dict[str, Any]:
    """``team.billing.info``."""
    return {"plan": str(ask.table("meta").get("plan") or "std")}


def preferences(ask: Ask) -> dict[str, Any]:
    """``team.preferences.list``."""
    return {
        "allow_message_deletion": True, "display_real_names": True,
        "disable_file_uploads": "allow_all", "msg_edit_window_mins": -1,
        "who_can_post_general": "everyone",
    }  # fmt: skip


# --- datastores
def _store(ask: Ask) -> tuple[str, Any]:
    name = ask.required("datastore")
    if not re.fullmatch(r"[A-Za-z][\w.-]*", name):
        raise SlackError("invalid_datastore")
    return name, ask.table(f"datastore:{name}")


def _item(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict) or not found.get("id"):
        raise SlackError("datastore_error", errors=[{
            "code": "datastore_validation_error", "message": "missing required field 'id'",
            "pointer": "/item"}])  # fmt: skip
    return found


def put(ask: Ask) -> dict[str, Any]:
    """``apps.datastore.put`` (the whole item) and ``update`` (some of its fields)."""
    name, table = _store(ask)
    item = _item(ask.json("item", "datastore_error"))
    if ask.call.route.op.endswith("update"):
        item = {**(table.get(item["id"]) or {}), **item}
    return {"datastore": name, "item": table.put(str(item["id"]), item)}


def put_all(ask: Ask) -> dict[str, Any]:
    """``apps.datastore.bulkPut``."""
    name, table = _store(ask)
    items = ask.json("items", "datastore_error")
    if not isinstance(items, list) or not items:
        raise missing("items")
    for item in [_item(item) for item in items]:
        table.put(str(item["id"]), item)
    return {"datastore": name, "failed_items": []}


def get(ask: Ask) -> dict[str, Any]:
    """``apps.datastore.get``: an empty item when there is none."""
    name, table = _store(ask)
    return {"datastore": name, "item": table.get(ask.required("id")) or {}}


def _ids(ask: Ask) -> list[str]:
    found = ask.json("ids", "datastore_error")
    if not isinstance(found, list) or not found:
        raise missing("ids")
    return [str(key) for key in found]


def get_all(ask: Ask) -> dict[str, Any]:
    """``apps.datastore.bulkGet``."""
    name, table = _store(ask)
    return {"datastore": name, "items": [table[key] for key in _ids(ask) if key in table]}


def drop(ask: Ask) -> dict[str, Any]:
    """``apps.datastore.delete`` and ``bulkDelete``."""
    _, table = _store(ask)
    bulk = ask.call.route.op.endswith("bulkDelete")
    for key in _ids(ask) if bulk else [ask.required("id")]:
        table.drop(key)
    return {"failed_items": []} if bulk else {}


_TEST: Final = re.compile(
    r"^\s*(?:(?P<call>begins_with|contains)\(\s*(?P<of>[#\w]+)\s*,\s*(?P<text>:\w+)\s*\)"
    r"|(?P<low_of>[#\w]+)\s+between\s+(?P<low>:\w+)\s+and\s+(?P<high>:\w+)"
    r"|(?P<name>[#\w]+)\s*(?P<sign>=|<=|>=|<|>)\s*(?P<value>:\w+))\s*$",
    re.IGNORECASE,
)


def _chosen(ask: Ask, table: Any) -> list[dict[str, Any]]:
    """Return the items that an expression lets through; Slack documents DynamoDB's."""
    rows = list(table.values())
    if not ask.has("expression"):
        return rows
    names = ask.json("expression_attributes", "datastore_error") or {}
    values = ask.json("expression_values", "datastore_error") or {}
    joined = re.sub(r"(?i)(between\s+:\w+)\s+and\s+", r"\1 AND\0 ", ask.text("expression"))
    for part in re.split(r"(?i)\s+and\s+", joined):
        found = _TEST.match(part.replace("AND\0", "and"))
        if found is None:
            raise SlackError("datastore_error", errors=[{
                "code": "invalid_expression", "message": f"Invalid expression: {part.strip()}",
                "pointer": "/expression"}])  # fmt: skip
        rows = [row for row in rows if _passes(row, found.groupdict(), names, values)]
    return rows


def _passes(
    row: dict[str, Any], test: dict[str, str | None], names: dict[str, str], values: dict[str, Any]
) -> bool:
    about = str(test["of"] or test["low_of"] or test["name"])
    have = row.get(names.get(about, about))
    try:
        if test["call"]:
            text = values.get(str(test["text"]))
            if test["call"].lower() == "contains":
                return have is not None and text in have
            return str(have).startswith(str(text))
        if test["low"]:
            return bool(values[test["low"]] <= have <= values[str(test["high"])])
        wanted = values.get(str(test["value"]))
        sign = test["sign"]
        if sign == "=":
            return bool(have == wanted)
        less, same = have < wanted, have == wanted  # type: ignore[operator] # of the data's kind
        return bool({"<": less, "<=": less or same, ">": not (less or same), ">=": not less}[
            str(sign)])  # fmt: skip
    except (TypeError, KeyError):
        return False


def query(ask: Ask) -> dict[str, Any]:
    """``apps.datastore.query``."""
    name, table = _store(ask)
    found, cursor = workspace.page(
        ask, _chosen(ask, table), "datastore", key=lambda row: str(row["id"]), usual=100, most=1000
    )
    out: dict[str, Any] = {"datastore": name, "items": found}
    if cursor:
        out["response_metadata"] = {"next_cursor": cursor}
    return out


def count(ask: Ask) -> dict[str, Any]:
    """``apps.datastore.count``."""
    name, table = _store(ask)
    return {"datastore": name, "count": len(_chosen(ask, table))}


# --- manifests
def _manifest(ask: Ask) -> dict[str, Any]:
    ask.required("manifest")
    found = ask.json("manifest", "invalid_manifest")
    problems = []
    if not isinstance(found, dict):
        raise SlackError("invalid_manifest")
    shown = found.get("display_information")
    if not isinstance(shown, dict) or not shown.get("name"):
        problems.append({"message": "Missing display_information.name",
                         "pointer": "/display_information/name"})  # fmt: skip
    elif len(str(shown["name"])) > 35:
        problems.append({"message": "must be no more than 35 characters",
                         "pointer": "/display_information/name"})  # fmt: skip
    if problems:
        raise SlackError("invalid_manifest", errors=problems)
    return found


def validate(ask: Ask) -> dict[str, Any]:
    """``apps.manifest.validate``."""
    _manifest(ask)
    return {"errors": []}


def create_app(ask: Ask) -> dict[str, Any]:
    """``apps.manifest.create``."""
    manifest, world = _manifest(ask), ask.world
    key = mint(world, "A")
    ask.table("manifests").put(key, manifest)
    hidden = "fake-" + world.text("slack.app", 24, "0123456789abcdef")
    return {
        "app_id": key,
        "credentials": {
            "client_id": f"fake-{key}", "client_secret": hidden,
            "verification_token": f"fake-{world.text('slack.app', 20)}",
            "signing_secret": f"fake-{world.text('slack.app', 24, '0123456789abcdef')}",
        },
        "oauth_authorize_url":
            f"{ask.call.request.origin}/oauth/v2/authorize?client_id=fake-{key}&scope=",
    }  # fmt: skip


def _app(ask: Ask) -> str:
    key = ask.required("app_id")
    if not re.fullmatch(r"A[A-Z0-9]{8,}", key):
        raise SlackError("invalid_app_id")
    if key not in ask.table("manifests"):
        raise SlackError("app_not_found")
    return key


def update_app(ask: Ask) -> dict[str, Any]:
    """``apps.manifest.update``: whether other scopes are asked for is said, too."""
    manifest, key = _manifest(ask), _app(ask)
    old = ask.table("manifests")[key]
    ask.table("manifests").put(key, manifest)

    def asked(of: dict[str, Any]) -> Any:
        return (of.get("oauth_config") or {}).get("scopes")

    return {"app_id": key, "permissions_updated": asked(old) != asked(manifest)}


def export_app(ask: Ask) -> dict[str, Any]:
    """``apps.manifest.export``."""
    marks = {"_metadata": {"major_version": 1, "minor_version": 1}}
    return {"manifest": {**marks, **ask.table("manifests")[_app(ask)]}}


def delete_app(ask: Ask) -> dict[str, Any]:
    """``apps.manifest.delete``."""
    ask.table("manifests").drop(_app(ask))
    return {}


def authorizations(ask: Ask) -> dict[str, Any]:
    """``apps.event.authorizations.list``: the one installation of a workspace of its own."""
    ask.required("event_context")
    meta = ask.table("meta")
    bot = ask.table("bots")[meta["bot"]]
    row = {
        "enterprise_id": None, "team_id": meta["team"]["id"], "user_id": bot["user_id"],
        "is_bot": True, "is_enterprise_install": False,
    }  # fmt: skip
    return {"authorizations": [row]}


METHODS: Final = {
    "team.accessLogs": logins,
    "team.billableInfo": billable,
    "team.integrationLogs": integrations,
    "team.profile.get": profile,
    "team.billing.info": plan,
    "team.preferences.list": preferences,
    "apps.datastore.put": put,
    "apps.datastore.update": put,
    "apps.datastore.bulkPut": put_all,
    "apps.datastore.get": get,
    "apps.datastore.bulkGet": get_all,
    "apps.datastore.delete": drop,
    "apps.datastore.bulkDelete": drop,
    "apps.datastore.query": query,
    "apps.datastore.count": count,
    "apps.manifest.validate": validate,
    "apps.manifest.create": create_app,
    "apps.manifest.update": update_app,
    "apps.manifest.export": export_app,
    "apps.manifest.delete": delete_app,
    "apps.event.authorizations.list": authorizations,
}
