"""The Slack twin: tokens, the one envelope of every answer, and the table of methods."""

from dataclasses import replace
from typing import Any, ClassVar, Final

import msgspec
from typing_extensions import override

from unlit.twins.kit.http import Reply, Request
from unlit.twins.kit.router import Route, Router
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor, Delivery, Fact, FaultRule
from unlit.twins.services.slack import (
    canvases,
    channels,
    connect,
    directs,
    events,
    files,
    generic,
    identity,
    installs,
    limits,
    lists,
    marks,
    messages,
    office,
    outside,
    people,
    remotes,
    scopes,
    search,
    seeds,
    sockets,
    streaming,
    teamwork,
    views,
    welcome,
)
from unlit.twins.services.slack import facts as believed
from unlit.twins.services.slack.ask import Method, SlackError, answer, arguments

READING: Final = frozenset(
    ("info", "list", "history", "replies", "members", "test", "messages", "files", "all")
)
HEX: Final = "0123456789abcdef"
_PARTS: Final = (
    people,
    channels,
    directs,
    messages,
    marks,
    files,
    search,
    views,
    teamwork,
    installs,
    identity,
    streaming,
    remotes,
    canvases,
    lists,
    office,
    connect,
)
METHODS: Final[dict[str, Method]] = {
    name: method for part in _PARTS for name, method in part.METHODS.items()
}


