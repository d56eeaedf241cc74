"""Lifecycle hooks: at least once, in order, signed, time-limited, and never in a run's way."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.ship.test_service import AT, C1, RUN, World
from typing_extensions import override

from unlit.core.clock import FakeClock
from unlit.record.model import Question, RunEvent
from unlit.ship.adapters.hook_calls import HookCalls
from unlit.ship.hooks import Outbox
from unlit.ship.rules.hooks import ATTEMPTS, EVENTS, Hook, sign

ALL = frozenset(EVENTS)


class Ear:
    """A hook that hears, or fails."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []
        self.bodies: list[bytes] = []
        self.fails = 0

    def __call__(self, hook: Hook, told: Mapping[str, Any], body: bytes) -> str | None:
        if self.fails:
            self.fails -= 1
            return "deaf"
        self.heard.append((hook.name, str(told["event"]), str(told["id"])))
        self.bodies.append(body)
        return None

    @property
    def events(self) -> list[str]:
        return [event for _, event, _ in self.heard]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def happen(world: World, key: str, kind: str, stage: str = "", **data: Any) -> None:
    world.store.keep_events([RunEvent(RUN, key, kind, AT, stage, C1, data=data)])


def a_whole_run(world: World) -> None:
    happen(world, "intent/start", "stage", "intent", state="running")
    happen(world, "build/c1/start", "stage", "build", state="running")
    happen(world, "t/1", "trajectory", "validate", state="satisfied")
    happen(world, "build/c1/end/done", "stage", "build", state="done")
    happen(world, "validate/c1/verdict", "verdict", "validate", state="ship")
    world.store.keep_questions([Question(RUN, 1, "judgement", "Is it pretty?")])
    happen(world, "state/waiting", "state", "gate", state="waiting")
    happen(world, "gate/outcome/c1/dana/approved", "gate", "gate", person="dana")
    happen(world, "state/shipped", "state", "ship", state="shipped")
    happen(world, "rollout/1/x", "rollout", "deploy", ok=False)


def test_a_whole_run_is_told_in_order_and_once(world: World, tmp_path: Path) -> None:
    ear, clock = Ear(), FakeClock()
    outbox = Outbox(world.store, [Hook("ci", ALL)], tmp_path / "hooks", ear, clock)
    outbox.begin()
    a_whole_run(world)
    assert outbox.pump() == 7
    assert tuple(ear.events) == EVENTS
    assert Outbox(world.store, [Hook("ci", ALL)], tmp_path / "hooks", ear, clock).pump() == 0
    asked = json.loads(ear.bodies[3])
    assert asked["questions"][0]["text"] == "Is it pretty?"
    assert asked["run"] == RUN


def test_a_hook_hears_only_what_it_asked_for_and_nothing_older(
    world: World, tmp_path: Path
) -> None:
    ear = Ear()
    happen(world, "intent/start", "stage", "intent", state="running")
    hook = Hook("mail", frozenset({"run.started", "shipped"}))
    outbox = Outbox(world.store, [hook], tmp_path / "hooks", ear, FakeClock())
    outbox.begin()
    happen(world, "verdict", "verdict", state="ship")
    happen(world, "state/shipped", "state", "ship", state="shipped")
    outbox.pump()
    assert ear.events == ["shipped"]


def test_a_failing_hook_is_told_again_with_the_same_key_and_keeps_its_order(
    world: World, tmp_path: Path
) -> None:
    ear, clock = Ear(), FakeClock()
    outbox = Outbox(world.store, [Hook("ci", ALL)], tmp_path / "hooks", ear, clock)
    outbox.begin()
    a_whole_run(world)
    ear.fails = 2
    assert outbox.pump() == 0
    assert outbox.pump() == 0, "it is not tried again at once"
    assert outbox.waiting()
    clock.advance(timedelta(seconds=2).total_seconds())
    outbox.pump()
    clock.advance(10)
    outbox.pump()
    assert tuple(ear.events) == EVENTS
    assert len({key for _, _, key in ear.heard}) == 7
    assert not outbox.waiting()


def test_what_cannot_be_told_is_put_aside_and_told_on_request(world: World, tmp_path: Path) -> None:
    ear, clock = Ear(), FakeClock()
    hooks = [Hook("ci", frozenset({"shipped"}))]
    outbox = Outbox(world.store, hooks, tmp_path / "hooks", ear, clock)
    outbox.begin()
    happen(world, "state/shipped", "state", "ship", state="shipped")
    ear.fails = ATTEMPTS
    for _ in range(ATTEMPTS):
        outbox.pump()
        clock.advance(400)
    (aside,) = outbox.cursors()["ci"].aside
    assert (aside["event"], aside["words"]) == ("shipped", "deaf")
    assert outbox.retry("ci") == 1
    assert outbox.cursors()["ci"].aside == ()
    assert ear.heard[0][2] == aside["key"]


