"""A twin of any OpenAPI document: contract-shaped, stateful by convention, useful at once."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from unlit.twins.kit.contract import Contract, Operation
from unlit.twins.kit.crud import Crud
from unlit.twins.kit.http import Malformed, Reply, Request
from unlit.twins.kit.making import Maker
from unlit.twins.kit.router import Match, NoMatch, Route, Router
from unlit.twins.kit.seeds import expand, iso
from unlit.twins.kit.shapes import Shapes
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World


def _whole(text: str) -> int:
    """Return a number as clients send it, 0 when it is none; no list is longer than a billion."""
    return min(int(text[:18]), 10**9) if text.isdecimal() else 0


_LISTS = ("data", "items", "results", "values", "records", "entries")
_TOTALS = ("total", "count", "total_count", "totalCount", "totalItems")


def _wrapped(call: Exchange, rows: list[Any], total: int) -> Any:
    """Return a page as the contract says: bare, or in the one list of an object."""
    operation, twin = call.route.extra, call.twin
    if not isinstance(operation, Operation) or not isinstance(twin, OpenTwin):
        return rows
    contract = twin.crud.maker.contract
    known = contract.schema(operation.response).get("p") or {}
    lists = [name for name, number in known.items() if contract.schema(number).get("t") == "array"]
    chosen = [name for name in _LISTS if name in lists] or lists
    if not chosen:
        return rows
    return {chosen[0]: rows} | {name: total for name in _TOTALS if name in known}


class _Router(Router):
    """Routes that are found with and without the path that all URLs begin with."""

    def __init__(self, routes: tuple[Route, ...], base: str) -> None:
        super().__init__(routes)
        self._base = base

    @override
    def match(self, method: str, raw_path: str) -> Match | NoMatch:
        """Find the route of a request path."""
        found = super().match(method, raw_path)
        if isinstance(found, NoMatch) and not found.allowed and self._base:
            return super().match(method, self._base + raw_path)
        return found


class Manners:
    """Plain REST: hexadecimal ids, ISO times, ``{"error", "message"}``, `limit` and `cursor`."""

    def mint(self, world: World, prefix: str) -> str:
        """Return an id."""
        return world.text("open.id", 12, "0123456789abcdef")

    def number(self, world: World, kind: str) -> int:
        """Return the next number of the kind."""
        return world.number(f"{kind}#id")

    def stamp(self, world: World) -> str:
        """Return the next instant."""
        return iso(world.clock.tick()) or ""

    def missing(self, key: str, kind: str) -> VendorError:
        """404."""
        return VendorError(404, "not_found", f"There is no {kind} {key!r}.")

    def invalid(self, problems: list[tuple[str, str]]) -> VendorError:
        """400, with the first field and what is wrong with it."""
        where, why = problems[0]
        return VendorError(400, "invalid", f"{where or 'body'}: {why}", problems=problems)

    def unsupported(self, op: str) -> VendorError:
        """501: said loudly, never an invented success."""
        return VendorError(501, "not_implemented", f"The twin does not do {op}.")

    def page(self, call: Exchange, rows: Iterable[Any]) -> Reply:
        """Return rows from `cursor` on, `limit` at most."""
        text = call.request.arg("limit") or call.request.arg("per_page") or ""
        limit = _whole(text) or 100
        start = _whole(call.request.arg("cursor") or call.request.arg("page") or "")
        if call.request.arg("page") is not None:
            start = min(max(0, start - 1) * limit, 10**9)
        every = list(rows)
        found = every[start : start + limit + 1]
        reply = Reply(200, _wrapped(call, found[:limit], len(every)))
        if len(found) > limit:
            reply.headers.append(("x-next-cursor", str(start + limit)))
        return reply

    def settle(self, call: Exchange, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Keep the row as it is."""
        return row

    def exists(self, call: Exchange, kind: str, key: str) -> bool:
        """Nothing is kept elsewhere."""
        return False


class OpenTwin(Twin):
    """A twin made of a contract alone; subclass it and add routes as it grows.

    Args:
        name: Its name, also the service's.
        contract: Compiled contract, or the file that holds it.
        hosts: Hosts it answers for.
        shapes: Learnt shapes, if there are any.
        base: Path that all URLs of the vendor begin with; calls may leave it out.
    """

    name: ClassVar[str] = "open"
    services: ClassVar[tuple[str, ...]] = ("open",)
    hosts: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(
        self,
        name: str,
        contract: Contract | Path,
        hosts: tuple[str, ...] = (),
        shapes: Shapes | None = None,
        base: str = "",
    ) -> None:
        self.name = name  # type: ignore[misc] # each is a twin of its own
        self.services = (name,)  # type: ignore[misc] # same
        self.hosts = {name: hosts}  # type: ignore[misc] # same
        if isinstance(contract, Path):
            contract = Contract.unpack(contract.read_bytes())
        self.crud = Crud(
            name, Maker(contract, shapes or Shapes({}), Manners(), strict=True, called=())
        )
        self.base = base
        self.router = _Router(tuple(self.crud.routes()), base)

    @override
    def credential(self, request: Request) -> str | None:
        """Return a bearer token, the password of basic authentication, or an API key."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                return base64.b64decode(value).decode().partition(":")[2] or None
            except ValueError:
                return None
        return value.strip() or request.headers.get("x-api-key") or None

    @override
    def malformed(self, exchange: Exchange, error: Malformed) -> VendorError:
        """400."""
        return VendorError(400, "malformed", "The body is not valid JSON.")

    @override
    def render_error(self, exchange: Exchange, error: VendorError) -> Reply:
        """``{"error", "message"}``."""
        body = {"error": error.code, "message": error.message, **error.detail}
        return Reply(error.status, body, list(error.headers))

    @override
    def seed(self, world: World, spec: Any) -> None:
        """Add rows by concrete path: ``{"/pets": [{count: 3, name: "pet {n}"}]}``."""
        for place, entries in (spec or {}).items():
            path = place if place.startswith(self.base) else self.base + place
            table = self.crud.table(world, path)
            for entry in expand(entries):
                key = str(entry.get("id") or self.crud.maker.vendor.mint(world, ""))
                table.put(key, {"id": key, **entry})

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        """Return every collection by its path."""
        start = f"{self.name}.at:"
        return {
            f"{self.name}.{name.removeprefix(start)}": list(table.values())
            for name, table in world.tables.items()
            if name.startswith(start)
        }
