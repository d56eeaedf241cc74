"""Shipping to a remote: pushed once, never by force, and every refusal is one clear message."""

import os
from pathlib import Path

import pytest
from tests.ship.test_service import RUN, World, git

from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough, OutsideFailed, RefusedByPolicy
from unlit.ship import Means, ShipPlan, ship_run

MEANS = Means(ShipPlan(remote="origin"), env={"PATH": os.environ["PATH"]})


class Shared(World):
    """A world whose repository has a bare remote."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.bare = root / "shared.git"
        git(root, "clone", "-q", "--bare", str(self.repository), str(self.bare))
        git(self.repository, "remote", "add", "origin", str(self.bare))
        self.approve()

    def elsewhere(self, name: str, text: str) -> str:
        """Somebody pushes a commit from another clone."""
        clone = self.bare.parent / f"other-{name}"
        git(self.bare.parent, "clone", "-q", str(self.bare), str(clone))
        (clone / name).write_text(text)
        git(clone, "add", ".")
        git(clone, "commit", "-q", "-m", "elsewhere")
        git(clone, "push", "-q", "origin", "HEAD:main")
        return git(clone, "rev-parse", "HEAD")

    def hook(self, text: str) -> None:
        hook = self.bare / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{text}\n")
        hook.chmod(0o755)


@pytest.fixture
def world(tmp_path: Path) -> Shared:
    return Shared(tmp_path)


def test_the_merge_and_its_tag_reach_the_remote_once(world: Shared) -> None:
    first = ship_run(world.store, RUN, means=MEANS)
    assert git(world.bare, "rev-parse", "main") == first.commit == world.head()
    assert git(world.bare, "rev-parse", f"{first.tag}^{{commit}}") == first.commit
    second = ship_run(world.store, RUN, means=MEANS)
    assert (second.again, second.commit, first.remote) == (True, first.commit, "origin")
    assert git(world.bare, "rev-list", "--count", "main") == "3"


def test_what_others_pushed_meanwhile_is_merged_with_and_verified(world: Shared) -> None:
    theirs = world.elsewhere("c.txt", "c\n")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-023"):
        ship_run(world.store, RUN, means=MEANS)
    asked = []

    def recheck(commit: str, tree: str) -> bool:
        asked.append(tree)
        return True

    shipment = ship_run(world.store, RUN, means=MEANS, recheck=recheck)
    assert asked == [shipment.tree]
    assert git(world.bare, "rev-parse", "main^1") == theirs
    assert (world.repository / "c.txt").exists()


def test_a_merge_that_does_not_hold_is_not_pushed(world: Shared) -> None:
    theirs = world.elsewhere("c.txt", "c\n")
    with pytest.raises(OutcomeNotGoodEnough, match=r"SHP-027 .*AC-2 fails"):
        ship_run(world.store, RUN, means=MEANS, recheck=lambda commit, tree: "AC-2 fails")
    assert git(world.bare, "rev-parse", "main") == theirs
    assert world.head() == world.base


def test_a_protected_branch_is_named_and_nothing_changes(world: Shared) -> None:
    world.hook("echo 'error: GH006: Protected branch update failed for main.' >&2; exit 1")
    with pytest.raises(RefusedByPolicy, match="SHP-041 origin protects main: error: GH006"):
        ship_run(world.store, RUN, means=MEANS)
    assert (world.head(), git(world.bare, "rev-parse", "main")) == (world.base, world.base)


def test_a_remote_that_refuses_says_why_in_its_own_words(world: Shared) -> None:
    world.hook("echo 'Every commit names a ticket.' >&2; exit 1")
    with pytest.raises(OutsideFailed, match=r"SHP-043 .*Every commit names a ticket"):
        ship_run(world.store, RUN, means=MEANS)
    assert world.head() == world.base


def test_a_remote_that_is_gone_is_named(world: Shared) -> None:
    world.bare.rename(world.bare.with_name("moved.git"))
    with pytest.raises(OutsideFailed, match="SHP-044 The remote origin does not answer"):
        ship_run(world.store, RUN, means=MEANS)


def test_an_unknown_remote_is_refused(world: Shared) -> None:
    with pytest.raises(InvalidInput, match="SHP-040"):
        ship_run(world.store, RUN, means=Means(ShipPlan(remote="upstream"), env=MEANS.env))


def test_a_branch_that_has_parted_from_its_remote_is_not_shipped(world: Shared) -> None:
    world.elsewhere("c.txt", "c\n")
    (world.repository / "d.txt").write_text("d\n")
    git(world.repository, "add", ".")
    git(world.repository, "commit", "-q", "-m", "here")
    with pytest.raises(OutcomeNotGoodEnough, match="SHP-026"):
        ship_run(world.store, RUN, means=MEANS, recheck=lambda commit, tree: True)


def test_a_push_that_was_not_tagged_before_the_crash_is_finished(world: Shared) -> None:
    first = ship_run(world.store, RUN, means=MEANS)
    git(world.repository, "update-ref", "-d", f"refs/tags/{first.tag}")
    git(world.bare, "update-ref", "-d", f"refs/tags/{first.tag}")
    git(world.repository, "reset", "-q", "--hard", world.base)
    again = ship_run(world.store, RUN, means=MEANS)
    assert again.commit == first.commit == world.head()
    assert git(world.bare, "rev-parse", f"{first.tag}^{{commit}}") == first.commit
    assert git(world.bare, "rev-list", "--count", "main") == "3"
    assert git(world.repository, "status", "--porcelain") == ""
