"""The Okta twin: credentials, errors, headers and the table of routes."""

from typing import Any, ClassVar

from typing_extensions import override

from unlit.twins.kit.http import Malformed, Reply, Request
from unlit.twins.kit.router import Router
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor, Delivery, Fact
from unlit.twins.services.okta import (
    actions,
    apps,
    authn,
    authservers,
    bindings,
    clients,
    device,
    direct,
    errands,
    events,
    factors,
    governing,
    grouprules,
    groups,
    hooks,
    identity,
    lifecycle,
    links,
    oidc,
    outside,
    policies,
    presets,
    rates,
    resourcesets,
    roles,
    schemas,
    seeds,
    sessions,
    simulate,
    trust,
    unsaid,
    users,
)
from unlit.twins.services.okta import facts as believed
from unlit.twins.services.okta.errors import CODES, error_body, failure
from unlit.twins.services.okta.generic import kernel


class Okta(Twin):
    """One organisation for each world."""

    name = "okta"
    services = ("okta",)
    hosts: ClassVar[dict[str, tuple[str, ...]]] = {
        "okta": ("*.okta.com", "*.oktapreview.com", "*.okta-emea.com")
    }

    def __init__(self) -> None:
        self.crud = kernel()
        generic = tuple(self.crud.routes())
        self.router = Router(generic)
        hand = (
            users,
            lifecycle,
            groups,
            events,
            schemas,
            links,
            roles,
            trust,
            oidc,
            hooks,
            policies,
            factors,
            authn,
            sessions,
            actions,
            device,
            direct,
            clients,
            bindings,
            resourcesets,
            errands,
            identity,
            governing,
            simulate,
        )
        routes = [route for part in hand for route in part.ROUTES]
        for route in (
            *authservers.routes(generic),
            *presets.routes(generic),
            *grouprules.routes(generic),
            *routes,
            *apps.routes(self.crud),
        ):
            self.router.add(route)

    @override
    def credential(self, request: Request) -> str | None:
        """Return the API token (``SSWS``, with or without a space) or the bearer token."""
        text = request.headers.get("authorization", "").strip()
        for scheme in ("SSWS", "Bearer", "DPoP"):
            if text[: len(scheme)].lower() == scheme.lower():
                return text[len(scheme) :].strip() or None
        return None

    @override
    def default_token(self, world: World) -> str:
        """Return the administrator's API token."""
        return f"00fake-{world.id}-okta"

    @override
    def administrator(self, world: World) -> Actor:
        """Return the preset administrator."""
        return Actor(str(world.table("okta.meta").get("admin")), "user")

    @override
    def authenticate(self, exchange: Exchange) -> Actor:
        """Return who calls; an unknown token is Okta's E0000011."""
        revoked = exchange.table("tokens")
        if exchange.token in revoked and revoked[exchange.token] is None:
            raise failure("E0000011")
        try:
            return super().authenticate(exchange)
        except VendorError as error:
            raise failure("E0000011") from error

    @override
    def authorize(self, exchange: Exchange) -> None:
        """Refuse a scoped token that has none of the route's scopes; `manage` includes `read`."""
        wanted = exchange.route.scopes
        have = exchange.actor.scopes or frozenset()
        for scope in wanted:
            if scope in have or scope.replace(".read", ".manage") in have:
                return
        if wanted:
            raise failure("E0000006")

    @override
    def render_error(self, exchange: Exchange, error: VendorError) -> Reply:
        """Give an error Okta's five keys."""
        code = error.code if error.code in CODES else "E0000009"
        summary = error.message if error.code in CODES else CODES[code][1]
        error_id = "oae" + exchange.world.text("okta.error", 22)
        body = error_body(code, summary, error_id, error.detail.get("causes", []))
        return Reply(error.status, body, list(error.headers))

    @override
    def malformed(self, exchange: Exchange, error: Malformed) -> VendorError:
        """Okta's E0000003."""
        return failure("E0000003")

    @override
    def no_route(self, exchange: Exchange, allowed: tuple[str, ...]) -> VendorError:
        """Okta's E0000022 for a method, E0000008 for a path it does not have."""
        return failure("E0000022" if allowed else "E0000008")

    @override
    def fault_code(self, status: int) -> str:
        """Return Okta's code for an injected status."""
        known = {401: "E0000011", 403: "E0000006", 404: "E0000008", 429: "E0000047"}
        return known.get(status, "E0000009")

    @override
    def struck(self, exchange: Exchange, rule: Any) -> Reply:
        """Answer a fault; Okta announces no Retry-After, only when the limit is lifted."""
        reply = super().struck(exchange, rule)
        if rule.status == 429 and rule.body is None:
            wait = rule.retry_after if rule.retry_after is not None else 1
            reply.headers = [
                ("x-rate-limit-limit", "600"),
                ("x-rate-limit-remaining", "0"),
                ("x-rate-limit-reset", str(int(exchange.world.now() + wait))),
            ]
            reply.body = {**reply.body, "errorSummary": CODES["E0000047"][1]}
        return reply

    @override
    def limit(self, exchange: Exchange) -> VendorError | None:
        """Count the call against its endpoint's calls a minute."""
        return rates.refused(exchange)

    @override
    def prepare(self, world: World) -> None:
        """Put in what every organisation has."""
        seeds.prepare(world)

    @override
    def welcome(self, world: World) -> None:
        """Let a quick start believe creates whose bodies a recording lost."""
        unsaid.welcome(world.table("okta.meta"))

    @override
    def unsaid(self, exchange: Exchange) -> Any:
        """Return what a create without a body is taken to have said in a quick start."""
        said = unsaid.body(self.crud, exchange)
        if said is not None:
            exchange.request.believe(said)
        return said

    @override
    def seed(self, world: World, spec: Any) -> None:
        """Add users and groups."""
        seeds.seed(world, spec)

    @override
    def believe(self, world: World, facts: list[Fact]) -> dict[str, str]:
        """Take over recorded reads, ids as they are."""
        believed.believe(self, self.crud, world, facts)
        return {}

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        """Return users and groups."""
        return seeds.collections(world)

    @override
    def happen(self, world: World, service: str, event: str, data: Any) -> None:
        """Let a user sign in, be locked out or be let go."""
        outside.happen(world, event, data if isinstance(data, dict) else {})

    @override
    def delivered(
        self, world: World, delivery: Delivery, status: int, body: bytes, why: str
    ) -> float | None:
        """Okta tries an event hook twice."""
        return 0.0 if why and delivery.attempt < 1 else None

    @override
    def finish(self, exchange: Exchange, reply: Reply) -> None:
        """Add Okta's request id and rate headers; let group rules follow what was changed."""
        if reply.header("x-rate-limit-limit") is None:
            reply.headers.extend(rates.headers(exchange))
        if exchange.request.believed:
            reply.headers.append((unsaid.HEADER, "body"))
        grouprules.follow(exchange, reply)
        reply.headers.append(("x-okta-request-id", exchange.world.text("okta.request", 26)))
