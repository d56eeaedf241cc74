"""The Slack twin: tokens, the one envelope of every answer, and the table of methods."""

from typing import Any, ClassVar, Final

from typing_extensions import override

from unlit.twins.kit.http import Reply, Request
from unlit.twins.kit.router import Route, Router
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor, FaultRule
from unlit.twins.services.slack import channels, messages, people, seeds
from unlit.twins.services.slack.ask import Method, SlackError, answer, arguments

METHODS: Final[dict[str, Method]] = {**people.METHODS, **channels.METHODS, **messages.METHODS}
_OPEN: Final = frozenset(("api.test",))


class Slack(Twin):
    """One workspace for each world."""

    name = "slack"
    services = ("slack",)
    hosts: ClassVar[dict[str, tuple[str, ...]]] = {
        "slack": ("slack.com", "*.slack.com", "slack-files.com")
    }

    def __init__(self) -> None:
        self.router = Router()
        for name, method in METHODS.items():
            handler = answer(method)
            for verb in ("POST", "GET"):
                self.router.add(Route(verb, f"/api/{name}", handler, name, open=name in _OPEN))
        for verb in ("POST", "GET"):
            self.router.add(Route(verb, "/api/{method}", _unknown, "unknown_method", open=True))

    @override
    def credential(self, request: Request) -> str | None:
        """Return the bearer token, or the argument ``token``."""
        found = super().credential(request)
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
        bot = world.table("slack.bots")[world.table("slack.meta")["bot"]]
        return Actor(bot["user_id"], "bot", None, {"bot_id": bot["id"], "app_id": bot["app_id"]})

    @override
    def authenticate(self, exchange: Exchange) -> Actor:
        """Return who calls; ``not_authed`` without a token, ``invalid_auth`` for an unknown one."""
        if exchange.token is None:
            raise SlackError("not_authed")
        try:
            return super().authenticate(exchange)
        except SlackError:
            raise
        except VendorError as error:
            raise SlackError("invalid_auth") from error

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
    def seed(self, world: World, spec: Any) -> None:
        """Add users, channels and messages."""
        seeds.seed(world, spec)

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        """Return messages."""
        return seeds.collections(world)

    @override
    def advanced(self, world: World) -> None:
        """Post what was scheduled."""
        messages.post_due(world)


def _unknown(call: Exchange) -> Reply:
    raise SlackError("unknown_method", req_method=call.params["method"])
