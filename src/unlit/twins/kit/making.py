"""Making rows from bodies: learnt shapes first, the contract's required fields otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.http import Reply
from unlit.twins.kit.shapes import Filling, Kind, Shapes, fill, over
from unlit.twins.kit.skeleton import Skeleton
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import World

CALLED: Final = ("type", "name", "label", "profile")
SERVERS: Final = ("id", "created", "lastUpdated", "_links", "_embedded")
_EMPTY: Final = Kind(None, "", {}, {}, {})


class Vendor(Protocol):
    """What a twin tells the kernel about its vendor."""

    def mint(self, world: World, prefix: str) -> str:
        """Return a fresh id."""
        ...

    def number(self, world: World, kind: str) -> int:
        """Return a fresh id of a kind whose ids are whole numbers."""
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


@dataclass(frozen=True)
class Maker:
    """Makes the rows of one twin.

    Attributes:
        contract: Its contract.
        shapes: What was learnt of its answers.
        vendor: Its manners.
        eager: The vendor sends read-only, nullable and defaulted keys, empty as they may be.
        strict: The vendor makes nothing without what its contract requires.
        called: What an empty body lacks where the contract requires nothing.
        but_for: Kinds of which the contract requires what the vendor does not.
        whole: A document that nobody wrote has every key of the contract, empty.
    """

    contract: Contract
    shapes: Shapes
    vendor: Vendor
    eager: bool = False
    strict: bool = False
    called: tuple[str, ...] = CALLED
    but_for: frozenset[str] = frozenset()
    whole: bool = False

    @cached_property
    def skeleton(self) -> Skeleton:
        """What the contract alone says of answers."""
        return Skeleton(self.contract, self.eager)

    def noun(self, kind: str) -> str:
        """Return the contract's name for the items of a collection."""
        return self.contract.nouns.get(kind, "Resource")

    def kind(self, name: str) -> Kind:
        """Return what was learnt of a kind."""
        return self.shapes.kinds.get(name, _EMPTY)

    def lacking(self, operation: Operation, sent: Any) -> list[tuple[str, str]]:
        """Return what a body that makes something lacks, or that it is of no kind there is.

        Only its own keys and those of its profile count: what other tables inside it need depends
        on more than a contract says, and its other lists of words have been seen to be short. A
        body without anything lacks what a thing of the kind is called.
        """
        if operation.template not in self.contract.collections or not isinstance(sent, dict):
            return []
        filled = {key: _without_blanks(value) for key, value in sent.items() if value != ""}
        schema = self.contract.schema(operation.request)
        known, kinds = schema.get("p", {}), (schema.get("by"), "type")
        found = [
            (at, kind)
            for at, kind in self.contract.problems(operation.request, filled)
            if (kind == "required" or (kind == "enum" and at in kinds))
            and "." not in at.removeprefix("profile.")
            and not self.contract.schema(known.get(at)).get("ro")
        ]
        if not filled:
            return found or [(name, "required") for name in self.called if name in known]
        return [] if operation.template in self.but_for else found

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
        if fresh is None and self._has_uuid(operation):
            raw = call.world.text("uuid", 32, "0123456789abcdef")
            fresh = "-".join((raw[:8], raw[8:12], "4" + raw[13:16], "a" + raw[17:20], raw[20:]))
        if fresh is None:
            fresh = self.vendor.mint(call.world, learnt.prefix or self.noun(kind)[:3].lower())
        filling = Filling(
            fresh,
            call.params,
            call.request.origin,
            self.vendor.stamp(call.world),
            lambda prefix: self.vendor.mint(call.world, prefix or "twn"),
            old,
            lambda: self.vendor.number(call.world, kind),
            call.actor.id,
            sent,
        )
        shape = learnt.shape(sent)
        if not shape or learnt.promised:
            shape = over(self.skeleton.shape(operation, kind, sent), shape)
        row = fill(shape, sent, filling)
        if call.request.arg("activate") == "false" and row.get("status") == "ACTIVE":
            row["status"] = "INACTIVE"
        return self.vendor.settle(call, kind, row)

    def _has_uuid(self, operation: Operation) -> bool:
        known = self.contract.schema(operation.response).get("p") or {}
        return bool(self.contract.schema(known.get("id")).get("f") == "uuid")

    def _given_id(self, operation: Operation, sent: Mapping[str, Any]) -> Any:
        """Return the id that a contract lets clients choose, where it is required of them."""
        schema = self.contract.schema(operation.request)
        own = self.contract.schema((schema.get("p") or {}).get("id"))
        if "id" not in schema.get("r", ()) or own.get("ro"):
            return None
        return sent.get("id")


def _without_blanks(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: inner for key, inner in value.items() if inner != ""}
