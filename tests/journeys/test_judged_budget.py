"""A judge's money in the line: held before each call, refused at the limit, gone on with after it.

The model is our twin, on a vendor's wire format and at a vendor's price; all else is real.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.factory import Home, can_fence
from tests.journeys.test_judged_run import RULE, _commit, _factory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))

MODEL = "claude-3-5-haiku-20241022"
"""A model whose price is known: its dearest call here is held at 0.4 to 0.5 cents."""


def _costs(found: dict[str, Any]) -> Decimal:
    return Decimal(str(found["cost_usd"] or 0))


def test_the_judges_money_stops_before_the_limit_and_the_run_goes_on(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = _factory(tmp_path / "f", "Next: decide by Friday.")
    settings = (base / "unlit.toml").read_text().replace("judge-1", MODEL)
    (base / "unlit.toml").write_text(settings + '[budget]\nrun_usd = "0.006"\n')
    with (base / "policy.toml").open("a") as stream:
        stream.write(RULE)
    _commit(base)
    words = ("run", "specs/summary.md", "--agent", "scripted:../candidates", "--vault", "../vault",
             "--trajectories", "30", "--seed", "7", "--json")  # fmt: skip
    stopped = home.unlit(*words, cwd=base, check=False)
    assert stopped.returncode == 6, stopped.stderr
    found = json.loads(stopped.stdout)
    assert (found["state"], found["verdict"]) == ("failed", None)
    assert "REC-021" in found["note"]
    shown = home.json("show", found["run"], cwd=base)
    assert 0 < _costs(shown) <= Decimal("0.006")
    done = home.json("resume", found["run"], "--run-usd", "2", cwd=base)
    assert (done["state"], done["verdict"]) == ("waiting", "ship")
