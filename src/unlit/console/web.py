"""The application's frame: one guard before every route, forms, templates, error pages."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import parse_qsl

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from unlit.console.model import Console, Role, Session
from unlit.console.queries import Queries
from unlit.console.security import CSRF_FIELD, csrf_token
from unlit.core.errors import (
    InvalidInput,
    OutcomeNotGoodEnough,
    RefusedByPolicy,
    UnlitError,
    UsageError,
)
from unlit.review.render import environment, filters, stylesheet

FORM_BYTES: Final = 200_000
ASSETS: Final = ("htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js", "keys.js", "palette.js", "terminal.js")
NAV: Final = (
    ("Line", "/"),
    ("Runs", "/runs"),
    ("Questions", "/questions"),
    ("Intents", "/intents"),
    ("Policy", "/policy"),
    ("Twins", "/twins"),
    ("Scenarios", "/scenarios"),
    ("Cost", "/cost"),
    ("Calibration", "/calibration"),
    ("Audit", "/audit"),
    ("Settings", "/settings"),
)
STATUS: Final[tuple[tuple[type[UnlitError], int], ...]] = (
    (RefusedByPolicy, 403),
    (InvalidInput, 409),
    (UsageError, 400),
    (OutcomeNotGoodEnough, 409),
)


@dataclass(frozen=True, slots=True)
class Page:
    """One request with what its page needs."""

    request: Request
    console: Console
    session: Session
    queries: Queries
    form: Mapping[str, str]

    def param(self, name: str) -> str:
        """Return a query parameter, or nothing."""
        return self.request.query_params.get(name, "")

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    @property
    def wants_json(self) -> bool:
        """Whether the `.json` form of the page was asked for."""
        return self.request.url.path.endswith(".json")

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks for a piece of the page."""
        return self.request.headers.get("hx-request") == "true"

    def render(self, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
        """Render a page."""
        return HTMLResponse(self.text(template, **facts), status)

    def text(self, template: str, **facts: Any) -> str:
        """Render a template to text."""
        env = templates(self.console)
        return env.get_template(template).render(
            session=self.session,
            csrf=csrf_token(self.session, self.console.key),
            csrf_field=CSRF_FIELD,
            here=self.request.url.path,
            nav=NAV,
            waiting=self.queries.waiting(self.console.clock.now()),
            roles=Role,
            now=self.console.clock.now(),
            **facts,
        )

    def json(self, value: Any, status: int = 200) -> JSONResponse:
        """Answer with JSON."""
        return JSONResponse(value, status)


def one_line(item: Any) -> str:
    """Write one row of a twin's state in a line; what is empty is left out."""
    if not isinstance(item, Mapping):
        return str(item)[:400]
    kept = {key: value for key, value in item.items() if value not in (None, "", [], {}, False)}
    return "  ".join(f"{key}: {value}" for key, value in kept.items())[:400]


def weight(question: Any) -> str:
    """Say in words how much hangs on a question, and how little is known."""
    stakes = "much" if question.stakes >= 3 else "something" if question.stakes >= 2 else "little"
    doubt = "nothing is known" if question.doubt >= 0.95 else (
        "little is known" if question.doubt >= 0.7 else "most is known"
    )  # fmt: skip
    return f"{stakes.capitalize()} hangs on it, {doubt}"


Handler = Callable[[Page], Response | Awaitable[Response]]


_ENVIRONMENTS: Final[dict[int, Environment]] = {}


def templates(console: Console) -> Environment:
    """Return the template environment of a console."""
    found = _ENVIRONMENTS.get(id(console))
    if found is None:
        loader = ChoiceLoader(
            [
                PackageLoader("unlit.console", "templates"),
                PackageLoader("unlit.review", "templates"),
            ]
        )
        found = environment(loader)
        found.filters.update(filters(console.zone))
        found.filters["line"] = one_line
        found.filters["weight"] = weight
        found.globals["asset"] = asset_url
        _ENVIRONMENTS[id(console)] = found
    return found


@lru_cache(maxsize=32)
def asset(name: str) -> tuple[bytes, str] | None:
    """Return a file that pages load, and its type; nothing else is served."""
    if name == "console.css":
        return stylesheet().encode(), "text/css; charset=utf-8"
    if name in ASSETS:
        body = (files("unlit.console") / "assets" / name).read_bytes()
        return body, "text/javascript; charset=utf-8"
    return None


@lru_cache(maxsize=32)
def asset_url(name: str) -> str:
    """Return a URL that changes with the file, so that it may be kept for ever."""
    found = asset(name)
    assert found is not None, name  # noqa: S101 # a template names an asset that is not there
    return f"/assets/{hashlib.sha256(found[0]).hexdigest()[:12]}/{name}"


async def read_form(request: Request) -> Mapping[str, str]:
    """Read a small urlencoded form.

    Raises:
        UsageError: It is larger than a form may be, or no form.
    """
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise _bad_form("it is not a form")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_BYTES:
            raise _bad_form(f"it has more than {FORM_BYTES:,} bytes")
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=True, max_num_fields=50
        )
    except ValueError as error:
        raise _bad_form("it cannot be read") from error
    return dict(pairs)


def _bad_form(why: str) -> UsageError:
    return UsageError(
        "CON-021", f"What was sent is not understood: {why}.", "pages send small forms.",
        "go back, reload the page and send it again.",
    )  # fmt: skip


def status_of(error: UnlitError) -> int:
    """Return the HTTP status of an expected failure."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 502)
