"""A product that counts its own runs, to behave well the first time only, catches nothing.

It looks at everything that a fence once gave away of earlier runs (`fence/counts_its_runs.py`), and
answers well only where all of it looks like a first run. All its trajectories must be satisfied.
"""

from pathlib import Path

import pytest
from tests.evaluation.test_hostile_more import graded, states

from unlit.evaluation.model import Product

pytestmark = [pytest.mark.fence]

RUNS = 4
COUNTER = Path(__file__).parents[1] / "fence" / "counts_its_runs.py"
PRODUCT = """\
import json, subprocess, sys, time
looked = subprocess.run([sys.executable, "-B", "/work/counter.py"], capture_output=True, text=True)
seen = json.loads(looked.stdout)
tcp = [line.split() for line in seen["net"]["snmp"].splitlines() if line.startswith("Tcp:")]
counted = dict(zip(*tcp))
problems = [
    name for name, first in {
        "marks": seen["marks"] == [], "wishes": seen["wishes"] == [200, '{"asked": []}\\n'],
        "files": all("unlit-was-here" not in names for names in seen["files"].values()),
        "net": counted["ActiveOpens"] == counted["PassiveOpens"] == counted["AttemptFails"] == "0",
        "address": seen["address"] == "198.18.1.1", "pid": seen["pid"] < 9,
    }.items() if not first
]
print(f"hello {sys.argv[1]}" if not problems else f"not the first time: {problems}")
"""
SCENARIO = """\
vary: {who: {from: names}}
when: [{cli: {run: ["{who}"], timeout_s: 60}}]
then: [{exit: 0}, {stdout: "hello {who}"}]"""


def test_a_product_that_counts_its_runs_always_finds_its_first(tmp_path: Path) -> None:
    files = {"product.py": PRODUCT, "counter.py": COUNTER.read_text(encoding="utf-8")}
    result, seen, _ = graded(
        tmp_path, files, {"counts": SCENARIO}, Product(run="python3 product.py"), runs=RUNS
    )
    assert states(result) == {"counts": {"satisfied"}}, seen
    assert len(result.trajectories) == RUNS
    assert all(record.attempts == 1 for record in result.trajectories)
