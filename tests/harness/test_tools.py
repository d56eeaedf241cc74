"""Agents are asked of their registries by package, at a version where one is named."""

from pathlib import Path

import pytest

from unlit.core.errors import OutsideFailed
from unlit.harness.recipes import RECIPES
from unlit.harness.tools import install


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put programs in the place of `npm` and `uv` that only write down their words."""
    said = tmp_path / "said"
    for name in ("npm", "uv"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {said}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return said


@pytest.mark.parametrize(
    ("agent", "version", "last"),
    [
        ("codex", "0.169.0", "@openai/codex@0.169.0"),
        ("codex", None, "@openai/codex"),
        ("mini-swe-agent", "2.4.6", "mini-swe-agent==2.4.6 mcp"),
        ("own", "2.68.0", "openrouter]==2.68.0"),
    ],
)
def test_an_agent_is_asked_for_at_its_version(
    tmp_path: Path, asked: Path, agent: str, version: str | None, last: str
) -> None:
    install(RECIPES[agent], tmp_path / "agents", version)
    assert asked.read_text().splitlines()[-1].endswith(last)


def test_a_registry_that_refuses_is_named(tmp_path: Path, asked: Path) -> None:
    (asked.parent / "bin" / "npm").write_text("#!/bin/sh\necho no such version >&2\nexit 1\n")
    with pytest.raises(OutsideFailed, match="no such version"):
        install(RECIPES["codex"], tmp_path / "agents", "0.0.0")
