"""Secrets come from where the policy says, and show themselves to nobody."""

import pickle
import stat
import sys
from pathlib import Path

import pytest

from unlit.core.errors import UnlitError
from unlit.policy import mint_placeholder, resolve_credential
from unlit.policy.model import CredentialRule, Injection, SourceRule

SECRET = "fake-secret-123456"


def rule(kind: str, *words: str, hosts: tuple[str, ...] = ("x.test",)) -> CredentialRule:
    source = SourceRule(kind, words)  # type: ignore[arg-type] # the tests name the kinds
    return CredentialRule("key", source, Injection("header", "x-api-key"), hosts)


def test_environment_file_and_command_give_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(SECRET + "\n")
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    program = tmp_path / "vault-cli"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint('{SECRET}')\n")
    program.chmod(0o700)
    for one, env in (
        (rule("env", "KEY"), {"KEY": SECRET}),
        (rule("file", str(file)), {}),
        (rule("file", "~/key"), {"HOME": str(tmp_path)}),
        (rule("command", str(program), "read", "op://x"), {}),
    ):
        assert resolve_credential(one, env=env).reveal() == SECRET


@pytest.mark.parametrize(
    ("one", "env"),
    [
        (rule("env", "KEY"), {}),
        (rule("env", "KEY"), {"KEY": "short"}),
        (rule("env", "KEY"), {"KEY": "two\nlines-of-secret"}),
        (rule("file", "/nonexistent/key"), {}),
        (rule("file", "/etc/passwd"), {}),
        (rule("command", "/bin/false"), {}),
        (rule("command", "/nonexistent/program"), {}),
    ],
)
def test_what_is_not_there_is_said_and_not_guessed(
    one: CredentialRule, env: dict[str, str]
) -> None:
    with pytest.raises(UnlitError) as caught:
        resolve_credential(one, env=env)
    assert caught.value.code in ("POL-130", "POL-131")
    assert "lines-of-secret" not in str(caught.value)


def test_a_secret_does_not_print_or_travel() -> None:
    secret = resolve_credential(rule("env", "KEY"), env={"KEY": SECRET})
    assert SECRET not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_placeholders_have_the_vendors_shape_and_differ() -> None:
    one = rule("env", "KEY", hosts=("api.anthropic.com",))
    assert mint_placeholder(one).startswith("sk-ant-api03-")
    assert mint_placeholder(one) != mint_placeholder(one)