def test_an_event_that_became_visible_late_is_told_too(world: World, tmp_path: Path) -> None:
    """As on PostgreSQL, where a later number may commit before an earlier one."""
    ear = Ear()
    outbox = Outbox(world.store, [Hook("ci", ALL)], tmp_path / "hooks", ear, FakeClock())
    outbox.begin()
    happen(world, "verdict/1", "verdict", state="ship")
    happen(world, "state/shipped", "state", "ship", state="shipped")
    all_of = world.store.events
    rows = all_of(kinds=("verdict", "state"))
    hidden = {rows[0].seq}

    def some(*words: Any, **named: Any) -> Any:
        return tuple(row for row in all_of(*words, **named) if row.seq not in hidden)

    world.store.events = some  # type: ignore[method-assign] # what a reader sees meanwhile
    outbox.pump()
    hidden.clear()
    outbox.pump()
    outbox.pump()
    assert ear.events == ["shipped", "verdict"]


def test_one_process_tells_at_a_time(world: World, tmp_path: Path) -> None:
    inner: list[int] = []
    hooks = [Hook("ci", ALL)]

    def tell(hook: Hook, told: Mapping[str, Any], body: bytes) -> str | None:
        other = Outbox(world.store, hooks, tmp_path / "hooks", Ear(), FakeClock())
        inner.append(other.pump())
        return None

    outbox = Outbox(world.store, hooks, tmp_path / "hooks", tell, FakeClock())
    outbox.begin()
    a_whole_run(world)
    outbox.pump()
    assert inner == [0] * 7


TOLD = {"event": "shipped", "id": "k-1", "run": RUN}


def calls(folder: Path, env: dict[str, str]) -> HookCalls:
    return HookCalls(folder, {"PATH": "/usr/bin:/bin", **env}, FakeClock())


def test_a_command_gets_the_event_and_a_small_environment(tmp_path: Path) -> None:
    hook = Hook("ci", ALL, run='cat > got; env > env; echo "$UNLIT_EVENT $UNLIT_RUN" > said')
    done = calls(tmp_path, {"SECRET_OF_SOMEBODY": "x"})(hook, TOLD, b'{"a": 1}')
    assert done is None
    assert (tmp_path / "got").read_text() == '{"a": 1}'
    assert (tmp_path / "said").read_text() == f"shipped {RUN}\n"
    assert "SECRET_OF_SOMEBODY" not in (tmp_path / "env").read_text()


def test_a_command_that_fails_hangs_or_ignores_its_input_is_said(tmp_path: Path) -> None:
    told = calls(tmp_path, {})
    failing = told(Hook("a", ALL, run="echo no room; exit 3"), TOLD, b"{}")
    assert failing == "it ended with 3: no room"
    hanging = told(Hook("a", ALL, run="sleep 60 & sleep 60", timeout_s=0.3), TOLD, b"{}")
    assert hanging == "it did not end within 0.3 s"
    assert told(Hook("a", ALL, run="true"), TOLD, b"x" * 1_000_000) is None


@contextlib.contextmanager
def listener(status: int = 204) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    heard: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            self.end_headers()

        @override
        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_a_webhook_is_signed_and_carries_its_idempotency_key(tmp_path: Path) -> None:
    with listener() as (url, heard):
        hook = Hook("web", ALL, url=url, key_env="HOOK_KEY")
        assert calls(tmp_path, {"HOOK_KEY": "fake-key"})(hook, TOLD, b'{"a": 1}') is None
    ((headers, body),) = heard
    at = int(FakeClock().now().timestamp())
    assert headers["unlit-signature"] == sign(b'{"a": 1}', "fake-key", at)
    assert (headers["idempotency-key"], headers["unlit-event"]) == ("k-1", "shipped")
    assert body == b'{"a": 1}'


def test_a_webhook_that_refuses_or_has_no_key_is_said(tmp_path: Path) -> None:
    with listener(500) as (url, heard):
        hook = Hook("web", ALL, url=url, key_env="HOOK_KEY")
        assert calls(tmp_path, {"HOOK_KEY": "k"})(hook, TOLD, b"{}") == "it answered 500"
        unset = calls(tmp_path, {})(hook, TOLD, b"{}")
    assert unset == "the variable HOOK_KEY with the key of its signature is not set"
    assert len(heard) == 1
    gone = calls(tmp_path, {"HOOK_KEY": "k"})(hook, TOLD, b"{}")
    assert gone is not None
    assert "ConnectError" in gone
