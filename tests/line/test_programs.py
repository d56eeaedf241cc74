"""Readings are compared by responses, files and what they change at twins, in real fences."""

import json
from pathlib import Path
from typing import Any

import pytest

from unlit.cli.intent_programs import ask

Capture = pytest.CaptureFixture[str]
SERVER = """
import json, re
from http.server import BaseHTTPRequestHandler, HTTPServer
desks = {{"d1": 4}}
class Handler(BaseHTTPRequestHandler):
    def log_message(self, *given): pass
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"] or 0)))
        people = asked.get("people", 1)
        fits = isinstance(people, int) and 0 < people {operator} desks["d1"]
        body = json.dumps({{"booked": fits}}).encode()
        self.send_response(201 if fits else 409)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
FILES = """
import sys
names = open("names.txt").read().split("\\n") if __import__("os").path.exists("names.txt") else []
names = [name for name in names if name.strip()]
open("sorted.txt", "w").write("\\n".join(sorted(names{key})))
"""
SLACK = """
import json, os, sys, urllib.request
for part in {parts}:
    asked = urllib.request.Request(
        "https://slack.com/api/chat.postMessage",
        json.dumps({{"channel": "#security", "text": part}}).encode(),
        {{
            "authorization": "Bearer " + os.environ["SLACK_TOKEN"],
            "content-type": "application/json",
        }},
    )
    print(json.loads(urllib.request.urlopen(asked).read())["ok"])
"""
SPEC = """---
id: {name}
title: {name}
owner: people@example.com
---

# {name}

## Intent

People need it.

## Criteria

### AC-1 Works

When {when}, the program shall {shall}.

Example: one
- Input: {given}
- Outcome: {outcome}
"""
POLICY = """
version = 1
[[allow]]
role = "product"
host = "slack.com"
twin = "slack"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    return repository


def _trees(home: Path, first: str, second: str) -> tuple[str, str]:
    for name, text in (("one", first), ("two", second)):
        (home.parent / name).mkdir()
        (home.parent / name / "main.py").write_text(text)
    return f"first={home.parent / 'one'}", f"second={home.parent / 'two'}"


def _asked(
    home: Path, trees: tuple[str, str], capsys: Capture, **more: Path | int
) -> dict[str, Any]:
    code = ask(home / "spec.md", tree=trees, repository=home, as_json=True, **more)  # type: ignore[arg-type]
    form: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == (1 if form["questions"] else 0)
    return form


def _factory(home: Path, product: str) -> None:
    (home / "unlit.toml").write_text(f'[factory]\nname = "x"\n[product]\n{product}\n')


@pytest.mark.fence
def test_services_are_asked_over_http(home: Path, capsys: Capture) -> None:
    _factory(home, 'kind = "http"\nrun = "python3 main.py"\nport = 8080')
    (home / "spec.md").write_text(
        SPEC.format(
            name="desks",
            when="people book a desk",
            shall="book it if it holds up to 4 of them",
            given='`POST /bookings {"people": 2}`',
            outcome='status 201 `{"booked": true}`',
        )
    )
    trees = _trees(home, SERVER.format(operator="<="), SERVER.format(operator="<"))
    form = _asked(home, trees, capsys, inputs=14)
    assert form["questions"][0]["requests"] == ['POST /bookings {"people": 4}']
    assert {c["answers"][0]["status"] for c in form["questions"][0]["choices"]} == {201, 409}


@pytest.mark.fence
def test_files_that_are_read_and_written_are_compared(home: Path, capsys: Capture) -> None:
    _factory(home, 'kind = "cli"\nrun = "python3 main.py"')
    (home / "spec.md").write_text(
        SPEC.format(
            name="names",
            when="it is started",
            shall="write the names sorted into `sorted.txt`",
            given="no arguments, a file `names.txt` holding `bob\\nada`",
            outcome="writes `sorted.txt` with `ada\\nbob`",
        )
    )
    trees = _trees(home, FILES.format(key=""), FILES.format(key=", key=str.lower"))
    form = _asked(home, trees, capsys, inputs=20)
    assert form["questions"]
    assert "sorted.txt" in form["questions"][0]["choices"][0]["files"]
    assert form["questions"][0]["files"]["names.txt"] != "bob\nada"


@pytest.mark.fence
def test_what_is_changed_at_twins_is_compared(home: Path, capsys: Capture, tmp_path: Path) -> None:
    env = '[product.env]\nSLACK_TOKEN = "twin:slack"'
    _factory(home, f'kind = "cli"\nrun = "python3 main.py"\n{env}')
    (home / "policy.toml").write_text(POLICY)
    (tmp_path / "seeds.yaml").write_text("slack: {channels: [{name: security}]}\n")
    (home / "spec.md").write_text(
        SPEC.format(
            name="tell",
            when="it is given names",
            shall="tell the channel about them",
            given="`ada bob`",
            outcome="exit code 0",
        )
    )
    each = SLACK.format(parts="sys.argv[1:]")
    once = SLACK.format(parts='[" ".join(sys.argv[1:])] if sys.argv[1:] else []')
    form = _asked(home, _trees(home, each, once), capsys, inputs=5, seeds=tmp_path / "seeds.yaml")
    effects = [choice["effects"] for choice in form["questions"][0]["choices"]]
    assert {len(one) for one in effects} == {1, 2}
    assert "slack.messages" in effects[0][0]
    again = tmp_path / "same"
    again.mkdir()
    (again / "main.py").write_text(each)
    same = (f"first={again}", f"second={home.parent / 'one'}")
    assert _asked(home, same, capsys, inputs=5, seeds=tmp_path / "seeds.yaml")["questions"] == []
