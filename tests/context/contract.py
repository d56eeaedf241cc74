"""What a vendor documents about requests, as data: each call is held against it.

A contract (`contracts/NAME.yaml`) names its source, the way to authenticate, and for each route the
query and the body that are documented. A request that the vendor would not understand is answered
as a vendor would (401, 404, 415, 400) and noted, so that a test fails even where the connector goes
on.
"""

import base64
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import yaml

FOLDER = Path(__file__).parent / "contracts"
SECRET = "fake-user:fake-secret"  # visibly fake


@dataclass(frozen=True)
class Problem:
    """Why a vendor would refuse, with the status it would use."""

    status: int
    words: str


@dataclass
class Contract:
    """One vendor's documented requests."""

    name: str
    raw: dict[str, Any]
    broken: list[str] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """What stands before every path."""
        return str(self.raw["prefix"])

    @cached_property
    def routes(self) -> list[tuple[str, re.Pattern[str], str, dict[str, Any]]]:
        """Method, path as a pattern, the name, and what is documented."""
        found = []
        for name, said in self.raw["routes"].items():
            method, path = name.split(" ", 1)
            parts = [
                re.escape(part) if not part.startswith("{") else "[^/]+"
                for part in re.split(r"(\{\w+\})", path)
            ]
            found.append((method, re.compile("".join(parts) + r"\Z"), name, said or {}))
        return found

    def check(
        self, method: str, path: str, query: list[tuple[str, str]], headers: Any, body: Any
    ) -> Problem | None:
        """Hold one request against the contract."""
        problem = self._unauthorised(path, headers) or self._refused(
            method, path, query, headers, body
        )
        if problem is not None:
            self.broken.append(f"{method} {path}: {problem.status} {problem.words}")
        return problem

    def _unauthorised(self, path: str, headers: Any) -> Problem | None:
        auth = self.raw.get("auth")
        wanted, found = "", ""
        if auth and "header" in auth:
            wanted = str(auth.get("form", "{}")).format(SECRET)
            found = headers.get(auth["header"]) or ""
        elif auth and "basic" in auth:
            wanted = "Basic " + base64.b64encode(SECRET.encode()).decode()
            found = headers.get("authorization") or ""
        elif auth and "path" in auth:
            wanted, found = f"/bot{SECRET}", unquote(path[: len(f"/bot{SECRET}")])
        if wanted != found:
            return Problem(401, f"not authenticated as documented: {found!r}")
        for name, value in (self.raw.get("headers") or {}).items():
            if headers.get(name) != value:
                return Problem(400, f"header {name} must be {value}")
        return None

    def _refused(
        self, method: str, path: str, query: list[tuple[str, str]], headers: Any, body: Any
    ) -> Problem | None:
        start = f"/bot{SECRET}" if "path" in (self.raw.get("auth") or {}) else self.prefix
        path = unquote(path).removeprefix(start) if start.startswith("/bot") else path
        path = path.removeprefix(self.prefix).replace("%24", "$")
        for known, pattern, _, said in self.routes:
            if known == method and pattern.match(path):
                return _bad_query(said, query) or self._bad_body(said, headers, body)
        return Problem(404, f"no such route is documented: {method} {path}")

    def _bad_body(self, said: dict[str, Any], headers: Any, body: Any) -> Problem | None:
        schema = said.get("body")
        if schema is None:
            return Problem(400, "a body where none is documented") if body is not None else None
        kind = str(said.get("content_type", "application/json"))
        if not (headers.get("content-type") or "").startswith(kind):
            return Problem(415, f"the content type must be {kind}")
        if said.get("body_is") != "array":
            schema = {"type": "object", "additionalProperties": False, **schema}
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(body))
        if errors:
            return Problem(400, f"{errors[0].json_path}: {errors[0].message}")
        return self._bad_graphql(body)

    def _bad_graphql(self, body: Any) -> Problem | None:
        if "graphql" not in self.raw:
            return None
        graphql = __import__("graphql")
        schema = graphql.build_schema((FOLDER / self.raw["graphql"]).read_text())
        try:
            document = graphql.parse(body["query"])
        except graphql.GraphQLError as error:
            return Problem(400, str(error))
        errors = graphql.validate(schema, document)
        if errors:
            return Problem(400, errors[0].message)
        (operation,) = document.definitions
        values = graphql.get_variable_values(
            schema, operation.variable_definitions or (), body.get("variables") or {}
        )
        found = getattr(values, "errors", None) or (values if isinstance(values, list) else None)
        return Problem(400, found[0].message) if found else None


def _bad_query(said: dict[str, Any], query: list[tuple[str, str]]) -> Problem | None:
    known = {name.removesuffix("!"): rule or {} for name, rule in (said.get("query") or {}).items()}
    for name, value in query:
        if name not in known:
            return Problem(400, f"the parameter {name} is not documented")
        try:
            jsonschema.validate(value, known[name])
        except jsonschema.ValidationError as error:
            return Problem(400, f"{name}: {error.message}")
    given = {name for name, _ in query}
    missing = [n[:-1] for n in said.get("query") or {} if n.endswith("!") and n[:-1] not in given]
    return Problem(400, f"{missing[0]} is required") if missing else None


def load(name: str) -> Contract:
    """Read one vendor's contract."""
    return Contract(name, yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))
