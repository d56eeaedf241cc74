"""Every command of a tutorial runs as it is printed, and what it is said to print is printed."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.factory import ROOT, Home, can_fence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VOLATILE = re.compile(r"r-[a-z0-9]{10}|\d+\.\d+ s|[0-9a-f]{10}")


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield match[1], match[2]


def plain(line: str) -> str:
    return " ".join(VOLATILE.sub("#", line).split())


def test_ones_own_http_service_is_built_graded_and_merged(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    commands = home.folder / "bin"
    commands.mkdir(parents=True)
    (commands / "unlit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unlit "$@"\n')
    (commands / "unlit").chmod(0o755)
    env = {**home.env, "PATH": f"{commands}:{os.environ['PATH']}"}
    page = ROOT / "docs" / "tutorial" / "own-http-service.md"
    found = list(blocks(page))
    script = "\n".join(["set -eu", *(text for kind, text in found if kind == "sh")])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    printed = [plain(line) for line in (done.stdout + done.stderr).splitlines()]
    for kind, text in found:
        for line in text.splitlines() if kind == "text" else ():
            assert any(said.startswith(plain(line)) for said in printed), line