class Slack(Twin):
    """One workspace for each world."""

    name = "slack"
    services = ("slack",)
    hosts: ClassVar[dict[str, tuple[str, ...]]] = {
        "slack": ("slack.com", "*.slack.com", "slack-files.com")
    }

    def __init__(self) -> None:
        self.router = Router()
        for name, entry in generic.contract()["methods"].items():
            if name not in METHODS:
                self._add(name, generic.method(name, entry), "contract")
        for name, method in METHODS.items():
            self._add(name, method, "hand")
        self.sockets = sockets.Sockets()
        for route in (*files.ROUTES, *installs.ROUTES, *identity.ROUTES, *outside.ROUTES):
            self.router.add(route)
        for verb in ("POST", "GET"):
            self.router.add(Route(verb, "/api/{method}", _unknown, "unknown_method", open=True))

    def _add(self, name: str, method: Method, tier: str) -> None:
        handler = answer(method)
        free = name in installs.OPEN
        for verb in ("POST", "GET"):
            self.router.add(
                Route(
                    verb,
                    f"/api/{name}",
                    handler,
                    name,
                    tier=tier,
                    open=free,
                    scopes=scopes.wanted(name),
                )
            )

    @override
    def credential(self, request: Request) -> str | None:
        """Return the bearer token, or the argument ``token``."""
        path = request.raw_path
        if not path.startswith("/api/"):
            if path.startswith(("/upload/v1/", "/actions/", "/services/")):
                return path.rsplit("/", 1)[-1]
            if path.startswith("/link"):
                return request.arg("ticket")
        given = request.headers.get("authorization", "")
        found = given[7:].strip() or None if given[:7].lower() == "bearer " else None
        if found is None and (request.raw_query or request.body):
            try:
                value = arguments(request).get("token")
            except SlackError:
                return None
            found = value if isinstance(value, str) and value else None
        return found

    @override
    def default_token(self, world: World) -> str:
        """Return the token of the preset app's bot, with every scope."""
        return f"xoxb-fake-{world.id}"

    @override
    def administrator(self, world: World) -> Actor:
        """Return the preset app's bot."""
        meta = world.tables["slack.meta"]
        known = meta.get("me")
        if isinstance(known, Actor):
            return known
        bot = world.tables["slack.bots"][meta["bot"]]
        made, actor = world.caches.get("slack.preset", (None, None))
        if made is not bot or not isinstance(actor, Actor):
            extra = {"bot_id": bot["id"], "app_id": bot["app_id"]}
            actor = Actor(bot["user_id"], "bot", None, extra)
            world.caches["slack.preset"] = bot, actor
        return actor

    @override
    def anybody(self, world: World, token: str) -> Actor:
        """Return the preset app's bot; the owner for a token in the form of a person's."""
        bot = self.administrator(world)
        if not token.startswith(("xoxp-", "xoxe.xoxp-")):
            return bot
        return Actor(str(world.table("slack.meta")["admin"]), "user", None, {"app_id":
                     bot.extra["app_id"]})  # fmt: skip

    @override
    def authenticate(self, exchange: Exchange) -> Actor:
        """Return who calls; ``not_authed`` without a token, ``invalid_auth`` for an unknown one."""
        token, world = exchange.token, exchange.world
        if token is None:
            raise SlackError("not_authed")
        tables = world.tables
        revoked, expiry = tables.get("slack.revoked"), tables.get("slack.expiry")
        if revoked is not None and token in revoked:
            raise SlackError("token_revoked")
        if expiry is not None and expiry.get(token, float("inf")) <= world.now():
            raise SlackError("token_expired")
        if token == f"xoxb-fake-{world.id}":
            return self.administrator(world)
        try:
            return super().authenticate(exchange)
        except SlackError:
            raise
        except VendorError as error:
            raise SlackError("invalid_auth") from error

    @override
    def authorize(self, exchange: Exchange) -> None:
        """Refuse a token that has none of the wanted scopes: ``missing_scope``."""
        wanted = exchange.route.scopes
        have = exchange.actor.scopes or frozenset()
        if wanted and not have & set(wanted):
            raise SlackError("missing_scope", needed=wanted[0], provided=",".join(sorted(have)))

    @override
    def arguments(self, route: Route) -> dict[str, dict[str, Any]]:
        """Return the arguments that the method reference has."""
        known = generic.contract()["methods"].get(route.op, {}).get("args", {})
        return {
            name: {"t": kind if kind in ("boolean", "integer", "array") else "string", "r": must}
            for name, (kind, must) in known.items()
        }

    @override
    def reads(self, exchange: Exchange) -> bool:
        """Whether a method only reads; Slack reads by POST, too."""
        verb = exchange.route.op.rpartition(".")[2]
        return verb in READING or verb.startswith(("get", "list", "lookup"))

    @override
    def limit(self, exchange: Exchange) -> VendorError | None:
        """Count the call against its method's tier."""
        return limits.refused(exchange)

    @override
    def finish(self, exchange: Exchange, reply: Reply) -> None:
        """Add Slack's request id, and the scopes of the token."""
        reply.headers.append(("x-slack-req-id", exchange.world.text("slack.request", 32, HEX)))
        scopes_held = exchange.actor.scopes
        if scopes_held is not None and exchange.match is not None:
            reply.headers.append(("x-oauth-scopes", ",".join(sorted(scopes_held))))
            if exchange.route.scopes:
                reply.headers.append(("x-accepted-oauth-scopes", ",".join(exchange.route.scopes)))

    @override
    def render_error(self, exchange: Exchange, error: VendorError) -> Reply:
        """``{"ok": false, "error": …}``."""
        code = "internal_error" if error.status >= 500 else error.code
        body: dict[str, Any] = {"ok": False, "error": code, **error.detail}
        return Reply(error.status, body, list(error.headers))

    @override
    def no_route(self, exchange: Exchange, allowed: tuple[str, ...]) -> VendorError:
        """Return what slack.com answers outside of its API."""
        return VendorError(404, "not_found")

    @override
    def fault_code(self, status: int) -> str:
        """Return Slack's code for an injected status."""
        return {429: "ratelimited", 503: "service_unavailable"}.get(status, "internal_error")

    @override
    def struck(self, exchange: Exchange, rule: FaultRule) -> Reply:
        """Answer a fault; a fault with only an error is HTTP 200, as Slack's errors are."""
        if rule.error is not None and rule.status is None:
            return self.render_error(exchange, SlackError(rule.error))
        reply = super().struck(exchange, rule)
        if rule.status == 429 and rule.retry_after is None:
            reply.headers.append(("retry-after", "30"))
        return reply

    @override
    def prepare(self, world: World) -> None:
        """Put in what every workspace has."""
        seeds.prepare(world)

    @override
    def welcome(self, world: World) -> None:
        """Put in what makes a quick start look like a workspace in use."""
        welcome.welcome(world)

    @override
    def seed(self, world: World, spec: Any) -> None:
        """Add users, channels and messages."""
        seeds.seed(world, spec)

    @override
    def believe(self, world: World, facts: list[Fact]) -> dict[str, str]:
        """Take over recorded reads, ids as they are."""
        believed.believe(world, facts)
        return {}

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        """Return messages."""
        return seeds.collections(world)

    @override
    def advanced(self, world: World) -> None:
        """Post what was scheduled."""
        messages.post_due(world)

    @override
    def happen(self, world: World, service: str, event: str, data: Any) -> None:
        """Let a person do something in Slack."""
        installs.client_of(world)
        outside.happen(world, event, data if isinstance(data, dict) else {})

    @override
    def delivered(
        self, world: World, delivery: Delivery, status: int, body: bytes, why: str
    ) -> float | None:
        """Retry an event three times: at once, after a minute, after five."""
        if delivery.kind == "url_verification":
            events.verified(world, delivery, status, body)
            return None
        if not why or delivery.attempt >= len(events.RETRIES_S):
            return None
        if not delivery.headers or dict(delivery.headers).get("content-type") != "application/json":
            return None
        return events.RETRIES_S[delivery.attempt]

    @override
    def redelivery(self, world: World, delivery: Delivery, why: str) -> Delivery:
        """Sign again, and say which attempt it is and why."""
        marks = [("x-slack-retry-num", str(delivery.attempt)), ("x-slack-retry-reason", why)]
        signed = events.headers(world, delivery.body)
        return replace(delivery, headers=(*signed, *marks))

    @override
    def push(self, world: World, delivery: Delivery) -> None:
        """Send an event through Socket Mode."""
        self.sockets.push(world, delivery)

    async def websocket(
        self, universe: Any, request: Request, receive: sockets.Receive, send: sockets.Send
    ) -> None:
        """Serve a Socket Mode connection whose ticket is good."""
        world = universe.locate(request, self.credential(request))
        ticket = None if world is None else sockets.ticket_of(world, request)
        if world is None or ticket is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        if not ticket.get("rtm"):
            await self.sockets.talk(world, str(ticket.get("app") or ""), receive, send)
            return

        def ask(method: str, fields: dict[str, Any]) -> dict[str, Any]:
            headers = {"authorization": f"Bearer {ticket['token']}", "x-twin-world": world.id,
                       "content-type": "application/json; charset=utf-8",
                       "host": request.headers.get("host", "")}  # fmt: skip
            body = msgspec.json.encode(fields)
            asked = Request("POST", f"/api/{method}", "", headers, body, request.origin)
            found: dict[str, Any] = msgspec.json.decode(universe.answer("slack", asked).reply.body)
            return found

        await self.sockets.talk_rtm(world, ask, receive, send)


def _unknown(call: Exchange) -> Reply:
    raise SlackError("unknown_method", req_method=call.params["method"])
