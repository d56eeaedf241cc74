"""Defects in other languages: only in code, only where scenarios reach, none that is no program."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.stage import Launch
from unlit.evaluation.strength.battery import Plan, Report, measure
from unlit.evaluation.strength.languages import check_of, language_of, mask
from unlit.evaluation.strength.text_mutants import plant_by_text
from unlit.evaluation.trajectory import Setting
from unlit.fence import FenceHost
from unlit.policy import AuditLog, Identity, parse_policy

Make = Callable[..., Scenario]
NODE = """\
// if (days < 90) is only said here
function fee(days) {
  if (days > 90) {
    return days * 2;
  }
  return 0;
}
function unused(n) {
  return n + 5;
}
if (process.argv[2] === "fee") {
  console.log(fee(Number(process.argv[3])));
} else {
  process.exit(2);
}
"""
SHELL = """\
#!/bin/sh
# fee DAYS
unused() {
  exit 7
}
if [ "$1" = fee ]; then
  if [ "$2" -gt 90 ]; then
    echo $(($2 * 2))
  else
    echo 0
  fi
  exit 0
fi
exit 2
"""
JAVA = """\
public class Main {
  static int fee(int days) {
    if (days > 90) { return days * 2; }
    return 0;
  }
  public static void main(String[] args) {
    if (args[0].equals("fee")) { System.out.println(fee(Integer.parseInt(args[1]))); }
    else { System.exit(2); }
  }
}
"""
GO = """\
package main

import "fmt"

func fee(days int) (int, error) {
	if days > 90 && days != 7 {
		log("late")
		return days * 2, nil
	}
	return 0, nil
}
"""
RUBY = 'def fee(days)\n  log "late"\n  return 0 unless days >= 90\n  days * 2\nend\n'


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        ("a.mjs", NODE, {"> becomes >=", "condition is negated", "=== becomes !==", "2 becomes 3"}),
        ("a.sh", SHELL, {"-gt becomes -ge", "condition is negated", "= becomes !=",
                         "exit becomes exit 0", "statement is left out"}),
        ("Main.java", JAVA, {"> becomes >=", "* becomes +", "condition is negated"}),
        ("a.go", GO, {"&& becomes ||", "!= becomes ==", "statement is left out"}),
        ("a.rb", RUBY, {"unless becomes if", ">= becomes >", "returns nothing",
                        "statement is left out"}),
        ("a.php", "<?php\nif ($a && !ok($b)) { $n += 1; }\n", {"&& becomes ||", "! is left out",
                                                               "+= becomes -="}),
        ("a.lua", "if a ~= 1 and b then\nend\n", {"~= becomes ==", "and becomes or"}),
        ("tool", "#!/usr/bin/env bash\n[ -z \"$1\" ] && exit 3\n", {"-z becomes -n"}),
    ],
)  # fmt: skip
def test_what_is_planted(file: str, text: str, wanted: set[str]) -> None:
    mutants = list(plant_by_text(text, file))
    assert wanted <= {mutant.what for mutant in mutants}
    assert len({mutant.text for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        rows = list(zip(mutant.text.splitlines(), text.splitlines(), strict=True))
        changed = [n for n, (new, old) in enumerate(rows, 1) if new != old]
        assert changed == [mutant.line]


def test_comments_and_texts_are_left_alone() -> None:
    language = language_of("a.js", NODE)
    assert language is not None
    masked = mask('a < "b < c" /* d < e\nf < g */ < h // i < j\n', language)
    assert masked.code.count("<") == 2
    assert all(mutant.line != 1 for mutant in plant_by_text(NODE, "a.js"))


@pytest.mark.parametrize(
    ("file", "text", "tool"),
    [("a.mjs", NODE, "node"), ("a.sh", SHELL, "sh"), ("Main.java", JAVA, "javac")],
)
def test_nearly_all_are_programs_of_their_language(
    tmp_path: Path, file: str, text: str, tool: str
) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"not exercised: {tool} is not installed")
    mutants = list(plant_by_text(text, file))[:12]
    broken = 0
    for mutant in mutants:
        (tmp_path / file).write_text(mutant.text, encoding="utf-8")
        check = ["sh", "-c", check_of(file, text), file]
        broken += subprocess.run(check, cwd=tmp_path, capture_output=True, check=False).returncode
    assert broken <= len(mutants) // 10


async def run(folder: Path, file: str, text: str, launch: Launch, make: Make) -> Report:
    product = folder / "product"
    product.mkdir(parents=True)
    (product / file).write_text(text, encoding="utf-8")
    (product / file).chmod(0o755)
    scenarios = (
        make("when: [{cli: {run: [fee, 91]}}]\nthen: [{exit: 0}, {stdout: '182'}]", "over"),
        make("when: [{cli: {run: [fee, 90]}}]\nthen: [{exit: 0}, {stdout: '0'}]", "limit"),
    )
    audit = AuditLog.open(folder / "audit", {}, SystemClock())
    host = await FenceHost.start(folder / "state", audit)
    product_fence = ProductFence(parse_policy("version = 1\n"), Identity("r", "s", "a", "product"))
    pool = FencePool(host, product_fence, "", {})
    try:
        setting = Setting(FakeWorlds(), launch, SystemClock(), driver)
        return await measure(Plan(product, scenarios, setting, pool, 1, mutants=60))
    finally:
        await host.close()
        audit.close()


@pytest.mark.fence
@pytest.mark.parametrize(
    ("file", "text", "command", "tool", "unreached"),
    [
        ("main.mjs", NODE, ("node", "main.mjs"), "node", (9, 14)),
        ("main.cjs", NODE, ("node", "main.cjs"), "node", (9, 14)),
        ("main.sh", SHELL, ("sh", "main.sh"), "bash", (4, 14)),
        ("tool", SHELL, ("./tool",), "bash", (4, 14)),
    ],
)
def test_only_where_scenarios_reach(
    tmp_path: Path, make: Make, file: str, text: str, command: tuple[str, ...], tool: str,
    unreached: tuple[int, ...],
) -> None:  # fmt: skip
    if shutil.which(tool) is None:
        pytest.skip(f"not exercised: {tool} is not installed")
    report = asyncio.run(run(tmp_path, file, text, Launch("cli", command), make))
    assert report.baseline_failed == ()
    assert report.unmeasured == ()
    assert 0 < report.reachable < report.planted
    lines = {int(s.name.split(":")[1].split()[0]) for s in report.survivors}
    assert not lines & set(unreached)
    assert report.strength.mutants
    assert report.strength.killed is not None
    assert report.strength.killed / report.strength.mutants > 0.75


@pytest.mark.fence
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_where_nothing_is_measured_it_is_said(tmp_path: Path, make: Make) -> None:
    if shutil.which("javac") is None:
        pytest.skip("not exercised: Java is not installed")
    launch = Launch("cli", ("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "Main.java"))
    report = asyncio.run(run(tmp_path, "Main.java", JAVA, launch, make))
    assert report.baseline_failed == ()
    assert report.unmeasured == ("Java",)
    assert report.reachable == report.planted
