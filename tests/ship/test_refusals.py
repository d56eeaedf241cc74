"""`unlit approve` when something is in the way: one clear message each, and nothing is merged."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.ship.test_forges import documented
from tests.ship.test_remote import Shared
from tests.ship.test_service import RUN, git

from unlit.wiring.paths import state_paths
from unlit.wiring.settings import read_settings

FACTORY = '[factory]\nname = "shop"\n'


class Desk:
    """A person at a terminal, with a run that waits at its gate."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = Shared(root)
        self.env = {"HOME": str(root / "home"), "PATH": os.environ["PATH"], "FAKE_TOKEN": "fake"}
        (root / "home").mkdir()

    def say(self, text: str, policy: str = "") -> None:
        """Write unlit.toml and policy.toml beside the work, not committed."""
        (self.world.repository / "unlit.toml").write_text(FACTORY + text)
        if policy:
            (self.world.repository / "policy.toml").write_text(policy)

    def approve(self) -> subprocess.CompletedProcess[str]:
        world = self.world
        paths = state_paths(read_settings(self.env), world.repository)
        paths.create()
        world.store.close()
        shutil.copyfile(self.root / "record.db", paths.database)
        return subprocess.run(
            [sys.executable, "-m", "unlit", "approve", RUN, "--reason", "it is right",
             "--person", "dana", "--repository", str(world.repository)],
            capture_output=True, text=True, env=self.env, cwd=self.root, timeout=120,
        )  # fmt: skip

    def refused(self, code: str, exit_code: int, words: str) -> None:
        done = self.approve()
        assert done.returncode == exit_code, done.stderr
        assert done.stdout == ""
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        assert lines[0].startswith(code), done.stderr
        assert words in done.stderr
        assert any(line.strip().startswith("Why:") for line in lines)
        assert any(line.strip().startswith("Do:") for line in lines)
        assert "Traceback" not in done.stderr
        assert len(lines) <= 4, done.stderr
        assert git(self.world.repository, "tag") == ""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_main_has_moved(desk: Desk) -> None:
    (desk.world.repository / "c.txt").write_text("c\n")
    git(desk.world.repository, "add", ".")
    git(desk.world.repository, "commit", "-q", "-m", "meanwhile")
    desk.refused("SHP-023", 1, "has moved")


def test_the_working_copy_is_dirty(desk: Desk) -> None:
    (desk.world.repository / "a.txt").write_text("mine\n")
    desk.refused("SHP-024", 1, "would be overwritten")
    assert (desk.world.repository / "a.txt").read_text() == "mine\n"


def test_the_branch_is_protected(desk: Desk) -> None:
    desk.say('[ship]\nremote = "origin"\n')
    desk.world.hook("echo 'error: GH006: Protected branch update failed.' >&2; exit 1")
    desk.refused("SHP-041", 4, "origin protects main")


def test_the_remote_refuses_the_push(desk: Desk) -> None:
    desk.say('[ship]\nremote = "origin"\n')
    desk.world.hook("echo 'Every commit names a ticket.' >&2; exit 1")
    desk.refused("SHP-043", 5, "Every commit names a ticket")


def test_the_gate_has_expired(desk: Desk) -> None:
    desk.say("[gate.outcome]\nexpires_h = 0.001\n")
    _take_back(desk.root / "record.db")
    desk.refused("REV-013", 4, "closed 0.001 h after it opened")


def _take_back(database: Path) -> None:
    """As if nobody had decided yet."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("delete from gate_decisions")


def test_the_pull_request_was_closed_by_hand(desk: Desk) -> None:
    pull = {
        "number": 7, "state": "closed", "merged": False, "merged_at": None,
        "html_url": "https://github.com/acme/app/pull/7", "merge_commit_sha": None,
        "head": {"ref": f"unlit/{RUN}", "sha": "1" * 40},
    }  # fmt: skip
    root = "/repos/acme/app/pulls"
    answers = {("GET", root): (200, [pull]), ("GET", f"{root}/7"): (200, pull)}
    with documented(answers) as (base, _):
        port = base.rsplit(":", 1)[1]
        desk.say(
            f'[ship]\nremote = "origin"\n[ship.forge]\nkind = "github"\nproject = "acme/app"\n'
            f'base_url = "{base}"\n',
            f'version = 1\n[[allow]]\nrole = "deploy"\nhost = "127.0.0.1"\nports = [{port}]\n'
            'scheme = "http"\nallow_private = true\n',
        )
        desk.refused("SHP-045", 1, "https://github.com/acme/app/pull/7 was closed by hand")


def test_nothing_in_the_way_ships_and_says_where(desk: Desk) -> None:
    desk.say('[ship]\nremote = "origin"\nchangelog = "CHANGELOG.md"\n')
    done = desk.approve()
    assert done.returncode == 0, done.stderr
    assert "Shipped" in done.stdout
    assert git(desk.world.bare, "rev-parse", f"unlit/{RUN}^{{tree}}") == desk.world.tree
    again = subprocess.run(
        [sys.executable, "-m", "unlit", "ship", RUN, "--json", "--repository",
         str(desk.world.repository)],
        capture_output=True, text=True, env=desk.env, cwd=desk.root, timeout=120,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    facts = json.loads(again.stdout)
    assert (facts["again"], facts["remote"]) == (True, "origin")
    assert set(facts["attestations"]) == {
        "provenance.dsse.json", "outcome.dsse.json", "sbom.cdx.json", "sbom.dsse.json",
    }  # fmt: skip
