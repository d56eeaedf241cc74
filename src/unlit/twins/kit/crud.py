"""Stateful answers for the routes of a contract that nobody wrote by hand.

Collections, items, documents and moves behave by the conventions of REST over the world's tables;
their shapes are the learnt ones, or the contract's. An action that nobody can answer truly is
refused loudly, in the vendor's form.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.http import Reply
from unlit.twins.kit.resources import MOVES, Place, is_parameter, place
from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.shapes import Filling, Kind, Shapes, fill
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import Table, World

SERVERS: Final = ("id", "created", "lastUpdated", "_links", "_embedded")
_EMPTY: Final = Kind(None, "", {}, {}, {})


class Vendor(Protocol):
    """What a twin tells the kernel about its vendor."""

    def mint(self, world: World, prefix: str) -> str:
        """Return a fresh id."""
        ...

    def stamp(self, world: World) -> str:
        """Return the next instant as the vendor writes it."""
        ...

    def missing(self, key: str, kind: str) -> VendorError:
        """Return the error for an id that names nothing; `kind` is the schema's name."""
        ...

    def invalid(self, problems: list[tuple[str, str]]) -> VendorError:
        """Return the error for a body that does not fit the contract."""
        ...

    def unsupported(self, op: str) -> VendorError:
        """Return the loud refusal of an operation that the twin cannot do truly."""
        ...

    def page(self, call: Exchange, rows: Iterable[Any]) -> Reply:
        """Return one page of rows, filtered as the vendor filters."""
        ...

    def settle(self, call: Exchange, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row as it is kept: links that follow the status, derived fields."""
        ...

    def exists(self, call: Exchange, kind: str, key: str) -> bool:
        """Whether something by hand holds the item `key` of the collection template `kind`."""
        ...


@dataclass(frozen=True, slots=True)
class Crud:
    """The kernel of one twin.

    Attributes:
        name: The twin's name, prefix of its tables.
        contract: Its contract.
        shapes: What was learnt of its answers.
        vendor: Its manners.
    """

    name: str
    contract: Contract
    shapes: Shapes
    vendor: Vendor

    def routes(self) -> Iterable[Route]:
        """Yield a route for every operation of the contract."""
        for operation in self.contract.operations:
            where = place(self.contract, operation)
            yield Route(
                operation.method,
                operation.template,
                self._handler(operation, where),
                operation.op,
                tier="contract",
                scopes=operation.scopes,
                extra=operation,
            )

    def _handler(self, operation: Operation, where: Place) -> Handler:
        table: Mapping[tuple[str, str], Callable[[Exchange, Operation, Place], Reply]] = {
            ("collection", "GET"): self._list,
            ("collection", "POST"): self._create,
            ("item", "GET"): self._get,
            ("item", "PUT"): self._replace,
            ("item", "PATCH"): self._change,
            ("item", "POST"): self._change,
            ("item", "DELETE"): self._delete,
            ("document", "GET"): self._read,
            ("document", "PUT"): self._write,
            ("document", "POST"): self._write,
            ("document", "PATCH"): self._write,
            ("document", "DELETE"): self._clear,
            ("move", "POST"): self._move,
            ("move", "PUT"): self._move,
        }
        answer = table.get((where.role, operation.method))
        if answer is None:
            return lambda call: self._refuse(operation)
        return lambda call: answer(call, operation, where)

    def _refuse(self, operation: Operation) -> Reply:
        raise self.vendor.unsupported(operation.op)

    # --- state
    def table(self, world: World, path: str) -> Table:
        """Return the rows of the collection at a concrete path."""
        return world.table(f"{self.name}.at:{path}")

    def documents(self, world: World) -> Table:
        """Return the documents by concrete path."""
        return world.table(f"{self.name}.documents")

    def path(self, kind: str, params: Mapping[str, str]) -> str:
        """Return the concrete path of a template."""
        return "/".join(
            params.get(part[1:-1], part) if is_parameter(part) else part for part in kind.split("/")
        )

    def _parents(self, call: Exchange, kind: str) -> None:
        """Raise the vendor's error when a thing above does not exist."""
        parts = kind.split("/")
        for at, part in enumerate(parts):
            if not is_parameter(part):
                continue
            above = "/".join(parts[:at])
            key = call.params.get(part[1:-1], "")
            if not self._known(call, above, key):
                raise self.vendor.missing(key, self.noun(above))

    def _known(self, call: Exchange, kind: str, key: str) -> bool:
        if self.vendor.exists(call, kind, key):
            return True
        if key in self.table(call.world, self.path(kind, call.params)):
            return True
        methods = self.contract.templates.get(kind, {})
        return "POST" not in methods or key in call.world.table(f"{self.name}.known")

    def noun(self, kind: str) -> str:
        """Return the contract's name for the items of a collection."""
        for template, methods in self.contract.templates.items():
            if template.rpartition("/{")[0] == kind or template == kind:
                for operation in methods.values():
                    schema = self.contract.schema(operation.response)
                    if schema.get("t") == "array":
                        schema = self.contract.schema(schema.get("i"))
                    if "n" in schema:
                        return str(schema["n"])
        return "Resource"

    def kind(self, name: str) -> Kind:
        """Return what was learnt of a kind."""
        return self.shapes.kinds.get(name, _EMPTY)

    # --- making rows
    def made(
        self,
        call: Exchange,
        operation: Operation,
        kind: str,
        sent: Any,
        old: Any = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Return the row that a body makes."""
        sent = dict(sent) if isinstance(sent, dict) else {}
        for name in SERVERS:
            sent.pop(name, None)
        learnt = self.kind(kind)
        fresh = old["id"] if isinstance(old, dict) and "id" in old else key
        if fresh is None:
            fresh = self.vendor.mint(call.world, learnt.prefix or self.noun(kind)[:3].lower())
        filling = Filling(
            fresh,
            call.params,
            call.request.origin,
            self.vendor.stamp(call.world),
            lambda prefix: self.vendor.mint(call.world, prefix or "twn"),
            old,
        )
        shape = learnt.shape(sent) or self._skeleton(operation, kind, sent)
        row = fill(shape, sent, filling)
        if call.request.arg("activate") == "false" and row.get("status") == "ACTIVE":
            row["status"] = "INACTIVE"
        return self.vendor.settle(call, kind, row)

    def _skeleton(self, operation: Operation, kind: str, sent: Any) -> dict[str, Any]:
        schema = self.contract.variant(operation.response, sent)
        if schema.get("t") == "array":
            schema = self.contract.variant(schema.get("i"), sent)
        known = schema.get("p", {})
        out: dict[str, Any] = {}
        if not known or "id" in known:
            out["id"] = "$id"
        for name in ("created", "lastUpdated"):
            if name in known:
                out[name] = "$now"
        if "status" in known:
            out["status"] = _first_word(self.contract.schema(known["status"]))
        for name in schema.get("r", ()):
            if name not in out and name in known:
                out[name] = self._empty(known[name], 0)
        if "_links" in known:
            out["_links"] = {"self": {"href": f"$url:{kind}/{{id}}"}}
        return out

    def _empty(self, number: int, depth: int) -> Any:
        schema = self.contract.schema(number)
        kind = schema.get("t")
        if "d" in schema:
            return schema["d"]
        if "e" in schema:
            return schema["e"][0]
        if kind == "object":
            if depth > 4:
                return "$table"
            return {
                name: self._empty(schema["p"][name], depth + 1)
                for name in schema.get("r", ())
                if name in schema.get("p", {})
            }
        if kind == "array":
            return "$list"
        if kind == "boolean":
            return False
        if kind in ("integer", "number"):
            return 0
        return "$now" if schema.get("f") == "date-time" else "$text"

    def body(self, call: Exchange, operation: Operation) -> Any:
        """Return the decoded body; one that does not fit the contract is the vendor's error."""
        sent = call.json()
        if sent is None:
            return {}
        problems = [
            problem
            for problem in self.contract.problems(operation.request, sent)
            if problem[1] == "type"
        ]
        if problems:
            raise self.vendor.invalid(problems)
        return sent

    def status(self, kind: str, operation: Operation, role: str) -> int:
        """Return the status of a success."""
        learnt = self.kind(kind).statuses.get(f"{operation.method} {role}")
        return learnt or operation.success

    # --- answers
    def _list(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        rows = self.table(call.world, self.path(where.kind, call.params))
        return self.vendor.page(call, rows.values())

    def _create(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        row = self.made(call, operation, where.kind, self.body(call, operation))
        key = str(row.get("id") or row.get("name") or self.vendor.mint(call.world, "twn"))
        self.table(call.world, self.path(where.kind, call.params)).put(key, row)
        return Reply(self.status(where.kind, operation, "collection"), row)

    def _item(self, call: Exchange, where: Place) -> tuple[Table, str, dict[str, Any]]:
        self._parents(call, where.kind)
        table = self.table(call.world, self.path(where.kind, call.params))
        key = self._key(call)
        row = table.get(key)
        if row is None:
            raise self.vendor.missing(key, self.noun(where.kind))
        return table, key, row

    def _key(self, call: Exchange) -> str:
        return call.params[call.route.template.rsplit("{", 1)[1].rstrip("}")]

    def _get(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        return Reply(self.status(where.kind, operation, "item"), self._item(call, where)[2])

    def _replace(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        table = self.table(call.world, self.path(where.kind, call.params))
        key = self._key(call)
        old = table.get(key)
        assigned = "POST" not in self.contract.templates.get(where.kind, {})
        if old is None and not assigned:
            raise self.vendor.missing(key, self.noun(where.kind))
        row = self.made(call, operation, where.kind, self.body(call, operation), old, key)
        table.put(key, row)
        status = self.status(where.kind, operation, "item")
        return Reply(status, None if status == 204 else row)

    def _change(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        table, key, old = self._item(call, where)
        sent = self.body(call, operation)
        merged = (
            merge(old, {k: v for k, v in sent.items() if k not in SERVERS})
            if isinstance(sent, dict)
            else old
        )
        if "lastUpdated" in merged:
            merged["lastUpdated"] = self.vendor.stamp(call.world)
        row = self.vendor.settle(call, where.kind, merged)
        table.put(key, row)
        status = self.status(where.kind, operation, "item")
        return Reply(status, None if status == 204 else row)

    def _delete(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        table, key, _ = self._item(call, where)
        table.drop(key)
        gone = f"{self.name}.at:{self.path(where.kind, call.params)}/{key}/"
        for name in [name for name in call.world.tables if name.startswith(gone)]:
            call.world.tables.pop(name)
        return Reply(self.status(where.kind, operation, "item"))

    def _move(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        table = self.table(call.world, self.path(where.kind, call.params))
        parts = call.route.template.split("/")
        last = next(part for part in reversed(parts) if is_parameter(part))
        key = call.params[last[1:-1]]
        row = table.get(key)
        if row is None:
            raise self.vendor.missing(key, self.noun(where.kind))
        moved = {**row, "status": MOVES[where.move]}
        if "lastUpdated" in moved:
            moved["lastUpdated"] = self.vendor.stamp(call.world)
        row = self.vendor.settle(call, where.kind, self._relinked(call, where.kind, moved))
        table.put(key, row)
        status = self.status(where.kind, operation, "move")
        if status == 204:
            return Reply(204)
        return Reply(status, row if operation.response is not None else {})

    def _relinked(self, call: Exchange, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with the links that its status has."""
        shape = self.kind(kind).links.get(str(row.get("status")))
        if not shape or not isinstance(row.get("_links"), dict):
            return row
        filling = Filling(
            str(row.get("id")),
            call.params,
            call.request.origin,
            "",
            lambda prefix: self.vendor.mint(call.world, prefix or "twn"),
            row["_links"],
        )
        return {**row, "_links": fill(shape, None, filling)}

    def _read(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        path = self.path(where.kind, call.params)
        found = self.documents(call.world).get(path)
        if found is None:
            found = self.made(call, operation, where.kind, {}, None, path.rsplit("/", 1)[-1])
            self.documents(call.world).put(path, found)
        return Reply(self.status(where.kind, operation, "document"), found)

    def _write(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        path = self.path(where.kind, call.params)
        old, sent = self.documents(call.world).get(path), self.body(call, operation)
        if operation.method != "PUT" and isinstance(old, dict) and isinstance(sent, dict):
            sent = merge(old, sent)
        row = self.made(call, operation, where.kind, sent, old, path.rsplit("/", 1)[-1])
        self.documents(call.world).put(path, row)
        status = self.status(where.kind, operation, "document")
        return Reply(status, None if status == 204 else row)

    def _clear(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        self.documents(call.world).drop(self.path(where.kind, call.params))
        return Reply(self.status(where.kind, operation, "document"))


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return `old` with the values of `new` put over it, tables inside tables too."""
    out = dict(old)
    for key, value in new.items():
        before = out.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            out[key] = merge(before, value)
        else:
            out[key] = value
    return out


def _first_word(schema: Mapping[str, Any]) -> Any:
    words = schema.get("e") or ["ACTIVE"]
    return "ACTIVE" if "ACTIVE" in words else words[0]
