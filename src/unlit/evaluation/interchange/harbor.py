"""A spec and a vault as a Harbor task folder (schema 1.0): instruction, environment, hidden tests.

The agent of a Harbor run sees the visible brief; the vault is copied into `tests/`, which Harbor
uploads only after the agent has ended. The reward is the satisfaction rate.
"""

import json
import shutil
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.core.states import Partition
from unlit.evaluation.vault import Vault

_TEST: Final = """\
#!/bin/sh
# Grades /workspace with the scenarios that came with this folder; writes the reward.
set -u
mkdir -p /logs/verifier
pip install --quiet unlit >/dev/null 2>&1 || true
rm -rf /tmp/vault && cp -r /tests/vault /tmp/vault
unlit evaluate --spec /tests/spec.md --candidate /workspace --vault /tmp/vault \\
  --partition {partition} --run {run} {port}--json > /logs/verifier/result.json
python3 - <<'END'
import json
try:
    rate = json.load(open("/logs/verifier/result.json"))["satisfaction"]["estimate"]
except (OSError, ValueError, KeyError):
    rate = None
if rate is not None:
    open("/logs/verifier/reward.txt", "w").write(f"{{rate}}\\n")
END
"""
_DOCKERFILE: Final = """\
FROM debian:13-slim
RUN apt-get update && apt-get install -y --no-install-recommends \\
    bubblewrap ca-certificates git python3 python3-pip python3-venv && rm -rf /var/lib/apt/lists/*
ENV PIP_BREAK_SYSTEM_PACKAGES=1
WORKDIR /workspace
COPY . /workspace
"""


def write_harbor_task(
    vault: Vault,
    spec: Path,
    brief: str,
    into: Path,
    *,
    run: str,
    port: int | None = None,
    base: Path | None = None,
    partition: Partition = Partition.VALIDATION,
) -> Path:
    """Write one task folder and return it.

    Args:
        vault: Scenarios without errors.
        spec: The spec; the verifier needs it whole.
        brief: What the agent is told: the visible part of the spec.
        into: Folder to make; must not exist.
        run: How the product starts.
        port: Where a server listens.
        base: What the agent starts from; empty when None.
        partition: Which scenarios grade.

    Raises:
        InvalidInput: `into` exists already.
    """
    if into.exists():
        raise InvalidInput(
            "EVA-155", f"{into} exists already.", "a task folder is written whole.",
            "name a folder that does not exist.",
        )  # fmt: skip
    (into / "tests").mkdir(parents=True)
    (into / "environment").mkdir()
    (into / "instruction.md").write_text(brief, encoding="utf-8")
    (into / "task.toml").write_text(_settings(spec.stem), encoding="utf-8")
    if base is not None:
        shutil.copytree(base, into / "environment", dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns(".git"))  # fmt: skip
    (into / "environment" / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
    test = into / "tests" / "test.sh"
    shown = f"--port {port} " if port is not None else ""
    text = _TEST.format(partition=partition.value, run=json.dumps(run), port=shown)
    test.write_text(text, encoding="utf-8")
    test.chmod(0o755)
    shutil.copy(spec, into / "tests" / "spec.md")
    for scenario in vault.of(partition):
        target = into / "tests" / "vault" / scenario.file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(vault.root / scenario.file, target)
    return into


def _settings(name: str) -> str:
    return (
        'version = "1.0"\n\n[metadata]\n'
        f'name = {json.dumps(name)}\ncategory = "programming"\ntags = ["unlit"]\n\n'
        "[verifier]\ntimeout_sec = 1800.0\n\n[agent]\ntimeout_sec = 3600.0\n\n"
        "[environment]\nbuild_timeout_sec = 900.0\ncpus = 2\nmemory_mb = 4096\nstorage_mb = 10240\n"
    )
