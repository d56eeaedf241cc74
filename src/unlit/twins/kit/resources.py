"""What each route of a contract does, by the conventions of REST: collections, items, documents.

A *collection* has items below it (``/zones``), an *item* is one of them (``/zones/{zoneId}``), a
*document* is one thing beside others (``/brands/{brandId}/settings``), a *move* changes the status
of an item (``…/lifecycle/activate``). What is none of these is an *action*, which only a rule by
hand can answer truly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from unlit.twins.kit.contract import Contract, Operation

MOVES: Final[Mapping[str, str]] = {
    "activate": "ACTIVE",
    "deactivate": "INACTIVE",
    "enable": "ENABLED",
    "disable": "DISABLED",
    "pause": "PAUSED",
    "resume": "ACTIVE",
    "suspend": "SUSPENDED",
    "unsuspend": "ACTIVE",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a route stands.

    Attributes:
        role: ``collection``, ``item``, ``document``, ``move``, ``turn`` (of a document) or
            ``action``.
        kind: Template of the collection or document that the route is about.
        move: Last part of the path of a ``move``.
    """

    role: str
    kind: str
    move: str = ""


def is_parameter(segment: str) -> bool:
    """Whether a segment is a whole parameter."""
    return segment.startswith("{") and segment.endswith("}")


def place(contract: Contract, operation: Operation) -> Place:
    """Return where an operation stands among the other routes of its contract."""
    templates = contract.templates
    parts = operation.template.rstrip("/").split("/")
    last = parts[-1]
    head = "/".join(parts[:-1])
    if is_parameter(last):
        if ":" in last or is_parameter("".join(parts[-2:-1])):
            return Place("action", operation.template)
        return Place("item", head)
    if parts[-2:-1] == ["lifecycle"] and operation.method == "POST" and last in MOVES:
        document = "/".join(parts[:-2])
        if not is_parameter(parts[-3]) and "GET" in templates.get(document, {}):
            return Place("turn", document, last)
        return Place("move", "/".join(parts[:-3]), last)
    if (
        last in MOVES
        and operation.method in ("POST", "PUT")
        and is_parameter("".join(parts[-2:-1]))
    ):
        return Place("move", "/".join(parts[:-2]), last)
    above = operation.template.rstrip("/") in contract.collections
    if above or (operation.method == "GET" and _is_list(contract, operation)):
        return Place("collection", operation.template)
    methods = templates.get(operation.template, {})
    if "GET" in methods:
        if "POST" in methods and "PUT" not in methods and _is_list(contract, methods["GET"]):
            return Place("collection", operation.template)
        return Place("document", operation.template)
    return Place("action", operation.template)


_PAGED: Final = ("isLast", "lastPage", "startAt")


def _is_list(contract: Contract, operation: Operation) -> bool:
    schema = contract.schema(operation.response)
    if schema.get("t") == "array":
        return True
    known = schema.get("p", {})
    rows = contract.schema(known.get("values")) if "values" in known else {}
    return rows.get("t") == "array" and any(name in known for name in _PAGED)


def discriminator(contract: Contract, kind: str) -> str | None:
    """Return the property whose value chooses the shape of a kind's items."""
    for template, methods in contract.templates.items():
        if template == kind or template.rpartition("/{")[0] == kind:
            for operation in methods.values():
                for number in (operation.request, operation.response):
                    schema = contract.schema(number)
                    if schema.get("t") == "array":
                        schema = contract.schema(schema.get("i"))
                    if "by" in schema:
                        return str(schema["by"])
    return None
