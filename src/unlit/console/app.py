"""The application: a table of routes with the role that each needs, and one guard before all."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from inspect import iscoroutinefunction
from typing import Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from unlit.console import oidc
from unlit.console.api import OPERATIONS, PREFIX, Operation, openapi, read_body
from unlit.console.live import Watcher, live_board, live_run, live_try
from unlit.console.model import Console, Role, Session
from unlit.console.pages import (
    audit,
    board,
    calibration,
    cost,
    gates,
    intents,
    labels,
    policy,
    questions,
    report,
    runs,
    scenarios,
    settings,
    tries,
    twins,
)
from unlit.console.queries import Queries
from unlit.console.security import (
    COOKIE,
    CSRF_FIELD,
    HEADERS,
    SESSION_S,
    Limiter,
    is_csrf,
    is_token,
    open_session,
    seal,
    unseal,
)
from unlit.console.web import Handler, Page, asset, read_form, status_of, templates
from unlit.core.errors import UnlitError


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table of routes."""

    path: str
    handler: Handler
    role: Role = Role.READER
    method: str = "GET"


ROUTES: Final[tuple[Entry, ...]] = (
    Entry("/", board.board),
    Entry("/board.json", board.board),
    Entry("/runs", runs.runs),
    Entry("/runs.json", runs.runs),
    Entry("/runs/views", runs.keep_view, Role.READER, "POST"),
    Entry("/find.json", runs.find),
    Entry("/questions", questions.questions),
    Entry("/runs/{run}.json", report.report_json),
    Entry("/runs/{run}.md", report.report_markdown),
    Entry("/runs/{run}.html", report.report_file),
    Entry("/runs/{run}", report.report),
    Entry("/runs/{run}/trajectories", report.trajectories),
    Entry("/runs/{run}/trajectories/{candidate}/{partition}/{number:int}", report.trajectory),
    Entry(
        "/runs/{run}/trajectories/{candidate}/{partition}/{number:int}/pictures/{step:int}",
        report.picture,
        Role.EVALUATOR,
    ),
    Entry("/intents", intents.intents),
    Entry("/intents/{name}", intents.intent),
    Entry("/intents/{name}", intents.save, Role.OWNER, "POST"),
    Entry("/intents/{name}/lint", intents.lint, Role.READER, "POST"),
    Entry("/policy", policy.policy),
    Entry("/policy/offers/{name}", policy.accept, Role.OWNER, "POST"),
    Entry("/twins", twins.twins),
    Entry("/scenarios", scenarios.scenarios, Role.EVALUATOR),
    Entry("/cost", cost.cost),
    Entry("/cost.json", cost.cost),
    Entry("/calibration", calibration.calibration),
    Entry("/audit", audit.audit),
    Entry("/audit.json", audit.audit),
    Entry("/settings", settings.settings),
    Entry("/runs/{run}/ship", questions.go_on, Role.DECIDER, "POST"),
    Entry("/runs/{run}/build", gates.build, Role.DECIDER, "POST"),
    Entry("/runs/{run}/gate/{gate}", gates.decide, Role.DECIDER, "POST"),
    Entry("/runs/{run}/try", tries.begin, Role.DECIDER, "POST"),
    Entry("/tries/{name}", tries.show, Role.DECIDER),
    Entry("/tries/{name}/end", tries.end, Role.DECIDER, "POST"),
    Entry("/runs/{run}/decision", questions.decide, Role.DECIDER, "POST"),
    Entry("/runs/{run}/questions/{number:int}", questions.answer, Role.DECIDER, "POST"),
    Entry("/runs/{run}/questions/{number:int}/example", questions.as_example, Role.OWNER, "POST"),
    Entry(
        "/runs/{run}/questions/{number:int}/scenario",
        questions.as_scenario,
        Role.EVALUATOR,
        "POST",
    ),
    Entry("/runs/{run}/access/{number:int}", questions.access, Role.DECIDER, "POST"),
    Entry("/runs/{run}/labels", labels.show, Role.EVALUATOR),
    Entry("/runs/{run}/labels", labels.keep, Role.EVALUATOR, "POST"),
)


