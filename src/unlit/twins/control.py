"""The control API under ``/_twin/``: the universe's own methods over HTTP."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from unlit.core.errors import InvalidInput, UnlitError
from unlit.twins.kit.describing import describe
from unlit.twins.kit.http import Malformed, Reply, Request, Text
from unlit.twins.kit.seeds import moment
from unlit.twins.model import Fact
from unlit.twins.page import page
from unlit.twins.universe import WORLD_HEADER, Universe


class _Control:
    """One control call: what it is about."""

    def __init__(self, universe: Universe, service: str | None, request: Request) -> None:
        self.universe = universe
        self.service = service
        self.request = request

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object sent, empty when there is none."""
        value = self.value
        if not isinstance(value, dict):
            raise _bad("a JSON object is expected")
        return value

    @property
    def value(self) -> Any:
        try:
            found = self.request.json()
        except Malformed as error:
            raise _bad(str(error)) from error
        return {} if found is None else found

    @property
    def world(self) -> str:
        """The world named by body, query or header; otherwise the default one."""
        named = self.request.arg("world") or self.request.headers.get(WORLD_HEADER)
        try:
            value = self.request.json()
            if named is None and isinstance(value, dict):
                named = value.get("world")
        except Malformed:
            pass
        if named is None:
            named = self.universe.default
        if named is None:
            raise _bad("no world is named and there is no default world")
        self.universe.world(str(named))
        return str(named)

    def name(self, key: str) -> str:
        value = self.body.get(key)
        if not isinstance(value, str):
            raise _bad(f"{key!r} is expected, a text")
        return value

    @property
    def target(self) -> str:
        """The service named by the body, or the one whose URL was called."""
        value = self.body.get("service", self.service)
        if not isinstance(value, str):
            raise _bad("'service' is expected, a text")
        return value


def _bad(why: str) -> InvalidInput:
    return InvalidInput("TWN-120", "The control call cannot be used.", why + ".", "correct it.")


def _health(call: _Control) -> Any:
    return {"ok": True, "services": sorted(call.universe.by_service)}


def _create(call: _Control) -> Any:
    body = call.body
    now = moment(body.get("now"), 0.0)
    seed = body.get("seed", 0)
    if not isinstance(seed, int):
        raise _bad("'seed' is a whole number")
    seeds, faults = body.get("seeds", {}), body.get("faults", {})
    if not isinstance(seeds, dict) or not isinstance(faults, dict):
        raise _bad("'seeds' and 'faults' are tables by service")
    world = call.universe.create_world(seeds, seed=seed, now=now, faults=faults)
    return {"world": world, "tokens": call.universe.tokens(world)}


def _worlds(call: _Control) -> Any:
    return {"worlds": list(call.universe.worlds()), "default": call.universe.default}


def _reset(call: _Control) -> Any:
    named = call.request.arg("world") or call.request.headers.get(WORLD_HEADER)
    if named is None and not call.request.body:
        call.universe.reset_all()
        return {"ok": True}
    call.universe.reset(call.world)
    return {"ok": True}


def _seed(call: _Control) -> Any:
    seeds = call.body.get("seeds")
    if seeds is None and call.service is not None:
        seeds = {call.service: call.body}
    if not isinstance(seeds, dict):
        raise _bad("'seeds' is a table by service")
    call.universe.seed(call.world, seeds)
    return {"ok": True}


def _facts(call: _Control) -> Any:
    entries = call.value if isinstance(call.value, list) else call.body.get("facts")
    if not isinstance(entries, list):
        raise _bad("a list of facts is expected")
    facts = [_fact(entry) for entry in entries]
    return {"ids": call.universe.believe(call.world, facts)}


def _fact(entry: Any) -> Fact:
    if not isinstance(entry, dict) or "service" not in entry:
        raise _bad("a fact is a table with service, method, upath, resp_body")
    return Fact(
        str(entry["service"]),
        str(entry.get("method") or "GET"),
        str(entry.get("upath") or "/"),
        tuple((str(k), str(v)) for k, v in entry.get("query") or ()),
        entry.get("req_body"),
        entry.get("resp_body"),
        entry.get("resp_headers") or {},
    )


def _fork(call: _Control) -> Any:
    world = call.universe.fork(call.world)
    return {"world": world, "tokens": call.universe.tokens(world)}


def _snapshot(call: _Control) -> Any:
    return {"snapshot": call.universe.snapshot(call.world)}


def _restore(call: _Control) -> Any:
    call.universe.restore(call.world, call.name("snapshot"))
    return {"ok": True}


def _drop(call: _Control) -> Any:
    call.universe.drop(call.name("world"))
    return {"ok": True}


