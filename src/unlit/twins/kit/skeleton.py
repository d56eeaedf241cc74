"""What an answer looks like by the contract alone: for things of which no real answer was seen.

Which keys a vendor sends unasked follows habits, the same over all its resources: what it calls
read-only, required or nullable, what has a default, links whose target is another of its routes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.shapes import MADE_BY, WHEN

MOMENTS: Final = ("createdDate", "createdAt", "lastUpdate", "lastUpdatedDate", "updatedAt")
_ALLOWED: Final = ("GET", "PUT", "DELETE")
_PARAMETER: Final = re.compile(r"\{[^}]*\}")
_DEEPEST: Final = 4
_EMPTY: Final = {"array": list, "boolean": bool, "integer": int, "number": int, "string": str}
_BY_STATUS: Final = ("activate", "deactivate", "delete")


@dataclass(frozen=True)
class Skeleton:
    """Makes shapes of a contract's schemas.

    Attributes:
        contract: The contract.
        eager: The vendor sends read-only, nullable and defaulted keys, empty as they may be.
    """

    contract: Contract
    eager: bool = False

    def shape(self, operation: Operation, kind: str, sent: Any) -> dict[str, Any]:
        """Return the shape of what an operation answers.

        Args:
            operation: The operation.
            kind: Template of its collection or document.
            sent: The body, whose discriminator chooses the schema.
        """
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
        return self._habits(schema, sent, out, 0) if self.eager else out

    def whole(self, operation: Operation) -> dict[str, Any]:
        """Return a document with every key that the contract has for it, each of them empty."""
        return self._whole(self.contract.schema(operation.response), 0)

    def _whole(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, number in schema.get("p", {}).items():
            inner = self.contract.schema(number)
            kind = inner.get("t")
            if inner.get("wo") or kind is None:
                continue
            if kind == "object":
                out[name] = self._whole(inner, depth + 1) if depth < _DEEPEST else {}
            elif "d" in inner or "e" in inner:
                out[name] = inner.get("d", (inner.get("e") or [None])[0])
            else:
                out[name] = _EMPTY[kind]() if kind in _EMPTY else None
        return out

    # --- habits
    def _habits(
        self, schema: Mapping[str, Any], sent: Any, out: dict[str, Any], depth: int
    ) -> dict[str, Any]:
        """Add what the vendor sends of a table beside what was sent and what is required."""
        for name, number in schema.get("p", {}).items():
            if name in out or name in ("_links", "_embedded"):
                continue
            part = sent.get(name) if isinstance(sent, dict) else None
            inner = self.contract.variant(number, part)
            if isinstance(part, dict) and depth < _DEEPEST:
                needed: dict[str, Any] = {}
                inside = self._habits(inner, part, needed, depth + 1)
                if inside:
                    out[name] = {WHEN: inside}
            elif self._is_sent(inner, depth):
                out[name] = self._bare(name, inner)
        return out

    def _is_sent(self, schema: Mapping[str, Any], depth: int) -> bool:
        """Whether a key is in answers though nobody sent it."""
        kind = schema.get("t")
        if schema.get("wo"):
            return False
        if "d" in schema and kind != "array":
            return depth == 0
        if depth == 0 and (schema.get("ro") or schema.get("z")):
            return kind not in ("object", None)
        if depth == 1:
            return bool(schema.get("ro")) or kind in ("array", "boolean")
        return False

    def _bare(self, name: str, schema: Mapping[str, Any]) -> Any:
        kind = schema.get("t")
        if name in MADE_BY and kind == "string":
            return "$mint:"
        if "d" in schema:
            return schema["d"]
        if kind == "array":
            return "$list"
        if kind == "boolean":
            return "$null" if schema.get("z") else False
        if kind == "object":
            return "$table"
        moment = schema.get("f") == "date-time" and not schema.get("z")
        return "$now" if moment else "$null"

    # --- links
    def _links(self, number: int, kind: str) -> dict[str, Any]:
        """Return the links of a kind, as far as the contract's routes say where they lead."""
        methods = self._methods(kind)
        known = self.contract.schema(number).get("p", {})
        own = self.contract.schema(known.get("self")).get("p", {})
        out: dict[str, Any] = {"self": {"href": f"$url:{kind}/{{id}}"}}
        allowed = [name for name in _ALLOWED if name in methods]
        if "hints" in own and allowed:
            out["self"]["hints"] = {"allow": [f"$const:{name}" for name in allowed]}
        target = f"{kind}/{{}}/lifecycle/deactivate"
        if _PARAMETER.sub("{}", target) in self._known:
            href = f"$url:{kind}/{{id}}/lifecycle/deactivate"
            out["deactivate"] = {"href": href, "hints": {"allow": ["$const:POST"]}}
        if self.eager:
            for name, inner in known.items():
                link = None if name in out or name in _BY_STATUS else self._link(name, kind)
                if link is not None and "href" in self.contract.schema(inner).get("p", {}):
                    out[name] = link
        return out

    def _link(self, name: str, kind: str) -> Any:
        """Return a link to a route below the item, or to a thing that the path names."""
        dashed = re.sub(r"(?<=[a-z])([A-Z])", r"-\1", name).lower()
        for part in (name, dashed, f"lifecycle/{name}"):
            methods = self._known.get(_PARAMETER.sub("{}", f"{kind}/{{}}/{part}"))
            if methods:
                allow = [f"$const:{method}" for method in methods]
                return {"href": f"$url:{kind}/{{id}}/{part}", "hints": {"allow": allow}}
        parts = kind.split("/")
        for place, part in enumerate(parts):
            if part == "{" + name + "Id}":
                return {"href": "$url:" + "/".join(parts[: place + 1])}
        above = f"/api/v1/{name}s"
        own = parts[-1] == f"{name}s" and len(parts) > len(above.split("/"))
        if own and _PARAMETER.sub("{}", above + "/{}") in self._known:
            return {"href": f"$url:{above}/{{id}}"}
        return None

    @cached_property
    def _known(self) -> Mapping[str, tuple[str, ...]]:
        """Methods of each template, its parameters without their names."""
        return {
            _PARAMETER.sub("{}", template): tuple(methods)
            for template, methods in self.contract.templates.items()
        }

    def _methods(self, kind: str) -> Mapping[str, Operation]:
        start = kind + "/{"
        for template, methods in self.contract.templates.items():
            if template.startswith(start) and template.count("/") == kind.count("/") + 1:
                return methods
        return {}

    # --- what is required
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
            if depth > _DEEPEST:
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
