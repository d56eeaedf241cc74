import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from unlit.core.errors import OutcomeNotGoodEnough, OutsideFailed
from unlit.core.ids import CandidateId, Digest, RunId
from unlit.core.states import Verdict
from unlit.record.engine import sqlite_url
from unlit.record.model import Candidate, GateDecision, Run, RunState
from unlit.record.store import Store
from unlit.ship import ship_run

AT = datetime(2026, 11, 23, 7, 14, tzinfo=UTC)
RUN = RunId("r-aaaaaaaaaa")
C1 = CandidateId("c1")


def git(folder: Path, *words: str) -> str:
    env = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
        "GIT_AUTHOR_DATE": "2026-03-01T09:00Z", "GIT_COMMITTER_DATE": "2026-03-01T09:00Z",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, env=env
    )
    return done.stdout.strip()


class World:
    """A repository with one commit, a workspace with one candidate, and a record of both."""

    def __init__(
        self,
        root: Path,
        files: Mapping[str, str] | None = None,
        change: Mapping[str, str] | None = None,
    ) -> None:
        self.repository = root / "product"
        self.repository.mkdir()
        git(self.repository, "init", "-q", "-b", "main")
        (self.repository / "a.txt").write_text("one\n")
        (self.repository / "b.txt").write_text("b\n")
        for name, text in (files or {}).items():
            (self.repository / name).write_text(text)
        git(self.repository, "add", ".")
        git(self.repository, "commit", "-q", "-m", "base")
        self.base = git(self.repository, "rev-parse", "HEAD")
        self.workspace = root / "workspace.git"
        git(root, "clone", "-q", "--bare", str(self.repository), str(self.workspace))
        clone = root / "clone"
        git(root, "clone", "-q", str(self.workspace), str(clone))
        (clone / "a.txt").write_text("two\n")
        (clone / "new.txt").write_text("new\n")
        for name, text in (change or {}).items():
            (clone / name).write_text(text)
        git(clone, "add", ".")
        git(clone, "commit", "-q", "-m", "candidate")
        git(clone, "push", "-q", "origin", "HEAD:refs/unlit/c1")
        self.candidate = git(clone, "rev-parse", "HEAD")
        self.tree = git(clone, "rev-parse", "HEAD^{tree}")
        self.store = Store.open(sqlite_url(root / "record.db"))
        self.store.begin_run(
            Run(
                RUN, "spec", Digest("sha256:1"), "A change", str(self.repository), "specs/a.md",
                self.base, git(self.repository, "rev-parse", "HEAD^{tree}"), str(self.workspace),
                "scripted", "dana", RunState.WAITING, AT, AT, verdict=Verdict.SHIP, candidate=C1,
            )
        )  # fmt: skip
        self.store.keep_candidate(
            Candidate(RUN, C1, 1, self.candidate, self.tree, self.base, "scripted", "done", AT)
        )

    def approve(self, decision: str = "approved", tree: str | None = None) -> None:
        self.store.decide_gate(
            GateDecision(RUN, "outcome", decision, "dana", "it is right", AT, C1, tree or self.tree)
        )

    def head(self) -> str:
        return git(self.repository, "rev-parse", "main")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_approved_candidate_is_merged_and_tagged(world: World) -> None:
    world.approve()
    shipment = ship_run(world.store, RUN)
    assert world.head() == shipment.commit
    assert git(world.repository, "rev-parse", f"{shipment.tag}^{{commit}}") == shipment.commit
    assert git(world.repository, "rev-parse", "main^{tree}") == world.tree
    assert git(world.repository, "rev-parse", "main^1") == world.base
    assert git(world.repository, "rev-parse", "main^2") == world.candidate
    assert (world.repository / "new.txt").read_text() == "new\n"
    assert git(world.repository, "status", "--porcelain") == ""
    assert "Approved-By: dana" in git(world.repository, "log", "-1", "--format=%B", "main")


def test_shipping_again_changes_nothing(world: World) -> None:
    world.approve()
    first = ship_run(world.store, RUN)
    second = ship_run(world.store, RUN)
    assert second.again
    assert (second.commit, second.tag) == (first.commit, first.tag)
    assert git(world.repository, "rev-list", "--count", "main") == "3"


