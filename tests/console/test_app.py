import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from starlette.testclient import TestClient
from tests.console.conftest import HOST, TOKEN, Bench
from tests.review.sample import RUN, START, begin, fill, wish

from unlit.console.app import ROUTES, Entry
from unlit.console.model import Role
from unlit.console.security import COOKIE, CSP, open_session, seal
from unlit.core.ids import RunId
from unlit.record.model import RunState


def csrf_of(client: TestClient, path: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get(path).text)
    assert found is not None
    return found.group(1)


def path_of(entry: Entry) -> str:
    filled = entry.path.replace("{run}", RUN).replace("{number:int}", "1")
    return (
        filled.replace("{candidate}", "c1")
        .replace("{partition}", "validation")
        .replace("{step:int}", "1")
        .replace("{name}", "access-review")
    )


@pytest.mark.parametrize("entry", ROUTES, ids=lambda entry: f"{entry.method} {entry.path}")
def test_no_route_answers_without_a_session(bench: Bench, entry: Entry) -> None:
    fill(bench.store)
    answer = bench.client().request(entry.method, path_of(entry))
    assert answer.status_code == 401
    assert "Quarterly access review" not in answer.text


@pytest.mark.parametrize("entry", ROUTES, ids=lambda entry: f"{entry.method} {entry.path}")
def test_every_route_needs_its_role(make_bench: Callable[..., Bench], entry: Entry) -> None:
    bench = make_bench(roles=frozenset(Role) - {entry.role})
    fill(bench.store)
    answer = bench.logged_in().request(entry.method, path_of(entry))
    assert answer.status_code == 403
    assert bench.store.gate_decisions() == ()


@pytest.mark.parametrize(
    "entry", [e for e in ROUTES if e.method == "POST"], ids=lambda entry: str(entry.path)
)
def test_no_form_is_taken_without_its_csrf_token(bench: Bench, entry: Entry) -> None:
    fill(bench.store)
    data = {"answer": "yes", "reason": "r", "csrf": "0" * 56, "text": "x"}
    for form in (data, {**data, "csrf": ""}):
        assert bench.logged_in().post(path_of(entry), data=form).status_code == 403
    assert bench.log.entries == []


@pytest.mark.parametrize("entry", ROUTES, ids=lambda entry: f"{entry.method} {entry.path}")
def test_every_answer_has_the_security_headers(bench: Bench, entry: Entry) -> None:
    fill(bench.store)
    answer = bench.logged_in().request(entry.method, path_of(entry))
    policy = answer.headers["content-security-policy"]
    assert policy == CSP or policy.endswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9999", "127.0.0.1", ""])
def test_it_answers_to_its_own_name_only(bench: Bench, host: str) -> None:
    answer = bench.client().get("/", headers={"host": host})
    assert answer.status_code == 421


def test_the_token_logs_in_once_and_leaves_the_address(bench: Bench) -> None:
    answer = bench.client().get("/login", params={"token": TOKEN})
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert TOKEN not in cookie


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil", "/a\r\nb"])
def test_a_login_never_leads_elsewhere(bench: Bench, path: str) -> None:
    answer = bench.client().get("/login", params={"token": TOKEN, "next": path})
    assert answer.headers["location"] == "/"


