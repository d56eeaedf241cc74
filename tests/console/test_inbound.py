"""Gates in Slack, over the wire with our twin: asked, clicked, reasoned, shipped; not forged."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import uvicorn
from tests.review.sample import fill
from tests.review.test_decisions import make_desk
from tests.twins.serving import serving

from unlit.console.inbound import inbound_app
from unlit.core.clock import FakeClock
from unlit.core.errors import OutsideFailed
from unlit.core.ids import RunId
from unlit.core.system import SystemClock
from unlit.record.engine import sqlite_url
from unlit.record.store import Store
from unlit.review.outside import OutsideDesk
from unlit.review.rules.gate_table import parse_rules
from unlit.review.rules.gates import GateRule
from unlit.review.rules.slack import WINDOW_S, refusal
from unlit.review.slack_gate import SlackGate
from unlit.twins.services.slack.events import sign
from unlit.twins.universe import Universe

USERS = [{"name": "dana"}, {"name": "bo"}, {"name": "mallory"}]


class Office:
    """A run that waits, a workspace, and the door between them."""

    def __init__(self, folder: Path, rule: GateRule | None) -> None:
        self.store = Store.open(sqlite_url(folder / "record.db"))
        self.run = fill(self.store)
        self.universe = Universe(["slack"])
        self.shipped: list[str] = []
        self.folder = folder
        self.rule = rule
        self.gate: SlackGate
        self.secret = ""

    def open(self, address: str, door: str) -> None:
        seeds = {"slack": {
            "channels": [{"name": "gates"}], "users": USERS,
            "events": {"interactivity_url": f"{door}/slack/actions",
                       "request_url": f"{door}/slack/events", "origin": address},
        }}  # fmt: skip
        self.world = self.universe.create_world(seeds)
        token = self.universe.tokens(self.world)["slack"]
        headers = {"authorization": f"Bearer {token}", "x-twin-world": self.world}
        client = httpx2.Client(headers={**headers, "host": "slack.com"})

        def call(method: str, **arguments: Any) -> Mapping[str, Any]:
            found = client.post(f"{address}/api/{method}", json=arguments).json()
            if not found.get("ok"):
                raise OutsideFailed("X-1", f"{method}: {found}", "it did.", "look.")
            return dict(found)

        self.client, self.call = client, call
        table = self.universe.world(self.world).table("slack.users")
        self.ids = {str(row["name"]): str(row["id"]) for row in table.values()}
        meta = self.universe.world(self.world).table("slack.meta")
        self.secret = meta["client"]["signing_secret"]

        def ship(run: RunId) -> str:
            self.shipped.append(run)
            return "Shipped as abc."

        people = {self.ids["dana"]: "dana", self.ids["bo"]: "bo"}
        desk = OutsideDesk(make_desk(self.store, self.rule), ship, people)
        self.gate = SlackGate(desk, call, "#gates", self.folder / "slack", SystemClock())

    def emit(self, event: str, data: Mapping[str, Any]) -> None:
        """Let a person do something; the next call makes the twin deliver what waits."""
        self.universe.emit(self.world, "slack", event, data)
        self.call("api.test")

    def messages(self) -> list[str]:
        return [row["text"] for row in self.universe.state(self.world)["slack.messages"]]

    def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(2400):
            if holds():
                return
            time.sleep(0.05)
        raise AssertionError(self.messages())

    def asked(self) -> dict[str, str]:
        found: dict[str, dict[str, str]] = json.loads(
            (self.folder / "slack" / "asked.json").read_text()
        )
        return found[self.run]

    def click(self, who: str, action: str = "unlit_approve") -> None:
        asked = self.asked()
        value = json.dumps(
            {"run": self.run, "candidate": "c1", "tree": asked["tree"], "gate": asked["gate"]}
        )
        self.emit("block_actions", {
            "user": who, "channel": asked["channel"], "ts": asked["ts"],
            "actions": [{"action_id": action, "value": value, "type": "button"}],
        })  # fmt: skip

    def ask_why(self, who: str, action: str = "unlit_approve") -> None:
        """Click until the form is open: on a busy machine it may come too late, and is said to."""
        before = len(self.views())
        for _ in range(20):
            said = sum("came too late" in text for text in self.messages())
            self.click(who, action)
            self.until(
                lambda said=said: (
                    len(self.views()) > before  # type: ignore[misc] # bound
                    or sum("came too late" in text for text in self.messages()) > said
                )
            )
            if len(self.views()) > before:
                return
        raise AssertionError(self.messages())

    def views(self) -> list[Any]:
        return list(self.universe.world(self.world).table("slack.views").values())

    def submit(self, who: str, reason: str) -> None:
        view = self.views()[-1]
        self.emit("view_submission", {
            "user": who, "view_id": view["id"],
            "values": {"reason": {"reason": {"type": "plain_text_input", "value": reason}}},
        })  # fmt: skip


@contextlib.contextmanager
def opened(folder: Path, rule: GateRule | None = None) -> Iterator[Office]:
    office = Office(folder, rule)
    config = uvicorn.Config(
        lambda: None, host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    with serving(office.universe) as address, door(config) as where:
        office.open(address, where)
        config.loaded_app = inbound_app(office.gate, office.secret, SystemClock())
        yield office
    office.client.close()
    office.store.close()


@contextlib.contextmanager
def door(config: uvicorn.Config) -> Iterator[str]:
    """A loopback server whose application is set after its address is known."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    for _ in range(600):
        if server.started:
            break
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def test_a_gate_is_asked_once_and_approved_with_a_reason_in_slack(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        assert (office.gate.ask(), office.gate.ask()) == (1, 0)
        office.ask_why("dana")
        office.submit("dana", "says who decides")
        office.until(lambda: any("Shipped as abc" in text for text in office.messages()))
        kept = office.store.gate_decision(office.run, "outcome")
        assert kept is not None
        assert (kept.person, kept.decision) == ("dana", "approved")
        assert kept.reason == "says who decides (by Slack)"
        assert office.shipped == [office.run]


def test_two_people_are_needed_in_slack_too_and_others_are_told_no(tmp_path: Path) -> None:
    with opened(tmp_path, GateRule("outcome", needed=2)) as office:
        office.gate.ask()
        office.click("mallory")
        office.until(lambda: any("stands for nobody" in text for text in office.messages()))
        assert office.views() == []
        for number, who in enumerate(("dana", "bo"), start=1):
            office.ask_why(who)
            office.submit(who, f"{who} agrees")
            wanted = "1 more must approve" if number == 1 else "Shipped as abc"
            office.until(lambda text=wanted: any(text in one for one in office.messages()))  # type: ignore[misc] # bound
        assert office.shipped == [office.run]


def test_a_reply_in_the_thread_decides_and_one_elsewhere_does_not(tmp_path: Path) -> None:
    with opened(tmp_path) as office:
        office.gate.ask()
        meta = office.universe.world(office.world).table("slack.meta")
        office.until(lambda: bool(meta["events"]["verified"]))
        office.emit("message", {"user": "dana", "channel": "gates",
                                                "text": "approve it"})  # fmt: skip
        asked = office.asked()
        office.emit("message", {
            "user": "dana", "channel": "gates", "text": "reject it misses AC-2",
            "thread_ts": asked["ts"],
        })  # fmt: skip
        office.until(lambda: office.store.gate_decision(office.run, "outcome") is not None)
        kept = office.store.gate_decision(office.run, "outcome")
        assert kept is not None
        assert (kept.decision, kept.reason) == ("rejected", "it misses AC-2 (by Slack)")


def test_every_gate_is_asked_and_decided_in_slack_one_after_the_other(tmp_path: Path) -> None:
    built: list[str] = []

    def build(run: RunId) -> str:
        built.append(run)
        return "It is being built."

    with opened(tmp_path) as office:
        rules = parse_rules({"intent": {}, "ship": {"not_who_decided": ["outcome"]}})
        desk = replace(office.gate._desk.desk, rules=rules)
        office.gate._desk = replace(office.gate._desk, desk=desk, build=build)
        now, settings = SystemClock().now(), office.store.find_run(office.run).settings
        office.store.change_run(office.run, now, settings={**settings, "gate": "intent"})
        for gate, who, wanted in (
            ("intent", "dana", "approved at its intent gate by dana: yes. It is being built."),
            ("outcome", "dana", "It ships after its ship gate"),
            ("ship", "dana", "dana approved the gate outcome"),
            ("ship", "bo", "Shipped as abc"),
        ):
            office.gate.ask()
            assert office.asked()["gate"] == gate
            office.ask_why(who)
            office.submit(who, "yes")
            office.until(lambda text=wanted: any(text in one for one in office.messages()))  # type: ignore[misc] # bound
            if gate == "intent":
                office.store.change_run(office.run, now, settings={**settings, "gate": ""})
        assert built == [office.run]
        assert office.shipped == [office.run]


def _forged(office: Office, secret: str, at: int) -> tuple[bytes, dict[str, str]]:
    value = json.dumps({"run": office.run, "candidate": "c1", "tree": office.asked()["tree"]})
    view = {"private_metadata": json.dumps({"asked": value, "decision": "approved"}),
            "state": {"values": {"reason": {"reason": {"value": "x"}}}}}  # fmt: skip
    payload = {"type": "view_submission", "user": {"id": office.ids["dana"]}, "view": view}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return body, {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": str(at), "x-slack-signature": sign(secret, at, body),
    }  # fmt: skip


def test_forged_old_and_repeated_requests_decide_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, GateRule("outcome", needed=2)) as office:
        office.gate.ask()
        meta = office.universe.world(office.world).table("slack.meta")
        url = meta["events"]["interactivity_url"]
        now = int(SystemClock().now().timestamp())
        with httpx2.Client() as client:
            for secret, at in (("fake-other", now), (office.secret, now - WINDOW_S - 5)):
                body, headers = _forged(office, secret, at)
                assert client.post(url, content=body, headers=headers).status_code == 401
            body, headers = _forged(office, office.secret, now)
            assert client.post(url, content=body, headers=headers).status_code == 200
            office.until(lambda: any("1 more must" in text for text in office.messages()))
            said = len(office.messages())
            assert client.post(url, content=body, headers=headers).status_code == 200
            again = SlackGate(
                office.gate._desk, office.gate._call, "#gates", tmp_path / "slack", SystemClock()
            )
            assert not again.fresh(headers["x-slack-signature"]), "a restart forgets nothing"
        assert len(office.messages()) == said
        assert office.shipped == []


def test_without_a_secret_everything_is_refused() -> None:
    assert refusal("", {}, b"", 0.0) == "no signing secret is set"
    stale = {"x-slack-request-timestamp": "0", "x-slack-signature": sign("s", 0, b"")}
    assert refusal("s", stale, b"", FakeClock().now().timestamp()) == "its signature is too old"
    assert refusal("s", stale, b"", 0.0) is None
    assert refusal("s", stale, b"x", 0.0) == "its signature is wrong"


@pytest.mark.parametrize(
    "body", [b"", b"payload=", b"payload=[1]", b"payload=%7B%22type%22%3A%22block_actions%22%7D"]
)
def test_odd_bodies_are_nothing_to_do(tmp_path: Path, body: bytes) -> None:
    store = Store.open(sqlite_url(tmp_path / "r.db"))
    desk = OutsideDesk(make_desk(store), lambda run: "", {})
    gate = SlackGate(desk, lambda method, **words: {}, "#gates", tmp_path / "s", FakeClock())
    assert gate.interact(body) is None
    assert gate.event({"type": "message", "text": "approve"}) is None
    store.close()
