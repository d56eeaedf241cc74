"""The Google twin: Drive, Docs and Sheets over one world."""

from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import override

from unlit.twins.kit.http import Malformed, Reply, Request
from unlit.twins.kit.router import Match, NoMatch, Router
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World
from unlit.twins.model import Actor, Fact, FaultRule
from unlit.twins.services.google import batch, errors, generic, oauth, outside, quota, seed
from unlit.twins.services.google.docs import document
from unlit.twins.services.google.docs import routes as docs
from unlit.twins.services.google.drive import (
    changes,
    comments,
    drives,
    files,
    older,
    older_parts,
    older_places,
    permissions,
    uploads,
)
from unlit.twins.services.google.facts import believe
from unlit.twins.services.google.sheets import filters, show, spreadsheets, values
from unlit.twins.services.google.sheets.book import Book

MODULES = (
    files,
    permissions,
    uploads,
    changes,
    comments,
    drives,
    older,
    older_parts,
    older_places,
    docs,
    spreadsheets,
    values,
    filters,
    oauth,
    batch,
)
_ANONYMOUS = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login "
    "cookie or other valid authentication credential. See https://developers.google.com/identity/"
    "sign-in/web/devconsole-project."
)
_UNKNOWN_CALLER = _ANONYMOUS.replace(
    "is missing required authentication credential", "had invalid authentication credentials"
)


_BARE = ("/files", "/about", "/changes", "/drives", "/channels", "/apps", "/operations")


class BareRouter(Router):
    """Finds Drive's routes without their prefix too: `api_endpoint` of clients drops it."""

    @override
    def match(self, method: str, raw_path: str) -> Match | NoMatch:
        found = super().match(method, raw_path)
        if isinstance(found, NoMatch) and raw_path.startswith(_BARE):
            return super().match(method, "/drive/v3" + raw_path)
        return found


