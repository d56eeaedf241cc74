"""What every handler works with, and how handlers become routes."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.services.jira import adf, generic
from unlit.twins.services.jira.model import Rich, Row
from unlit.twins.services.jira.render import Render
from unlit.twins.services.jira.site import NO_ISSUE, Site, refuse

_PAYLOAD: Final = "Invalid request payload. Refer to the REST API documentation and try again."
VERSIONS: Final = ("2", "3", "latest")


class Ask:
    """One call: the site, who asks, in which version."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.request = exchange.request
        self.params = exchange.params
        self.site = Site(exchange.world)
        self.me: str | None = exchange.actor.id or None
        parts = exchange.request.raw_path.strip("/").split("/")
        at = parts.index("rest") if "rest" in parts else 0
        self.version = parts[at + 2] if len(parts) > at + 2 and parts[at + 1] == "api" else "2"
        if self.version == "latest":
            self.version = "3" if self.site.cloud else "2"
        context = "".join(f"/{part}" for part in parts[:at])
        self.base = exchange.request.origin + context
        self.render = Render(self.site, self.base, self.version, self.me)

    def arg(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.request.arg(name, default) or default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a query parameter that is true or false."""
        found = self.request.arg(name)
        return default if found is None else found.lower() == "true"

    def whole(self, name: str, default: int) -> int:
        """Return a query parameter that is a whole number."""
        text = self.request.arg(name)
        if text is None or text == "":
            return default
        try:
            return int(text)
        except ValueError as error:
            raise VendorError(404, "jira", text) from error

    def many(self, name: str) -> list[str]:
        """Return a query parameter given several times or separated by commas."""
        return [
            part.strip()
            for value in self.request.args(name)
            for part in value.split(",")
            if part.strip()
        ]

    def body(self) -> Row:
        """Return the JSON object of the body."""
        found = self.exchange.json()
        if found is None:
            raise refuse(400, "No content to map to Object due to end of input")
        if not isinstance(found, dict):
            raise refuse(400, "Can not deserialize instance of java.util.LinkedHashMap")
        operation = self.exchange.route.extra
        if operation is not None and not generic.is_formed(operation.request, found):
            raise refuse(400, _PAYLOAD)
        return found

    def issue(self) -> Row:
        """Return the issue that the path names."""
        if self.me is None:
            raise refuse(404, NO_ISSUE)
        return self.site.issue(self.params["issueIdOrKey"])

    def rich(self, name: str, value: Any) -> Rich | None:
        """Read a rich text in this version's form."""
        if value is None:
            return None
        if self.version == "3":
            if not adf.is_document(value):
                raise refuse(
                    400,
                    **{
                        name: "Operation value must be an Atlassian Document (see the Atlassian "
                        "Document Format)"
                    },
                )
            return Rich(adf=value)
        if not isinstance(value, str):
            raise refuse(400, **{name: "Operation value must be a string"})
        return Rich(wiki=value)

    def page(
        self,
        rows: Iterable[Any],
        name: str,
        show: Callable[[Any], Any],
        *,
        size: int = 50,
        most: int = 100,
        last: bool = True,
    ) -> Row:
        """Return the asked-for page in the vendor's envelope."""
        found = list(rows)
        start = max(0, self.whole("startAt", 0))
        count = min(most, max(0, self.whole("maxResults", size)))
        part = found[start : start + count]
        path = self.base + self.request.raw_path
        out: Row = {}
        if last:
            out["self"] = path + (f"?{self.request.raw_query}" if self.request.raw_query else "")
            if start + count < len(found):
                out["nextPage"] = f"{path}?maxResults={count}&startAt={start + count}"
        out |= {"maxResults": count, "startAt": start, "total": len(found)}
        if last:
            out["isLast"] = start + count >= len(found)
        out[name] = [show(item) for item in part]
        return out


Answer = Callable[[Ask], Any]


class Routes:
    """Collects the routes of one module."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        op: str,
        *,
        status: int = 200,
        public: bool = False,
        stem: str = "api",
    ) -> Callable[[Answer], Answer]:
        """Register a handler for ``/rest/api/{2,3,latest}/path`` (or another stem)."""

        def register(answer: Answer) -> Answer:
            handler = _handler(answer, status)
            stems = [f"/rest/api/{version}" for version in VERSIONS] if stem == "api" else [stem]
            for prefix in stems:
                template = f"{prefix}/{path}"
                self.all.append(Route(method, template, handler, op, open=public))
            return answer

        return register


def _handler(answer: Answer, status: int) -> Handler:
    def handle(exchange: Exchange) -> Reply:
        found = answer(Ask(exchange))
        if isinstance(found, Reply):
            return found
        return Reply(status, found)

    return handle
