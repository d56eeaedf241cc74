"""What every Google handler works with, and how handlers become routes."""

from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import Table, World
from unlit.twins.services.google import errors, masks, schemas

Row = dict[str, Any]
ME: Final = "google.me"


class Ask:
    """One call."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.request = exchange.request
        self.params = exchange.params
        self.world: World = exchange.world
        self.me: Row = dict(exchange.table("people").get(exchange.actor.id) or {})

    def table(self, name: str) -> Table:
        """Return a table of the Google world."""
        return self.world.table(f"google.{name}")

    def arg(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.request.arg(name, default) or default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a query parameter that is true or false."""
        found = self.request.arg(name)
        return default if found is None else found.lower() in ("true", "1")

    def body(self) -> Row:
        """Return the JSON object of the body; nothing counts as an empty one."""
        found = self.exchange.json()
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise errors.invalid("Invalid JSON payload received. Root element must be a message.")
        is_drive = self.exchange.route.op.startswith("drive.")
        easing = schemas.as_texts if is_drive else schemas.eased
        found = easing(self.exchange.route, found)
        wrong = schemas.problems(self.exchange.route, found)
        if wrong and is_drive:
            raise errors.drive(400, "invalid", "Invalid Value", location=wrong[0][0])
        if wrong:
            raise errors.violated(*wrong)
        return dict(found)

    def masked(self, value: Any, default: str | None = None) -> Any:
        """Apply the caller's `fields`, or `default`."""
        text = self.request.arg("fields") or self.request.arg("$fields") or default
        if not text:
            return value
        try:
            tree = masks.parse(text)
        except masks.BadMask as error:
            raise _bad_mask(text) from error
        wrong = schemas.unknown_field(self.exchange.route, tree)
        if wrong is not None:
            raise _bad_mask(wrong)
        return masks.apply(value, tree)


def _bad_mask(path: str) -> VendorError:
    text = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    error = errors.violated((path, text))
    error.message = "Request contains an invalid argument."
    return error


Answer = Callable[[Ask], Any]


class Routes:
    """Collects the routes of one module."""

    def __init__(self, prefix: str, op: str, scopes: tuple[str, ...] = ()) -> None:
        self.prefix = prefix
        self.op = op
        self.scopes = scopes
        self.all: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        op: str,
        *,
        public: bool = False,
        scopes: tuple[str, ...] | None = None,
        prefix: str | None = None,
    ) -> Callable[[Answer], Answer]:
        """Register a handler."""

        def register(answer: Answer) -> Answer:
            stem = self.prefix if prefix is None else prefix
            route = Route(
                method,
                stem + path,
                handler(answer),
                f"{self.op}.{op}" if self.op else op,
                open=public,
                scopes=self.scopes if scopes is None else scopes,
            )
            self.all.append(route)
            return answer

        return register


def handler(answer: Answer) -> Handler:
    """Turn an answer into a handler of the kit."""

    def handle(exchange: Exchange) -> Reply:
        if exchange.request.raw_query:
            names = [name for name, _ in exchange.request.query]
            unknown = schemas.unknown_parameters(exchange.route, names)
            if unknown:
                raise errors.violated(*unknown)
        found = answer(Ask(exchange))
        return found if isinstance(found, Reply) else Reply(200, found)

    return handle