def create_app(console: Console) -> ASGIApp:
    """Make the application.

    Args:
        console: What it works with.
    """
    watcher = Watcher(console)
    login_limit = Limiter(burst=10, per_minute=10)
    write_limit = Limiter(burst=60, per_minute=240)
    routes = [
        Route("/login", partial(_login, console=console, limit=login_limit), methods=["GET"]),
        Route("/login/oidc", partial(_oidc, console=console, limit=login_limit)),
        Route("/login/callback", partial(_callback, console=console, limit=login_limit)),
        Route("/assets/{digest}/{name}", _asset, methods=["GET"]),
        Route("/live/board", partial(_live, console=console, make=live_board, watcher=watcher)),
        Route("/live/runs/{run}", partial(_live, console=console, make=live_run, watcher=watcher)),
        Route(
            "/live/tries/{name}", partial(_live, console=console, make=live_try, watcher=watcher)
        ),
        WebSocketRoute("/tries/{name}/terminal", partial(_terminal, console=console)),
        Route("/logout", partial(_logout, console=console), methods=["POST"]),
    ]
    routes += [
        Route(
            entry.path,
            partial(_serve, console=console, entry=entry, limit=write_limit),
            methods=[entry.method],
        )
        for entry in ROUTES
    ]
    api_limit = Limiter(burst=300, per_minute=3000)
    routes.append(Route(f"{PREFIX}/openapi.json", partial(_openapi, console=console)))
    routes += [
        Route(
            PREFIX + operation.path,
            partial(_operate, console=console, operation=operation, limit=api_limit),
            methods=[operation.method],
        )
        for operation in OPERATIONS
    ]
    app = Starlette(
        routes=routes,
        lifespan=partial(_life, console=console),
        exception_handlers={404: partial(_missing, console=console)},
    )
    return Guard(GZipMiddleware(app, minimum_size=1000, compresslevel=6), console)


