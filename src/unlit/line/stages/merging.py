"""Between the gate and the main branch: the repository's own checks, and a merge nobody graded."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import OutsideFailed
from unlit.core.ids import CandidateId, RunId
from unlit.core.states import Partition, Verdict
from unlit.line.stages import checks, grade
from unlit.line.stages.again import COMMENT
from unlit.line.stages.work import Facts, Work, staged
from unlit.record.model import RunEvent, StageState
from unlit.record.store import Store
from unlit.review.rules.gates import kind_of

CHECKS: Final = "the repository's own checks"
MERGE: Final = "the merge with the main branch"
_LOG: Final = 4_000
_LOOK_S: Final = 10.0


async def own_checks(work: Work) -> Facts:
    """Run the repository's own checks, as it names them, on what a person approved."""
    command = work.request.ci.command
    run = work.services.store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    made = next(
        (c for c in work.services.store.candidates(work.run) if c.id == run.candidate), None
    )
    if command is None or made is None:
        return {"state": StageState.SKIPPED.value, "detail": "no checks are named"}
    said = work.services.store.events(work.run, kinds=("state",))
    if any(row.key == f"state/shipped/{made.id}" for row in said):
        return {"state": StageState.SKIPPED.value, "detail": "it is merged already"}
    passes, log = await checks.run_command(work, made.commit, "ci", command, made.id)
    if passes:
        return {"detail": f"`{command}` is green", "passes": True}
    return ask_again(work, CHECKS, f"`{command}` is red:\n{log[-_LOG:]}", f"`{command}` is red")


async def watch_checks(work: Work, commit: str) -> Facts:
    """Wait until the checks of what was shipped or proposed have ended."""
    ci, forge = work.request.ci, work.services.checks
    if forge is None or ci.source is None:
        return {"state": StageState.SKIPPED.value, "detail": "no checks are watched"}
    waited_s = 0.0
    while True:
        found = await forge.look(ci, commit, Path(work.request.repository))
        if found.state in ("green", "red") or waited_s >= ci.wait_s:
            break
        await work.services.clock.sleep(_LOOK_S)
        waited_s += _LOOK_S
    if found.state == "green":
        return {"detail": f"{found.count} checks are green", "passes": True, "url": found.url}
    if found.state == "red":
        said = f"{found.name} is red"
        return ask_again(work, CHECKS, f"{said}:\n{found.log[-_LOG:]}", f"{said}: {found.url}")
    text = "no check has begun" if found.state == "none" else "checks still run"
    return {
        "state": StageState.SKIPPED.value,
        "detail": f"{text} after {waited_s:.0f} s: not exercised",
    }


def ask_again(work: Work, source: str, text: str, detail: str, parent: str = "") -> Facts:
    """Ask for another candidate with what was found, as often as `ci.tries` allows."""
    store, now = work.services.store, work.services.clock.now()
    run = store.run(work.run)
    assert run is not None  # noqa: S101 # the run was begun before its first stage
    rows = store.events(work.run, kinds=(COMMENT,))
    about = run.candidate or "none"
    bad = {"state": StageState.NOT_GOOD_ENOUGH.value, "passes": False}
    mine = [row for row in rows if row.data.get("source") in (CHECKS, MERGE)]
    known = next((row for row in mine if row.candidate == run.candidate), None)
    if known is not None:  # this step was done before and killed
        return {**bad, "detail": detail, "asked": known.key.split("/")[0]}
    if len(mine) >= work.request.ci.tries:
        return {**bad, "detail": f"{detail}; {len(mine)} tries to repair it are used up"}
    number = 1 + max((int(row.key.split("/")[0].rpartition("-")[2]) for row in rows), default=0)
    kind = f"again-{number}"
    reopen_gates(store, work.run, about)
    data = {"source": source, "person": "unlit", "candidate": about, "parent": parent}
    store.keep_events(
        [
            RunEvent(
                work.run, f"{kind}/checks", COMMENT, now, "ci", run.candidate, text=text, data=data
            )
        ]
    )
    return {**bad, "detail": detail, "asked": kind}


