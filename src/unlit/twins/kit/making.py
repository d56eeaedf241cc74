"""Making rows from bodies: learnt shapes first, the contract's required fields otherwise."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.http import Reply
from unlit.twins.kit.shapes import MADE_BY, Filling, Kind, Shapes, fill
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import World

SERVERS: Final = ("id", "created", "lastUpdated", "_links", "_embedded")
MOMENTS: Final = ("createdDate", "createdAt", "lastUpdate", "lastUpdatedDate", "updatedAt")
_ALLOWED: Final = ("GET", "PUT", "DELETE")
_PARAMETER: Final = re.compile(r"\{[^}]*\}")
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
class Maker:
    """Makes the rows of one twin.

    Attributes:
        contract: Its contract.
        shapes: What was learnt of its answers.
        vendor: Its manners.
    """

    contract: Contract
    shapes: Shapes
    vendor: Vendor

    def noun(self, kind: str) -> str:
        """Return the contract's name for the items of a collection."""
        return self.contract.nouns.get(kind, "Resource")

    def kind(self, name: str) -> Kind:
        """Return what was learnt of a kind."""
        return self.shapes.kinds.get(name, _EMPTY)

    def key_property(self, kind: str) -> str | None:
        """Return the property that names an item in paths: ``number`` for ``{issue_number}``."""
        start = kind + "/{"
        for template, methods in self.contract.templates.items():
            if not template.startswith(start) or template.count("/") != kind.count("/") + 1:
                continue
            name = template[len(start) : -1]
            for operation in methods.values():
                known = self.contract.schema(operation.response).get("p", {})
                for candidate in (name, name.rpartition("_")[2]):
                    if candidate in known and candidate != "id":
                        return candidate
        return None

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
        given = self._given_id(operation, sent)
        for name in SERVERS:
            sent.pop(name, None)
        learnt = self.kind(kind)
        fresh = old["id"] if isinstance(old, dict) and "id" in old else key or given
        if fresh is None:
            fresh = self.vendor.mint(call.world, learnt.prefix or self.noun(kind)[:3].lower())
        filling = Filling(
            fresh,
            call.params,
            call.request.origin,
            self.vendor.stamp(call.world),
            lambda prefix: self.vendor.mint(call.world, prefix or "twn"),
            old,
            lambda: call.world.number(f"{kind}#id"),
            call.actor.id,
            sent,
        )
        shape = learnt.shape(sent) or self._skeleton(operation, kind, sent)
        row = fill(shape, sent, filling)
        if call.request.arg("activate") == "false" and row.get("status") == "ACTIVE":
            row["status"] = "INACTIVE"
        return self.vendor.settle(call, kind, row)

    def _given_id(self, operation: Operation, sent: Mapping[str, Any]) -> Any:
        """Return the id that a contract lets clients choose, where it is required of them."""
        schema = self.contract.schema(operation.request)
        own = self.contract.schema((schema.get("p") or {}).get("id"))
        if "id" not in schema.get("r", ()) or own.get("ro"):
            return None
        return sent.get("id")

    def _skeleton(self, operation: Operation, kind: str, sent: Any) -> dict[str, Any]:
        schema = self.contract.variant(operation.response, sent)
        if schema.get("t") == "array":
            schema = self.contract.variant(schema.get("i"), sent)
        known = schema.get("p", {})
        out: dict[str, Any] = {}
        if not known or "id" in known:
            whole = known and self.contract.schema(known["id"]).get("t") == "integer"
            out["id"] = "$number" if whole else "$id"
        out |= {name: "$now" for name in ("created", "lastUpdated") if name in known}
        if "status" in known:
            out["status"] = _first_word(self.contract.schema(known["status"]))
        for name in schema.get("r", ()):
            if name not in out and name in known:
                out[name] = self._empty(known[name], 0)
        if "_links" in known:
            out["_links"] = self._links(known["_links"], kind)
        for name, number in known.items():
            leaf = None if name in out else _by_server(name, self.contract.schema(number))
            if leaf is not None:
                out[name] = leaf
        return out

    def _links(self, number: int, kind: str) -> dict[str, Any]:
        """Return the links of a kind nobody has learnt, as the contract's routes have them."""
        item, methods = kind + "/{}", self._methods(kind)
        known = self.contract.schema(number).get("p", {})
        own = self.contract.schema(known.get("self")).get("p", {})
        out: dict[str, Any] = {"self": {"href": f"$url:{kind}/{{id}}"}}
        allowed = [name for name in _ALLOWED if name in methods]
        if "hints" in own and allowed:
            out["self"]["hints"] = {"allow": [f"$const:{name}" for name in allowed]}
        target = f"{item}/lifecycle/deactivate"
        if any(
            _PARAMETER.sub("{}", template) == _PARAMETER.sub("{}", target)
            for template in self.contract.templates
            if template.endswith("/deactivate")
        ):
            href = f"$url:{kind}/{{id}}/lifecycle/deactivate"
            out["deactivate"] = {"href": href, "hints": {"allow": ["$const:POST"]}}
        return out  # fmt: skip

    def _methods(self, kind: str) -> Mapping[str, Operation]:
        start = kind + "/{"
        for template, methods in self.contract.templates.items():
            if template.startswith(start) and template.count("/") == kind.count("/") + 1:
                return methods
        return {}

    def _empty(self, number: int, depth: int) -> Any:
        schema = self.contract.schema(number)
        kind = schema.get("t")
        if schema.get("z"):
            return "$null"
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
        return "$now" if schema.get("f") == "date-time" else ""


def _by_server(name: str, schema: Mapping[str, Any]) -> Any:
    """Return what the vendor itself puts into a read-only property; `None` when that is unknown."""
    kind = schema.get("t")
    if not schema.get("ro"):
        return None
    if name in MOMENTS and kind == "string":
        return "$now"
    if name in MADE_BY and kind == "string":
        return "$mint:"
    return False if name in ("default", "isDefault", "system") and kind == "boolean" else None


def _first_word(schema: Mapping[str, Any]) -> Any:
    words = schema.get("e") or ["ACTIVE"]
    return "ACTIVE" if "ACTIVE" in words else words[0]
