"""`unlit fence run | check | learn` and `unlit doctor`, as a person calls them."""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CODE = (
    "import sys; from importlib import import_module;"
    "app = import_module(f'unlit.cli.{sys.argv[1]}').app;"
    "sys.exit(app(sys.argv[2:], result_action='return_value') or 0)"
)
POLICY = 'version = 1\n[files.coder]\nwrite = ["."]\nread_only = ["AGENTS.md"]\n'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Call a command in a workspace that has a policy."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "policy.toml").write_text(POLICY)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "s")}

    def call(*words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", CODE, *words],
            cwd=workspace, env=env, input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return call


def test_a_command_keeps_its_streams_and_code_and_its_changes_land(
    run: Run, tmp_path: Path
) -> None:
    line = "cat; echo wrong >&2; echo new > made; echo x > AGENTS.md; exit 7"
    done = run("fence", "run", "--", "sh", "-c", line, stdin="words")
    assert (done.returncode, done.stdout) == (7, "words")
    assert "wrong" in done.stderr
    assert "AGENTS.md was not taken" in done.stderr
    assert (tmp_path / "workspace" / "made").read_text() == "new\n"
    assert not (tmp_path / "workspace" / "AGENTS.md").exists()


def test_failures_of_ours_have_codes_of_their_own(run: Run, tmp_path: Path) -> None:
    assert run("fence", "run", "--", "no-such-command").returncode == 127
    refused = run("fence", "run", "--role", "product", "--", "true")
    assert refused.returncode == 126
    assert "FEN-052" in refused.stderr
    unset = run("fence", "run", "--preset", "claude-code", "--", "true")
    assert unset.returncode == 125
    assert "ANTHROPIC_API_KEY" in unset.stderr
    (tmp_path / "workspace" / "policy.toml").write_text("version = 1\nfoo = 2\n")
    broken = run("fence", "run", "--", "true")
    assert broken.returncode == 125
    assert "2:1" in broken.stderr


def test_json_is_all_that_stdout_has(run: Run, tmp_path: Path) -> None:
    done = run("fence", "run", "--json", "--discard", "--", "sh", "-c", "echo out; echo x > made")
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["schema"] == "unlit.fence/1"
    assert document["held"] is True
    assert document["changed"] == [{"path": "made", "kind": "file"}]
    assert "out" in done.stderr
    assert not (tmp_path / "workspace" / "made").exists()


def test_check_opens_a_fence_and_says_that_it_held(run: Run) -> None:
    done = run("fence", "check")
    assert done.returncode == 0, done.stderr
    assert "control reached" in done.stdout
    assert done.stdout.endswith("The fence held.\n")


def test_learn_proposes_what_was_denied_and_allows_nothing(run: Run) -> None:
    line = "curl -s https://api.example.com/v1/things/123 >/dev/null; echo x > made"
    done = run("fence", "learn", "--", "sh", "-c", line)
    assert 'host = "api.example.com"' in done.stdout
    assert 'methods = ["GET"]' in done.stdout


def test_the_weaker_backend_says_so(run: Run) -> None:
    done = run("fence", "run", "--backend", "landlock", "--", "true")
    if "FEN-004" in done.stderr:
        pytest.skip("Landlock is off or too old here")
    assert done.returncode == 0, done.stderr
    assert "Weaker backend (Landlock)" in done.stderr


def test_doctor_says_what_works_in_both_forms(run: Run) -> None:
    document = json.loads(run("doctor", "--json").stdout)
    assert document["schema"] == "unlit.doctor/1"
    assert {"fence", "agents", "keys", "database", "browser"} <= {
        one["area"] for one in document["findings"]
    }
    assert all(one["sentence"] for one in document["findings"])
    assert "bubblewrap" in run("doctor").stdout


def test_a_person_at_a_terminal_gets_one_inside(run: Run, tmp_path: Path) -> None:
    assert run is not None
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("=HHHH", 33, 99, 0, 0))
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "s")}
    line = "tty; stty size; test -t 0 && test -t 1 && echo both; read word; echo got $word"
    started = subprocess.Popen(
        [sys.executable, "-c", CODE, "fence", "run", "--", "sh", "-c", f"{line}; : > /dev/tty"],
        cwd=tmp_path / "workspace", env=env, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, b"hello\r")
    said = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            said += piece
    os.close(ours)
    assert started.wait(20) == 0
    assert b"/dev/pts/0" in said
    assert b"33 99" in said
    assert b"both" in said
    assert b"got hello" in said


ASKS = (
    'curl -s -d \'{"method": "GET", "url": "http://wiki.invalid/x", "reason": "r"}\' '
    "http://gateway.unlit.internal/ask; "
    "until curl -s http://gateway.unlit.internal/ask | grep -q -e Allowed -e said; do "
    "sleep 0.2; done; curl -s -o /dev/null -w 'got %{http_code}' http://wiki.invalid/x"
)


def test_a_wish_is_answered_while_the_command_runs(run: Run, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "s")}
    with subprocess.Popen(
        [sys.executable, "-c", CODE, "fence", "run", "--json", "--", "sh", "-c", ASKS],
        cwd=tmp_path / "workspace", env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as command:  # fmt: skip
        assert command.stderr is not None
        for line in command.stderr:
            if "unlit fence allow" in line:
                break
        asked = json.loads(run("fence", "asks", "--json").stdout)["asked"]
        assert (asked[0]["request"], asked[0]["state"]) == ("GET http://wiki.invalid/x", "open")
        words = ("fence", "allow", asked[0]["run"], "1", "--person", "ann")
        assert "REV-016" in run(*words).stderr
        done = run(*words, "--reason", "public", "--for", "5m")
        assert done.stdout.startswith("Allowed until"), done.stderr
        out, err = command.communicate(timeout=120)
    found = json.loads(out)
    # the name is not known, so the request got through the policy and no further
    assert "got 502" in err
    assert found["asked"] == [{"request": "GET http://wiki.invalid/x", "reason": "r"}]
    late = run(*words, "--reason", "late")
    assert "FEN-057" in late.stderr
    assert "allowed until" in run("fence", "asks").stdout


def test_refused_requests_are_listed_and_counted(run: Run) -> None:
    line = "curl -s http://a.invalid/x >/dev/null; curl -s -d y http://b.invalid/y >/dev/null"
    done = run("fence", "run", "--json", "--", "sh", "-c", line)
    found = json.loads(done.stdout)
    assert [(one["method"], one["url"]) for one in found["denied_requests"]] == [
        ("GET", "http://a.invalid/x"),
        ("POST", "http://b.invalid/y"),
    ]
    assert {one["rule"] for one in found["denied_requests"]} == {"default deny"}
    assert "2 of 2 requests were denied" in run("fence", "run", "--", "sh", "-c", line).stderr


@pytest.mark.parametrize("name", ["run", "learn"])
def test_a_misspelt_flag_is_not_run(run: Run, name: str) -> None:
    done = run("fence", name, "--polcy", "x", "--", "true")
    assert done.returncode != 0
    assert "FEN-056" in done.stderr
    assert "--policy" in done.stderr
