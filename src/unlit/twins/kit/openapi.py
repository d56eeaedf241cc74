"""Compiling OpenAPI 3 and Swagger 2 documents to the kit's contract form."""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

VERBS: Final = ("get", "put", "post", "delete", "patch", "head")
_BODY: Final = ("application/json", "application/scim+json", "*/*")


class Compiler:
    """Collects operations and schemas of one or more documents.

    Args:
        source: What is compiled: name and version of each document.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.routes: list[list[Any]] = []
        self.schemas: list[dict[str, Any]] = []
        self._known: dict[str | int, int] = {}
        self._equal: dict[str, int] = {}
        self._document: Mapping[str, Any] = {}

    def add(self, document: Mapping[str, Any], prefix: str = "") -> None:
        """Compile every operation of a document."""
        self._document = document
        self._known = {}
        for path, item in document.get("paths", {}).items():
            shared = item.get("parameters", [])
            for verb in VERBS:
                if verb in item:
                    template = prefix + path.split("?")[0].split("#")[0]
                    self._operation(verb.upper(), template, item[verb], shared)

    def _operation(
        self, method: str, template: str, operation: Mapping[str, Any], shared: list[Any]
    ) -> None:
        parameters = [self._deref(p) for p in [*shared, *operation.get("parameters", [])]]
        query = {
            p["name"]: {
                "t": self._deref(p.get("schema", p)).get("type", "string"),
                **({"r": 1} if p.get("required") else {}),
            }
            for p in parameters
            if p.get("in") == "query"
        }
        body = self._deref(operation.get("requestBody", {}))
        request = self._content(body)
        for parameter in parameters:
            if parameter.get("in") == "body":
                request = self._schema(parameter.get("schema"))
        answers = {
            str(code): self._deref(answer)
            for code, answer in operation.get("responses", {}).items()
        }
        good = [code for code in answers if code.isdigit() and int(code) < 400]
        response = self._content(answers[good[0]]) if good else None
        scopes: list[str] = []
        for security in operation.get("security", []):
            for names in security.values():
                scopes += [name for name in names if name not in scopes]
        name = operation.get("operationId") or f"{method} {template}"
        self.routes.append(
            [method, template, name, [int(code) for code in good], query, request, response, scopes]
        )

    def _content(self, body: Mapping[str, Any]) -> int | None:
        if "schema" in body:
            return self._schema(body["schema"])
        content = body.get("content", {})
        for kind in (*_BODY, *content):
            if kind in content and "schema" in content[kind]:
                return self._schema(content[kind]["schema"])
        return None

    def _deref(self, value: Any) -> Any:
        for _ in range(20):
            if not isinstance(value, Mapping) or "$ref" not in value:
                return value if isinstance(value, Mapping) else {}
            found: Any = self._document
            for part in value["$ref"].removeprefix("#/").split("/"):
                part = part.replace("~1", "/").replace("~0", "~")
                found = found.get(part, {}) if isinstance(found, Mapping) else {}
            value = found
        return {}

    def _schema(self, value: Any) -> int | None:
        if not isinstance(value, Mapping):
            return None
        name = value.get("$ref")
        key = id(value) if name is None else name  # nameless ones come round again too
        if key in self._known:
            return self._known[key]
        number = self._known[key] = len(self.schemas)
        self.schemas.append({})
        compiled = self._compiled(self._deref(value))
        if name is not None:
            compiled["n"] = name.rsplit("/", 1)[-1]
        self.schemas[number] = compiled
        return number

    def _compiled(self, value: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
        out = _plain(value)
        for part in (*value.get("allOf", ()), *_first(value)) if depth < 12 else ():
            _merge(out, self._compiled(self._deref(part), depth + 1))
        if isinstance(value.get("properties"), Mapping):
            out.setdefault("p", {}).update(
                {name: self._schema(inner) for name, inner in value["properties"].items()}
            )
        if isinstance(value.get("required"), list):
            out["r"] = [*out.get("r", []), *(n for n in value["required"] if isinstance(n, str))]
        if "items" in value:
            out["i"] = self._schema(value["items"])
        if isinstance(value.get("additionalProperties"), Mapping):
            out["a"] = self._schema(value["additionalProperties"])
        chosen = value.get("discriminator")
        if isinstance(chosen, Mapping) and chosen.get("mapping") and depth == 0:
            out["by"] = chosen["propertyName"]
            out["map"] = {
                key: self._schema({"$ref": target}) for key, target in chosen["mapping"].items()
            }
        return out

    def packed(self) -> bytes:
        """Return the compiled form."""
        document = {"source": self.source, "routes": self.routes, "schemas": self.schemas}
        text = json.dumps(document, separators=(",", ":"), sort_keys=False, default=str)
        return zlib.compress(text.encode(), 9)


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a schema says of itself, without what it is composed of."""
    out: dict[str, Any] = {}
    kind = value.get("type")
    if isinstance(kind, list):
        if "null" in kind:
            out["z"] = 1
        kind = next((item for item in kind if item != "null"), None)
    if kind is None and "properties" in value:
        kind = "object"
    if kind:
        out["t"] = kind
    for key, short in (("format", "f"), ("enum", "e"), ("default", "d")):
        if key in value and isinstance(value[key], str | int | float | bool | list):
            out[short] = value[key]
    for key, short in (("readOnly", "ro"), ("writeOnly", "wo"), ("nullable", "z")):
        if value.get(key) is True:
            out[short] = 1
    return out


def _first(value: Mapping[str, Any]) -> tuple[Any, ...]:
    for key in ("oneOf", "anyOf"):
        options = value.get(key)
        if isinstance(options, list) and options and "discriminator" not in value:
            return (options[0],)
    return ()


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if key == "p":
            into.setdefault("p", {}).update(value)
        elif key == "r":
            into["r"] = [*into.get("r", []), *value]
        elif key not in ("by", "map", "n"):
            into.setdefault(key, value)
