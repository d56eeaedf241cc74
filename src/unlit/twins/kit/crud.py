"""Stateful answers for the routes of a contract that nobody wrote by hand.

Collections, items, documents and moves behave by the conventions of REST over the world's tables;
their shapes are the learnt ones, or the contract's. An action that nobody can answer truly is
refused loudly, in the vendor's form.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from unlit.twins.kit.contract import Operation
from unlit.twins.kit.http import Reply
from unlit.twins.kit.making import SERVERS, Maker
from unlit.twins.kit.resources import MOVES, Place, is_parameter, place
from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.shapes import Filling, fill
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table, World


@dataclass(frozen=True, slots=True)
class Crud:
    """The kernel of one twin.

    Attributes:
        name: The twin's name, prefix of its tables.
        maker: Makes its rows, by its contract and manners.
    """

    name: str
    maker: Maker

    def routes(self) -> Iterable[Route]:
        """Yield a route for every operation of the contract."""
        for operation in self.maker.contract.operations:
            where = place(self.maker.contract, operation)
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
            ("turn", "POST"): self._turn,
        }
        answer = table.get((where.role, operation.method))
        if answer is None:
            return lambda call: self._refuse(operation)
        return lambda call: answer(call, operation, where)

    def _refuse(self, operation: Operation) -> Reply:
        raise self.maker.vendor.unsupported(operation.op)

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
                raise self.maker.vendor.missing(key, self.maker.noun(above))

    def _known(self, call: Exchange, kind: str, key: str) -> bool:
        if self.maker.vendor.exists(call, kind, key):
            return True
        if key in self.table(call.world, self.path(kind, call.params)):
            return True
        methods = self.maker.contract.templates.get(kind, {})
        return "POST" not in methods or key in call.world.table(f"{self.name}.known")

    def body(self, call: Exchange, operation: Operation) -> Any:
        """Return the decoded body; one that does not fit the contract is the vendor's error."""
        sent = call.json()
        if sent is None:
            sent = {}
        known = self.maker.contract.problems(operation.request, sent)
        problems = [problem for problem in known if problem[1] == "type"]
        if not problems and self.maker.strict and operation.method == "POST":
            problems = self.maker.lacking(operation, sent)
        if problems:
            raise self.maker.vendor.invalid(problems)
        return sent

    def status(self, kind: str, operation: Operation, role: str) -> int:
        """Return the status of a success."""
        learnt = self.maker.kind(kind).statuses.get(f"{operation.method} {role}")
        return learnt or operation.success

    # --- answers
    def _list(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        path = self.path(where.kind, call.params)
        rows = [*self.table(call.world, path).values(), *self._written(call, path)]
        return self.maker.vendor.page(call, rows)

    def _written(self, call: Exchange, path: str) -> list[Any]:
        """Return what was put where a list is read: the one list in it, or the whole of it."""
        found = self.documents(call.world).get(path)
        if not isinstance(found, dict):
            return []
        lists = [value for value in found.values() if isinstance(value, list)]
        return lists[0] if len(lists) == 1 else [found]

    def _create(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        row = self.maker.made(call, operation, where.kind, self.body(call, operation))
        path = self.path(where.kind, call.params)
        name = self.maker.key_property(where.kind) if "id" in row else None
        if name == "number" and "number" not in self.body(call, operation):
            row[name] = call.world.number(path)
        key = row.get(name) if name else row.get("id") or row.get("name")
        key = str(key or row.get("id") or self.maker.vendor.mint(call.world, "twn"))
        self.table(call.world, path).put(key, row)
        return Reply(self.status(where.kind, operation, "collection"), row)

    def _item(self, call: Exchange, where: Place) -> tuple[Table, str, dict[str, Any]]:
        self._parents(call, where.kind)
        table = self.table(call.world, self.path(where.kind, call.params))
        key = self._key(call)
        row = table.get(key)
        if row is None:
            raise self.maker.vendor.missing(key, self.maker.noun(where.kind))
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
        assigned = "POST" not in self.maker.contract.templates.get(where.kind, {})
        if old is None and not assigned:
            raise self.maker.vendor.missing(key, self.maker.noun(where.kind))
        row = self.maker.made(call, operation, where.kind, self.body(call, operation), old, key)
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
            merged["lastUpdated"] = self.maker.vendor.stamp(call.world)
        row = self.maker.vendor.settle(call, where.kind, merged)
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
            raise self.maker.vendor.missing(key, self.maker.noun(where.kind))
        moved = {**row, "status": MOVES[where.move]}
        if "lastUpdated" in moved:
            moved["lastUpdated"] = self.maker.vendor.stamp(call.world)
        row = self.maker.vendor.settle(call, where.kind, self._relinked(call, where.kind, moved))
        table.put(key, row)
        status = self.status(where.kind, operation, "move")
        if status == 204:
            return Reply(204)
        return Reply(status, row if operation.response is not None else {})

    def _relinked(self, call: Exchange, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with the links that its status has."""
        shape = self.maker.kind(kind).links.get(str(row.get("status")))
        if not shape or not isinstance(row.get("_links"), dict):
            return row
        filling = Filling(
            str(row.get("id")),
            call.params,
            call.request.origin,
            "",
            lambda prefix: self.maker.vendor.mint(call.world, prefix or "twn"),
            row["_links"],
        )
        return {**row, "_links": fill(shape, None, filling)}

    def _read(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        path = self.path(where.kind, call.params)
        found = self.documents(call.world).get(path)
        if found is None:
            found = self.maker.made(call, operation, where.kind, {}, None, path.rsplit("/", 1)[-1])
            if self.maker.whole:
                found = {**self.maker.skeleton.whole(operation), **found}
            self.documents(call.world).put(path, found)
        return Reply(self.status(where.kind, operation, "document"), found)

    def _turn(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        path = self.path(where.kind, call.params)
        old = self.documents(call.world).get(path)
        if old is None:
            reading = self.maker.contract.templates[where.kind]["GET"]
            old = self.maker.made(call, reading, where.kind, {}, None, path.rsplit("/", 1)[-1])
        row = {**old, "status": MOVES[where.move]}
        self.documents(call.world).put(path, row)
        status = self.status(where.kind, operation, "turn")
        return Reply(status, None if status == 204 else row)

    def _write(self, call: Exchange, operation: Operation, where: Place) -> Reply:
        self._parents(call, where.kind)
        path = self.path(where.kind, call.params)
        old, sent = self.documents(call.world).get(path), self.body(call, operation)
        if operation.method != "PUT" and isinstance(old, dict) and isinstance(sent, dict):
            sent = merge(old, sent)
        row = self.maker.made(call, operation, where.kind, sent, old, path.rsplit("/", 1)[-1])
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
