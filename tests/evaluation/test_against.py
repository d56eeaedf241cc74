"""Old against new: only real differences are named, with the world they show in."""

from collections.abc import Callable
from pathlib import Path

from unlit.core.system import SystemClock
from unlit.evaluation.against import Comparison, Versions, compare
from unlit.evaluation.fakes import FakeWorlds, LocalPool
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Scenario
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
