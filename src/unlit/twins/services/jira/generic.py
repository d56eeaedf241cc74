"""Jira's manners for the routes that the contract alone describes."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from unlit.twins.kit.contract import Contract
from unlit.twins.kit.crud import Crud
from unlit.twins.kit.http import Reply
from unlit.twins.kit.making import Maker
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


class Manners:
    """How Jira mints, refuses and pages."""

    def mint(self, world: World, prefix: str) -> str:
        """Return a number of five digits."""
        return str(world.number("jira.generic", 10100))

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
        name = next(
            (n for n in known if kernel_contract().schema(known[n]).get("t") == "array"), "values"
        )
        part = found[start : start + count]
        out: Row = {name: part}
        for key, value in (
            ("maxResults", count),
            ("startAt", start),
            ("total", len(found)),
            ("isLast", start + count >= len(found)),
        ):
            if not known or key in known:
                out[key] = value
        return Reply(200, out)

    def settle(self, call: Exchange, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Keep a row as it is."""
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
        return isinstance(value, list) and all(is_formed(items, item) for item in value)
    if isinstance(value, dict):
        if kind in ("string", "integer", "number", "boolean"):
            return False
        return all(is_formed(known.get(name), item) for name, item in value.items())
    if kind in ("string", "integer", "number", "boolean"):
        return not isinstance(value, list)
    return kind != "object" or not known


def kernel() -> Crud:
    """Return the kernel over Jira's contract."""
    return Crud("jira", Maker(kernel_contract(), Shapes({}), Manners()))
