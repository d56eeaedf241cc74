"""Lists inside a table, as governance, resource sets and domains have them."""

from collections.abc import Iterable, Sized
from typing import Any, Final

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.http import Reply
from unlit.twins.kit.twin import Exchange

_NEXT: Final = '>; rel="next"'


def rows_name(contract: Contract, operation: Operation) -> str | None:
    """Return the property in which an operation's rows are; `None` for a bare list."""
    schema = contract.schema(operation.response)
    if schema.get("t") != "object" or "id" in schema.get("p", {}):
        return None
    known = schema.get("p", {})
    lists = [name for name, number in known.items() if contract.schema(number).get("t") == "array"]
    return lists[0] if len(lists) == 1 else None


def wrapped(call: Exchange, reply: Reply, rows: Iterable[Any]) -> Reply:
    """Put a page into the table that the contract has around it; its links come inside."""
    operation = call.route.extra
    if not isinstance(operation, Operation):
        return reply
    contract: Contract = call.twin.crud.maker.contract  # type: ignore[attr-defined] # Okta's own
    name = rows_name(contract, operation)
    if name is None:
        return reply
    known = contract.schema(operation.response)["p"]
    body: dict[str, Any] = {name: reply.body}
    links = [value for key, value in reply.headers if key == "link"]
    reply.headers[:] = [pair for pair in reply.headers if pair[0] != "link"]
    if "_links" in known:
        targets = contract.schema(known["_links"]).get("p", {})
        body["_links"] = {
            "next" if link.endswith(_NEXT) else "self": {"href": link[1:].partition(">")[0]}
            for link in links
            if link.endswith(_NEXT) or "self" in targets
        }
    if "metadata" in known and isinstance(rows, Sized):
        body["metadata"] = {"total": len(rows)}
    return Reply(reply.status, body, reply.headers)
