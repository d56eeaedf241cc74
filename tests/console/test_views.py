"""Facets, views with a name, and what the palette finds."""

import re

from tests.console.conftest import Bench
from tests.review.sample import RUN, START, fill

from unlit.console import views
from unlit.console.views import Filter, View
from unlit.core.ids import RunId
from unlit.record.model import RunState


def test_a_filter_is_its_address_and_back() -> None:
    narrow = Filter(state="waiting", agent="codex & co", spec="a/b", q="100 %")
    assert Filter.of(narrow.query()) == narrow
    assert narrow.where(state="", agent="", spec="", q="") == "/runs"
    assert Filter.of("state=drop+table&q=" + "x" * 500) == Filter(q="x" * 100)


def test_views_survive_and_strange_cookies_hold_none() -> None:
    kept = views.keep((), "  Night\x1b\n failures ", "state=failed&other=1")
    assert kept == (View("Night failures", Filter(state="failed")),)
    assert views.read(views.write(kept)) == kept
    for _ in range(2):
        kept = views.keep(kept, "Night failures", "state=ended")
    assert kept == (View("Night failures", Filter(state="ended")),)
    many: tuple[View, ...] = ()
    for number in range(30):
        many = views.keep(many, f"v{number}", "q=x")
    assert len(many) == views.MOST
    assert views.forget(kept, "Night failures") == ()
    assert views.keep((), " \n", "q=x") == ()
    for cookie in ("", "x", "%%%", "bnVsbA==", "W1sxLDJdXQ==", "W1siYSJdXQ==", "é"):
        assert views.read(cookie) == ()


def test_runs_are_narrowed_by_who_wrote_them_and_by_spec(bench: Bench) -> None:
    fill(bench.store)
    fill(bench.store, run=RunId("r-second0000"), at=START, state=RunState.ENDED, shares=(0.2,))
    client = bench.logged_in()
    page = client.get("/runs?agent=nobody").text
    assert "No run matches by nobody." in page
    assert 'aria-current="true">nobody' in page
    assert RUN in client.get("/runs?agent=scripted&spec=access-review&state=waiting").text


def test_a_view_is_saved_shown_and_forgotten(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    page = client.get("/runs?state=waiting").text
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    form = {"csrf": found.group(1), "query": "state=waiting", "name": "Mine <b>"}
    assert client.post("/runs/views", data={**form, "csrf": "x"}).status_code == 403
    answer = client.post("/runs/views", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?state=waiting")
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert "Mine &lt;b&gt;</a>" in client.get("/runs").text
    client.post("/runs/views", data={"csrf": form["csrf"], "forget": "Mine <b>"})
    assert "Mine" not in client.get("/runs").text


def test_the_palette_finds_runs_for_those_who_are_logged_in(bench: Bench) -> None:
    fill(bench.store)
    assert bench.client().get("/find.json?q=access").status_code == 401
    client = bench.logged_in()
    assert client.get("/find.json?q=").json() == {"found": []}
    found = client.get("/find.json?q=quarterly").json()["found"]
    assert [row["to"] for row in found] == [f"/runs/{RUN}"]
    assert client.get("/find.json?q=%25").json() == {"found": []}