def reopen_gates(store: Store, run: RunId, past: str) -> None:
    """Open the gates about a candidate anew for the next one, those of the run's own line too.

    What was decided on the spec, and what a program was granted, stands for the whole run.

    Args:
        store: The record.
        run: The run.
        past: The candidate that was decided on; what is kept of it is named after it.
    """
    made = {kind_of(row.gate) for row in store.gate_decisions(run)}
    own = {gate for gate in made if "@" not in gate}
    for gate in sorted((own | {"outcome", "ship"}) - {"intent", "access"}):
        names = (past, *(f"{past}-{time}" for time in range(2, len(made) + 3)))
        free = next(name for name in names if f"{gate}@{name}" not in made)
        store.reopen_gate(run, gate, free)


class Recheckers:
    """Answers, from the thread that ships, whether checks and validation hold on a merge.

    Attributes:
        refused: The merge commit that did not hold, and why.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._asked: list[Future[bool | str]] = []
        self.refused: tuple[str, str] | None = None

    def recheck(self, commit: str, tree: str) -> bool | str:
        """Build, check and validate a merge."""
        asked = asyncio.run_coroutine_threadsafe(regrade(self._work, commit, tree), self._loop)
        self._asked.append(asked)
        said = asked.result()
        if said is not True:
            self.refused = (commit, str(said))
        return said

    def cancel(self) -> None:
        """Stop what is still asked."""
        for asked in self._asked:
            asked.cancel()


async def regrade(work: Work, commit: str, tree: str) -> bool | str:
    """Do checks and validation on a merge commit of the user's repository; the tree is remembered.

    Raises:
        OutsideFailed: The factory itself failed; nothing is said of the merge.
    """
    name = CandidateId(f"m-{tree[:8]}")
    known = work.services.store.evaluation(work.run, name, Partition.VALIDATION)
    if known is not None and known.tree == tree:
        return _holds(known.verdict, f"validation said {known.verdict.value} of this tree before")
    base = await asyncio.to_thread(work.workspace.take, Path(work.request.repository), commit)
    for stage, action in (
        ("checks", partial(checks.check, work, name, commit, None)),
        ("ci", partial(_merged_checks, work, name, commit)),
    ):
        facts = _sound(await staged(work, f"{stage}/{name}", stage, action, name))
        if facts.get("state") == StageState.NOT_GOOD_ENOUGH.value:
            return f"on the merge, {facts['detail']}"
    grading = partial(grade.grade, work, name, commit, tree, Partition.VALIDATION, base)
    facts = _sound(await staged(work, f"validate/{name}", "validate", grading, name))
    return _holds(Verdict(facts["verdict"]), f"on the merge, {facts['detail']}")


async def _merged_checks(work: Work, name: CandidateId, commit: str) -> Facts:
    command = work.request.ci.command
    if command is None:
        return {"state": StageState.SKIPPED.value, "detail": "no checks are named"}
    passes, log = await checks.run_command(work, commit, "ci", command, name)
    state = StageState.DONE if passes else StageState.NOT_GOOD_ENOUGH
    said = "green" if passes else f"red: {log[-200:]}"
    return {"state": state.value, "detail": f"`{command}` is {said}"}


def _holds(verdict: Verdict, why: str) -> bool | str:
    return True if verdict is Verdict.SHIP else why


def _sound(facts: Facts) -> Mapping[str, Any]:
    if facts.get("state") == StageState.FAILED.value:
        raise OutsideFailed(
            str(facts.get("code") or "LIN-116"),
            str(facts.get("detail")),
            "the merge could not be checked, so nothing is said of it.",
            str(facts.get("remedy") or "`unlit resume RUN` tries again."),
        )
    return facts
