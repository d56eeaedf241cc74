"""Ship what a person approved: merge and tag, once, or refuse with the reason."""

from collections.abc import Callable
from pathlib import Path

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.record.model import Candidate, GateDecision, Run
from unlit.record.store import Store
from unlit.ship.model import Shipment
from unlit.ship.repository import Repository, Stamp

OUTCOME_GATE = "outcome"
NAME, EMAIL = "Unlit", "unlit@localhost"

Recheck = Callable[[str, str], bool]


def ship_run(
    store: Store,
    run: RunId,
    repository: Path | None = None,
    *,
    branch: str | None = None,
    recheck: Recheck | None = None,
    signing_key: Path | None = None,
) -> Shipment:
    """Merge the approved candidate into the repository's main branch and tag it.

    Doing it again changes nothing. A merge that gives another tree than the graded one, because the
    branch has moved, is shipped only when `recheck` says that it holds.

    Args:
        store: The record.
        run: The run.
        repository: Where to ship; the run's own repository by default.
        branch: What to merge into; by default what the repository has checked out.
        recheck: Takes the merged commit and its tree, runs checks and validation on it, and says
            whether it may ship.
        signing_key: SSH key to sign the merge with.

    Raises:
        OutcomeNotGoodEnough: Nobody approved it, the branch has moved, or it does not merge.
        OutsideFailed: The repository cannot be used.
    """
    found = store.find_run(run)
    decision = _approved(store, found)
    candidate = _candidate(store, found, decision)
    target = Repository(repository or Path(found.repository), signing_key=signing_key)
    name = branch or target.branch()
    tag = f"unlit/{found.id}"
    done = target.resolve(f"refs/tags/{tag}")
    if done is not None:
        target.follow(name, target.parents(done)[0], done)
        return Shipment(found.id, candidate.id, done, target.tree(done), name, tag, again=True)
    target.fetch(Path(found.workspace), candidate.commit, f"refs/unlit-candidates/{found.id}")
    head = target.head(name)
    if head is None:
        raise _nothing(found, f"the branch {name} does not exist")
    stamp = Stamp(NAME, EMAIL, decision.at)
    moved = head != found.base
    tree = target.merged_tree(head, candidate.commit) if moved else candidate.tree
    message = _message(found, candidate, decision)
    commit = target.commit(tree, (head, candidate.commit), message, stamp)
    if tree != candidate.tree and not (recheck is not None and recheck(commit, tree)):
        raise OutcomeNotGoodEnough(
            "SHP-023",
            f"The branch {name} has moved from {found.base[:10]} to {head[:10]} since then.",
            "the verdict is about another tree than the merge would give.",
            "run the spec again on the new base with `unlit run`.",
        )
    target.check_working_copy(name, head, commit)
    tag_object = target.make_tag(tag, commit, f"{found.title}\n\nRun {found.id}", stamp)
    target.advance(name, head, commit, tag, tag_object)
    target.follow(name, head, commit)
    return Shipment(
        found.id, candidate.id, commit, tree, name, tag, regraded=tree != candidate.tree
    )


def _approved(store: Store, run: Run) -> GateDecision:
    decision = store.gate_decision(run.id, OUTCOME_GATE)
    if decision is None or decision.decision != "approved":
        said = "nobody decided" if decision is None else f"{decision.person} rejected it"
        raise OutcomeNotGoodEnough(
            "SHP-011",
            f"Run {run.id} is not approved: {said}.",
            "only what a person approved is shipped.",
            f"read the report, then `unlit approve {run.id} --reason TEXT`.",
        )
    return decision


def _candidate(store: Store, run: Run, decision: GateDecision) -> Candidate:
    name = decision.candidate or run.candidate
    made = next((row for row in store.candidates(run.id) if row.id == name), None)
    if made is None:
        raise _nothing(run, "it has no candidate")
    if decision.tree is not None and decision.tree != made.tree:
        raise _nothing(run, f"tree {decision.tree[:10]} was approved, {made.tree[:10]} is there")
    return made


def _nothing(run: Run, why: str) -> OutcomeNotGoodEnough:
    return OutcomeNotGoodEnough(
        "SHP-012",
        f"Run {run.id} has nothing to ship: {why}.",
        "what is shipped is exactly what was graded and approved.",
        "see `unlit review RUN`.",
    )


def _message(run: Run, candidate: Candidate, decision: GateDecision) -> str:
    lines = [
        run.title,
        "",
        decision.reason,
        "",
        f"Unlit-Run: {run.id}",
        f"Unlit-Candidate: {candidate.id} {candidate.tree}",
        f"Unlit-Spec: {run.spec_id}@{run.spec_digest}",
        f"Approved-By: {decision.person}",
    ]
    return "\n".join(lines) + "\n"
