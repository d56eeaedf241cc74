"""The plug-in interface: what a twin must say of itself, with defaults for what it need not."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from unlit.twins.kit.http import Malformed, Reply, Request
from unlit.twins.kit.router import Match, Route, Router
from unlit.twins.kit.world import Table, World
from unlit.twins.model import Actor, Delivery, Fact, FaultRule

ADMIN = Actor("admin", "admin")


class VendorError(Exception):
    """The vendor refuses; `Twin.render_error` gives it the vendor's form.

    Args:
        status: HTTP status.
        code: The vendor's error code.
        message: The vendor's text.
        headers: Headers to add.
        detail: Whatever else the vendor's error body needs.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        *,
        headers: Iterable[tuple[str, str]] = (),
        **detail: Any,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = list(headers)
        self.detail = detail


class Exchange:
    """One call being answered: the request, where it arrived and who sent it."""

    __slots__ = ("actor", "match", "request", "service", "token", "twin", "world")

    def __init__(
        self, twin: "Twin", service: str, world: World, request: Request, token: str | None
    ) -> None:
        self.twin = twin
        self.service = service
        self.world = world
        self.request = request
        self.token = token
        self.actor: Actor = ADMIN
        self.match: Match | None = None

    @property
    def route(self) -> Route:
        """The route found."""
        assert self.match is not None  # noqa: S101 # set before any handler runs
        return self.match.route

    @property
    def params(self) -> dict[str, str]:
        """Path parameters, percent-decoded."""
        return self.match.params if self.match is not None else {}

    def table(self, name: str) -> Table:
        """Return this twin's table `name`."""
        return self.world.table(f"{self.twin.name}.{name}")

    def json(self) -> Any:
        """Return the decoded body; the twin says what a malformed one answers."""
        try:
            value = self.request.json()
        except Malformed as error:
            raise self.twin.malformed(self, error) from error
        return self.twin.unsaid(self) if value is None and not self.request.body else value

    def fields(self) -> dict[str, Any]:
        """Return the body as an object, empty when there is none; others are malformed."""
        value = self.json()
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.twin.malformed(self, Malformed("an object is expected"))
        return value


class Twin:
    """One vendor's world. A plug-in subclasses it and exports ``twin = MyTwin()``.

    Attributes:
        name: Plug-in name, prefix of its tables.
        services: Names it is served under (`google` is served as docs, drive and sheets).
        hosts: For each service, host names and patterns (``*.okta.com``) it answers for.
        router: Its routes.
    """

    name: ClassVar[str]
    services: ClassVar[tuple[str, ...]]
    hosts: ClassVar[Mapping[str, tuple[str, ...]]]

    def __init__(self) -> None:
        self.router = Router()

    # --- who calls
    def credential(self, request: Request) -> str | None:
        """Return the text that identifies the caller (a bearer token by default)."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        return value.strip() or None if scheme.lower() == "bearer" else None

    def default_token(self, world: World) -> str:
        """Return the token that is an administrator of `world`; visibly fake."""
        return f"fake-{self.name}-{world.id}"

    def authenticate(self, exchange: Exchange) -> Actor:
        """Return who calls, or raise `VendorError`. Called for routes that are not open.

        The default knows only `default_token`, and rows of the table ``tokens`` (token → Actor).
        """
        token = exchange.token
        if token is not None and token == self.default_token(exchange.world):
            return self.administrator(exchange.world)
        actor = exchange.table("tokens").get(token)
        if isinstance(actor, Actor):
            return actor
        raise VendorError(401, "unauthorized", "Unauthorized")

    def administrator(self, world: World) -> Actor:
        """Return the actor that `default_token` stands for."""
        return ADMIN

    def anybody(self, world: World, token: str) -> Actor:
        """Return whom an unknown token stands for where any token will do: the administrator."""
        return self.administrator(world)

    def authorize(self, exchange: Exchange) -> None:
        """Raise `VendorError` when the actor's scopes do not allow the route."""

    def arguments(self, route: Route) -> Mapping[str, Mapping[str, Any]]:
        """Return what a route takes beside its path, for the twin's own description.

        By name: type ``t``, and ``r`` when required. Routes of a contract need not be told.
        """
        return {}

    # --- what a world holds
    def prepare(self, world: World) -> None:
        """Put into a new world what every account of the vendor has from the start."""

    def welcome(self, world: World) -> None:
        """Put into an unseeded world of quick starts (any token) what signing up makes."""

    def seed(self, world: World, spec: Any) -> None:
        """Add the objects of a seed, as people write it."""

    def believe(self, world: World, facts: list[Fact]) -> dict[str, str]:
        """Take over reads of the original; return {recorded id: own id} for ids minted anew."""
        return {}

    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        """Return the objects that scenarios assert on, by ``service.collection``."""
        return {}

    def happen(self, world: World, service: str, event: str, data: Any) -> None:
        """Let something happen at the vendor (`emit`): a person writes, a user is deactivated."""
        raise VendorError(400, "unknown_event", f"{service} knows no event {event!r}")

    def advanced(self, world: World) -> None:
        """Time was moved: do what became due (scheduled messages, expiries)."""

    # --- what goes wrong
    def render_error(self, exchange: Exchange, error: VendorError) -> Reply:
        """Give an error the vendor's form."""
        return Reply(error.status, {"error": error.code, "message": error.message}, error.headers)

    def malformed(self, exchange: Exchange, error: Malformed) -> VendorError:
        """Return the vendor's error for a body that cannot be parsed."""
        return VendorError(400, "malformed", str(error))

    def unsaid(self, exchange: Exchange) -> Any:
        """Return what a call without a body is taken to have said; nothing by default."""
        return None

    def no_route(self, exchange: Exchange, allowed: tuple[str, ...]) -> VendorError:
        """Return the vendor's error for a path or method that it does not have."""
        if allowed:
            return VendorError(405, "method_not_allowed", "Method not allowed")
        return VendorError(404, "not_found", "Not found")

    def struck(self, exchange: Exchange, rule: FaultRule) -> Reply:
        """Answer a ``status`` fault in the vendor's form."""
        status = rule.status or 500
        headers: list[tuple[str, str]] = []
        if rule.retry_after is not None:
            headers.append(("retry-after", f"{rule.retry_after:g}"))
        if rule.body is not None:
            return Reply(status, rule.body, headers)
        error = VendorError(status, rule.error or self.fault_code(status), headers=headers)
        return self.render_error(exchange, error)

    def fault_code(self, status: int) -> str:
        """Return the vendor's code for an injected HTTP status."""
        return f"http_{status}"

    def reads(self, exchange: Exchange) -> bool:
        """Whether a call only reads; matters for stale reads."""
        return exchange.request.method in ("GET", "HEAD")

    def limit(self, exchange: Exchange) -> VendorError | None:
        """Count the call against the vendor's rate limits; return the refusal, if any."""
        return None

    def finish(self, exchange: Exchange, reply: Reply) -> None:
        """Add headers that every answer carries."""

    # --- what goes out
    def delivered(
        self, world: World, delivery: Delivery, status: int, body: bytes, why: str
    ) -> float | None:
        """Learn what a receiver answered; return seconds until the next attempt, if any."""
        return None

    def redelivery(self, world: World, delivery: Delivery, why: str) -> Delivery:
        """Return the next attempt of a delivery, signed and marked as the vendor does."""
        return delivery

    def push(self, world: World, delivery: Delivery) -> None:
        """Send a delivery through a socket that is open."""
