"""The evaluator is a user of its own: what holds as root, and what is said where it cannot hold."""

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.test_hostile import SCENARIO, SPEC

from unlit.core.errors import OutsideFailed
from unlit.core.states import Partition
from unlit.core.system import SystemClock
from unlit.evaluation.defaults import default_policy
from unlit.evaluation.ledger import evaluator_store
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.evaluation.separation import FIRST_UID, evaluator_uid
from unlit.fence import FenceHost, FenceSpec
from unlit.fence.sandboxes.container import ContainerHost
from unlit.policy import AuditLog, Identity, parse_policy

COMMAND = [sys.executable, "-m", "unlit.evaluation.process"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="not exercised: another user needs root")


@pytest.fixture
def request_(tmp_path: Path, candidate: Path) -> EvaluationRequest:
    (tmp_path / "spec.md").write_text(SPEC, encoding="utf-8")
    (tmp_path / "policy.toml").write_text(default_policy(["slack"]), encoding="utf-8")
    vault = tmp_path / "vault"
    vault.mkdir()
    (vault / "0.yaml").write_text(SCENARIO.format(name="greet", timeout=10), encoding="utf-8")
    return EvaluationRequest(
        spec=tmp_path / "spec.md", candidate=candidate, base=None, vault=vault,
        partition=Partition.VALIDATION, product=Product(run="sh product.sh"), ship=ShipRule(),
        seed=3, max_trajectories=4, parallel=1, look=None,
        artefacts=evaluator_store(vault) / "gradings" / "one", policy=tmp_path / "policy.toml",
        identity=Identity("r", "validate", "a", "product"), options={"invariants": False},
        keep_going=True,
    )  # fmt: skip


def graded(request: EvaluationRequest) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Grade; return the result, and what the kernel said of the process while it graded."""
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request.to_json()))
    process.stdin.close()
    seen: list[dict[str, str]] = []
    result: dict[str, Any] = {}
    for line in process.stdout:
        value = json.loads(line)
        if value.get("event") == "trajectory":
            text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            seen.append(dict(row.split(":", 1) for row in text.splitlines()))
        result = value.get("result", result)
    process.wait()
    process.stdout.close()
    return result, seen


def read_as(uid: int, path: Path) -> int:
    """Read a file as a fence's user, outside of every fence: as if its view had failed."""
    command = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups", "cat"]
    return subprocess.run([*command, str(path)], capture_output=True, check=False).returncode


async def coder_uid(folder: Path) -> int:
    """Open a fence as the harness does for an agent, and say whose its processes are."""
    (folder / "w").mkdir(parents=True)
    audit = AuditLog.open(folder / "audit", {}, SystemClock())
    host = await FenceHost.start(folder / "state", audit)
    try:
        spec = FenceSpec("coder", parse_policy("version = 1\n"),
                         Identity("r", "build", "a", "coder"), folder / "w")  # fmt: skip
        fence = await host.open(spec)
        status = Path(f"/proc/{fence.keeper}/status").read_text("ascii")  # noqa: ASYNC240 # procfs
        await fence.close()
    finally:
        await host.close()
        audit.close()
    return int(next(row for row in status.splitlines() if row.startswith("Uid:")).split()[1])


@as_root
@pytest.mark.fence
def test_the_evaluator_is_a_user_of_its_own_that_may_only_read(
    request_: EvaluationRequest,
) -> None:
    result, seen = graded(request_)
    uid = evaluator_uid(request_.vault)
    assert result["separation"]["own_user"] is True
    assert result["separation"]["uid"] == uid >= FIRST_UID
    assert not any("ran as" in sentence for sentence in result["not_verified"])
    assert seen
    for status in seen:
        assert set(status["Uid"].split()) == {str(uid)}
        assert set(status["Gid"].split()) == {str(uid)}
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 1 << 2  # to read
        assert status["NoNewPrivs"].strip() == "1"
    assert [record["state"] for record in result["trajectories"]] == ["satisfied"] * 4


