"""Whose signatures count: a list outside the repository, and a factory that asks for it."""

import json
from pathlib import Path

import pytest

from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.policy import load_policy
from unlit.policy.signing import sign_policy, signature_file
from unlit.policy.trust import Trust, add_key, read_trust, remove_key, trust_file, write_trust

TEXT = 'version = 1\n[[allow]]\nrole = "coder"\nhost = "a.example"\nmethods = ["GET"]\n'
CLOCK = FakeClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "repository" / "policy.toml"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def _sign(file: Path, person: str) -> str:
    return sign_policy(file, person, "it is right", file.parents[1] / f"key-{person}", CLOCK).key


@pytest.mark.parametrize("asks", ["factory", "list"])
def test_only_what_a_trusted_key_signed_is_used(file: Path, env: dict[str, str], asks: str) -> None:
    load_policy(file, env=env)
    if asks == "factory":
        (file.parent / "unlit.toml").write_text('[factory]\nname = "x"\nrequire_signed = true\n')
    else:
        write_trust(trust_file(env), Trust(required=True))
    with pytest.raises(RefusedByPolicy, match="nobody signed it"):
        load_policy(file, env=env)
    key = _sign(file, "ann")
    with pytest.raises(RefusedByPolicy, match="not trusted"):
        load_policy(file, env=env)
    add_key(trust_file(env), key, "ann", CLOCK)
    load_policy(file, env=env)
    _sign(file, "bob")
    with pytest.raises(RefusedByPolicy, match="POL-165"):
        load_policy(file, env=env)
    _sign(file, "ann")
    remove_key(trust_file(env), "ann")
    with pytest.raises(RefusedByPolicy, match="POL-165"):
        load_policy(file, env=env)
    load_policy(file, env=env, trusted=True)


def test_a_trusted_key_signs_in_its_owners_name_only(file: Path, env: dict[str, str]) -> None:
    write_trust(trust_file(env), Trust(required=True))
    add_key(trust_file(env), _sign(file, "ann"), "ann", CLOCK)
    sign_policy(file, "bob", "it is right", file.parents[1] / "key-ann", CLOCK)
    with pytest.raises(RefusedByPolicy, match="key of ann"):
        load_policy(file, env=env)


def test_a_signature_of_another_file_does_not_count(file: Path, env: dict[str, str]) -> None:
    write_trust(trust_file(env), Trust(required=True))
    add_key(trust_file(env), _sign(file, "ann"), "ann", CLOCK)
    other = file.with_name("other.toml")
    other.write_text(TEXT.replace("a.example", "b.example"))
    signature_file(other).write_bytes(signature_file(file).read_bytes())
    with pytest.raises(RefusedByPolicy, match="POL-160"):
        load_policy(other, env=env)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 100_000, '{"keys": [], "required": "no"}',
             '{"schema": "unlit.policy-trust/1", "keys": [{"key": 1}], "required": false}'],
)  # fmt: skip
def test_while_the_list_is_broken_no_policy_is_used(
    file: Path, env: dict[str, str], text: str
) -> None:
    trust_file(env).parent.mkdir(parents=True)
    trust_file(env).write_text(text)
    with pytest.raises(InvalidInput, match="POL-167"):
        load_policy(file, env=env)


@pytest.mark.parametrize(
    ("key", "person"),
    [("x", "ann"), ("QUJD", "ann"), ("", "ann"), (f"{'A' * 43}=", ""), (f"{'A' * 43}=", "a\x1b[J")],
)
def test_what_is_no_key_or_has_no_owner_is_not_taken(
    env: dict[str, str], key: str, person: str
) -> None:
    with pytest.raises(InvalidInput, match="POL-166"):
        add_key(trust_file(env), key, person, CLOCK)
    assert read_trust(trust_file(env)) == Trust()


def test_a_key_has_one_owner_and_is_in_the_list_once(env: dict[str, str], file: Path) -> None:
    key, place = _sign(file, "ann"), trust_file(env)
    add_key(place, key, "ann", CLOCK)
    assert len(add_key(place, key, "ann", CLOCK).keys) == 1
    with pytest.raises(InvalidInput, match="POL-166"):
        add_key(place, key, "bob", CLOCK)
    assert place.stat().st_mode & 0o077 == 0
    with pytest.raises(InvalidInput, match="POL-166"):
        remove_key(place, "bob")


def test_the_command_line_keeps_the_list(
    env: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from unlit.cli.policy import app

    for name, value in {**env, "XDG_STATE_HOME": env["XDG_CONFIG_HOME"]}.items():
        monkeypatch.setenv(name, value)

    def say(*words: str) -> str:
        assert app([*words], result_action="return_value") == 0
        return capsys.readouterr().out

    assert "No key is trusted yet" in say("trust", "list")
    made = json.loads(say("trust", "add", "mine", "--person", "ann", "--json"))
    assert made["keys"][0]["person"] == "ann"
    assert "Only policies signed" in say("trust", "require")
    assert "ann, since" in say("trust", "list")
    say("trust", "require", "--off")
    assert json.loads(say("trust", "remove", "ann", "--json")) == {
        "schema": "unlit.policy-trust/1", "required": False, "keys": [],
    }  # fmt: skip