class Guard:
    """Answers only to our host names, and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp, console: Console) -> None:
        self._app = app
        self._hosts = console.hosts
        self._secure = console.secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if self._secure:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        if scope["type"] == "websocket":
            origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
            is_ours = origin.partition(b"://")[2].lower() == host.lower()
            if is_ours and host.decode("latin-1").lower() in self._hosts:
                await self._app(scope, receive, send)
                return
            await WebSocket(scope, receive, send).close(4403)
            return
        if host.decode("latin-1").lower() not in self._hosts:
            refusal = Response("This console does not answer to that name.\n", 421)
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def _session(request: Request, console: Console) -> Session | None:
    cookie = request.cookies.get(COOKIE, "")
    return unseal(cookie, console.key, int(console.clock.now().timestamp())) if cookie else None


async def _serve(request: Request, *, console: Console, entry: Entry, limit: Limiter) -> Response:
    session = _session(request, console)
    if session is None:
        return _login_page(request, console)
    page = Page(request, console, session, Queries(console.store), {})
    if not session.may(entry.role):
        return _refused(page, f"This needs the role {entry.role.value}; you have "
                              f"{', '.join(sorted(session.roles)) or 'none'}.")  # fmt: skip
    try:
        if entry.method == "POST":
            if not limit.allows(session.nonce, console.clock.monotonic_s()):
                return _refused(page, "Too many acts in a minute; wait a little.", 429)
            form = await read_form(request)
            if not is_csrf(form.get(CSRF_FIELD, ""), session, console.key) or _is_foreign(request):
                return _refused(page, "This form is not from this page, or its page is too old.")
            page = Page(request, console, session, page.queries, form)
        return await _answer(entry.handler, page)
    except UnlitError as error:
        return _error(page, error)


async def _answer(handler: Handler, page: Page) -> Response:
    """Let the record be read beside the loop, and what waits in it."""
    found = await run_in_threadpool(handler, page) if not iscoroutinefunction(handler) else (
        handler(page)
    )  # fmt: skip
    return found if isinstance(found, Response) else await found


def _bearer(request: Request, console: Console) -> Session | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        return None
    now = int(console.clock.now().timestamp())
    if is_token(token.strip(), console.token):
        return Session(console.person, console.roles, "bearer", now + 60)
    return unseal(token.strip(), console.key, now)


async def _openapi(request: Request, *, console: Console) -> Response:
    if _bearer(request, console) is None and _session(request, console) is None:
        return _problem("log in first", "CON-011", 401)
    return JSONResponse(openapi())


async def _operate(
    request: Request, *, console: Console, operation: Operation, limit: Limiter
) -> Response:
    session = _bearer(request, console)
    if session is None:
        return _problem("send Authorization: Bearer TOKEN", "CON-011", 401)
    if not session.may(operation.role):
        return _problem(f"this needs the role {operation.role.value}", "CON-012", 403)
    if not limit.allows(session.nonce, console.clock.monotonic_s()):
        return _problem("too many requests in a minute", "CON-012", 429)
    try:
        body = await read_body(request, operation) if operation.body is not None else {}
        page = Page(request, console, session, Queries(console.store), body)
        return await run_in_threadpool(operation.handler, page)
    except UnlitError as error:
        return JSONResponse({"error": error.what, "why": error.why, "do": error.remedy,
                             "code": error.code}, status_of(error))  # fmt: skip


def _problem(what: str, code: str, status: int) -> Response:
    return JSONResponse({"error": what, "code": code}, status)


def _is_foreign(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is None or origin == "null":
        return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    return origin.partition("://")[2].lower() != request.headers.get("host", "").lower()


async def _login(request: Request, *, console: Console, limit: Limiter) -> Response:
    token = request.query_params.get("token", "")
    if token and is_token(token, console.token):  # who has it does not guess, and is not counted
        target = _next(request.query_params.get("next", "/"))
        return _let_in(console, console.person, console.roles, target)
    who = request.client.host if request.client else "unknown"
    if not limit.allows(who, console.clock.monotonic_s()):
        return HTMLResponse("Too many tries; wait a minute.\n", 429)
    return _login_page(request, console, tried=bool(token))


def _let_in(console: Console, person: str, roles: frozenset[Role], target: str) -> Response:
    session = open_session(person, roles, int(console.clock.now().timestamp()))
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        COOKIE, seal(session, console.key), max_age=SESSION_S, httponly=True, samesite="lax",
        secure=console.secure, path="/",
    )  # fmt: skip
    return answer


async def _oidc(request: Request, *, console: Console, limit: Limiter) -> Response:
    provider, now_s = console.provider, int(console.clock.now().timestamp())
    if provider is None or not _allowed(request, console, limit):
        return _login_page(request, console)
    try:
        url, cookie = await run_in_threadpool(oidc.begin, provider, console.key, now_s)
    except UnlitError as error:
        return _login_page(request, console, said=f"{error.what} {error.remedy}")
    answer = RedirectResponse(url, 303)
    answer.set_cookie(
        oidc.COOKIE, cookie, max_age=oidc.LOGIN_S, httponly=True, samesite="lax",
        secure=console.secure, path="/login",
    )  # fmt: skip
    return answer


async def _callback(request: Request, *, console: Console, limit: Limiter) -> Response:
    provider, now_s = console.provider, int(console.clock.now().timestamp())
    if provider is None or not _allowed(request, console, limit):
        return _login_page(request, console)
    query, cookie = request.query_params, request.cookies.get(oidc.COOKIE, "")
    try:
        person, roles = await run_in_threadpool(
            oidc.finish, provider, console.key, now_s, cookie,
            query.get("state", ""), query.get("code", ""),
        )  # fmt: skip
    except UnlitError as error:
        return _login_page(request, console, said=f"{error.what} {error.remedy}")
    answer = _let_in(console, person, roles, "/")
    answer.delete_cookie(oidc.COOKIE, path="/login")
    return answer


def _allowed(request: Request, console: Console, limit: Limiter) -> bool:
    who = request.client.host if request.client else "unknown"
    return limit.allows(who, console.clock.monotonic_s())


def _next(path: str) -> str:
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain else "/"


async def _logout(request: Request, *, console: Console) -> Response:
    session = _session(request, console)
    if session is not None:
        form = await read_form(request)
        if not is_csrf(form.get(CSRF_FIELD, ""), session, console.key):
            return HTMLResponse("This form is not from this page.\n", 403)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _login_page(
    request: Request, console: Console, *, tried: bool = False, said: str = ""
) -> Response:
    if request.url.path.endswith(".json") or request.url.path.startswith(("/api/", "/live/")):
        return JSONResponse({"error": "log in first", "code": "CON-011"}, 401)
    body = (
        templates(console)
        .get_template("login.html")
        .render(tried=tried, said=said, provider=console.provider)
    )
    return HTMLResponse(body, 401)


def _refused(page: Page, why: str, status: int = 403) -> Response:
    if page.wants_json:
        return page.json({"error": why, "code": "CON-012"}, status)
    return page.render("problem.html", status, title="Not yours to do", what=why, code="CON-012",
                       remedy="")  # fmt: skip


def _error(page: Page, error: UnlitError) -> Response:
    if page.wants_json:
        return page.json({"error": error.what, "why": error.why, "do": error.remedy,
                          "code": error.code}, status_of(error))  # fmt: skip
    return page.render("problem.html", status_of(error), title=error.what, what=error.why,
                       code=error.code, remedy=error.remedy)  # fmt: skip


async def _missing(request: Request, error: Exception, *, console: Console) -> Response:
    session = _session(request, console)
    if session is None:
        return _login_page(request, console)
    page = Page(request, console, session, Queries(console.store), {})
    if page.wants_json or request.url.path.startswith("/api/"):
        return page.json({"error": "there is no such page", "code": "CON-013"}, 404)
    return page.render("problem.html", 404, title="There is no such page", what="", code="CON-013",
                       remedy="go back to the line.")  # fmt: skip


async def _asset(request: Request) -> Response:
    found = asset(str(request.path_params["name"]))
    if found is None:
        return Response("No such file.\n", 404)
    body, kind = found
    return Response(body, media_type=kind, headers={
        "cache-control": "public, max-age=31536000, immutable"})  # fmt: skip


LiveMaker = Callable[[Page, Watcher], Awaitable[Response]]


async def _live(
    request: Request, *, console: Console, make: LiveMaker, watcher: Watcher
) -> Response:
    session = _session(request, console)
    if session is None:
        return _login_page(request, console)
    page = Page(request, console, session, Queries(console.store), {})
    try:
        return await make(page, watcher)
    except UnlitError as error:
        return JSONResponse({"error": error.what, "code": error.code}, status_of(error))


@asynccontextmanager
async def _life(app: Starlette, *, console: Console) -> AsyncIterator[None]:
    """What people try ends with the console."""
    try:
        yield
    finally:
        if console.trials is not None:
            await console.trials.close()


async def _terminal(socket: WebSocket, *, console: Console) -> None:
    """Join a browser to the terminal of a try; the guard has looked at its host and origin."""
    cookie = socket.cookies.get(COOKIE, "")
    now_s = int(console.clock.now().timestamp())
    session = unseal(cookie, console.key, now_s) if cookie else None
    if session is None or not session.may(Role.DECIDER) or console.trials is None:
        await socket.close(4403)
        return
    try:
        kept = console.trials.find(str(socket.path_params["name"]))
    except UnlitError:
        await socket.close(4404)
        return
    await tries.talk(socket, kept, console.trials)


def fresh_token() -> str:
    """Return a new login token."""
    return secrets.token_urlsafe(24)
