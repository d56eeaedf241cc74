"""`unlit policy` and `unlit audit` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from unlit.cli.audit import app as audit_app
from unlit.cli.policy import app as policy_app
from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, RefusedByPolicy, UsageError
from unlit.policy import AuditLog, Identity

GOOD = """\
version = 1
[[allow]]
role = "coder"
host = "x.test"
methods = ["GET"]
paths = ["/a/**"]
[[test]]
role = "coder"
request = "GET https://x.test/a/b"
expect = "allow"
"""
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(name: str, *words: object) -> tuple[int, str]:
        app = policy_app if name == "policy" else audit_app
        code = app([str(word) for word in words], result_action="return_value")
        return int(code), capsys.readouterr().out

    return call


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(GOOD)
    return path


def test_check_and_test_pass_and_fail(run: Run, policy: Path) -> None:
    said = "1 rule, 0 findings, 1 of 1 tests pass.\nNobody signed it.\n"
    assert run("policy", "check", policy) == (0, said)
    code, out = run("policy", "test", policy)
    assert (code, out.startswith("ok   ")) == (0, True)
    policy.write_text(GOOD.replace('"allow"\n', '"deny"\n'))
    code, out = run("policy", "check", policy)
    assert code == 1
    assert f"{policy}:7:1 POL-107" in out
    code, out = run("policy", "test", policy, "--json")
    assert code == 1
    assert json.loads(out)["failed"][0]["got"] == "upstream"


def test_explain_names_rule_and_reason(run: Run, policy: Path) -> None:
    code, out = run("policy", "explain", "coder", "GET", "https://x.test/b", "--policy", policy)
    assert code == 0
    assert "denied" in out
    assert "allow[1] (2:1) allows this host, but only" in out
    _, out = run(
        "policy", "explain", "coder", "GET", "https://x.test/a/b", "--policy", policy, "--json"
    )
    assert json.loads(out)["allowed"] is True


def test_diff_ends_with_1_when_something_changes(run: Run, policy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(GOOD.replace("/a/**", "/**"))
    assert run("policy", "diff", policy, policy)[0] == 0
    code, out = run("policy", "diff", policy, other)
    assert code == 1
    assert out.startswith("newly allowed: coder GET https://x.test/ — default deny → allow[1]")
    _, out = run("policy", "diff", policy, other, "--json")
    assert json.loads(out)["changes"][0]["kind"] == "newly allowed"


def test_export_writes_cedar_and_its_schema(run: Run, policy: Path) -> None:
    assert "permit (" in run("policy", "export", policy, "--cedar")[1]
    assert "entity Role" in run("policy", "export", policy, "--schema")[1]


def test_an_unreadable_policy_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        run("policy", "check", tmp_path / "none.toml")
    assert caught.value.code == "POL-106"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = AuditLog.open(tmp_path / "audit", {}, FakeClock())
    who = Identity("r-1", "build", "scripted", "coder")
    for path in ("/u/1234", "/u/5678", "/v1/x"):
        log.append(
            "exchange",
            who,
            {
                "method": "GET",
                "url": f"https://api.test{path}",
                "outcome": "deny",
                "rule": "default deny",
            },
        )
    log.append("exchange", who, {"method": "GET", "url": "https://ok.test/", "outcome": "upstream"})
    log.close()
    return tmp_path / "audit"


def test_the_log_is_shown_verified_exported_and_proven(run: Run, folder: Path) -> None:
    _, out = run("audit", "show", "--audit", folder, "--run", "r-1", "--denied")
    assert len(out.splitlines()) == 3
    _, out = run("audit", "show", "--audit", folder, "--last", "1", "--json")
    assert json.loads(out)["fields"]["url"] == "https://ok.test/"
    assert run("audit", "verify", "--audit", folder)[0] == 0
    with pytest.raises(InvalidInput, match="POL-168"):  # a typing mistake is no tampering
        run("audit", "verify", "--audit", folder, "--key", "c29tZXRoaW5nIGVsc2U=")
    assert json.loads(run("audit", "export", "--audit", folder)[1])["payloadType"]
    assert json.loads(run("audit", "prove", "2", "--audit", folder)[1])["index"] == 2
    with (folder / "log.jsonl").open("ab") as file:
        file.write(b"forged\n")
    code, out = run("audit", "verify", "--audit", folder)
    assert code == 1
    assert "DOES NOT HOLD" in out


def test_denied_requests_become_a_small_proposal(run: Run, folder: Path, tmp_path: Path) -> None:
    code, out = run("policy", "propose", folder)
    assert code == 0
    assert 'paths = ["/u/*", "/v1/x"]' in out
    assert "ok.test" not in out
    path = tmp_path / "proposed.toml"
    path.write_text("version = 1\n" + out)
    assert run("policy", "check", path)[0] == 0


def test_an_unknown_role_is_named(run: Run, policy: Path) -> None:
    with pytest.raises(UsageError, match=r"POL-163.*coder"):
        run("policy", "explain", "nobody", "GET", "https://a.test/", "--policy", policy)


def test_a_signature_is_made_and_shown_and_holds_for_these_bytes(
    run: Run, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    words = ("--person", "ann", "--reason", "small enough")
    assert run("policy", "sign", policy, *words)[0] == 0
    assert "Signed by ann" in run("policy", "check", policy)[1]
    assert json.loads(run("policy", "check", policy, "--json")[1])["signed_by"] == "ann"
    policy.write_text(GOOD.replace("/a/**", "/**"))
    with pytest.raises(RefusedByPolicy, match="POL-160"):
        run("policy", "check", policy)
    policy.write_text(GOOD.replace('"allow"\n', '"deny"\n'))
    assert run("policy", "sign", policy, *words)[0] == 1


def test_a_folder_without_a_log_is_named_by_every_command(run: Run, tmp_path: Path) -> None:
    for words in (("show",), ("verify",), ("prove", 0)):
        with pytest.raises(InvalidInput, match="POL-141"):
            run("audit", *words, "--audit", tmp_path)
    with pytest.raises(UsageError, match="POL-164"):
        run("audit", "show", "--audit", tmp_path, "--last", "0")
