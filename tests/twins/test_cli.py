"""`unlit twins …` as people call it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from unlit.cli.twins import app
from unlit.core.errors import InvalidInput, UnlitError


def test_serve_prints_one_line_and_serves_until_interrupted(tmp_path: Path) -> None:
    seed = tmp_path / "world.yaml"
    seed.write_text("okta: {groups: [Finance]}\n", encoding="utf-8")
    code = "from unlit.cli.twins import app; import sys; sys.exit(app(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "okta", "slack", "--seed", str(seed), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert process.stdout is not None
    found = json.loads(process.stdout.readline())
    assert set(found["services"]) == {"okta", "slack"}
    with urllib.request.urlopen(f"{found['control']}/state") as answer:  # noqa: S310 # loopback
        state = json.load(answer)["state"]
    assert [row["name"] for row in state["okta.groups"]] == ["Finance"]
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    process.stdout.close()


def test_coverage_lists_every_route_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["coverage", "okta", "--json"], result_action="return_value") == 0
    rows = json.loads(capsys.readouterr().out)["routes"]
    assert len(rows) > 934
    assert {row["service"] for row in rows} == {"okta"}
    assert app(["coverage", "slack"], result_action="return_value") == 0
    assert "slack: " in capsys.readouterr().out


def test_a_twin_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InvalidInput, match=r"TWN-103 .*okta"):
        app(["serve", "octa"], result_action="return_value", exit_on_error=False)


def test_fidelity_says_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {
        "service": "slack",
        "cassette": "c",
        "order": 0,
        "method": "POST",
        "upath": "/api/nope.nope",
        "status": 200,
        "has_auth": True,
        "resp_body": {"ok": False, "error": "unknown_method", "req_method": "nope.nope"},
    }
    path = tmp_path / "a.interaction.jsonl"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    out = tmp_path / "tiers.json"
    words = ["fidelity", str(path), "--json", "--write", str(out)]
    assert app(words, result_action="return_value") == 0
    scores = json.loads(capsys.readouterr().out)["services"]["slack"]["earned"]
    assert (scores["n"], scores["error"], scores["values"]) == (1, 1, 1)
    assert json.loads(out.read_text())["services"]["slack"]["unknown_method"]["n"] == 1
    for name, code in (("nope", "TWN-103"), ("jira", "TWN-118")):
        with pytest.raises(InvalidInput, match=code):
            app(["fidelity", str(path), name], result_action="return_value", exit_on_error=False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["serve", "slack", "--port", "99999"], "TWN-110"),
        (["serve", "slack", "--port=-1"], "TWN-110"),
        (["serve", "slack", "--seed", "/nowhere/world.yaml"], "TWN-111"),
        (["serve", "slack", "--recording", "/nowhere"], "TWN-112"),
        (["serve", "/nowhere"], "TWN-104"),
        (["record", "slack", "--out", "x.jsonl"], "TWN-117"),
        (
            ["record", "slack", "--out", "x.jsonl", "--upstream", "http://x", "--", "true"],
            "TWN-117",
        ),
        (["record", "octa", "--out", "x.jsonl", "--through-fence", "--", "true"], "TWN-115"),
    ],
)
def test_wrong_words_are_refused_in_ours(words: list[str], code: str) -> None:
    with pytest.raises(UnlitError, match=code):
        app(words, result_action="return_value", exit_on_error=False)


@pytest.mark.parametrize(
    "text",
    ["slack: [", "- 1", "slack: {nope: 1}", "twins: {slack: {}}\nseed: x", "octa: {}",
     "slack: {channels: [{}]}", "slack: {faults: [{}]}"],
)  # fmt: skip
def test_worlds_that_cannot_be_used_are_refused_in_ours(tmp_path: Path, text: str) -> None:
    world = tmp_path / "world.yaml"
    world.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"TWN-1\d\d"):
        app(["serve", "slack", "--seed", str(world)], result_action="return_value",
            exit_on_error=False)  # fmt: skip
