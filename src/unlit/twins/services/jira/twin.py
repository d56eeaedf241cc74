"""The Jira twin: who calls, errors in the vendor's form, and what scenarios see."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from typing_extensions import override

from unlit.twins.kit.http import Malformed, Reply, Request, Text
from unlit.twins.kit.router import Match, NoMatch, Router
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor, Fact, FaultRule
from unlit.twins.services.jira import adf, generic, outside, seed
from unlit.twins.services.jira import facts as facts_of_jira
from unlit.twins.services.jira.model import Rich, Row
from unlit.twins.services.jira.routes import (
    admin,
    agile,
    catalog,
    discussion,
    flows,
    groups,
    hooks,
    inventory,
    issues,
    many,
    meta,
    oauth,
    parts,
    people,
    projects,
    providers,
    schemes,
    search,
    shared,
    sprints,
    tending,
    users,
)
from unlit.twins.services.jira.site import NO_ISSUE, Site, refuse, stamp

MODULES = (
    issues,
    discussion,
    search,
    projects,
    users,
    meta,
    agile,
    sprints,
    parts,
    admin,
    hooks,
    groups,
    oauth,
    catalog,
    people,
    shared,
    inventory,
    many,
    tending,
    schemes,
    flows,
    providers,
)


BURST = 100  # calls of one caller in a second, when limits are on


def _grant(request: Request) -> str | None:
    """Return what a token call identifies its world by."""
    if request.method != "POST" or request.raw_path != "/oauth/token":
        return None
    if request.content_type == "application/json":
        try:
            given = request.json() or {}
        except Malformed:
            return None
        found = given.get("refresh_token") or given.get("code") if isinstance(given, dict) else None
        return str(found) if found else None
    pairs = dict(request.form())
    return pairs.get("refresh_token") or pairs.get("code")


_SOFTWARE, _AGILE = "/rest/software/1.0/", "/rest/agile/1.0/"


class ContextRouter(Router):
    """Finds routes below a context path too (``/jira/rest/api/2/…`` of a Server)."""

    @override
    def match(self, method: str, raw_path: str) -> Match | NoMatch:
        found = super().match(method, raw_path)
        if (
            isinstance(found, NoMatch)
            and "/rest/" in raw_path
            and not raw_path.startswith("/rest/")
        ):
            return self.match(method, raw_path[raw_path.index("/rest/") :])
        listed = method == "GET" and raw_path.endswith(("/issue", "/backlog"))
        if isinstance(found, NoMatch) and listed and raw_path.startswith(_SOFTWARE):
            return super().match(method, _AGILE + raw_path.removeprefix(_SOFTWARE))
        return found


class JiraTwin(Twin):
    """Jira Cloud, and Server by a seed's `deployment`."""

    name: ClassVar[str] = "jira"
    services: ClassVar[tuple[str, ...]] = ("jira",)
    hosts: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "jira": ("*.atlassian.net", "api.atlassian.com", "auth.atlassian.com", "*.jira.com")
    }

    def __init__(self) -> None:
        super().__init__()
        self.router = ContextRouter()
        known = generic.kernel_contract().by_route
        for module in MODULES:
            for route in module.routes.all:
                template = route.template.replace("/rest/api/latest/", "/rest/api/3/")
                found = known.get((route.method, template))
                if found is not None:
                    route = replace(route, scopes=found.scopes, extra=found)
                self.router.add(route)
        for route in generic.kernel().routes():
            self.router.add(route, replace=False)

    @override
    def credential(self, request: Request) -> str | None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return value.strip() or _grant(request)
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except (ValueError, binascii.Error):
            return value or None
        return pair.partition(":")[2] or None

    @override
    def administrator(self, world: World) -> Actor:
        return Actor(str(world.table("jira.site").get("admin") or ""), "user")

    @override
    def authenticate(self, exchange: Exchange) -> Actor:
        try:
            actor = super().authenticate(exchange)
        except VendorError as error:
            raise _unknown(exchange) from error
        until = actor.extra.get("until")
        if until is not None and until < exchange.world.now():
            raise _unknown(exchange)
        return actor

    @override
    def authorize(self, exchange: Exchange) -> None:
        wanted, scopes = exchange.route.scopes, exchange.actor.scopes
        if wanted and scopes is not None and not scopes & set(wanted):
            raise VendorError(401, "scope", "Unauthorized; scope does not match")

    @override
    def limit(self, exchange: Exchange) -> VendorError | None:
        quota = exchange.table("quota")
        second = int(exchange.world.now())
        used = quota.get(exchange.actor.id) or (second, 0)
        count = used[1] + 1 if used[0] == second else 1
        quota.put(exchange.actor.id, (second, count))
        if count <= BURST:
            return None
        headers = [
            ("retry-after", "1"),
            ("x-ratelimit-limit", str(BURST)),
            ("x-ratelimit-remaining", "0"),
            ("ratelimit-reason", "jira-burst-based"),
        ]
        text = "Rate limit exceeded."
        return VendorError(429, "jira", text, headers=headers, messages=(text,), fields={})

    @override
    def prepare(self, world: World) -> None:
        seed.prepare(Site(world))
        generic.prepare(world)

    @override
    def welcome(self, world: World) -> None:
        seed.welcome(Site(world))

    @override
    def seed(self, world: World, spec: Any) -> None:
        seed.fill(Site(world), spec)

    @override
    def believe(self, world: World, facts: list[Fact]) -> dict[str, str]:
        facts_of_jira.believe(world, facts)
        return {}

    @override
    def happen(self, world: World, service: str, event: str, data: Any) -> None:
        outside.happen(self, world, event, data if isinstance(data, dict) else {})

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        site = Site(world)
        return {
            "jira.issues": [_flat(site, row) for row in site.table("issues").values()],
            "jira.comments": [
                {
                    "issue": site.table("issues")[row["issue"]]["key"],
                    "author": _who(site, row["author"]),
                    "body": adf.as_wiki(row["body"]),
                }
                for row in site.table("comments").values()
                if row["issue"] in site.table("issues")
            ],
            "jira.projects": [
                {"key": row["key"], "name": row["name"]} for row in site.table("projects").values()
            ],
            "jira.mails": [dict(row) for row in site.table("mails").values()],
        }

    @override
    def render_error(self, exchange: Exchange, error: VendorError) -> Reply:
        headers = list(error.headers)
        if error.code == "scope":
            return Reply(401, {"code": 401, "message": error.message}, headers)
        if error.code != "jira":
            messages: tuple[str, ...] = (error.message,) if error.message else ()
            body: Any = {"errorMessages": list(messages), "errors": {}}
            return Reply(error.status, body, headers)
        if error.status == 401:
            headers.append(("www-authenticate", f'OAuth realm="{exchange.request.origin}"'))
            headers.append(("x-seraph-loginreason", "AUTHENTICATED_FAILED"))
            if exchange.request.headers.get("accept", "").startswith("application/json"):
                return Reply(401, {"message": error.message, "status-code": 401}, headers)
            return Reply(401, Text(error.message), [*headers, ("content-type", "text/html")])
        body = {
            "errorMessages": list(error.detail.get("messages", ())),
            "errors": dict(error.detail.get("fields", {})),
        }
        if "warnings" in error.detail:
            body = {
                "errorMessages": body["errorMessages"],
                "warningMessages": error.detail["warnings"],
            }
        return Reply(error.status, body, headers)

    @override
    def malformed(self, exchange: Exchange, error: Malformed) -> VendorError:
        return refuse(
            400, "Invalid request payload. Refer to the REST API documentation and try again."
        )

    @override
    def no_route(self, exchange: Exchange, allowed: tuple[str, ...]) -> VendorError:
        if allowed:
            return VendorError(405, "method", "HTTP 405 Method Not Allowed")
        return VendorError(404, "route", "null for uri: " + exchange.request.raw_path)

    @override
    def struck(self, exchange: Exchange, rule: FaultRule) -> Reply:
        reply = super().struck(exchange, rule)
        if reply.status == 429:
            reply.headers += [
                ("x-ratelimit-limit", "350"),
                ("x-ratelimit-remaining", "0"),
                ("ratelimit-reason", "jira-burst-based"),
            ]
        return reply

    @override
    def fault_code(self, status: int) -> str:
        return {429: "Rate limit exceeded", 503: "Service Unavailable"}.get(
            status, f"HTTP {status}"
        )

    @override
    def finish(self, exchange: Exchange, reply: Reply) -> None:
        reply.headers.append(
            ("x-arequestid", exchange.world.text("jira.request", 32, "0123456789abcdef"))
        )
        if exchange.actor.id and exchange.match is not None and not exchange.route.open:
            reply.headers.append(("x-aaccountid", exchange.actor.id.replace(":", "%3A")))


