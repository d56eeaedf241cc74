"""Old against new: only real differences are named, with the world they show in."""

from collections.abc import Callable
from pathlib import Path

from unlit.core.system import SystemClock
from unlit.evaluation.against import (
    Comparison,
    Versions,
    both,
    compare,
    differences,
    shown,
)
from unlit.evaluation.fakes import FakeWorlds, LocalPool
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.stage import Launch
from unlit.evaluation.trajectory import Setting

Make = Callable[..., Scenario]
BODY = "vary: {n: {int: [1, 40]}}\nwhen: [{cli: {run: ['{n}']}}]\nthen: [{exit: 0}]"


async def run(tmp_path: Path, make: Make, old: str, new: str) -> Comparison:
    for name, text in (("old", old), ("new", new)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.sh").write_text(text, encoding="utf-8")
    setting = Setting(FakeWorlds(), Launch("cli", ("sh", "p.sh")), SystemClock(), driver)
    return await compare(
        [make(BODY)], Versions(tmp_path / "old", tmp_path / "new"), setting, LocalPool(), seed=1,
        worlds=12, lists={},
    )  # fmt: skip


async def test_times_and_ids_are_no_difference(tmp_path: Path, make: Make) -> None:
    old = 'echo "at 2026-01-01T10:00:00Z: $1"'
    new = 'echo "at 2027-02-02T11:11:11Z: $1  "'
    assert (await run(tmp_path, make, old, new)).divergences == ()


async def test_a_difference_names_where_and_in_which_world(tmp_path: Path, make: Make) -> None:
    found = await run(
        tmp_path, make, "echo $(($1 * 2))", "[ $1 -gt 20 ] && exit 3; echo $(($1 * 2))"
    )
    assert found.tried == 12
    assert 0 < len(found.divergences) < 12
    assert {part for d in found.divergences for part in d.parts} == {
        "step 1 exit_code", "step 1 stdout",
    }  # fmt: skip


async def test_files_count_and_what_a_runtime_keeps_for_itself_does_not(
    tmp_path: Path, make: Make
) -> None:
    cache = 'mkdir -p __pycache__; echo "$0 $$" > __pycache__/p.pyc;'
    found = await run(
        tmp_path, make, f"{cache} echo $1 > out.csv", f"{cache} echo $(($1 + ($1 > 30))) > out.csv"
    )
    assert {part for d in found.divergences for part in d.parts} == {"file out.csv"}
    assert 0 < len(found.divergences) < 12


async def test_what_could_not_be_exercised_is_not_the_same(tmp_path: Path, make: Make) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    user = "user: {over: {cli: {run: [x]}}, model: {goal: talk}}"  # nobody plays the user
    scenario = make(f"when: [{{{user}}}]\nthen: [{{exit: 0}}]")
    setting = Setting(FakeWorlds(), Launch("cli", ("sh", "p.sh")), SystemClock(), driver)
    found = await compare(
        [scenario], Versions(tmp_path / "old", tmp_path / "new"), setting, LocalPool(), seed=1,
        worlds=2, lists={},
    )  # fmt: skip
    assert (found.tried, found.not_exercised) == (0, 2)


async def test_a_world_is_shown_on_both(tmp_path: Path, make: Make) -> None:
    for name, text in (("old", "echo was $1 > f"), ("new", "echo is $1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.sh").write_text(text, encoding="utf-8")
    scenario = make(BODY)
    setting = Setting(FakeWorlds(), Launch("cli", ("sh", "p.sh")), SystemClock(), driver)
    versions = Versions(tmp_path / "old", tmp_path / "new")
    draw = Draw(1, scenario.id, 5, {"n": 9})
    old, new = await both(scenario, draw, versions, setting, LocalPool())
    assert "file f: 'was 9\\n'" in shown(old)
    assert "step 1 stdout: 'is 9\\n'" in shown(new)
    assert differences(old, new) == ("step 1 stdout", "file f")