class GoogleTwin(Twin):
    """Drive, Docs and Sheets: one world, three names."""

    name: ClassVar[str] = "google"
    services: ClassVar[tuple[str, ...]] = ("docs", "drive", "sheets")
    hosts: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "docs": ("docs.googleapis.com",),
        "drive": ("www.googleapis.com", "content.googleapis.com", "drive.googleapis.com"),
        "sheets": ("sheets.googleapis.com",),
        "google": (
            "oauth2.googleapis.com",
            "accounts.google.com",
            "openidconnect.googleapis.com",
            "iamcredentials.googleapis.com",
            "*.googleapis.com",
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self.router = BareRouter()
        for module in MODULES:
            for route in module.routes.all:
                self.router.add(route)
        for route in generic.routes():
            self.router.add(route, replace=False)

    @override
    def credential(self, request: Request) -> str | None:
        bearer = super().credential(request) or request.arg("access_token")
        return bearer or oauth.credential(request)

    @override
    def administrator(self, world: World) -> Actor:
        return Actor(seed.ADMIN, "user")

    @override
    def authenticate(self, exchange: Exchange) -> Actor:
        try:
            actor = super().authenticate(exchange)
        except VendorError as error:
            raise unauthenticated(exchange) from error
        until = actor.extra.get("until")
        if until is not None and until < exchange.world.now():
            raise unauthenticated(exchange)
        return actor

    @override
    def authorize(self, exchange: Exchange) -> None:
        scopes = exchange.actor.scopes
        if scopes is None or not exchange.route.scopes or scopes & set(exchange.route.scopes):
            return
        text = "Request had insufficient authentication scopes."
        details = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
            }
        ]
        if exchange.route.op.startswith("drive."):
            raise errors.drive(
                403, "insufficientPermissions", "Insufficient Permission", outer=text,
                details=details,
            )  # fmt: skip
        raise errors.rpc(
            403,
            text,
            details=details,
        )

    @override
    def limit(self, exchange: Exchange) -> VendorError | None:
        return quota.refusal(exchange)

    @override
    def prepare(self, world: World) -> None:
        seed.prepare(world)

    @override
    def seed(self, world: World, spec: Any) -> None:
        seed.fill(world, spec)

    @override
    def believe(self, world: World, facts: list[Fact]) -> dict[str, str]:
        believe(world, facts)
        return {}

    @override
    def happen(self, world: World, service: str, event: str, data: Any) -> None:
        outside.happen(self, world, event, data if isinstance(data, dict) else {})

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        table = world.table("google.files")
        roots = set(world.table("google.roots").values())
        rows = [row for row in table.values() if row["id"] not in roots]
        return {
            "docs.documents": [
                {"id": row["id"], "title": row["title"], "text": document.text(world, row["id"])}
                for row in world.table("google.documents").values()
            ],
            "drive.files": [_file(table, row) for row in rows],
            "drive.permissions": [
                {
                    "file": row["name"],
                    "emailAddress": p.get("emailAddress"),
                    "type": p["type"],
                    "role": p["role"],
                }
                for row in rows
                for p in row["permissions"]
                if p["role"] != "owner"
            ],
            "sheets.rows": list(_rows(world)),
        }

    @override
    def render_error(self, exchange: Exchange, error: VendorError) -> Reply:
        if error.code not in ("drive", "rpc"):
            error = VendorError(
                error.status,
                "rpc",
                error.message or errors.STATUSES.get(error.status, "Error"),
                headers=error.headers,
            )
        headers = list(error.headers)
        if error.status == 401:
            headers.append(
                (
                    "www-authenticate",
                    'Bearer realm="https://accounts.google.com/", error="invalid_token"',
                )
            )
        return Reply(error.status, errors.body_of(error), headers)

    @override
    def malformed(self, exchange: Exchange, error: Malformed) -> VendorError:
        if exchange.match is not None and exchange.route.op.startswith("drive."):
            return errors.drive(400, "parseError", "Parse Error")
        return errors.invalid(f"Invalid JSON payload received. {error}")

    @override
    def no_route(self, exchange: Exchange, allowed: tuple[str, ...]) -> VendorError:
        return VendorError(404, "rpc", "Not Found", rpc="NOT_FOUND")

    @override
    def struck(self, exchange: Exchange, rule: FaultRule) -> Reply:
        if rule.body is not None:
            return super().struck(exchange, rule)
        status = rule.status or 500
        headers = [("retry-after", f"{rule.retry_after:g}")] if rule.retry_after is not None else []
        if exchange.route.op.startswith("drive."):
            reason = rule.error or errors.REASONS.get(status, "backendError")
            error = errors.drive(status, reason, _FAULTS.get(status, "Backend Error"))
        else:
            error = errors.rpc(status, _FAULTS.get(status, "Internal error encountered."))
        error.headers = headers
        return self.render_error(exchange, error)


_FAULTS = {
    403: "User Rate Limit Exceeded",
    429: "Rate Limit Exceeded",
    500: "Internal error encountered.",
    503: "The service is currently unavailable.",
}


def unauthenticated(exchange: Exchange) -> VendorError:
    """Return the vendor's 401."""
    if exchange.match is not None and exchange.route.op.startswith("drive."):
        if exchange.token is None:
            return errors.drive(
                401, "required", "Login Required.", location="Authorization", kind="header",
                outer=_ANONYMOUS,
            )  # fmt: skip
        return errors.drive(
            401, "authError", "Invalid Credentials", location="Authorization", kind="header",
            outer=_UNKNOWN_CALLER,
        )  # fmt: skip
    return errors.rpc(401, _ANONYMOUS if exchange.token is None else _UNKNOWN_CALLER)


def _file(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    names = [table[p]["name"] for p in row.get("parents") or () if p in table]
    return {
        "id": row["id"],
        "name": row["name"],
        "mimeType": row["mimeType"],
        "parents": names,
        "trashed": row["trashed"],
        "owner": row.get("owner"),
    }


def _rows(world: World) -> Any:
    for ident, row in world.table("google.spreadsheets").items():
        book = Book(world, ident)
        for sheet in book.sheets:
            for r, line in enumerate(sheet["cells"]):
                shown = [
                    show.shown(book.value(sheet, r, c), cell.style if cell else None)
                    for c, cell in enumerate(line)
                ]
                while shown and shown[-1] == "":
                    shown.pop()
                if shown:
                    yield {"spreadsheet": row["title"], "sheet": sheet["title"], "values": shown}


twin = GoogleTwin()
