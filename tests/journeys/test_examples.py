"""The examples go through the same line as the built-in product, unchanged."""

import subprocess
from pathlib import Path

import pytest
from tests.journeys.factory import ROOT, Home, can_fence, example, git

from unlit.fence.launch.measure import landlock_abi

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))


def test_an_http_service_goes_through_the_line(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = example("desk-booking", tmp_path / "desk")
    words = ("--agent", "scripted:../candidates", "--vault", "../vault", "--seed", "7")
    found = home.json("run", "specs/desk-booking.md", *words, cwd=base)
    assert (found["state"], found["verdict"], found["candidate"]) == ("waiting", "ship", "c2")


def test_an_existing_repository_gets_a_change_that_its_base_lacks(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    source = ROOT / "examples" / "existing-repository"
    prepared = subprocess.run(
        ["sh", str(source / "prepare.sh"), str(tmp_path / "sqlparse")],
        capture_output=True,
        text=True,
        check=False,
    )
    if prepared.returncode != 0:
        pytest.skip(f"the package index did not give sqlparse: {prepared.stderr.strip()[-80:]}")
    words = ("--agent", f"scripted:{source / 'candidates'}", "--vault", str(source / "vault"))
    found = home.json("run", "specs/check.md", *words, cwd=tmp_path / "sqlparse")
    assert (found["verdict"], found["candidate"]) == ("ship", "c1")
    assert "--check" in git(Path(found["workspace"]), "show", "candidates/c1:sqlparse/cli.py")


def test_a_service_goes_through_the_line_behind_the_weaker_backend(tmp_path: Path) -> None:
    if landlock_abi() < 4:
        pytest.skip("Landlock is off or too old here")
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = example("desk-booking", tmp_path / "desk")
    words = ("--agent", "scripted:../candidates", "--vault", "../vault", "--seed", "7")
    weaker = ("--backend", "landlock")
    found = home.json("run", "specs/desk-booking.md", *words, *weaker, cwd=base)
    assert (found["state"], found["verdict"], found["candidate"]) == ("waiting", "ship", "c2")
    report = home.json("review", found["run"], cwd=base)
    assert report["leaks"]["parts"]["probe"] == "held"
    assert any("Landlock" in gap["text"] for gap in report["not_verified"])
    assert all("Landlock" in line["weak"][0] for line in report["fences"])
