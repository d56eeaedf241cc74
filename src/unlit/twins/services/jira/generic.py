"""Jira's manners for the routes that the contract alone describes."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from typing_extensions import override

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.crud import Crud
from unlit.twins.kit.http import Reply
from unlit.twins.kit.making import Maker
from unlit.twins.kit.resources import Place
from unlit.twins.kit.shapes import Shapes
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import World
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import Site, refuse, stamp

PACKAGE: Final = "unlit.twins.services.jira"
_BY_HAND: Final[dict[str, Callable[[Site, str], bool]]] = {
    "issue": lambda site, key: site.find_issue(key) is not None,
    "project": lambda site, key: site.project(key) is not None,
    "filter": lambda site, key: key in site.table("filters"),
    "version": lambda site, key: key in site.table("versions"),
    "component": lambda site, key: key in site.table("components"),
    "user": lambda site, key: key in site.table("users"),
    "field": lambda site, key: key in site.table("fields"),
    "issuetype": lambda site, key: key in site.table("issuetypes"),
    "priority": lambda site, key: key in site.table("priorities"),
    "board": lambda site, key: key.isdigit() and int(key) in site.table("boards"),
    "sprint": lambda site, key: key.isdigit() and int(key) in site.table("sprints"),
    "role": lambda site, key: key.isdigit() and int(key) in site.table("roles"),
    "worklog": lambda site, key: key in site.table("worklogs"),
    "comment": lambda site, key: key in site.table("comments"),
}


_SCHEMES: Final[dict[str, Row]] = {
    "permissionscheme": {
        "expand": "permissions,user,group,projectRole,field,all", "id": 0,
        "name": "Default Permission Scheme",
        "description": "This is the default Permission Scheme. Any new projects that are created "
        "will be assigned this scheme.",
    },
    "notificationscheme": {
        "expand": "notificationSchemeEvents,user,group,projectRole,field,all", "id": 10000,
        "name": "Default Notification Scheme", "description": "", "notificationSchemeEvents": [],
    },
    "issuetypescheme": {
        "id": "10000", "name": "Default Issue Type Scheme",
        "description": "Default issue type scheme is the list of global issue types.",
        "isDefault": True,
    },
    "issuetypescreenscheme": {
        "id": "1", "name": "Default Issue Type Screen Scheme",
        "description": "The default issue type screen scheme",
    },
    "screenscheme": {
        "id": 1, "name": "Default Screen Scheme", "description": "Default Screen Scheme",
        "screens": {"default": 1},
    },
    "screens": {
        "id": 1, "name": "Default Screen", "description": "Allows to update all system fields.",
    },
    "fieldconfiguration": {
        "id": 10000, "name": "Default Field Configuration",
        "description": "The default field configuration", "isDefault": True,
    },
    "priorityscheme": {
        "id": "1", "name": "Default priority scheme", "description": "", "isDefault": True,
        "defaultPriorityId": "3",
    },
}  # fmt: skip


class Manners:
    """How Jira mints, refuses and pages."""

    def mint(self, world: World, prefix: str) -> str:
        """Return a number of five digits."""
        return str(world.number("jira.generic", 10100))

    def number(self, world: World, kind: str) -> int:
        """Return the next number of the site."""
        return world.number("jira.generic", 10100)

    def stamp(self, world: World) -> str:
        """Return the next instant."""
        return stamp(world.clock.tick())

    def missing(self, key: str, kind: str) -> VendorError:
        """Say that there is no such thing."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
        return refuse(404, f"The {words} with id '{key}' does not exist.")

    def invalid(self, problems: list[tuple[str, str]]) -> VendorError:
        """Say that the payload does not fit."""
        return refuse(
            400, "Invalid request payload. Refer to the REST API documentation and try again."
        )

    def unsupported(self, op: str) -> VendorError:
        """Say loudly what is not done, never an invented success."""
        return VendorError(501, "jira", "", messages=(f"The twin does not do {op}.",), fields={})

    def page(self, call: Exchange, rows: Iterable[Any]) -> Reply:
        """Answer a list, or a page where the contract says so."""
        found = list(rows)
        operation = call.route.extra
        schema = kernel_contract().schema(operation.response if operation else None)
        if schema.get("t") == "array":
            return Reply(200, found)
        start = _whole(call, "startAt", 0)
        count = max(1, _whole(call, "maxResults", 50))
        known = schema.get("p", {})
        lists = [n for n in known if kernel_contract().schema(known[n]).get("t") == "array"]
        name = "values" if "values" in lists or not lists else lists[0]
        part = [self._found(call, name, row) for row in found[start : start + count]]
        out: Row = {name: part}
        for key, value in (
            ("maxResults", count),
            ("startAt", start),
            ("total", len(found)),
            ("isLast", start + count >= len(found)),
            ("lastPage", start + count >= len(found)),
            ("self", call.request.origin + call.request.raw_path),
        ):
            if key in known or (not known and key not in ("lastPage", "self")):
                out[key] = value
        return Reply(200, out)

    def _found(self, call: Exchange, name: str, row: Any) -> Any:
        contract = kernel_contract()
        whole = contract.schema(call.route.extra.response if call.route.extra else None)
        rows = contract.schema(whole.get("p", {}).get(name))
        known = contract.schema(rows.get("i")).get("p", {})
        if not isinstance(row, dict) or "self" not in known or row.get("self") or "id" not in row:
            return row
        return {**row, "self": f"{call.request.origin}{call.request.raw_path}/{row['id']}"}

    def settle(self, call: Exchange, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Keep a row as it is, with the address that the contract has for it."""
        known = kernel_contract().schema(call.route.extra.response).get("p", {})
        made = call.request.method == "POST"
        if made and "self" in known and row.get("id") and not row.get("self"):
            return {**row, "self": f"{call.request.origin}{call.request.raw_path}/{row['id']}"}
        return row

    def exists(self, call: Exchange, kind: str, key: str) -> bool:
        """Whether something by hand has the key."""
        word = kind.rstrip("/").rpartition("/")[2]
        test = _BY_HAND.get(word)
        return test is not None and bool(test(Site(call.world), key))


def _whole(call: Exchange, name: str, default: int) -> int:
    text = call.request.arg(name) or ""
    return int(text) if text.isdigit() else default


_CONTRACT: list[Contract] = []


def kernel_contract() -> Contract:
    """Return the contract, read once."""
    if not _CONTRACT:
        _CONTRACT.append(Contract.load(PACKAGE))
    return _CONTRACT[0]


def is_formed(number: int | None, value: Any) -> bool:
    """Whether tables, lists and single values stand where the contract has them.

    Jira reads numbers as texts and texts as numbers; a table where a list belongs it does not.
    """
    if number is None or value is None:
        return True
    schema = kernel_contract().schema(number)
    kind, known = schema.get("t"), schema.get("p") or {}
    if kind == "array":
        items = schema.get("i")
        tables = bool(kernel_contract().schema(items).get("p"))
        return isinstance(value, list) and all(
            is_formed(items, item) and not (tables and item is None) for item in value
        )
    if isinstance(value, dict):
        if kind in ("string", "integer", "number", "boolean"):
            return False
        return all(is_formed(known.get(name), item) for name, item in value.items())
    if kind in ("string", "integer", "number", "boolean"):
        return not isinstance(value, list)
    return kind != "object" or not known


class JiraCrud(Crud):
    """Both versions of the interface show one site; some creates tell only the new id."""

    __slots__ = ()

    @override
    def path(self, kind: str, params: Mapping[str, str]) -> str:
        """Return the concrete path of a template, as version 3 has it."""
        found = Crud.path(self, kind, params)
        return found.replace("/rest/api/2/", "/rest/api/3/", 1)

    @override
    def _get(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        reply = Crud._get(self, call, operation, where)
        known = self.maker.contract.schema(operation.response).get("p", {})
        if isinstance(reply.body, dict) and "self" in known and not reply.body.get("self"):
            at = f"{call.request.origin}{call.request.raw_path}"
            return Reply(reply.status, {**reply.body, "self": at}, reply.headers)
        return reply

    @override
    def _create(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        known = self.maker.contract.schema(operation.response).get("p", {})
        names = [name for name in known if name.endswith("Id")]
        if "id" in known or len(names) != 1 or len(known) != 1:
            return Crud._create(self, call, operation, where)
        self._parents(call, where.kind)
        sent = self.body(call, operation)
        key = self.maker.vendor.mint(call.world, "")
        self.table(call.world, self.path(where.kind, call.params)).put(key, {"id": key, **sent})
        return Reply(self.status(where.kind, operation, "collection"), {names[0]: key})


def prepare(world: World) -> None:
    """Put in the schemes that every site has."""
    for stem, row in _SCHEMES.items():
        world.table(f"jira.at:/rest/api/3/{stem}").put(str(row["id"]), row)


def kernel() -> Crud:
    """Return the kernel over Jira's contract."""
    return JiraCrud("jira", Maker(kernel_contract(), Shapes({}), Manners(), whole=True))
