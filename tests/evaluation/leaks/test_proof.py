"""The leak proof: a leak is found in every place and form, and a blind detector shows itself."""

import os
import secrets
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.ids import ScenarioId
from unlit.evaluation.leaks.encodings import CONTAINERS, ENCODINGS, encode_as
from unlit.evaluation.leaks.needles import canary_of, needles
from unlit.evaluation.leaks.proof import DETECTORS, Hidden, Places, prove
from unlit.evaluation.leaks.sources import read_trees

CANARY = canary_of(b"k" * 32, "late-fee")
TEXT = b"""id: late-fee
story: A customer who pays eleven days too late is charged the second step of the fee.
then: [{stdout: {contains: "Late fee 17.35 EUR"}}]
"""
HIDDEN = Hidden(ScenarioId("late-fee"), CANARY, TEXT, ("Late fee 17.35 EUR", 4711))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "main.py").write_text("FEE = 5\n", encoding="utf-8")
    return folder


def places(workspace: Path, **more: object) -> Places:
    return Places(workspace=(workspace,), twins=("GET /x",), outputs=("ok",), **more)  # type: ignore[arg-type] # test sugar


def test_an_honest_candidate_holds(workspace: Path) -> None:
    leaks = prove([HIDDEN], places(workspace))
    assert (leaks.canaries, leaks.control, leaks.literals) == ("held", "held", "held")


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_that_is_switched_off_makes_its_own_control_fail(
    workspace: Path, name: str
) -> None:
    leaks = prove([HIDDEN], places(workspace), disabled=frozenset({name}))
    assert leaks.control == "failed"
    assert any(name in detail for detail in leaks.details if "planted leak" in detail)


@pytest.mark.parametrize("name", [*ENCODINGS, *CONTAINERS])
def test_a_canary_is_found_in_every_form(workspace: Path, name: str) -> None:
    (workspace / "notes.bin").write_bytes(encode_as(name, CANARY.encode()))
    leaks = prove([HIDDEN], places(workspace))
    assert leaks.canaries == "leaked"
    assert any("late-fee" in detail and "workspace" in detail for detail in leaks.details)
    assert CANARY not in str(leaks)


def test_words_of_a_hidden_story_are_found_unless_they_are_visible(workspace: Path) -> None:
    copied = b"# a customer who pays eleven days too late is charged the second step\n"
    (workspace / "main.py").write_bytes(copied)
    assert prove([HIDDEN], places(workspace)).canaries == "leaked"
    assert prove([HIDDEN], places(workspace, visible=(TEXT,))).canaries == "held"


def test_a_canary_in_deleted_history_is_found(workspace: Path, tmp_path: Path) -> None:
    from unlit.evaluation.leaks.sources import plant_history

    repository = plant_history(tmp_path / "repository", CANARY.encode())
    leaks = prove([HIDDEN], places(workspace, history=(repository,)))
    assert leaks.canaries == "leaked"
    assert any("history" in detail for detail in leaks.details)


def test_a_packed_repository_is_read_too(workspace: Path, tmp_path: Path) -> None:
    from unlit.evaluation.leaks.sources import plant_history

    repository = plant_history(tmp_path / "repository", CANARY.encode())
    subprocess.run(["git", "-C", str(repository), "gc", "-q"], check=True)
    leaks = prove([HIDDEN], places(workspace, history=(repository,)))
    assert leaks.canaries == "leaked"


@pytest.mark.parametrize("kind", ["transcripts", "prompts", "egress"])
def test_a_canary_in_a_log_is_found(workspace: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / kind).mkdir()
    (tmp_path / kind / "log.jsonl").write_text(f'{{"text": "{CANARY}"}}\n', encoding="utf-8")
    leaks = prove([HIDDEN], places(workspace, **{kind: (tmp_path / kind,)}))
    assert leaks.canaries == "leaked"


@pytest.mark.parametrize("kind", ["twins", "outputs"])
def test_a_canary_in_traffic_or_output_is_found(workspace: Path, kind: str) -> None:
    given_ = Places(workspace=(workspace,), **{kind: (f"POST /a {CANARY}",)})  # type: ignore[arg-type] # test sugar
    assert prove([HIDDEN], given_).canaries == "leaked"


def test_answers_learnt_by_heart_are_found(workspace: Path) -> None:
    (workspace / "main.py").write_text(
        'if days == 4711: print("Late fee 17.35 EUR")\n', encoding="utf-8"
    )
    assert prove([HIDDEN], places(workspace)).literals == "leaked"
    (workspace / "main.py").write_text("days = 4711\n", encoding="utf-8")
    assert prove([HIDDEN], places(workspace)).literals == "suspicious"
    (workspace / "main.py").unlink()
    (workspace / "main.js").write_text("t[4711] = 'Late fee 17.35 EUR'\n", encoding="utf-8")
    assert prove([HIDDEN], places(workspace)).literals == "leaked"


def test_a_place_that_was_not_given_is_not_exercised_and_said(workspace: Path) -> None:
    leaks = prove([HIDDEN], Places(workspace=(workspace,)))
    assert any("transcripts" in detail and "Not exercised" in detail for detail in leaks.details)


def test_nothing_hidden_is_not_exercised(workspace: Path) -> None:
    assert prove([], places(workspace)).canaries is None


@given(st.binary(max_size=40), st.binary(max_size=40), st.sampled_from([*ENCODINGS]))
def test_a_needle_is_found_wherever_it_stands(before: bytes, after: bytes, name: str) -> None:
    import base64

    needle = f"canary-{secrets.token_hex(16)}"
    sought = needles([(ScenarioId("x"), needle, b"")], [])
    content = (
        base64.b64encode(before + needle.encode() + after)
        if name == "base64"
        else before + encode_as(name, needle.encode()) + after
    )
    assert sought.found_in(content, ()) == {"x"}


@pytest.mark.parametrize("scanner", ["read_trees", "read_history", "texts", "learnt_by_heart"])
def test_a_scanner_that_really_went_blind_is_noticed(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, scanner: str
) -> None:
    """Not switched off: broken, as by a bug of ours. What it misses is its own planted leak."""
    from unlit.evaluation.leaks import proof

    found: dict[str, int] = {}
    monkeypatch.setattr(
        proof, scanner, lambda *_: found if scanner == "learnt_by_heart" else iter(())
    )
    leaks = prove([HIDDEN], places(workspace))
    assert leaks.control == "failed"


def test_names_that_are_no_utf8_are_read_like_others(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"1")
    (tmp_path / "link").symlink_to(os.fsdecode(b"to\xe9"))
    (tmp_path / os.fsdecode(b"caf\xe9")).write_bytes(b"2")
    found = {item.label: item.content for item in read_trees([tmp_path])}
    assert found == {"plain": b"plain", "link": b"to\xe9", "caf\\xe9": b"caf\xe9"}
    assert [item.label.encode() for item in read_trees([tmp_path])]
