"""The battery: what nothing and a constant pass is void; defects that nobody notices survive."""

from collections.abc import Callable
from pathlib import Path

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.fakes import FakeWorlds, LocalPool
from unlit.evaluation.registry import driver
from unlit.evaluation.rules.strength import Battery, strength
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.stage import Launch
from unlit.evaluation.strength.battery import Plan, Report, _Runner, measure
from unlit.evaluation.strength.python_mutants import Planted
from unlit.evaluation.trajectory import Setting

Make = Callable[..., Scenario]
PRODUCT = """\
import sys
def fee(days):
    if days > 90:
        return days * 2
    return 0
def unused():
    return 5
if sys.argv[1] == "fee":
    print(fee(int(sys.argv[2])))
    sys.exit(0)
sys.exit(2)
"""


@pytest.fixture
def product(tmp_path: Path) -> Path:
    folder = tmp_path / "product"
    folder.mkdir()
    (folder / "main.py").write_text(PRODUCT, encoding="utf-8")
    return folder


async def run(product: Path, scenarios: list[Scenario]) -> Report:
    launch = Launch("cli", ("python3", "main.py"))
    setting = Setting(FakeWorlds(), launch, SystemClock(), driver)
    return await measure(Plan(product, tuple(scenarios), setting, LocalPool(), 1, mutants=40))


def rate(report: Report) -> float:
    assert report.strength.killed is not None
    assert report.strength.mutants
    return report.strength.killed / report.strength.mutants


async def test_strong_scenarios_notice_more_than_weak_ones(make: Make, product: Path) -> None:
    strong = [
        make("when: [{cli: {run: [fee, 91]}}]\nthen: [{exit: 0}, {stdout: '182'}]", "over"),
        make("when: [{cli: {run: [fee, 90]}}]\nthen: [{exit: 0}, {stdout: '0'}]", "limit"),
        make("when: [{cli: {run: [other]}}]\nthen: [{exit: 2}]", "other"),
    ]
    weak = [make("when: [{cli: {run: [fee, 200]}}]\nthen: [{exit: 0}]", "weak")]
    good, poor = await run(product, strong), await run(product, weak)
    assert rate(good) > 0.8
    assert rate(poor) < 0.6
    assert poor.strength.void == ("weak",)
    assert good.strength.void == ("over",)  # its answer is always the same, so a constant passes
    assert good.strength.interval is not None
    assert poor.survivors


async def test_a_scenario_that_a_constant_passes_is_void(make: Make, product: Path) -> None:
    scenario = make("when: [{cli: {run: [fee, 91]}}]\nthen: [{stdout: '182'}]", "only")
    report = await run(product, [scenario])
    assert report.strength.void == ("only",)


async def test_a_scenario_that_the_candidate_fails_says_nothing(make: Make, product: Path) -> None:
    good = make("when: [{cli: {run: [fee, 91]}}]\nthen: [{exit: 0}, {stdout: '182'}]", "good")
    bad = make("when: [{cli: {run: [fee, 91]}}]\nthen: [{stdout: '7'}]", "bad")
    report = await run(product, [good, bad])
    assert report.baseline_failed == ("bad",)


SCRIPT = """#!/bin/sh
if [ "$1" -lt 10 ]; then
  echo "few"
else
  echo "many"
fi
"""


async def test_a_script_keeps_its_right_to_run(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "tool.sh").write_text(SCRIPT, encoding="utf-8")
    (folder / "tool.sh").chmod(0o755)
    scenario = make("when: [{cli: {run: [5]}}]\nthen: [{exit: 0}, {stdout: few}]", "few")
    setting = Setting(FakeWorlds(), Launch("cli", ("./tool.sh",)), SystemClock(), driver)
    report = await measure(Plan(folder, (scenario,), setting, LocalPool(), 1, mutants=40))
    survivors = [survivor.name for survivor in report.survivors]
    assert "tool.sh:5 text is changed" in survivors  # nothing looks at "many"
    assert "tool.sh:3 text is changed" not in survivors
    assert report.not_started == 0


async def test_a_defect_with_which_nothing_starts_is_not_noticed(
    make: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "tool.sh").write_text('#!/bin/sh\nexec ./helper.sh "$1"\n', encoding="utf-8")
    (folder / "helper.sh").write_text('#!/bin/sh\necho "yes"\n', encoding="utf-8")
    for name in ("tool.sh", "helper.sh"):
        (folder / name).chmod(0o755)
    scenario = make("when: [{cli: {run: [5]}}]\nthen: [{stdout: 'yes'}]", "yes")
    setting = Setting(FakeWorlds(), Launch("cli", ("./tool.sh",)), SystemClock(), driver)
    plan = Plan(folder, (scenario,), setting, LocalPool(), 1)
    broken = [
        Planted("tool.sh", 2, "does not parse", "#!/bin/sh\nif (\n"),
        Planted("tool.sh", 2, "no such program", "#!/bin/sh\nexec ./nothing\n"),
        Planted("helper.sh", 2, "another answer", "#!/bin/sh\necho no\n"),
    ]
    runner = _Runner(plan)
    try:
        found = await runner.kill(broken, [scenario], {})
    finally:
        await runner.close()
    assert [(m.started, bool(m.failed)) for m in found] == [
        (False, False), (False, False), (True, True),
    ]  # fmt: skip
    assert strength(Battery(found, {scenario.id: scenario.criteria})).mutants == 1
