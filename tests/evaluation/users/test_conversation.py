"""Conversations with a product in the real fence: streams, a terminal, HTTP; and bad endings."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.grading import Slot
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.lint import lint_scenario
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.parse import parse_scenario
from unlit.evaluation.stage import Launch
from unlit.evaluation.trajectory import Outcome, Setting
from unlit.fence import FenceHost
from unlit.policy import AuditLog, Identity, parse_policy

pytestmark = [pytest.mark.fence]

BOOKING = """\
import sys
tty = sys.stdin.isatty()
def ask(text):
    sys.stdout.write(text + "? "); sys.stdout.flush()
    line = sys.stdin.readline()
    if not line: sys.exit(4)
    return line.strip()
print("terminal" if tty else "streams")
name = ask("Your name")
while not name: name = ask("Your name, please")
count = ask("How many desks")
while not count.isdigit(): count = ask("A number, please")
print(f"booked {count} for {name}")
open("booked.txt", "w").write(f"{name} {count}")
if "--deaf" in sys.argv:
    while True: ask("Anything else")
"""
SERVER = """\
import http.server, json
class H(http.server.BaseHTTPRequestHandler):
    talks = {}
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        talk = self.talks.setdefault(asked["who"], [])
        talk.append(asked["text"])
        reply = "How many?" if len(talk) == 1 else f"booked {talk[-1]}"
        body = json.dumps({"reply": reply}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), H).serve_forever()
"""
HEAD = """\
id: talk
story: Somebody books desks by talking.
criterion: [AC-1]
partition: validation
oracle: contract
author: {by: person}
owner: o
because: b
vary: {who: {from: names}, n: {int: [2, 40]}}
"""
ANSWERS = """\
      answers:
        - {hears: how many, say: "{n}"}
        - {hears: a number, say: "{n}"}
        - {hears: name, say: "{who}"}
        - {hears: "booked {n}", end: satisfied}
"""


def scenario(body: str) -> Scenario:
    made = parse_scenario(HEAD + body, "talk.yaml")
    assert isinstance(made, Scenario), made
    assert lint_scenario(made) == []
    return made


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[FencePool]:
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    host = await FenceHost.start(tmp_path / "state", audit)
    product = ProductFence(parse_policy("version = 1\n"), Identity("r", "s", "a", "product"),
                           port=8080)  # fmt: skip
    yield FencePool(host, product, "", {})
    await host.close()
    audit.close()


async def run(
    pool: FencePool, folder: Path, made: Scenario, launch: Launch, seed: int = 7
) -> Outcome:
    (folder / "c").mkdir(exist_ok=True)
    (folder / "c" / "booking.py").write_text(BOOKING, encoding="utf-8")
    (folder / "c" / "server.py").write_text(SERVER, encoding="utf-8")
    slot = Slot("slot-1", pool, folder / "c")
    try:
        draw = Draw(1, made.id, seed, {"who": "Brumaix", "n": 12})
        return await slot.run(made, draw, Setting(FakeWorlds(), launch, SystemClock(), driver))
    finally:
        await slot.close()


SEEN = {"cli": "streams", "terminal": "terminal"}
CLI = Launch("cli", ("/usr/bin/python3", "booking.py"))


@pytest.mark.parametrize("way", ["cli", "terminal"])
@pytest.mark.parametrize("prompt", ["prompt: '[?] '", "quiet_s: 0.8"])
async def test_a_conversation_over_streams_and_on_a_terminal(
    pool: FencePool, tmp_path: Path, way: str, prompt: str
) -> None:
    made = scenario(
        f"when:\n  - user:\n      over: {{{way}: {{{prompt}}}}}\n{ANSWERS}"
        f"then:\n  - exit: 0\n  - stdout: {{contains: {SEEN[way]}}}\n"
        '  - file: {booked.txt: "{who} {n}"}\n  - user: {ends: satisfied, turns: {max: 4}}\n'
    )
    outcome = await run(pool, tmp_path, made, CLI)
    assert outcome.labels() == (), outcome.reasons
    talk = next(seen for seen in outcome.seen if seen.kind == "user")
    assert "user: Brumaix" in talk.body
    assert talk.body.startswith("persona: plain")


async def test_a_difficult_person_is_the_same_again_by_the_same_seed(
    pool: FencePool, tmp_path: Path
) -> None:
    made = scenario(
        "when:\n  - user:\n      over: {cli: {prompt: '[?] '}}\n"
        "      personas: {calm: {}, hasty: {silent: 0.9, weight: 9}}\n" + ANSWERS +
        'then:\n  - file: {booked.txt: "{who} {n}"}\n'
    )  # fmt: skip
    bodies = []
    for _ in range(2):
        outcome = await run(pool, tmp_path, made, CLI, seed=3)
        bodies.append([seen.body for seen in outcome.seen if seen.kind == "user"])
    assert bodies[0] == bodies[1]


@pytest.mark.parametrize(
    ("over", "rules", "end"),
    [
        ("{run: [--deaf], prompt: '[?] '}", [{"hears": "never said", "end": "satisfied"}], "lost"),
        ("{prompt: '[?] '}", [{"say": "1", "times": 3}, {"end": "satisfied", "hears": "no"}],
         "product_ended"),
        ("{run: [--deaf], prompt: '[?] '}", [{"say": "5"}, {"end": "satisfied"}], "too_long"),
    ],
)  # fmt: skip
async def test_a_conversation_that_goes_wrong_is_not_satisfied(
    pool: FencePool, tmp_path: Path, over: str, rules: list[dict[str, Any]], end: str
) -> None:
    import json

    made = scenario(
        f"when:\n  - user:\n      over: {{cli: {over}}}\n      turns: 6\n      patience_s: 5\n"
        f"      answers: {json.dumps(rules)}\n"
        'then:\n  - file: {x: null}\n  - stdout: "{who}{n}"\n'
    )
    outcome = await run(pool, tmp_path, made, CLI)
    assert outcome.labels() == ("when[1] user end",)
    assert f"`{end}`" in outcome.reasons[0].text


async def test_a_conversation_over_http(pool: FencePool, tmp_path: Path) -> None:
    made = scenario(
        "when:\n  - user:\n      opens: I need desks\n      over:\n        http: {POST: /chat, "
        'json: {who: "{who}", text: "{say}"}, reply: reply}\n' + ANSWERS +
        'then:\n  - status: 200\n  - body: {json: {reply: "booked {n}"}}\n'
    )  # fmt: skip
    launch = Launch("http", ("/usr/bin/python3", "server.py"), 8080)
    outcome = await run(pool, tmp_path, made, launch)
    assert outcome.labels() == (), outcome.reasons


def test_lint_names_a_conversation_that_cannot_go_as_meant() -> None:
    body = (
        "when:\n  - user:\n      over: {cli: {}}\n      states: {a: [{say: x, go: b}]}\n"
        'then:\n  - stdout: "{who}{n}"\n'
    )
    made = parse_scenario(HEAD + body, "talk.yaml")
    assert isinstance(made, Scenario)
    found = lint_scenario(made)
    assert {finding.code for finding in found} == {"EVA-116"}
    assert [finding.line for finding in found] == [11, 11]
    assert "goes to `b`" in found[0].message
    assert "No rule ends `satisfied`" in found[1].message
