"""A run that only a judge can decide: labels settle validation, the same run looks at the rest."""

import json
from pathlib import Path

import pytest
from tests.journeys.factory import Home, can_fence
from tests.journeys.test_judged_run import RULE, _ac2, _commit, _factory, _label

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

if reason := can_fence():
    pytestmark.append(pytest.mark.skip(reason=reason))


def test_labels_take_a_run_to_its_sealed_look_and_then_to_its_gate(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    base = _factory(tmp_path / "f", "Next: decide by Friday.")
    for partition in ("validation", "sealed"):  # only what a judge must say is left
        (tmp_path / "f" / "vault" / partition / "plain.yaml").unlink()
    with (base / "policy.toml").open("a") as stream:
        stream.write(RULE)
    _commit(base)
    ended = home.unlit(
        "run", "specs/summary.md", "--agent", "scripted:../candidates", "--vault", "../vault",
        "--trajectories", "52", "--seed", "7", "--candidates", "1", "--json", cwd=base, check=False,
    )  # fmt: skip
    found = json.loads(ended.stdout)
    run = found["run"]
    assert (found["state"], found["verdict"]) == ("ended", "not_exercised")
    assert home.unlit("resume", run, cwd=base, check=False).returncode == 3  # it is over
    said = _label(home, base, 50, b"Next: decide")
    assert f"`unlit resume {run}` looks at its sealed scenarios" in said
    shown = home.json("show", run, cwd=base)
    assert (shown["state"], "sealed look is next" in shown["note"]) == ("paused", True)
    looked = home.unlit("resume", run, "--json", cwd=base, check=False)
    assert json.loads(looked.stdout)["verdict"] == "not_exercised"  # its own labels are missing
    shown = home.json("show", run, cwd=base)
    assert [row["key"] for row in shown["stages"]].count("sealed/c1") == 1
    assert "The verdict of the run is ship now" in _label(home, base, 60, b"Next: decide")
    report = home.json("review", run, cwd=base)
    assert (_ac2(report), report["verdict"]) == ("met", "ship")
    assert home.json("show", run, cwd=base)["state"] == "waiting"
    looks = home.json("scenarios", "looks", str(tmp_path / "f" / "vault"), cwd=base)
    assert len(looks["looks"]) == 1  # one look at the sealed scenarios was charged
