"""What administrators tend: priorities, resolutions, custom fields, their contexts and options.

The lists themselves are the contract's (`generic.py`); here is what changes them.
"""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.world import Table
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import refuse

routes = Routes()


def rows_at(ask: Ask, path: str) -> Table:
    """Return the rows of a collection that the contract describes."""
    return ask.site.world.table(f"jira.at:/rest/api/3/{path}")


def row_at(ask: Ask, path: str, key: str, words: str) -> Row:
    """Return one of them, or the vendor's 404."""
    row = rows_at(ask, path).get(key)
    if row is None:
        raise refuse(404, f"The {words} with id '{key}' was not found.")
    return dict(row)


def ids_in(ask: Ask, name: str, table: str, words: str) -> list[str]:
    """Return ids that the body names; each must exist."""
    found = ask.body().get(name)
    if not isinstance(found, list) or not found:
        raise refuse(400, f"{name} must not be empty.")
    for one in found:
        if str(one) not in ask.site.table(table):
            raise refuse(404, f"The {words} with id '{one}' was not found.")
    return [str(one) for one in found]


def reordered(ask: Ask, have: list[str], name: str) -> list[str]:
    """Return the keys with some of them put after another one, first or last."""
    body = ask.body()
    moved = [str(one) for one in body.get(name) or []]
    if not moved or any(one not in have for one in moved):
        raise refuse(404, f"{name}: the values must exist.")
    left = [one for one in have if one not in moved]
    after, position = body.get("after"), str(body.get("position") or "")
    if after is not None:
        if str(after) not in left:
            raise refuse(400, f"The value '{after}' to move after was not found.")
        at = left.index(str(after)) + 1
    elif position.lower() in ("first", "last"):
        at = 0 if position.lower() == "first" else len(left)
    else:
        raise refuse(400, "Either 'after' or 'position' must be given.")
    return [*left[:at], *moved, *left[at:]]


def put_in_order(table: Table, order: list[str]) -> None:
    """Put the rows of a table in an order."""
    rows = {key: table[key] for key in table}
    for key in [key for key in order if key in rows]:
        table.drop(key)
        table.put(key, rows[key])


# --- priorities and resolutions
def _ordered(word: str, table: str, op: str) -> None:
    @routes.add("PUT", f"{word}/move", f"move{op}")
    def move(ask: Ask) -> Any:
        rows = ask.site.table(table)
        put_in_order(rows, reordered(ask, list(rows), "ids"))
        return Reply(204)

    @routes.add("PUT", f"{word}/default", f"setDefault{word.title()}")
    def default(ask: Ask) -> Any:
        chosen = ask.body().get("id")
        rows = ask.site.table(table)
        if chosen is not None and str(chosen) not in rows:
            raise refuse(404, f"The {word} with id '{chosen}' does not exist.")
        ask.site.table("site").put(f"default_{word}", None if chosen is None else str(chosen))
        return Reply(204)


_ordered("priority", "priorities", "Priorities")
_ordered("resolution", "resolutions", "Resolutions")


# --- fields
def _field(ask: Ask, name: str = "id") -> Row:
    row = ask.site.table("fields").get(ask.params[name])
    row = row or ask.site.table("trashed_fields").get(ask.params[name])
    if row is None or not row.get("custom"):
        raise refuse(404, f"The custom field with id '{ask.params[name]}' was not found.")
    return dict(row)


@routes.add("POST", "field/{id}/trash", "trashCustomField")
def trash(ask: Ask) -> Any:
    """Move a custom field to the trash: no issue shows it any longer."""
    row = _field(ask)
    if row["id"] not in ask.site.table("fields"):
        raise refuse(400, "The custom field is already in the trash.")
    ask.site.table("trashed_fields").put(row["id"], ask.site.table("fields").drop(row["id"]))
    return {}


@routes.add("POST", "field/{id}/restore", "restoreCustomField")
def restore(ask: Ask) -> Any:
    """Bring a custom field back from the trash."""
    row = ask.site.table("trashed_fields").drop(_field(ask)["id"])
    if row is None:
        raise refuse(400, "The custom field is not in the trash.")
    ask.site.table("fields").put(row["id"], row)
    return {}


def _context(ask: Ask) -> tuple[str, Row]:
    path = f"field/{ask.params['fieldId']}/context"
    return path, row_at(ask, path, ask.params["contextId"], "custom field context")


def _assigned(part: str, ids: str, table: str, words: str) -> None:
    """Let a context hold projects or issue types, and hold them no longer."""

    @routes.add("PUT", f"field/{{fieldId}}/context/{{contextId}}/{part}", f"add {part} to context")
    def add(ask: Ask) -> Any:
        path, row = _context(ask)
        more = ids_in(ask, ids, table, words)
        have = [str(one) for one in row.get(ids) or []]
        rows_at(ask, path).put(row["id"], {**row, ids: list(dict.fromkeys([*have, *more]))})
        return Reply(204)

    @routes.add("POST", f"field/{{fieldId}}/context/{{contextId}}/{part}/remove", f"remove {part}")
    def remove(ask: Ask) -> Any:
        path, row = _context(ask)
        less = ids_in(ask, ids, table, words)
        have = [str(one) for one in row.get(ids) or [] if str(one) not in less]
        rows_at(ask, path).put(row["id"], {**row, ids: have})
        return Reply(204)


