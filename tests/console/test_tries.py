"""Try it in the console: who may, what is refused, and a real try in a real browser."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.websockets import WebSocketDisconnect
from tests.console.conftest import HOST, TOKEN, Bench
from tests.review.tried import TRIED, make_run, settings_in

from unlit.console.app import create_app
from unlit.console.model import ALL_ROLES, Console, Role
from unlit.console.security import csrf_token, open_session, seal
from unlit.console.trials import MOST, Kept, Trials
from unlit.core.clock import FakeClock
from unlit.core.errors import RefusedByPolicy
from unlit.core.system import SystemClock
from unlit.review.tryout import plan_of
from unlit.review.tryout.worlds import world_seed

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WAIT_MS = 120_000


def _with_trials(bench: Bench, root: Path, *, framed_by: str = "") -> tuple[Console, list[str]]:
    said: list[str] = []

    def audit(kind: str, run: str, person: str, fields: Mapping[str, object]) -> None:
        said.append(f"{kind} {run} {person} {fields.get('processes_left', '')}".strip())

    trials = Trials(settings_in(root, framed_by=framed_by), SystemClock(), audit)
    return replace(bench.console, trials=trials, clock=SystemClock()), said


def test_a_reader_may_not_begin_or_see_a_try(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench(frozenset({Role.READER}))
    make_run(bench.store, tmp_path)
    client = bench.logged_in()
    session = open_session("dana", frozenset({Role.READER}), int(bench.clock.now().timestamp()))
    client.cookies.set("unlit_session", seal(session, bench.console.key))
    form = {"csrf": csrf_token(session, bench.console.key)}
    assert client.post(f"/runs/{TRIED}/try", data=form).status_code == 403
    assert client.get("/tries/try-1").status_code == 403
    assert client.get("/live/tries/try-1").status_code == 403
    assert client.post("/tries/try-1/end", data=form).status_code == 403


@pytest.mark.parametrize(
    ("cookie", "origin", "host"),
    [
        (False, f"http://{HOST}", HOST),
        (True, "http://evil.example", HOST),
        (True, "", HOST),
        (True, "http://evil.example", "evil.example"),
    ],
)
def test_a_terminal_is_joined_only_by_this_page_of_somebody_logged_in(
    make_bench: Callable[..., Bench], tmp_path: Path, cookie: bool, origin: str, host: str
) -> None:
    bench = make_bench()
    bench = replace(bench, console=_with_trials(bench, tmp_path)[0])
    client = bench.logged_in() if cookie else bench.client()
    headers = {"host": host, **({"origin": origin} if origin else {})}
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/tries/try-1/terminal", headers=headers),
    ):
        pass


def test_what_does_not_exist_is_said(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench()
    assert "Nothing can be tried" in bench.logged_in().get("/tries/try-1").text
    bench = replace(bench, console=_with_trials(bench, tmp_path)[0])
    page = bench.logged_in().get("/tries/try-1")
    assert page.status_code == 409
    assert "There is no such try" in page.text


async def test_a_try_ends_when_nobody_looks_and_when_its_time_is_up(tmp_path: Path) -> None:
    trials = Trials(settings_in(tmp_path), FakeClock(), lambda *words: None)
    kept = Kept(_Idle(), "dana", 0.0)  # type: ignore[arg-type]  # as much of a try as is asked
    assert trials._over(kept, 599.0) == ""
    assert trials._over(kept, 601.0) == "nobody has looked for ten minutes"
    trials.join(kept)
    assert trials._over(kept, 3000.0) == ""
    assert trials._over(kept, 3601.0) == "an hour is over"


async def test_only_so_many_run_at_once(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    bench = make_bench()
    plan = plan_of(bench.store, make_run(bench.store, tmp_path))
    trials = Trials(settings_in(tmp_path), SystemClock(), lambda *words: None)
    for n in range(MOST):
        trials._kept[str(n)] = Kept(_Idle(), "dana", 0.0)  # type: ignore[arg-type]  # as above
    with pytest.raises(RefusedByPolicy, match="being tried already"):
        trials.begin(plan, world_seed(None, "empty", may_see=False), "dana")


class _Idle:
    state = "ready"
    has_ended_itself = False


@contextmanager
def _served(bench: Bench, root: Path) -> Iterator[tuple[str, list[str]]]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    console, said = _with_trials(bench, root, framed_by=url)
    console = replace(console, hosts=frozenset({f"127.0.0.1:{port}"}))
    config = uvicorn.Config(create_app(console), log_level="error", ws="wsproto",
                            timeout_graceful_shutdown=1)  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield url, said
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listener.close()


@contextmanager
def _page(url: str) -> Iterator[tuple[Any, list[str]]]:
    playwright = pytest.importorskip("playwright.sync_api", reason="no browser driver")
    problems: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append("a dialog opened"))
        page.goto(f"{url}/login?token={TOKEN}")
        try:
            yield page, problems
        finally:
            browser.close()


def _wait(page: Any, selector: str) -> None:
    """Wait for a part of the page; what it shows instead is in the failure."""
    try:
        page.locator(selector).wait_for()
    except Exception as error:
        raise AssertionError(page.locator("main").inner_text()) from error


def _axe(page: Any) -> list[str]:
    page.evaluate(Path(__file__).with_name("axe-4.14.1.min.js").read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in
            found["violations"]]  # fmt: skip


@pytest.mark.fence
@pytest.mark.chromium
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_one_key_opens_a_terminal_and_hostile_output_stays_text(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench(ALL_ROLES)
    make_run(bench.store, tmp_path)
    with _served(bench, tmp_path) as (url, said), _page(url) as (page, problems):
        page.goto(f"{url}/runs/{TRIED}")
        page.keyboard.press("t")
        page.locator(".term pre", has_text="product.py say hello").wait_for()
        page.locator(".term pre").focus()
        page.keyboard.press("Enter")
        page.locator(".term pre", has_text="posted").wait_for()
        page.locator("#state .held", has_text="slack.messages").wait_for()
        for width, scheme in ((1280, "light"), (390, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            assert _axe(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.set_viewport_size({"width": 1280, "height": 900})
        title = page.title()
        page.keyboard.type("python product.py hostile\n")
        page.locator(".term pre", has_text="<img src=x onerror=alert(1)>").wait_for()
        assert page.locator(".term img").count() == 0
        assert page.title() == title
        page.keyboard.type("cat\n")
        page.keyboard.type("~stays~\n")
        page.locator(".term pre", has_text="~stays~").wait_for()
        assert "[6n" not in page.locator(".term pre").inner_text()
        page.keyboard.press("Shift+Escape")
        page.keyboard.press("Enter")  # the button that ends it has the focus
        page.locator("#state", has_text="The fence held").wait_for()
        assert "0 processes left" in page.locator("#state").inner_text()
    assert problems == []
    assert said == [f"try.begin {TRIED} dana", f"try.end {TRIED} dana 0"]
    assert list((tmp_path / "tries").iterdir()) == []


@pytest.mark.fence
@pytest.mark.chromium
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_served_product_is_used_in_its_frame_and_ends_with_the_console(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench(ALL_ROLES)
    make_run(bench.store, tmp_path, kind="web")
    with _served(bench, tmp_path) as (url, said), _page(url) as (page, problems):
        page.goto(f"{url}/runs/{TRIED}")
        page.keyboard.press("t")
        _wait(page, "iframe")
        frame = page.frame_locator("iframe")
        frame.locator("h1", has_text="Desk").wait_for()
        inner = next(one for one in page.frames if ".localhost:" in one.url)
        assert inner.evaluate("document.cookie") == "mine=1"
        assert "unlit_session" not in inner.evaluate("document.cookie")
        blocked = inner.evaluate(f"fetch('{url}/runs').then(() => 'reached', () => 'blocked')")
        assert blocked == "blocked"
        inner.evaluate("fetch('/', {method: 'POST'})")
        page.locator("#state .held", has_text="hello from the page").wait_for()
    assert [text for text in problems if "violates" not in text] == []
    assert said == [f"try.begin {TRIED} dana", f"try.end {TRIED} dana 0"]
    assert list((tmp_path / "tries").iterdir()) == []