def _unknown(exchange: Exchange) -> VendorError:
    """Return what a caller that Jira does not know is told: mostly, that nothing is there."""
    params = exchange.params
    failed = [("x-seraph-loginreason", "AUTHENTICATED_FAILED")] if exchange.token else []
    if "issueIdOrKey" in params:
        return VendorError(404, "jira", NO_ISSUE, headers=failed, messages=(NO_ISSUE,), fields={})
    if "projectIdOrKey" in params:
        text = f"No project could be found with key '{params['projectIdOrKey']}'."
        return VendorError(404, "jira", text, headers=failed, messages=(text,), fields={})
    return VendorError(401, "jira", "Client must be authenticated to access this resource.")


def _who(site: Site, account: str | None) -> str | None:
    row = site.table("users").get(account) if account else None
    return None if row is None else str(row.get("emailAddress") or row["displayName"])


def _flat(site: Site, row: Row) -> Row:
    fields = row["fields"]
    text = fields.get("description")

    def name(table: str, ident: Any) -> Any:
        return (site.table(table).get(ident) or {}).get("name")

    return {
        "id": row["id"],
        "key": row["key"],
        "project": site.table("projects")[row["project"]]["key"],
        "summary": fields["summary"],
        "description": adf.as_wiki(text) if isinstance(text, Rich) else text,
        "issuetype": name("issuetypes", fields.get("issuetype")),
        "status": name("statuses", fields.get("status")),
        "priority": name("priorities", fields.get("priority")),
        "resolution": name("resolutions", fields.get("resolution")),
        "labels": list(fields.get("labels") or ()),
        "assignee": _who(site, fields.get("assignee")),
        "reporter": _who(site, fields.get("reporter")),
        "components": [name("components", x) for x in fields.get("components") or ()],
        "fixVersions": [name("versions", x) for x in fields.get("fixVersions") or ()],
        "parent": (site.table("issues").get(fields.get("parent")) or {}).get("key"),
        "duedate": fields.get("duedate"),
        "created": stamp(row["created"]),
        "updated": stamp(row["updated"]),
    }


twin = JiraTwin()
