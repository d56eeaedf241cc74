"""The way in, on the real fence: a served port, an own database port, a signed Slack event."""

import asyncio
from pathlib import Path

import pytest
from tests.evaluation.test_hostile import SPEC  # the smallest spec

from unlit.core.states import Partition
from unlit.evaluation.defaults import default_policy
from unlit.evaluation.evaluate import evaluate
from unlit.evaluation.model import EvaluationRequest, EvaluationResult, Product, ShipRule
from unlit.policy import Identity

pytestmark = [pytest.mark.fence]

PRODUCT = """
import hashlib, hmac, json, socket, threading, time, urllib.request, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# a server of its own, as a product brings its database
store = socket.create_server(("127.0.0.1", 5432))
KEPT = []
def database():
    while True:
        connection, _ = store.accept()
        line = connection.makefile().readline().strip()
        if line: KEPT.append(line)
        connection.sendall(("|".join(KEPT) + "\\n").encode())
        connection.close()
threading.Thread(target=database, daemon=True).start()

def query(line):
    with socket.create_connection(("127.0.0.1", 5432), 5) as connection:
        connection.sendall((line + "\\n").encode())
        return connection.makefile().readline().strip()

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments): pass
    def answer(self, status, text=""):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200, query(""))
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        event = json.loads(body)
        if event.get("type") == "url_verification":
            return self.answer(200, event["challenge"])
        stamp = self.headers["X-Slack-Request-Timestamp"]
        if not self.headers["X-Slack-Signature"].startswith("v0=") or not stamp.isdigit():
            return self.answer(401)
        said = event["event"]
        query("heard " + said["text"])
        self.answer(200)
        if said.get("bot_id"): return
        reply = urllib.request.Request(
            "https://slack.com/api/chat.postMessage",
            data=json.dumps({"channel": said["channel"], "text": "re: " + said["text"]}).encode(),
            headers={"Authorization": "Bearer " + os.environ["SLACK_TOKEN"],
                     "Content-Type": "application/json; charset=utf-8"})
        urllib.request.urlopen(reply, timeout=10).read()

ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""

SCENARIO = """\
id: an-event-is-answered
story: Somebody writes in a channel and the product answers there.
criterion: [AC-1]
partition: validation
oracle: twin
author: {by: person}
owner: o
because: b
vary: {text: {from: words}}
given:
  twins:
    slack:
      users: [{name: ada}]
      channels: [{name: desks, members: [ada]}]
      events: {request_url: "http://product/slack/events", types: [message]}
when:
  - twin: {slack.message: {user: ada, channel: desks, text: "{text}"}}
  - http: {GET: /kept, expect: {body: {contains: "heard {text}"}}, retry_s: 10}
then:
  - status: 200
  - eventually:
      seconds: 10
      then: [{twin: {slack.messages: {count: 1, text: "re: {text}", others: any}}}]
  - twin:
      slack.messages: [{text: "{text}"}, {text: "re: {text}"}]
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> EvaluationResult:
    folder = tmp_path_factory.mktemp("way-in")
    candidate, vault = folder / "candidate", folder / "vault"
    candidate.mkdir()
    vault.mkdir()
    (candidate / "app.py").write_text(PRODUCT, encoding="utf-8")
    (folder / "spec.md").write_text(SPEC, encoding="utf-8")
    (vault / "event.yaml").write_text(SCENARIO, encoding="utf-8")
    (folder / "policy.toml").write_text(default_policy(["slack"]), encoding="utf-8")
    request = EvaluationRequest(
        spec=folder / "spec.md", candidate=candidate, base=None, vault=vault,
        partition=Partition.VALIDATION,
        product=Product(kind="http", run="python3 app.py", port=8080,
                        env={"SLACK_TOKEN": "twin:slack"}),
        ship=ShipRule(), seed=3, max_trajectories=4, parallel=2, look=None,
        artefacts=folder / "vault.evaluator" / "g", policy=folder / "policy.toml",
        identity=Identity("r", "validate", "a", "product"), keep_going=True,
        options={"invariants": False},
    )  # fmt: skip
    return asyncio.run(evaluate(request, lambda event: None))


def test_a_product_on_all_addresses_hears_a_signed_event_and_answers(
    result: EvaluationResult,
) -> None:
    assert [(r.state.value, r.reasons) for r in result.trajectories] == [("satisfied", ())] * 4


def test_the_answer_went_through_the_twin_at_the_vendors_name(result: EvaluationResult) -> None:
    routes = {route["route"] for record in result.trajectories for route in record.twin_routes}
    assert "chat.postMessage" in routes


def test_nothing_else_is_needed(result: EvaluationResult, tmp_path: Path) -> None:
    assert result.leaks.probe == "held"
