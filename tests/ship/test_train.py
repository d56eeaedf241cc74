from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.ship.test_service import git

from unlit.core.ids import RunId
from unlit.ship.landing import Landing
from unlit.ship.repository import Repository, Stamp
from unlit.ship.train import Car, run_train

AT = datetime(2026, 11, 23, 7, 14, tzinfo=UTC)


class Yard:
    """A repository with one commit and changes that wait to be merged."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "product"
        self.folder.mkdir()
        git(self.folder, "init", "-q", "-b", "main")
        (self.folder / "a.txt").write_text("one\n")
        git(self.folder, "add", ".")
        git(self.folder, "commit", "-q", "-m", "base")
        self.base = git(self.folder, "rev-parse", "HEAD")
        self.repository = Repository(self.folder)
        self.landing = Landing(self.repository, "main")
        self.checked: list[str] = []

    def car(self, name: str, path: str, text: str) -> Car:
        git(self.folder, "checkout", "-q", "--detach", self.base)
        (self.folder / path).write_text(text)
        git(self.folder, "add", ".")
        git(self.folder, "commit", "-q", "-m", name)
        commit = git(self.folder, "rev-parse", "HEAD")
        tree = git(self.folder, "rev-parse", "HEAD^{tree}")
        git(self.folder, "checkout", "-q", "main")
        return Car(RunId(f"r-{name}"), commit, tree, f"{name}\n", Stamp("u", "u@localhost", AT))

    def holds(self, runs: Sequence[RunId], commit: str, tree: str) -> bool:
        """The tree holds unless it has a file named bad.txt."""
        self.checked.append(commit)
        return "bad.txt" not in self.repository.files(commit)


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_changes_that_hold_together_land_together_with_one_check(yard: Yard) -> None:
    cars = [yard.car(name, f"{name}.txt", name) for name in ("one", "two", "three")]
    arrived = run_train(yard.landing, cars, yard.holds)
    assert [item.car.run for item in arrived.landed] == ["r-one", "r-two", "r-three"]
    assert (arrived.waiting, arrived.checks) == ((), 1)
    assert git(yard.folder, "rev-parse", "main") == arrived.landed[-1].commit
    assert {p.name for p in yard.folder.glob("*.txt")} == {
        "a.txt", "one.txt", "two.txt", "three.txt",
    }  # fmt: skip
    for item in arrived.landed:
        assert git(yard.folder, "rev-parse", f"{item.car.tag}^{{commit}}") == item.commit


def test_a_train_that_fails_is_bisected_and_only_the_bad_car_waits(yard: Yard) -> None:
    names = ("one", "two", "bad", "four", "five")
    cars = [yard.car(name, f"{name}.txt", name) for name in names]
    arrived = run_train(yard.landing, cars, yard.holds)
    assert [item.car.run for item in arrived.landed] == ["r-one", "r-two", "r-four", "r-five"]
    assert [item.car.run for item in arrived.waiting] == ["r-bad"]
    assert not (yard.folder / "bad.txt").exists()
    assert arrived.checks <= 6


def test_a_car_that_conflicts_waits_and_the_others_land(yard: Yard) -> None:
    cars = [yard.car("one", "a.txt", "two\n"), yard.car("clash", "a.txt", "other\n"),
            yard.car("three", "c.txt", "c")]  # fmt: skip
    arrived = run_train(yard.landing, cars, yard.holds)
    assert [item.car.run for item in arrived.landed] == ["r-one", "r-three"]
    assert "does not merge" in arrived.waiting[0].why


def test_one_car_on_an_unmoved_branch_needs_no_second_check(yard: Yard) -> None:
    arrived = run_train(yard.landing, [yard.car("one", "x.txt", "x")], yard.holds)
    assert (len(arrived.landed), arrived.checks) == (1, 0)


def test_nothing_lands_when_every_car_is_bad(yard: Yard) -> None:
    git(yard.folder, "commit", "-q", "--allow-empty", "-m", "moved")
    (yard.folder / "m.txt").write_text("m")
    git(yard.folder, "add", ".")
    git(yard.folder, "commit", "-q", "-m", "moved")
    head = git(yard.folder, "rev-parse", "main")
    arrived = run_train(yard.landing, [yard.car("bad", "bad.txt", "x")], yard.holds)
    assert arrived.landed == ()
    assert git(yard.folder, "rev-parse", "main") == head