def test_wrong_tokens_are_slowed_down(bench: Bench) -> None:
    client = bench.client()
    codes = [client.get("/login", params={"token": "wrong"}).status_code for _ in range(12)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert client.get("/login", params={"token": TOKEN}).status_code == 303  # that is no guess
    bench.clock.advance(60)
    assert client.get("/login", params={"token": "wrong"}).status_code == 401


def test_a_forged_or_expired_session_is_none(bench: Bench) -> None:
    now = int(bench.clock.now().timestamp())
    session = open_session("mallory", frozenset(Role), now)
    for cookie in (seal(session, b"other key"), seal(session, b"k" * 32)[:-1] + "x", "x.y", "."):
        client = bench.client()
        client.cookies.set(COOKIE, cookie)
        assert client.get("/").status_code == 401
    client = bench.logged_in()
    assert client.get("/").status_code == 200
    bench.clock.advance(15 * 24 * 3600)
    assert client.get("/").status_code == 401


def test_a_form_from_another_origin_is_refused(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    data = {"csrf": csrf_of(client, f"/runs/{RUN}"), "answer": "yes", "reason": "right"}
    path = f"/runs/{RUN}/decision"
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post(path, data=data, headers=headers).status_code == 403
    assert bench.shipped == []


def test_a_yes_with_a_reason_is_audited_recorded_and_ships(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    data = {"csrf": csrf_of(client, f"/runs/{RUN}"), "answer": "yes", "reason": "says by when"}
    origin = {"origin": f"http://{HOST}"}
    answer = client.post(f"/runs/{RUN}/decision", data=data, headers=origin)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{RUN}")
    assert bench.shipped == [RUN]
    kept = bench.store.gate_decision(RUN, "outcome")
    assert kept is not None
    assert (kept.person, kept.reason) == ("dana", "says by when")
    assert bench.store.questions(RUN)[0].answer == "yes: says by when"
    assert "Candidate 3 shipped, approved by dana." in client.get(f"/runs/{RUN}").text


def test_a_no_ends_the_run_and_ships_nothing(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    data = {"csrf": csrf_of(client, f"/runs/{RUN}"), "answer": "no", "reason": "posts twice"}
    client.post(f"/runs/{RUN}/decision", data=data)
    found = bench.store.run(RUN)
    assert found is not None
    assert found.state is RunState.REJECTED
    assert bench.shipped == []
    assert "was rejected by dana. <em>Posts twice." in client.get(f"/runs/{RUN}").text


def test_cannot_tell_answers_the_question_and_leaves_the_gate_open(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    data = {"csrf": csrf_of(client, f"/runs/{RUN}"), "answer": "unclear", "reason": "no sample"}
    client.post(f"/runs/{RUN}/decision", data=data)
    found = bench.store.run(RUN)
    assert found is not None
    assert found.state is RunState.WAITING
    assert bench.store.questions(RUN)[0].answer == "unclear: no sample"


def test_a_refusal_says_why_and_keeps_the_gate_shut(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    data = {"csrf": csrf_of(client, f"/runs/{RUN}"), "answer": "yes", "reason": " "}
    answer = client.post(f"/runs/{RUN}/decision", data=data)
    assert answer.status_code == 403
    assert "REV-016" in answer.text
    assert bench.shipped == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"a" * 300_000, "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"&".join(b"a%d=1" % n for n in range(80)), "application/x-www-form-urlencoded"),
    ],
)
def test_a_form_that_is_none_is_refused_without_a_crash(
    bench: Bench, body: bytes, kind: str
) -> None:
    fill(bench.store)
    client = bench.logged_in()
    answer = client.post(f"/runs/{RUN}/decision", content=body, headers={"content-type": kind})
    assert answer.status_code in (400, 403)


def test_an_empty_board_says_what_to_do(bench: Bench) -> None:
    text = bench.logged_in().get("/").text
    assert "No runs yet." in text
    assert "unlit demo" in text


def test_the_board_puts_first_what_asks(bench: Bench) -> None:
    fill(bench.store)
    fill(bench.store, run=RunId("r-shipped000"), state=RunState.SHIPPED, at=START, title="Digest")
    text = bench.logged_in().get("/").text
    assert "One run asks you something. Lately one shipped." in text
    assert text.index("Quarterly access review") < text.index("Digest")


def test_text_from_tickets_and_agents_is_inert_on_every_page(bench: Bench) -> None:
    hostile = '"><script>alert(1)</script>\x1b[2J\u202e'
    fill(bench.store, title=hostile)
    client = bench.logged_in()
    for path in ("/", "/runs", "/questions", f"/runs/{RUN}", f"/runs/{RUN}.html"):
        text = client.get(path).text
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_runs_are_found_by_title_and_state(bench: Bench) -> None:
    fill(bench.store)
    fill(bench.store, run=RunId("r-shipped000"), state=RunState.SHIPPED, title="100% digest")
    client = bench.logged_in()
    assert "r-shipped000" not in client.get("/runs?state=waiting").text
    found = client.get("/runs?q=100%25").text
    assert "r-shipped000" in found
    assert RUN not in found
    assert "No run matches" in client.get("/runs?q=nothing").text


def test_pages_of_runs_follow_each_other_without_gap_or_overlap(bench: Bench) -> None:
    for n in range(120):
        begin(bench.store, RunId(f"r-{n:010d}"), f"Run {n}", 1, START + timedelta(seconds=n // 3))
    client = bench.logged_in()
    seen: list[str] = []
    after = ""
    while True:
        page = client.get("/runs.json", params={"after": after} if after else {}).json()
        seen += [row["run"] for row in page["runs"]]
        after = page["after"]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 120


def test_every_page_has_its_json(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    assert client.get("/board.json").json()["schema"] == "unlit.board/1"
    assert client.get(f"/runs/{RUN}.json").json()["schema"] == "unlit.report/1"
    assert client.get("/runs/r-none.json").json()["code"] == "REC-011"


def test_the_markdown_and_the_file_are_served(bench: Bench) -> None:
    fill(bench.store)
    client = bench.logged_in()
    assert client.get(f"/runs/{RUN}.md").text.startswith("## Candidate 3")
    answer = client.get(f"/runs/{RUN}.html")
    assert "attachment" in answer.headers["content-disposition"]


def test_a_trajectory_opens_and_names_its_replay(bench: Bench) -> None:
    fill(bench.store)
    text = bench.logged_in().get(f"/runs/{RUN}/trajectories/c1/validation/1").text
    assert "--replay large-group:8001" in text


@pytest.mark.parametrize("path", ["/nothing", "/runs/r-none", "/assets/x/secrets.py"])
def test_what_is_not_there_is_said(bench: Bench, path: str) -> None:
    assert bench.logged_in().get(path).status_code in (404, 409)


def test_files_may_be_kept_because_their_address_changes_with_them(bench: Bench) -> None:
    client = bench.logged_in()
    found = re.findall(r'(?:src|href)="(/assets/[^"]+)"', client.get("/").text)
    assert len(found) == 5
    for path in found:
        answer = client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_a_wish_for_access_is_shown_and_answered_for_a_while(bench: Bench) -> None:
    run = fill(bench.store, state=RunState.RUNNING)
    wish(bench.store)
    client = bench.logged_in()
    assert "https://wiki.example/page" in client.get("/questions").text
    page = client.get(f"/runs/{run}").text
    assert f'action="/runs/{run}/access/1"' in page
    form = {
        "csrf": csrf_of(client, f"/runs/{run}"),
        "answer": "yes",
        "for_s": "600",
        "reason": "public",
    }
    path = f"/runs/{run}/access/1"
    assert client.post(path, data={**form, "for_s": "x"}).status_code == 400
    assert client.post(path, data={**form, "for_s": "9999999"}).status_code in (400, 409)
    assert client.post(path, data=form).status_code == 303
    assert "allowed until" in client.get(f"/runs/{run}").text
    assert "https://wiki.example/page" not in client.get("/questions").text
    assert bench.log.entries[-1][3]["gate"] == "access/1"
