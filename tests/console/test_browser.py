"""Pages in a real browser: clicks, keys, live updates, accessibility, layout shift, no script."""

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.review.sample import RUN, begin, fill

from unlit.console.app import create_app
from unlit.console.model import Console, Place
from unlit.core.ids import CandidateId, RunId
from unlit.core.system import SystemClock
from unlit.record.engine import sqlite_url
from unlit.record.model import RunState, Stage, StageState
from unlit.record.store import Store
from unlit.review import Desk
from unlit.review.adapters.audit import FolderGateLog
from unlit.review.adapters.evaluations import Evaluations
from unlit.ship import Shipment

playwright = pytest.importorskip("playwright.sync_api", reason="no browser driver (playwright)")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(300),
    pytest.mark.chromium,
]
AXE = Path(__file__).with_name("axe-4.14.1.min.js")
RUNNING = RunId("r-running000")
ASKING = RunId("r-asking0000")
SPEC = """---
id: greet
title: Greeting
owner: dana@example.com
---

# Greeting

## Intent

People want to be greeted.

## Criteria

### AC-1 Greets

When `greet` runs, the tool shall print `hello`.
"""
PAGES = (
    "/", "/runs", "/questions", f"/runs/{RUN}", f"/runs/{RUNNING}", f"/runs/{ASKING}",
    "/runs/r-bad0000000",
    f"/runs/{RUN}/trajectories", f"/runs/{RUN}/trajectories/c1/validation/1", "/intents",
    "/intents/greet", "/policy", "/twins", "/scenarios", "/cost", "/calibration", "/audit",
    "/audit?log=gates", "/settings", "/runs?q=nothing", "/nothing",
)  # fmt: skip


@dataclass
class Served:
    """A console that really listens."""

    url: str
    token: str
    store: Store
    specs: Path

    def at(self, path: str) -> str:
        return self.url + path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("console")
    (root / "specs").mkdir()
    (root / "specs" / "greet.md").write_text(SPEC)
    store = Store.open(sqlite_url(root / "record.db"))
    now = datetime.now(UTC)
    fill(store, at=now - timedelta(hours=1), title="Access review <b>for</b> groups")
    fill(store, run=RunId("r-bad0000000"), at=now - timedelta(hours=3), shares=(0.3, 0.6),
         state=RunState.ENDED, title="Bulk archive")  # fmt: skip
    begin(store, RUNNING, "Export invoices", 1, now - timedelta(minutes=3))
    begin(store, ASKING, "A spec with a long name that nobody has approved yet", 2, now)
    note = "waits at its intent gate: nobody has approved this version of the spec"
    store.change_run(ASKING, now, state=RunState.WAITING, settings={"gate": "intent"}, note=note)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    console = _console(store, root, port)
    server = uvicorn.Server(
        uvicorn.Config(create_app(console), log_level="error", lifespan="off",
                       timeout_graceful_shutdown=1)
    )  # fmt: skip
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield Served(f"http://127.0.0.1:{port}", console.token, store, root / "specs")
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()
    store.close()


