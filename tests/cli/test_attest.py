"""`unlit attest`: each file holds its own statement, signed, about what the run was merged as."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.ship.test_service import AT, RUN, World

from unlit.cli.attest import attest as check
from unlit.core.errors import InvalidInput
from unlit.policy.audit.keys import signing_key
from unlit.record.model import RunEvent
from unlit.review import build_report
from unlit.ship import attest, ship_run
from unlit.ship.attest import STATEMENTS, merged_as
from unlit.ship.provenance import BILL, OUTCOME, PROVENANCE, STATEMENT, seal
from unlit.wiring.paths import state_paths
from unlit.wiring.settings import read_settings


class Shipped(World):
    """A shipped run whose attestations lie where the command looks for them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
        monkeypatch.setenv("HOME", str(root / "home"))
        monkeypatch.chdir(root)
        super().__init__(root)
        self.paths = state_paths(read_settings(), self.repository)
        self.paths.create()
        self.database = root / "record.db"
        self.keys = self.paths.root / "audit-key"
        self.folder = self.paths.root / "reports" / RUN
        self.approve()
        self.shipment = ship_run(self.store, RUN)
        report = build_report(self.store, RUN).to_json()
        attest(self.store, RUN, self.shipment, report, self.folder, self.keys)
        self.merged(self.shipment.commit)

    def merged(self, commit: str, key: str = "state/shipped/c1") -> None:
        self.store.keep_events([RunEvent(RUN, key, "state", AT, "ship", data={"commit": commit})])

    def put(self, name: str, content: bytes) -> None:
        (self.folder / f"{name}.dsse.json").write_bytes(content)

    def sign(self, name: str, statement: Any) -> None:
        self.put(name, json.dumps(seal(statement, signing_key(self.keys))).encode())

    def file(self, name: str) -> bytes:
        return (self.folder / f"{name}.dsse.json").read_bytes()

    def by_run(self) -> int:
        self.store.close()
        self.database.replace(self.paths.database)
        return check(RUN, as_json=True, repository=self.repository)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    return Shipped(tmp_path, monkeypatch)


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_was_shipped_holds_from_its_folder(
    shipped: Shipped, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(folder=shipped.folder, as_json=True) == 0
    found = said(capsys)
    assert (found["ok"], found["commit"]) == (True, None)
    assert {row["commit"] for row in found["statements"].values()} == {shipped.shipment.commit}


def test_a_run_is_held_against_the_commit_it_was_merged_as(
    shipped: Shipped, capsys: pytest.CaptureFixture[str]
) -> None:
    assert merged_as(shipped.store, RUN) == shipped.shipment.commit
    assert shipped.by_run() == 0
    assert said(capsys)["commit"] == shipped.shipment.commit


def test_attestations_of_another_commit_than_the_merged_one_are_refused(
    shipped: Shipped, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped.merged("c" * 40, "state/shipped/c2")
    assert shipped.by_run() == 1
    assert not said(capsys)["ok"]
    assert check(RUN, repository=shipped.repository) == 1
    assert "the run was merged as cccccccccc" in capsys.readouterr().out


def test_the_record_that_tells_of_no_merge_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Shipped, "merged", lambda self, commit: None)
    shipped = Shipped(tmp_path, monkeypatch)
    assert merged_as(shipped.store, RUN) == ""
    assert shipped.by_run() == 1
    assert said(capsys)["commit"] is None


def test_each_file_holds_its_own_statement(
    shipped: Shipped, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in STATEMENTS:
        shipped.put(name, shipped.file("sbom"))
    assert check(folder=shipped.folder, as_json=True) == 1
    rows = said(capsys)["statements"]
    assert [rows[name]["ok"] for name in STATEMENTS] == [False, False, True]
    assert rows["outcome"]["says"] == "another statement lies here"


@pytest.mark.parametrize("statement", [[], {}, [1, 2], {"subject": []}, "x", None])
def test_what_is_signed_and_no_statement_is_said(
    shipped: Shipped, capsys: pytest.CaptureFixture[str], statement: Any
) -> None:
    shipped.sign("provenance", statement)
    assert check(folder=shipped.folder, as_json=True) == 1
    row = said(capsys)["statements"]["provenance"]
    assert (row["ok"], row["says"]) in (
        (False, "not one of our statements"), (False, "not signed by this key"),
    )  # fmt: skip


@pytest.mark.parametrize("predicate", [{}, [], None, {"compositions": []}])
def test_a_statement_without_what_it_should_say_is_refused(
    shipped: Shipped, capsys: pytest.CaptureFixture[str], predicate: Any
) -> None:
    for name, kind in (("sbom", BILL), ("provenance", PROVENANCE), ("outcome", OUTCOME)):
        subject = [{"digest": {"gitCommit": shipped.shipment.commit}}]
        shipped.sign(name, {"_type": STATEMENT, "subject": subject, "predicateType": kind,
                            "predicate": predicate})  # fmt: skip
    assert check(folder=shipped.folder, as_json=True) == 1
    assert not any(row["ok"] for row in said(capsys)["statements"].values())


def test_a_file_that_cannot_be_read_is_said_and_is_not_missing(
    shipped: Shipped, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("provenance", b"\xff\xfe{}"), ("outcome", b"{"), ("sbom", b"[]")):
        shipped.put(name, content)
    assert check(folder=shipped.folder) == 1
    out = capsys.readouterr().out
    assert out.count("is no JSON in UTF-8") == 2
    assert "not signed by this key" in out
    for name in STATEMENTS:
        (shipped.folder / f"{name}.dsse.json").unlink()
    with pytest.raises(InvalidInput, match="SHP-068"):
        check(folder=shipped.folder)
