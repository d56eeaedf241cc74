"""Compiles Google's discovery documents to the table that lies beside this module."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from unlit.twins.kit.openapi import Compiler

Row = dict[str, Any]
_PROSE: Final = ("description", "enumDescriptions", "annotations")


def compiled(folder: Path) -> bytes:
    """Return the compiled contract of every discovery document in a folder."""
    names, converted = [], []
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        names.append(f"{document['id']} {document['revision']}")
        converted.append(openapi(document))
    compiler = Compiler("; ".join(names))
    for document in converted:
        compiler.add(document)
    return compiler.packed()


def openapi(document: Row) -> Row:
    """Return a discovery document as OpenAPI, as far as the compiler needs it."""
    paths: Row = {}
    for method in _methods(document):
        path = f"/{document['servicePath']}{method.get('flatPath', method['path'])}"
        path = path.replace("//", "/").replace("{+", "{")
        paths.setdefault(path, {})[method["httpMethod"].lower()] = _operation(method)
    return {"paths": paths, "components": {"schemas": _converted(document["schemas"], names=True)}}


def _methods(resource: Row) -> Iterator[Row]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def _operation(method: Row) -> Row:
    answer: Row = {}
    if "response" in method:
        answer = {"content": {"application/json": {"schema": _converted(method["response"])}}}
    out: Row = {
        "operationId": method["id"],
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": given.get("required", False),
                "schema": {"type": given.get("type", "string")},
            }
            for name, given in method.get("parameters", {}).items()
            if given.get("location") == "query"
        ],
        "responses": {"200": answer},
        "security": [{"oauth": method.get("scopes", [])}],
    }
    if "request" in method:
        schema = _converted(method["request"])
        out["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return out


def _converted(value: Any, *, names: bool = False) -> Any:
    """Return a schema without prose; `names` says that the keys are names of properties."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str) and not names:
            return {"$ref": f"#/components/schemas/{value['$ref']}"}
        return {
            key: _converted(item, names=key == "properties" and not names)
            for key, item in value.items()
            if names or key not in _PROSE
        }
    return [_converted(item) for item in value] if isinstance(value, list) else value