def _console(store: Store, root: Path, port: int) -> Console:
    clock = SystemClock()

    def ship(run: RunId) -> Shipment:
        store.change_run(run, clock.now(), state=RunState.SHIPPED)
        return Shipment(run, CandidateId("c3"), "a" * 40, "b" * 40, "main", f"unlit/{run}")

    return Console(
        store=store,
        desk=Desk(store, FolderGateLog(root / "gates", clock), clock),
        clock=clock,
        place=Place(root, audit=(root / "audit", root / "gates"), specs=root / "specs"),
        person="dana",
        token="fake-browser-token",
        key=b"k" * 32,
        hosts=frozenset({f"127.0.0.1:{port}"}),
        ship=ship,
        evaluations=Evaluations(lambda run: None),
        zone=UTC,
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    opened.goto(served.at(f"/login?token={served.token}"))
    yield opened
    context.close()
    assert [text for text in problems if "status of 4" not in text] == []


@pytest.mark.slow
def test_the_palette_is_accessible(browser: Any, served: Served) -> None:
    context = browser.new_context(bypass_csp=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(served.at(f"/login?token={served.token}"))
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette[open] #go-list li")
    page.evaluate(AXE.read_text())
    result = page.evaluate("axe.run(document)")
    context.close()
    assert [row["id"] for row in result["violations"]] == []


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    browser: Any, served: Served, scheme: str, width: int
) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    page = context.new_page()
    page.goto(served.at(f"/login?token={served.token}"))
    found = []
    for path in (*PAGES, "/login"):
        page.goto(served.at(path))
        page.evaluate(AXE.read_text())
        result = page.evaluate("axe.run(document)")
        found += [
            f"{path} {violation['id']} {violation['nodes'][0]['target']}"
            for violation in result["violations"]
        ]
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            found.append(f"{path} scrolls sideways by {wide}")
    context.close()
    assert found == []


def test_pages_load_nothing_from_elsewhere_and_fit_their_budget(page: Any, served: Served) -> None:
    sizes: list[int] = []
    hosts: set[str] = set()

    def note(response: Any) -> None:
        hosts.add(response.url.split("/")[2])
        if "/live/" not in response.url and response.status == 200:
            sizes.append(len(response.body()))

    page.on("response", note)
    page.goto(served.at(f"/runs/{RUN}"), wait_until="networkidle")
    assert hosts == {served.url.split("/")[2]}
    assert sum(sizes) < 200_000  # before compression; the bench measures what is transferred


def test_nothing_moves_while_a_page_loads_and_updates(page: Any, served: Served) -> None:
    page.goto(served.at("/"))
    page.evaluate(
        """() => { window.shift = 0; new PerformanceObserver(list => {
             for (const e of list.getEntries()) if (!e.hadRecentInput) window.shift += e.value;
           }).observe({type: 'layout-shift', buffered: true}); }"""
    )
    page.wait_for_selector("#live[data-live=on]")
    page.wait_for_timeout(300)
    assert page.evaluate("window.shift") < 0.02


def test_a_change_in_the_record_appears_by_itself(page: Any, served: Served) -> None:
    page.goto(served.at("/"))
    page.wait_for_selector("#live[data-live=on]")
    now = datetime.now(UTC)
    served.store.start_stage(
        Stage(RUNNING, "build/c1", "build", StageState.RUNNING, 0, now, None, CandidateId("c1"))
    )
    served.store.change_run(RUNNING, now, note="")
    page.wait_for_selector(f"#row-{RUNNING} >> text=writing candidate 1", timeout=5000)


def test_the_keyboard_alone_reaches_and_opens_a_run(page: Any, served: Served) -> None:
    page.goto(served.at("/"))
    page.keyboard.press("a")
    assert "Access review" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/runs/{RUN}")
    page.keyboard.press("u")
    page.wait_for_url(served.at("/"))
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/runs")
    page.keyboard.press("/")
    page.keyboard.type("bulk")
    page.wait_for_selector("#row-r-bad0000000")
    page.wait_for_selector(f"#row-{RUN}", state="detached")
    assert page.url.endswith("q=bulk")


def test_what_is_typed_before_the_field_listens_is_found_all_the_same(
    page: Any, served: Served
) -> None:
    # htmx starts in a timer of its own, after the page has loaded: here that timer comes late
    page.add_init_script(
        "const now = window.setTimeout;"
        "window.setTimeout = (f, ms, ...rest) => now(f, ms === undefined ? 1500 : ms, ...rest);"
    )
    page.goto(served.at("/runs"))
    page.keyboard.press("/")
    page.keyboard.type("bulk")
    assert page.locator("#find[data-htmx-powered]").count() == 0  # typed too early indeed
    page.wait_for_selector(f"#row-{RUN}", state="detached")
    assert page.url.endswith("q=bulk")


def test_failures_are_marks_that_open(page: Any, served: Served) -> None:
    page.goto(served.at("/runs/r-bad0000000"))
    page.keyboard.press("f")
    assert "not satisfied" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 >> text=Scenario")
    assert "Not satisfied" in page.text_content("main")


def test_a_spec_is_judged_while_it_is_typed_and_saved(page: Any, served: Served) -> None:
    page.goto(served.at("/intents/greet"))
    assert "Not ready" in page.text_content("#findings")
    area = page.locator("#text")
    example = "\nExample: one\n- Input: `greet`\n- Outcome: standard output is `hello`\n"
    before = page.text_content("#findings")
    area.fill(SPEC + example)
    page.wait_for_function("t => document.querySelector('#findings').textContent !== t", arg=before)
    page.click("text=Save")
    page.wait_for_load_state()
    assert "Example: one" in (served.specs / "greet.md").read_text()


def test_a_spec_that_changed_meanwhile_is_not_overwritten(page: Any, served: Served) -> None:
    page.goto(served.at("/intents/greet"))
    path = served.specs / "greet.md"
    path.write_text(path.read_text() + "\nsomebody else\n")
    page.fill("#text", "mine")
    page.click("text=Save")
    page.wait_for_selector("[role=alert]")
    assert "somebody else" in path.read_text()
    assert page.input_value("#text") == "mine"


def test_pages_read_without_script(browser: Any, served: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.at(f"/login?token={served.token}"))
    for path in PAGES:
        page.goto(served.at(path))
        assert page.text_content("h1").strip()
    context.close()


def test_what_came_from_elsewhere_is_text(page: Any, served: Served) -> None:
    page.goto(served.at("/"))
    assert page.locator("b b").count() == 0
    assert "<b>for</b>" in page.text_content("#board")


def test_choosing_and_sending_are_two_acts_and_a_yes_ships(page: Any, served: Served) -> None:
    run = RunId("r-decide0000")
    fill(served.store, run=run, at=datetime.now(UTC) - timedelta(minutes=30), title="To decide")
    page.goto(served.at(f"/runs/{run}"))
    page.keyboard.press("y")
    found = served.store.run(run)
    assert found is not None
    assert found.state is RunState.WAITING
    assert page.evaluate("document.activeElement.id") == "why"
    page.keyboard.press("Enter")  # no reason yet: the browser holds it back
    assert served.store.gate_decision(run, "outcome") is None
    page.keyboard.type("says who decides and by when")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 >> text=shipped, approved by dana")
    kept = served.store.gate_decision(run, "outcome")
    assert kept is not None
    assert kept.reason == "says who decides and by when"


def test_a_restart_of_the_server_is_said_and_healed(page: Any, served: Served) -> None:
    page.goto(served.at("/"))
    page.wait_for_selector("#live[data-live=on]")
    page.context.set_offline(True)
    page.evaluate("document.dispatchEvent(new CustomEvent('htmx:sse:error', {detail: {}}))")
    assert "not live since" in page.text_content("#live")
    page.context.set_offline(False)


def test_held_updates_wait(page: Any, served: Served) -> None:
    page.goto(served.at("/"))
    page.wait_for_selector("#live[data-live=on]")
    page.locator("main").focus()
    page.keyboard.press(" ")
    page.wait_for_selector("#live[data-live=held]")
    served.store.change_run(RUNNING, datetime.now(UTC), title="Renamed while held")
    page.wait_for_selector("#live >> text=held, 1 new", timeout=5000)
    assert "Renamed while held" not in page.text_content("#board")
    page.keyboard.press(" ")
    page.wait_for_selector("text=Renamed while held")


def test_the_palette_goes_anywhere_by_keys(page: Any, served: Served) -> None:
    page.goto(served.at("/policy"))
    page.keyboard.press("Control+k")
    page.wait_for_selector("#palette[open]")
    page.keyboard.type("access review")
    page.wait_for_selector(f"#go-list [data-to='/runs/{RUN}']")
    page.keyboard.press("Escape")
    page.wait_for_selector("#palette[open]", state="detached")
    page.keyboard.press("Control+k")
    page.keyboard.type("calibr")
    page.keyboard.press("Enter")
    page.wait_for_url(served.at("/calibration"))


def test_where_there_are_no_keys_none_are_named(browser: Any, page: Any, served: Served) -> None:
    run = RunId("r-touch00000")
    fill(served.store, run=run, at=datetime.now(UTC) - timedelta(hours=1), title="By hand")
    page.goto(served.at(f"/runs/{run}"))
    assert page.locator("kbd:visible").count() > 0
    phone = browser.new_context(
        has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800},
        storage_state=page.context.storage_state(),
    )  # fmt: skip
    hand = phone.new_page()
    hand.goto(served.at(f"/runs/{run}"))
    assert hand.locator("label:visible", has_text="Yes, ship it").count() == 1
    assert hand.locator("kbd:visible").count() == 0
    phone.close()


def test_on_a_phone_the_navigation_shows_the_page_one_is_on(page: Any, served: Served) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(served.at("/settings"))
    page.wait_for_function("document.querySelector('.nav').scrollLeft > 0")
    box = page.locator(".nav [aria-current]").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
