"""A vendor's contract, compiled: routes, parameters, schemas; no prose, no examples' values.

The compiled form is one JSON document in zlib: ``{source, routes, schemas}``. A schema is a small
table of integers and names (`Schema`); equal schemas are kept once.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

import msgspec


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        statuses: Declared HTTP statuses that are no errors, in the contract's order.
        query: Query parameters by name: type, and whether required.
        request: Number of the body's schema.
        response: Number of the answer's schema.
        is_list: The answer is an array.
        scopes: OAuth scopes, any one of which is enough.
    """

    method: str
    template: str
    op: str
    statuses: tuple[int, ...]
    query: Mapping[str, Any] = field(default_factory=dict)
    request: int | None = None
    response: int | None = None
    scopes: tuple[str, ...] = ()

    @property
    def success(self) -> int:
        """The status of a success."""
        return self.statuses[0] if self.statuses else 200


class Contract:
    """Everything a vendor promises, read on first use.

    Args:
        document: The decompressed form.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.source: str = document["source"]
        self._rows: list[list[Any]] = document["routes"]
        self.schemas: list[dict[str, Any]] = document["schemas"]

    @classmethod
    def load(cls, package: str, name: str = "contract.bin") -> "Contract":
        """Read the compiled contract that lies in a package."""
        return cls.unpack(files(package).joinpath(name).read_bytes())

    @classmethod
    def unpack(cls, data: bytes) -> "Contract":
        """Read a compiled contract."""
        return cls(msgspec.json.decode(zlib.decompress(data)))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation, in the contract's order."""
        return tuple(
            Operation(m, t, op, tuple(statuses), query, request, response, tuple(scopes))
            for m, t, op, statuses, query, request, response, scopes in self._rows
        )

    @cached_property
    def by_route(self) -> dict[tuple[str, str], Operation]:
        """Operations by method and template."""
        return {(o.method, o.template): o for o in self.operations}

    @cached_property
    def templates(self) -> dict[str, dict[str, Operation]]:
        """Operations by template, then method."""
        found: dict[str, dict[str, Operation]] = {}
        for operation in self.operations:
            found.setdefault(operation.template, {})[operation.method] = operation
        return found

    @cached_property
    def collections(self) -> frozenset[str]:
        """Templates that have items directly below them."""
        return frozenset(
            template.rpartition("/")[0]
            for template in self.templates
            if template.rpartition("/")[2].startswith("{") and template.endswith("}")
        )

    @cached_property
    def nouns(self) -> dict[str, str]:
        """The schema's name of the items of each collection, and of each document."""
        found: dict[str, str] = {}
        for operation in self.operations:
            schema = self.schema(operation.response)
            if schema.get("t") == "array":
                schema = self.schema(schema.get("i"))
            if "n" in schema:
                found.setdefault(operation.template, str(schema["n"]))
                found.setdefault(operation.template.rpartition("/{")[0], str(schema["n"]))
        return found

    def schema(self, number: int | None) -> dict[str, Any]:
        """Return a schema; an empty one when there is none."""
        return {} if number is None else self.schemas[number]

    def variant(self, number: int | None, value: Any) -> dict[str, Any]:
        """Return the schema that applies to `value`, following its discriminator."""
        schema = self.schema(number)
        chosen = schema.get("map")
        if chosen and isinstance(value, dict):
            key = value.get(schema["by"])
            if isinstance(key, str) and key in chosen:
                return self.schemas[int(chosen[key])]
        return schema

    def problems(self, number: int | None, value: Any, at: str = "") -> Iterator[tuple[str, str]]:
        """Yield ``(path, kind)`` for each thing in `value` that the schema does not allow.

        The kind is ``type``, ``required`` or ``enum``.
        """
        schema = self.variant(number, value)
        kind = schema.get("t")
        if value is None:
            return
        if kind and not _is(kind, value):
            yield at, "type"
        elif isinstance(value, dict):
            yield from self._inside(schema, value, at)
        elif isinstance(value, list):
            for item in value:
                yield from self.problems(schema.get("i"), item, at)
        elif "e" in schema and value not in schema["e"]:
            yield at, "enum"

    def _inside(
        self, schema: Mapping[str, Any], value: dict[str, Any], at: str
    ) -> Iterator[tuple[str, str]]:
        prefix = f"{at}." if at else ""
        for name in schema.get("r", ()):
            if value.get(name) is None:
                yield prefix + name, "required"
        for name, inner in schema.get("p", {}).items():
            if name in value:
                yield from self.problems(inner, value[name], prefix + name)


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return kind not in _TYPES
    return kind not in _TYPES or isinstance(value, _TYPES[kind])