def test_shipping_that_died_before_the_working_copy_followed_is_finished(world: World) -> None:
    world.approve()
    first = ship_run(world.store, RUN)
    git(world.repository, "read-tree", "-m", "-u", first.commit, world.base)
    assert not (world.repository / "new.txt").exists()
    ship_run(world.store, RUN)
    assert git(world.repository, "status", "--porcelain") == ""
    assert (world.repository / "new.txt").exists()


@pytest.mark.parametrize("decision", [None, "rejected"])
def test_nothing_ships_without_an_approval(world: World, decision: str | None) -> None:
    if decision is not None:
        world.approve(decision)
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-011"):
        ship_run(world.store, RUN)
    assert world.head() == world.base


@pytest.mark.parametrize("state", [RunState.REJECTED, RunState.ENDED, RunState.CANCELLED])
def test_a_run_that_is_over_ships_nothing_on_an_old_approval(world: World, state: RunState) -> None:
    world.approve()
    world.store.change_run(RUN, AT, state=state)
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-070"):
        ship_run(world.store, RUN)
    assert world.head() == world.base


def test_an_approval_of_another_tree_ships_nothing(world: World) -> None:
    world.approve(tree="f" * 40)
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-012"):
        ship_run(world.store, RUN)
    assert world.head() == world.base


def _move_main(world: World, name: str, text: str) -> str:
    (world.repository / name).write_text(text)
    git(world.repository, "add", ".")
    git(world.repository, "commit", "-q", "-m", "meanwhile")
    return world.head()


def test_a_moved_main_is_not_shipped_on_an_old_verdict(world: World) -> None:
    world.approve()
    moved = _move_main(world, "c.txt", "c\n")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-023"):
        ship_run(world.store, RUN)
    assert world.head() == moved


def test_a_moved_main_ships_when_checks_and_validation_hold_on_the_merge(world: World) -> None:
    world.approve()
    _move_main(world, "c.txt", "c\n")
    asked = []

    def recheck(commit: str, tree: str) -> bool:
        asked.append((commit, tree))
        return True

    shipment = ship_run(world.store, RUN, recheck=recheck)
    assert asked == [(shipment.commit, shipment.tree)]
    assert shipment.regraded
    assert (world.repository / "c.txt").exists()
    assert (world.repository / "new.txt").exists()


def test_a_conflicting_main_is_left_alone(world: World) -> None:
    world.approve()
    moved = _move_main(world, "a.txt", "other\n")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-022") as conflict:
        ship_run(world.store, RUN, recheck=lambda commit, tree: True)
    assert "both changed a.txt since" in conflict.value.why
    assert world.head() == moved


def test_uncommitted_work_in_the_way_is_never_dropped(world: World) -> None:
    world.approve()
    (world.repository / "a.txt").write_text("mine\n")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-024"):
        ship_run(world.store, RUN)
    assert (world.repository / "a.txt").read_text() == "mine\n"
    assert world.head() == world.base


def test_uncommitted_work_elsewhere_stays(world: World) -> None:
    world.approve()
    (world.repository / "b.txt").write_text("mine\n")
    ship_run(world.store, RUN)
    assert (world.repository / "b.txt").read_text() == "mine\n"
    assert git(world.repository, "status", "--porcelain") == "M b.txt"


def test_no_hook_of_the_repository_runs(world: World, tmp_path: Path) -> None:
    world.approve()
    for name in ("pre-commit", "post-merge", "reference-transaction", "post-checkout"):
        hook = world.repository / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    ship_run(world.store, RUN)
    assert not (tmp_path / "ran").exists()


def test_a_bare_repository_takes_the_merge_too(world: World, tmp_path: Path) -> None:
    world.approve()
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(world.repository), str(bare))
    shipment = ship_run(world.store, RUN, bare)
    assert git(bare, "rev-parse", "main") == shipment.commit


def test_a_folder_that_is_no_repository_is_named(world: World, tmp_path: Path) -> None:
    world.approve()
    with pytest.raises(OutsideFailed, match="SHP-021"):
        ship_run(world.store, RUN, tmp_path / "nowhere")
