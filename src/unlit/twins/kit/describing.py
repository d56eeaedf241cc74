"""A twin's own OpenAPI 3.1 document: every route it has, how each was made, what a call may say.

Made from the router and the compiled contract, so it never lags behind the code; served at
``/_twin/openapi.json``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Twin

_PARAM: Final = re.compile(r"\{([^}+]+)(\+?)\}")
_BODIES: Final = frozenset(("POST", "PUT", "PATCH"))
_TYPES: Final = frozenset(("string", "integer", "number", "boolean", "array", "object"))
_MANY: Final = 4000


class Description:
    """Builds the document of one twin.

    Args:
        twin: Whose routes are described.
        contract: The compiled contract that its operations' schemas are of.
    """

    def __init__(self, twin: Twin, contract: Contract | None) -> None:
        self._twin = twin
        self._contract = contract
        self._schemas: dict[str, Any] = {}

    def document(self, server: str = "/") -> dict[str, Any]:
        """Return the OpenAPI document."""
        paths: dict[str, dict[str, Any]] = {}
        for route in self._twin.router:
            path = _PARAM.sub(r"{\1}", route.template)
            verb = route.method.lower()
            if verb in paths.setdefault(path, {}):
                continue
            paths[path][verb] = self._operation(route, path)
        return {
            "openapi": "3.1.0",
            "info": {"title": f"Twin of {self._twin.name}", "version": "1"},
            "servers": [{"url": server}],
            "paths": paths,
            "components": {
                "schemas": self._schemas,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            "security": [{"token": []}],
        }

    def _operation(self, route: Route, path: str) -> dict[str, Any]:
        operation = route.extra if isinstance(route.extra, Operation) else None
        names = list(dict.fromkeys(name for name, _ in _PARAM.findall(route.template)))
        out: dict[str, Any] = {
            "operationId": f"{route.method} {path}",
            "x-operation": route.op,
            "x-tier": route.tier,
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in names
            ],
            "responses": {
                **{str(code): {"description": "success"} for code in _codes(operation)},
                "default": {"description": "the vendor's error"},
            },
        }
        arguments = self._twin.arguments(route)
        form = route.method in _BODIES and bool(arguments)
        query = {} if form else arguments
        if operation is not None:
            query = {**query, **operation.query}
        out["parameters"] += [
            {"name": name, "in": "query", "required": bool(says.get("r")), "schema": _type(says)}
            for name, says in query.items()
            if name not in names
        ]
        if route.method in _BODIES:
            out["requestBody"] = {"content": dict(self._bodies(operation, arguments))}
        return out

    def _bodies(
        self, operation: Operation | None, arguments: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[tuple[str, Any]]:
        if arguments:
            fields = {name: _type(says) for name, says in arguments.items()}
            yield (
                "application/x-www-form-urlencoded",
                {"schema": {"type": "object", "properties": fields}},
            )
            yield "application/json", {"schema": {"type": "object", "properties": fields}}
            return
        if operation is None or operation.request is None or self._contract is None:
            yield "application/json", {"schema": {"type": "object"}}
            return
        yield "application/json", {"schema": self._schema(operation.request)}

    def _schema(self, number: int) -> dict[str, Any]:
        name = f"S{number}"
        if name not in self._schemas and len(self._schemas) < _MANY:
            self._schemas[name] = {}
            assert self._contract is not None  # noqa: S101 # asked for with a contract only
            self._schemas[name] = self._inner(self._contract.schemas[number])
        return {"$ref": f"#/components/schemas/{name}"} if name in self._schemas else {}

    def _inner(self, says: Mapping[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        kind = says.get("t")
        if kind in _TYPES:
            out["type"] = [kind, "null"] if says.get("z") else kind
        if isinstance(says.get("e"), list) and says["e"]:
            out["enum"] = [*says["e"], *([None] if says.get("z") else [])]
        if kind == "array":
            out["items"] = self._schema(says["i"]) if isinstance(says.get("i"), int) else {}
        if kind == "object" and says.get("p"):
            out["properties"] = {
                name: self._schema(inner) if isinstance(inner, int) else {}
                for name, inner in says["p"].items()
            }
        return out


def _codes(operation: Operation | None) -> tuple[int, ...]:
    return operation.statuses if operation is not None and operation.statuses else (200,)


def _type(says: Mapping[str, Any]) -> dict[str, Any]:
    kind = says.get("t")
    if kind == "array":
        return {"type": "array", "items": {"type": "string"}}
    return {"type": kind} if kind in _TYPES else {"type": "string"}


def describe(twin: Twin, server: str = "/") -> dict[str, Any]:
    """Return the OpenAPI document of a twin."""
    return Description(twin, contract_of(twin)).document(server)


def contract_of(twin: Twin) -> Contract | None:
    """Return the contract that lies beside a twin's code, if it is one of operations."""
    package = type(twin).__module__.rpartition(".")[0]
    try:
        return Contract.load(package)
    except (FileNotFoundError, ModuleNotFoundError, KeyError, TypeError, NotADirectoryError):
        return None