@as_root
@pytest.mark.fence
def test_a_fence_of_the_harness_cannot_open_the_store_even_without_its_view(
    request_: EvaluationRequest, tmp_path: Path
) -> None:
    graded(request_)
    coder = asyncio.run(coder_uid(tmp_path / "harness"))
    owner = evaluator_uid(request_.vault)
    assert coder not in (0, owner)
    for folder in request_.vault.parents:
        folder.chmod(folder.stat().st_mode | 0o055)  # nothing above the store is in the way
    store = evaluator_store(request_.vault)
    kept = [path for path in store.rglob("*") if path.is_file()]
    assert {"trajectories.jsonl", "canary.key"} <= {path.name for path in kept}
    for path in (store, *store.rglob("*")):
        found = path.stat()
        assert found.st_uid == owner, path
        assert not stat.S_IMODE(found.st_mode) & 0o077, path
    control = tmp_path / "control"
    control.write_text("readable", encoding="utf-8")
    control.chmod(0o644)
    assert read_as(coder, control) == 0
    for path in kept:
        assert read_as(coder, path) != 0, path


@as_root
@pytest.mark.fence
def test_files_of_somebody_else_keep_their_owner(
    request_: EvaluationRequest, tmp_path: Path
) -> None:
    from dataclasses import replace

    chosen = tmp_path / "chosen"
    chosen.mkdir()
    (chosen / "thesis.txt").write_text("mine", encoding="utf-8")
    result, _ = graded(replace(request_, artefacts=chosen))
    assert (chosen / "thesis.txt").stat().st_uid == 0
    assert result["separation"]["own_user"] is False
    assert result["separation"]["sentence"] in result["not_verified"]
    assert "thesis.txt" in result["separation"]["sentence"]


@as_root
@pytest.mark.fence
def test_what_a_grading_left_in_a_chosen_folder_is_the_evaluators_again(
    request_: EvaluationRequest, tmp_path: Path
) -> None:
    from dataclasses import replace

    chosen = tmp_path / "chosen"
    (chosen / "pictures").mkdir(parents=True)
    for name in ("judge.json", "smaller.json", "pictures/1-1.jpg"):
        (chosen / name).write_text("{}", encoding="utf-8")
    result, _ = graded(replace(request_, artefacts=chosen))
    assert result["separation"]["own_user"] is True, result["separation"]["sentence"]
    again, _ = graded(replace(request_, artefacts=chosen))
    assert again["separation"]["own_user"] is True, again["separation"]["sentence"]


def test_an_ordinary_user_is_told_what_is_not_separated(
    request_: EvaluationRequest, tmp_path: Path
) -> None:
    program = (
        "import json, sys; from unlit.evaluation.wire import request_from_json;"
        "from unlit.evaluation.separation import separate;"
        "launcher, found = separate(request_from_json(json.load(sys.stdin)));"
        "assert launcher is None; print(json.dumps(found.to_json()))"
    )
    command = [sys.executable, "-c", program]
    if os.geteuid() == 0:
        for path in (tmp_path, *tmp_path.parents):
            if path.stat().st_uid == 0 and not path.stat().st_mode & 0o005:
                path.chmod(path.stat().st_mode | 0o055)
        os.chown(request_.candidate, 65534, 65534)
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *command]
    done = subprocess.run(
        command, input=json.dumps(request_.to_json()), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["own_user"] is False
    assert "the user who owns the candidate" in found["sentence"]


@as_root
@pytest.mark.fence
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("podman") is None, reason="not exercised: no podman here")
def test_behind_containers_it_stays_root_and_says_so(request_: EvaluationRequest) -> None:
    try:
        asyncio.run(ContainerHost._must_work())
    except OutsideFailed as error:
        pytest.skip(f"not exercised: the engine starts no container here: {error.why[:200]}")
    options = {**request_.options, "backend": "container"}
    result, _ = graded(replace(request_, options=options))
    assert [record["state"] for record in result["trajectories"]] == ["satisfied"] * 4
    assert result["separation"]["own_user"] is False
    assert "driven by root only" in result["separation"]["sentence"]
    assert any("Weaker backend" in sentence for sentence in result["not_verified"])
