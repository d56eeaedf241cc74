"""The page for people in a real browser: look, strike, let happen, go back; on a phone, too."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.twins.serving import serving

from unlit.twins.universe import Universe

playwright = pytest.importorskip("playwright.sync_api", reason="no browser driver (playwright)")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(180),
    pytest.mark.chromium,
]


class Place:
    """Twins that listen, and a browser's page on them."""

    def __init__(self, universe: Universe, base: str, page: Any) -> None:
        self.universe, self.base, self.page = universe, base, page
        self.world = str(universe.default)

    def post(self, text: str) -> int:
        token = self.universe.tokens(self.world)["slack"]
        asked = urllib.request.Request(  # noqa: S310 # loopback
            f"{self.base}/api/chat.postMessage",
            json.dumps({"channel": "general", "text": text}).encode(),
            {"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(asked) as answer:  # noqa: S310 # loopback
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def open(self) -> None:
        self.page.goto(f"{self.base}/_twin/")

    def card(self, title: str) -> Any:
        return self.page.locator("section").filter(has=self.page.get_by_role("heading", name=title))


@pytest.fixture
def place() -> Iterator[Place]:
    universe = Universe(["slack"])
    universe.default = universe.create_world()
    with serving(universe, "slack") as base, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        yield Place(universe, base, page)
        browser.close()


def test_calls_are_shown_newest_first_with_both_texts(place: Place) -> None:
    place.post("first words")
    place.post("second words")
    place.open()
    calls = place.page.locator(".calls li")
    assert calls.count() == 2
    calls.nth(0).locator("summary").click()
    assert "second words" in calls.nth(0).inner_text()
    assert '"ok": true' in calls.nth(0).inner_text()
    assert "not measured" in calls.nth(0).inner_text()
    place.page.fill("input[name=q]", "first words")
    place.page.get_by_role("button", name="Show").click()
    assert place.page.locator(".calls li").count() == 1


def test_a_fault_is_armed_strikes_once_and_is_disarmed(place: Place) -> None:
    place.open()
    card = place.card("Faults")
    card.locator("input[name=on]").fill("chat.postMessage")
    card.get_by_role("button", name="Arm", exact=True).click()
    place.page.get_by_role("status").wait_for()
    assert [place.post("struck"), place.post("not struck")] == [503, 200]
    place.open()
    assert "1 of 1" in place.card("Faults").inner_text()
    assert place.page.locator(".calls li.struck").count() == 1
    place.card("Faults").get_by_role("button", name="Disarm all").click()
    place.page.get_by_role("status").wait_for()
    assert place.universe.world(place.world).faults.rules() == {}


def test_things_happen_and_can_be_taken_back(place: Place) -> None:
    place.open()
    place.page.get_by_role("button", name="Take a snapshot").click()
    place.page.get_by_role("status").wait_for()
    place.page.get_by_role("button", name="Let it happen").click()
    place.page.get_by_text("It happened.").wait_for()
    said = [row["text"] for row in place.universe.state(place.world)["slack.messages"]]
    assert said == ["hello"]
    place.page.get_by_role("button", name="Go back").click()
    place.page.get_by_text("as it was then").wait_for()
    assert place.universe.state(place.world)["slack.messages"] == []
    before = place.universe.world(place.world).now()
    place.page.fill("input[name=seconds]", "3600")
    place.page.get_by_role("button", name="Move forward").click()
    place.page.get_by_text("The clock has moved.").wait_for()
    assert place.universe.world(place.world).now() >= before + 3600


def test_it_fits_a_phone_and_runs_no_script(place: Place) -> None:
    problems: list[str] = []
    place.page.on("console", lambda message: problems.append(message.text))
    place.post("<script>alert(1)</script>" + "x" * 500)
    place.page.set_viewport_size({"width": 390, "height": 844})
    place.open()
    place.page.locator(".calls summary").first.click()
    assert place.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert place.page.locator("script").count() == 0
    assert problems == []