def _clock(call: _Control) -> Any:
    seconds = call.body.get("advance", call.body.get("seconds", 0))
    if not isinstance(seconds, int | float):
        raise _bad("'advance' is a number of seconds")
    if seconds:
        call.universe.advance(call.world, float(seconds))
    return {"now": call.universe.world(call.world).moment().isoformat()}


def _faults(call: _Control) -> Any:
    world = call.universe.world(call.world)
    if call.request.method == "DELETE":
        world.faults.clear(call.body.get("service", call.service))
    elif call.request.method == "POST":
        rules = call.body.get("faults", [call.body] if "on" in call.body else None)
        if not isinstance(rules, list):
            raise _bad("'faults' is a list of rules")
        call.universe.arm(
            call.world,
            call.target,
            [
                {k: v for k, v in rule.items() if k not in ("service", "world")}
                if isinstance(rule, dict)
                else rule
                for rule in rules
            ],
        )
    return {"faults": world.faults.rules()}


def _limits(call: _Control) -> Any:
    world = call.universe.world(call.world)
    if call.request.method == "POST":
        world.limits = bool(call.body.get("on", True))
    return {"on": world.limits}


def _events(call: _Control) -> Any:
    data = call.body.get("data") or {}
    call.universe.emit(call.world, call.target, call.name("event"), data)
    return {"ok": True}


def _state(call: _Control) -> Any:
    return {"world": call.world, "state": call.universe.state(call.world)}


def _diff(call: _Control) -> Any:
    return {"diff": call.universe.diff(call.name("a"), call.name("b"))}


def _calls(call: _Control) -> Any:
    return {"world": call.world, "calls": [asdict(c) for c in call.universe.calls(call.world)]}


def _openapi(call: _Control) -> Any:
    service = call.request.arg("service") or call.service
    twin = call.universe.by_service.get(service or "")
    if twin is None:
        raise _bad(f"no service is named; there are {', '.join(sorted(call.universe.by_service))}")
    return describe(twin, call.request.origin)


def _tokens(call: _Control) -> Any:
    return {"world": call.world, "tokens": call.universe.tokens(call.world)}


TABLE: Final[dict[tuple[str, str], Callable[[_Control], Any]]] = {
    ("GET", "health"): _health,
    ("GET", "worlds"): _worlds,
    ("POST", "worlds"): _create,
    ("POST", "reset"): _reset,
    ("POST", "seed"): _seed,
    ("POST", "facts"): _facts,
    ("POST", "fork"): _fork,
    ("POST", "snapshot"): _snapshot,
    ("POST", "restore"): _restore,
    ("POST", "drop"): _drop,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _faults,
    ("DELETE", "faults"): _faults,
    ("GET", "limits"): _limits,
    ("POST", "limits"): _limits,
    ("POST", "events"): _events,
    ("GET", "state"): _state,
    ("POST", "diff"): _diff,
    ("GET", "calls"): _calls,
    ("GET", "log"): _calls,
    ("GET", "tokens"): _tokens,
    ("GET", "openapi.json"): _openapi,
}


def _is_local(request: Request) -> bool:
    """Whether a call comes from here: a local host name, and not from another site's page."""
    host = request.host
    if host not in ("127.0.0.1", "localhost", "[::1]", "") and not host.endswith(".localhost"):
        return False
    origin = request.headers.get("origin")
    return origin in (None, request.origin) and request.headers.get("sec-fetch-site", "none") in (
        "none",
        "same-origin",
    )


def _page(universe: Universe, service: str | None, request: Request) -> Reply:
    try:
        return page(universe, request, service)
    except UnlitError as error:
        return Reply(400, Text(f"{error.code} {error.what} {error.why} {error.remedy}"),
                     [("content-type", "text/plain; charset=utf-8")])  # fmt: skip


def control(universe: Universe, service: str | None, request: Request) -> Reply:
    """Answer one control call; an expected failure is a 4xx with our code, reason and remedy."""
    name = request.path.removeprefix("/_twin").strip("/")
    if not _is_local(request):
        what = "Controls answer only to this machine, under a local name."
        return Reply(403, {"error": "TWN-122", "what": what})
    if name == "":
        return _page(universe, service, request)
    action = TABLE.get((request.method, name))
    if action is None:
        known = sorted(f"{method} /_twin/{path}" for method, path in TABLE)
        return Reply(404, {"error": "TWN-121", "what": "There is no such control.", "known": known})
    try:
        return Reply(200, action(_Control(universe, service, request)))
    except UnlitError as error:
        return Reply(
            400,
            {"error": error.code, "what": error.what, "why": error.why, "remedy": error.remedy},
        )