_assigned("project", "projectIds", "projects", "project")
_assigned("issuetype", "issueTypeIds", "issuetypes", "issue type")


def _mapping(ask: Ask, name: str, ids: str, word: str, wide: str) -> Any:
    rows = []
    for row in rows_at(ask, f"field/{ask.params['fieldId']}/context").values():
        have = row.get(ids) or []
        rows += [{"contextId": row["id"], word: str(one)} for one in have]
        if not have:
            rows.append({"contextId": row["id"], wide: True})
    wanted = ask.many("contextId")
    found = [row for row in rows if not wanted or row["contextId"] in wanted]
    return ask.page(found, name, lambda row: row)


@routes.add("GET", "field/{fieldId}/context/issuetypemapping", "getIssueTypeMappingsForContexts")
def types_of_contexts(ask: Ask) -> Any:
    """Return which issue types each context of a field is for."""
    return _mapping(ask, "values", "issueTypeIds", "issueTypeId", "isAnyIssueType")


@routes.add("GET", "field/{fieldId}/context/projectmapping", "getProjectContextMapping")
def projects_of_contexts(ask: Ask) -> Any:
    """Return which projects each context of a field is for."""
    return _mapping(ask, "values", "projectIds", "projectId", "isGlobalContext")


@routes.add("POST", "field/{fieldId}/context/mapping", "getCustomFieldContextsForProjectsAndTypes")
def contexts_for(ask: Ask) -> Any:
    """Return the context of a field for each pair of a project and an issue type."""
    rows = list(rows_at(ask, f"field/{ask.params['fieldId']}/context").values())

    def fits(row: Row, name: str, wanted: Any) -> bool:
        have = [str(one) for one in row.get(name) or []]
        return not have or str(wanted) in have

    out = []
    for one in ask.body().get("mappings") or []:
        project, kind = one.get("projectId"), one.get("issueTypeId")
        found = next((row["id"] for row in rows if fits(row, "projectIds", project)
                      and fits(row, "issueTypeIds", kind)), None)  # fmt: skip
        out.append({"projectId": project, "issueTypeId": kind, "contextId": found})
    return ask.page(out, "values", lambda row: row)


# --- options of a context
def _options(ask: Ask) -> Table:
    path, row = _context(ask)
    return rows_at(ask, f"{path}/{row['id']}/option")


_OPTION: Final = "field/{fieldId}/context/{contextId}/option"


@routes.add("GET", _OPTION, "getOptionsForContext")
def options(ask: Ask) -> Any:
    """Return the options of a context, in order."""
    wanted = ask.arg("optionId")
    rows = [row for row in _options(ask).values() if not wanted or row["id"] == wanted]
    return ask.page(rows, "values", lambda row: row)


@routes.add("POST", _OPTION, "createCustomFieldOption")
def add_options(ask: Ask) -> Any:
    """Add options to a context."""
    table, out = _options(ask), []
    given = ask.body().get("options")
    if not isinstance(given, list) or not given:
        raise refuse(400, "options must not be empty.")
    have = {row["value"] for row in table.values()}
    for one in given:
        value = str(one.get("value") or "")
        if not value or value in have:
            raise refuse(400, f"The option '{value}' is empty or exists already.")
        have.add(value)
    for one in given:
        key = str(ask.site.world.number("jira.generic", 10100))
        row = {"id": key, "value": str(one["value"]), "disabled": bool(one.get("disabled"))}
        if one.get("optionId"):
            row["optionId"] = str(one["optionId"])
        out.append(table.put(key, row))
    return {"options": out}


@routes.add("PUT", _OPTION, "updateCustomFieldOption")
def change_options(ask: Ask) -> Any:
    """Rename options, or switch them off."""
    table, given = _options(ask), ask.body().get("options") or []
    for one in given:
        if str(one.get("id")) not in table:
            raise refuse(404, f"The option with id '{one.get('id')}' was not found.")
    out = []
    for one in given:
        changes = {name: one[name] for name in ("value", "disabled") if name in one}
        out.append(table.patch(str(one["id"]), **changes))
    return {"options": out}


@routes.add("PUT", _OPTION + "/move", "reorderCustomFieldOptions")
def move_options(ask: Ask) -> Any:
    """Put options in another order."""
    table = _options(ask)
    put_in_order(table, reordered(ask, list(table), "customFieldOptionIds"))
    return Reply(204)


@routes.add("DELETE", _OPTION + "/{optionId}", "deleteCustomFieldOption")
def drop_option(ask: Ask) -> Any:
    """Delete an option."""
    if _options(ask).drop(ask.params["optionId"]) is None:
        raise refuse(404, f"The option with id '{ask.params['optionId']}' was not found.")
    return Reply(204)
