"""A run whose candidate can be tried: a real commit of a small product that meets a twin."""

import subprocess
from pathlib import Path

from tests.review.sample import START

from unlit.core.ids import CandidateId, Digest, RunId
from unlit.core.states import Verdict
from unlit.record.model import Candidate, Question, Run, RunState
from unlit.record.store import Store
from unlit.review.tryout import Settings

TRIED = RunId("r-tried00000")
PRODUCT = """import http.server, json, os, sys, urllib.request

def post(text):
    request = urllib.request.Request(
        "https://slack.com/api/chat.postMessage",
        json.dumps({"channel": "#ops", "text": text}).encode(),
        {"authorization": "Bearer " + os.environ["SLACK_TOKEN"],
         "content-type": "application/json; charset=utf-8"})
    return json.load(urllib.request.urlopen(request))["ok"]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<h1>Desk</h1><script>document.title = 'from the product'</script>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("set-cookie", "mine=1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        post("hello from the page")
        self.send_response(303)
        self.send_header("location", "/")
        self.send_header("content-length", "0")
        self.end_headers()

if sys.argv[1] == "serve":
    print("listening", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
elif sys.argv[1] == "hostile":
    sys.stdout.write("\\x1b]0;stolen\\x07\\x1b]52;c;c3RvbGVu\\x07\\x1b[6n")
    print("<img src=x onerror=alert(1)>")
else:
    print("posted" if post(" ".join(sys.argv[2:])) else "failed")
"""
POLICY = """version = 1
[[allow]]
role = "product"
host = "slack.com"
twin = "slack"
[files.product]
write = ["."]
"""
SCENARIO = """id: hello
story: Somebody says hello and everybody reads it.
criterion: [AC-1]
partition: visible
weight: 1
oracle: twin
author: {by: person, name: dana}
owner: dana
because: an example
given:
  twins:
    slack: {channels: [{name: ops}]}
when:
  - cli: {run: [say, hello]}
then:
  - exit: 0
  - twin: {slack.messages: {count: 1}}
"""


def make_run(store: Store, root: Path, *, kind: str = "cli") -> RunId:
    """Write a repository with one candidate, a vault and the run into `root` and the record."""
    repository = root / "repository"
    repository.mkdir(parents=True)
    (repository / "product.py").write_text(PRODUCT, encoding="utf-8")
    (repository / "link").symlink_to("product.py")
    (repository / ".gitattributes").write_text("product.py export-ignore\n", encoding="utf-8")
    (root / "policy.toml").write_text(POLICY, encoding="utf-8")
    for partition in ("visible", "validation", "sealed"):
        folder = root / "vault" / partition
        folder.mkdir(parents=True)
        text = SCENARIO.replace("partition: visible", f"partition: {partition}")
        name = "hello" if partition == "visible" else f"hello-{partition}"
        (folder / f"{name}.yaml").write_text(text.replace("id: hello", f"id: {name}"), "utf-8")
    commit = _commit(repository)
    run = "python product.py serve" if kind != "cli" else "python product.py"
    product = {"kind": kind, "run": run, "build": None, "port": 8080 if kind != "cli" else None,
               "env": {"SLACK_TOKEN": "twin:slack"}}  # fmt: skip
    store.begin_run(
        Run(
            id=TRIED, spec_id="hello", spec_digest=Digest("sha256:" + "00" * 32), title="Say hello",
            repository=str(repository), spec_path="specs/hello.md", base=commit, base_tree="t",
            workspace=str(repository), agent="scripted", person="dana", state=RunState.RUNNING,
            created_at=START, updated_at=START,
            settings={"product": product, "policy": str(root / "policy.toml"),
                      "vault": str(root / "vault")},
        )
    )  # fmt: skip
    store.keep_candidate(
        Candidate(TRIED, CandidateId("c1"), 1, commit, "t", commit, "scripted", "done", START)
    )
    store.keep_questions([Question(TRIED, 1, "criterion", "Is it polite?")])
    store.change_run(TRIED, START, state=RunState.WAITING, verdict=Verdict.SHIP,
                     candidate=CandidateId("c1"))  # fmt: skip
    return TRIED


def settings_in(root: Path, *, framed_by: str = "") -> Settings:
    """Return where a try keeps its things, and that its fence must not show the vault."""
    (root / "secret").mkdir(exist_ok=True)
    watched = {"vault": root / "vault", "record": root / "secret"}
    return Settings(root / "tries", root / "audit", root / "keys", root / "deps", watched,
                    framed_by=framed_by)  # fmt: skip


def _commit(repository: Path) -> str:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.com",
             *words], check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "candidate")
    return git("rev-parse", "HEAD")
