"""Ship what a person approved: propose or merge, tag, once, or refuse with the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unlit.core.errors import OutcomeNotGoodEnough
from unlit.core.ids import RunId
from unlit.record.model import Candidate, GateDecision, Run, RunState
from unlit.record.store import Store
from unlit.ship.changelog import with_entry
from unlit.ship.landing import Landing
from unlit.ship.model import Recheck, Shipment, ShipPlan
from unlit.ship.ports import Forge
from unlit.ship.proposal import Proposal, settle
from unlit.ship.remote import Remote
from unlit.ship.repository import Repository, Stamp

OUTCOME_GATE = "outcome"
NAME, EMAIL = "Unlit", "unlit@localhost"
PREPARED: Final = "refs/unlit-ship"
STOPPED: Final = frozenset({RunState.REJECTED, RunState.ENDED, RunState.CANCELLED})
"""States of a run that is over without being shipped; an old approval ships nothing then."""


@dataclass(frozen=True, slots=True)
class Means:
    """What shipping works with.

    Attributes:
        plan: How this repository ships.
        forge: Where pull requests are opened; needed when the plan has one.
        body: Writes the pull request's text: the outcome report.
        env: The user's environment, for git's login and signing agents.
    """

    plan: ShipPlan = field(default_factory=ShipPlan)
    forge: Forge | None = None
    body: Callable[[RunId], str] = lambda run: ""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Approved:
    """A run that may ship, with what was approved and by whom."""

    run: Run
    decision: GateDecision
    candidate: Candidate

    @property
    def stamp(self) -> Stamp:
        """Who and when of its merge: the same each time it is made."""
        return Stamp(NAME, EMAIL, self.decision.at)


def ship_run(
    store: Store,
    run: RunId,
    repository: Path | None = None,
    *,
    recheck: Recheck | None = None,
    means: Means | None = None,
) -> Shipment:
    """Bring the approved candidate onto the repository's main branch and tag it.

    Doing it again changes nothing, and goes on where a killed one stopped. A merge that gives
    another tree than the graded one, because the branch has moved, is shipped only when `recheck`
    says that it holds. Merges of one repository wait for each other.

    Args:
        store: The record.
        run: The run.
        repository: Where to ship; the run's own repository by default.
        recheck: Runs checks and validation on a merge.
        means: Plan, forge and environment; merges locally by default.

    Raises:
        OutcomeNotGoodEnough: Nobody approved it, the branch has moved, or it does not merge.
        RefusedByPolicy: The remote protects its branch.
        OutsideFailed: Repository, remote or forge cannot be used.
    """
    given = means or Means()
    approved = approved_run(store, run)
    landing = landing_of(repository or Path(approved.run.repository), given)
    with landing.alone():
        return _Shipping(approved, landing, given, recheck).ship()


def landing_of(folder: Path, means: Means) -> Landing:
    """Return the main branch of a repository, as its plan says."""
    plan = means.plan
    target = Repository(folder, sign=plan.sign, env=means.env)
    remote = Remote(target, plan.remote, means.env) if plan.remote else None
    return Landing(target, plan.branch or target.branch(), remote)


def approved_run(store: Store, run: RunId) -> Approved:
    """Return a run that a person approved, or refuse.

    Raises:
        OutcomeNotGoodEnough: Nobody approved it, or something else than is there, or it is over.
    """
    found = store.find_run(run)
    decision = _approved(store, found)
    return Approved(found, decision, _candidate(store, found, decision))


class _Shipping:
    """One shipping under way."""

    def __init__(
        self, approved: Approved, landing: Landing, means: Means, recheck: Recheck | None
    ) -> None:
        self._run = approved.run
        self._approved = approved
        self._candidate = approved.candidate
        self._landing = landing
        self._target = landing.repository
        self._means = means
        self._recheck = recheck
        self._tag = tag_of(self._target, approved)

    def ship(self) -> Shipment:
        """Do what is still to be done."""
        done = self._target.resolve(f"refs/tags/{self._tag}")
        if done is not None:
            return self._again(done)
        self._target.fetch(
            Path(self._run.workspace),
            self._candidate.commit,
            f"refs/unlit-candidates/{self._run.id}",
        )
        head = self._landing.head()
        if head is None:
            raise _nothing(self._run, f"the branch {self._landing.branch} does not exist")
        landed = self._landed(head)
        if landed is not None:
            known = None if self._means.forge is None else self._means.forge.find(self._tag)
            return self._finish(landed, head, pushed=True, pull=known.url if known else "")
        merge = self._merge(head)
        self._verify(merge, head)
        tip = self._with_changelog(merge)
        self._landing.check(tip)
        if self._means.plan.forge is None or self._means.forge is None:
            return self._finish(merge, tip)
        return self._propose(merge, tip)

    def _again(self, done: str) -> Shipment:
        branch = self._target.head(self._landing.branch)
        if branch is not None and self._target.is_ancestor(done, branch):
            self._target.follow(self._landing.branch, self._target.parents(done)[0], branch)
        self._landing.share(self._tag)
        return self._shipment(done, again=True)

    def _landed(self, head: str) -> str | None:
        """The merge of an earlier attempt that reached the branch before it could be tagged."""
        held = self._target.resolve(f"{PREPARED}/{self._run.id}")
        is_there = held is not None and self._target.is_ancestor(held, head)
        return (
            held
            if is_there and self._candidate.commit in self._target.parents(held or "")
            else None
        )

    def _merge(self, head: str) -> str:
        name = f"{PREPARED}/{self._run.id}"
        moved = head != self._run.base
        candidate = self._candidate
        tree = self._target.merged_tree(head, candidate.commit) if moved else candidate.tree
        held = self._target.resolve(name)
        parents = None if held is None else self._target.parents(held)
        if held is not None and parents == (head, candidate.commit):
            return held
        commit = self._target.commit(
            tree, (head, candidate.commit), message_of(self._approved), self._approved.stamp
        )
        self._target.hold(name, commit)
        return commit

    def _verify(self, merge: str, head: str) -> None:
        tree = self._target.tree(merge)
        if tree == self._candidate.tree:
            return
        where = (
            f"The branch {self._landing.branch} has moved from {self._run.base[:10]} to {head[:10]}"
        )
        if self._recheck is None:
            raise OutcomeNotGoodEnough(
                "SHP-023",
                f"{where} since then.",
                "the verdict is about another tree than the merge would give.",
                "run the spec again on the new base with `unlit run`.",
            )
        held = self._recheck(merge, tree)
        if held is not True:
            why = held if isinstance(held, str) and held else "checks or validation fail on it"
            raise OutcomeNotGoodEnough(
                "SHP-027",
                f"{where}, and the merge does not hold: {why.rstrip('.')}.",
                "each change was good alone; together they are not, so nothing was merged.",
                "run the spec again: it starts from the new base.",
            )

    def _with_changelog(self, merge: str) -> str:
        """A commit of its own: the merge keeps exactly the tree that was verified."""
        path = self._means.plan.changelog
        if not path:
            return merge
        there = path in self._target.files(merge)
        text = self._target.read(merge, path) if there else ""
        new = with_entry(
            f"{text}\n" if text else "", self._run.title, self._tag_name, self._run.spec_id
        )
        if there and new.rstrip("\n") == text:
            return merge
        tree = self._target.write(merge, path, new)
        words = f"Say in {path} what {self._run.id} changed\n\nUnlit-Run: {self._run.id}\n"
        return self._target.commit(tree, (merge,), words, self._approved.stamp)

    @property
    def _tag_name(self) -> str:
        return self._tag.removeprefix("unlit/")

    def _propose(self, merge: str, tip: str) -> Shipment:
        plan, forge = self._means.plan.forge, self._means.forge
        assert plan is not None and forge is not None  # noqa: S101, PT018 # the caller asked
        proposal = Proposal(self._tag, self._landing.branch, self._run.title, merge, tip)
        settled = settle(
            proposal, plan, forge, self._landing, lambda: self._means.body(self._run.id)
        )
        if settled.pending:
            return self._shipment(
                tip, pull_request=settled.pull.url, head=tip, pending=settled.pending
            )
        return self._finish(
            settled.commit,
            settled.branch_at,
            pushed=settled.pushed,
            pull=settled.pull.url,
            head=tip,
        )

    def _finish(
        self, merge: str, tip: str, *, pushed: bool = False, pull: str = "", head: str = ""
    ) -> Shipment:
        self._landing.check(tip)
        words = (
            f"{self._run.title}\n\nRun {self._run.id}\n"
            f"Unlit-Candidate: {self._candidate.id} {self._candidate.tree}"
        )
        made = self._target.make_tag(self._tag, merge, words, self._approved.stamp)
        self._landing.land(tip, [(self._tag, made)], pushed=pushed)
        return self._shipment(merge, pull_request=pull, head=head or tip)

    def _shipment(
        self,
        commit: str,
        *,
        again: bool = False,
        pull_request: str = "",
        head: str = "",
        pending: str = "",
    ) -> Shipment:
        tree = self._target.tree(commit)
        sign, remote = self._means.plan.sign, self._landing.remote
        return Shipment(
            self._run.id, self._candidate.id, commit, tree, self._landing.branch, self._tag,
            again=again, regraded=tree != self._candidate.tree and not pending,
            pull_request=pull_request, head=head, remote="" if remote is None else remote.name,
            signed="" if sign is None else sign.kind, pending=pending,
        )  # fmt: skip


def tag_of(target: Repository, approved: Approved) -> str:
    """Return a run's tag: ``unlit/RUN``, and the candidate when another one shipped before."""
    plain = f"unlit/{approved.run.id}"
    said = target.tag_message(plain)
    if said is None or "Unlit-Candidate:" not in said:
        return plain
    mine = f"Unlit-Candidate: {approved.candidate.id} {approved.candidate.tree}"
    return plain if mine in said else f"{plain}.{approved.candidate.id}"


def message_of(approved: Approved) -> str:
    """Return the message of the merge: what, why, and who stands behind it."""
    run, candidate, decision = approved.run, approved.candidate, approved.decision
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
    if run.state in STOPPED:
        raise OutcomeNotGoodEnough(
            "SHP-070",
            f"Run {run.id} is {run.state.value} and ships nothing.",
            "an approval from before does not outlive the end of a run.",
            f"`unlit show {run.id}` says how it ended; start a new run with `unlit run SPEC`.",
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
