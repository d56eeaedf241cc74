import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "README.md").write_text("# Product\n")
    (folder / "policy.toml").write_text("version = 1\n")
    (folder / "spec.md").write_text("# Spec\n")
    commands = (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "base"],
    )
    for words in commands:
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder
