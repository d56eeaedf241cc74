"""Changes that another person must agree to, or that nobody may make from here."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.context.twinned import wired

from unlit.context.adapters.index import Index
from unlit.context.adapters.pending import PendingChanges
from unlit.context.changes import (
    Assign,
    Change,
    Comment,
    Create,
    Delete,
    Edit,
    SetField,
    Start,
    Transition,
)
from unlit.context.confirming import WriteRules, change_from, change_json, named_in
from unlit.context.connectors.jira import Jira
from unlit.context.library import Library
from unlit.context.model import Ref
from unlit.core.clock import FakeClock
from unlit.core.errors import InvalidInput, OutsideFailed, RefusedByPolicy

SITE = "https://example.atlassian.net"
SEEDS = {
    "jira": {
        "projects": [{"key": "SEC", "name": "Security"}],
        "issues": [{"project": "SEC", "summary": "Paging is wrong"}],
    }
}
ISSUE = Ref("jira", "issue", "SEC-1")
ALL: list[Change] = [
    Create("SEC", "t", "b", "Task", "SEC-1", ("x",)),
    Edit(ISSUE, "t"),
    Transition(ISSUE, "Done"),
    Assign(ISSUE, "ada"),
    Start(ISSUE),
    Comment(ISSUE, "b"),
    Delete(ISSUE),
    SetField(ISSUE, "labels", "a"),
]


@pytest.mark.parametrize("change", ALL, ids=lambda one: type(one).__name__)
def test_a_change_survives_being_kept(change: Change) -> None:
    assert change_from(change_json(change)) == change


def test_a_rule_names_an_operation_or_one_argument_of_it() -> None:
    assert named_in(Delete(ISSUE), ("delete",))
    assert named_in(Transition(ISSUE, "Done"), ("transition:done",))
    assert not named_in(Transition(ISSUE, "Open"), ("transition:done",))
    assert named_in(Transition(ISSUE, "Open"), ("transition",))
    assert not named_in(Comment(ISSUE, "x"), ("delete", "transition"))


def test_deleting_takes_two_people_and_the_thing_as_it_was(tmp_path: Path) -> None:
    clock = FakeClock()
    with wired(tmp_path, "jira", SITE, SEEDS) as wire:
        pending = PendingChanges(tmp_path / "waiting", clock)
        jira = Jira(wire.api, clock, project="SEC")
        rules = {"jira": WriteRules(("delete", "transition:Done"), ("create",))}
        noted: list[tuple[str, ...]] = []
        library = Library(
            {"jira": jira}, Index(Path(":memory:")), rules=rules, pending=pending,
            note=lambda kind, facts: noted.append(
                (kind, facts["do"], *(facts[n] for n in ("by", "agreed") if n in facts))
            ),
        )  # fmt: skip

        with pytest.raises(RefusedByPolicy) as asked:
            library.write("jira", Delete(ISSUE), person="ada")
        (one,) = library.waiting()
        assert one.id in asked.value.remedy
        assert (one.title, one.asked_by) == ("Paging is wrong", "ada")
        with pytest.raises(RefusedByPolicy, match="cannot also confirm"):
            library.confirm(one.id, "ada")
        assert jira.fetch(ISSUE) is not None

        library.write("jira", Edit(ISSUE, title="Paging was wrong"), person="eve")
        with pytest.raises(InvalidInput, match="has changed"):
            library.confirm(one.id, "bob")
        assert library.waiting() == []

        with pytest.raises(RefusedByPolicy):
            library.write("jira", Delete(ISSUE), person="ada")
        (one,) = library.waiting()
        library.confirm(one.id, "bob")
        assert jira.fetch(ISSUE) is None
        assert library.waiting() == []
        with pytest.raises(RefusedByPolicy, match="does not let anybody create"):
            library.write("jira", Create("", "New"), person="ada")
        with pytest.raises(InvalidInput, match="No change"):
            library.confirm("../../etc", "bob")
    assert noted == [
        ("source.asked", "delete", "ada"),
        ("source.refused", "delete", "ada"),
        ("source.change", "edit", "eve"),
        ("source.asked", "delete", "ada"),
        ("source.confirmed", "delete", "ada", "bob"),
        ("source.change", "delete", "ada", "bob"),
        ("source.refused", "create", "ada"),
    ]


def test_nothing_is_deleted_when_it_cannot_be_noted(tmp_path: Path) -> None:
    def full(kind: str, fields: Mapping[str, str]) -> None:
        raise OutsideFailed("POL-1", "The disk is full.", "it is.", "make room.")

    with wired(tmp_path, "jira", SITE, SEEDS) as wire:
        jira = Jira(wire.api, FakeClock(), project="SEC")
        library = Library({"jira": jira}, Index(Path(":memory:")), note=full)
        with pytest.raises(OutsideFailed, match="disk is full"):
            library.write("jira", Delete(ISSUE), person="ada", agreed="bob")
        assert jira.fetch(ISSUE) is not None


def test_what_waits_for_a_week_is_dropped(tmp_path: Path) -> None:
    clock = FakeClock()
    pending = PendingChanges(tmp_path / "waiting", clock)
    pending.ask("jira", Delete(ISSUE), "ada", "t", "1")
    clock.advance(8 * 86400)
    assert pending.all() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Comment(ISSUE, " \n"), "comment without words"),
        (Create("SEC", ""), "thing without a title"),
    ],
)
def test_what_says_nothing_is_not_written(tmp_path: Path, change: Change, says: str) -> None:
    with wired(tmp_path, "jira", SITE, SEEDS) as wire:
        jira = Jira(wire.api, FakeClock(), project="SEC")
        library = Library({"jira": jira}, Index(Path(":memory:")))
        with pytest.raises(InvalidInput, match=says) as refused:
            library.write("jira", change, person="ada")
        assert refused.value.code == "CTX-328"
        assert len(list(jira.search(""))) == 1
        assert list(jira.comments(ISSUE)) == []
