"""A pull request that carries a verified merge: opened once, merged at exactly that commit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough
from unlit.ship.landing import Landing
from unlit.ship.model import ForgePlan, Pull
from unlit.ship.ports import Forge
from unlit.ship.remote import Remote

_BODY_MOST: Final = 60_000
"""GitHub takes 65,536 characters; the rest is said to be in the full report."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed.

    Attributes:
        branch: Branch that carries it.
        base: The main branch.
        merge: The verified merge commit.
        tip: Last commit of the branch: the merge, or the changelog's commit on it.
    """

    branch: str
    base: str
    title: str
    merge: str
    tip: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a proposal.

    Attributes:
        commit: What is on the branch now and is to be tagged.
        branch_at: Where the branch is to be here.
        pushed: Whether the remote's branch is there already.
        pending: What it waits for; empty when it may be finished.
    """

    pull: Pull
    commit: str = ""
    branch_at: str = ""
    pushed: bool = False
    pending: str = ""


def settle(
    proposal: Proposal,
    plan: ForgePlan,
    forge: Forge,
    landing: Landing,
    body: Callable[[], str],
) -> Settled:
    """Open or find the pull request and merge it as the plan says; again changes nothing.

    Raises:
        OutcomeNotGoodEnough: It was closed by hand, changed by somebody, cannot be merged now, or
            what the forge merged is not the verified tree.
        InvalidInput: There is no remote to push to.
        OutsideFailed: Remote or forge refuse or do not answer.
    """
    if landing.remote is None:
        raise InvalidInput(
            "SHP-040",
            "Pull requests need a remote, and [ship] names none.",
            "the proposed branch is pushed there.",
            'add remote = "origin" to [ship] in unlit.toml.',
        )
    pull = forge.find(proposal.branch)
    if pull is not None and pull.state == "closed":
        raise _closed(pull)
    if pull is None or pull.state == "open":
        _push(landing.remote, proposal)
        pull = _open(proposal, forge, pull, body)
        if plan.merge == "wait":
            return Settled(pull, pending=f"pull request {pull.url} waits for people to merge it")
        if plan.merge == "push":
            return Settled(pull, proposal.merge, proposal.tip)
        pull = forge.merge(pull, proposal.tip, plan.method, proposal.title)
    return _merged(proposal, pull, landing)


def _push(remote: Remote, proposal: Proposal) -> None:
    try:
        remote.push(proposal.tip, proposal.branch, ours=True)
    except OutcomeNotGoodEnough as error:
        there = remote.fetch(proposal.branch)
        if there != proposal.tip:
            raise OutcomeNotGoodEnough(
                "SHP-048",
                f"The branch {proposal.branch} on {remote.name} was changed by somebody: it is at "
                f"{(there or 'nothing')[:10]}.",
                "what is merged is exactly what was verified; nobody's commits are overwritten.",
                "delete that branch there, or reject the run; then ship again.",
            ) from error


def _open(proposal: Proposal, forge: Forge, pull: Pull | None, body: Callable[[], str]) -> Pull:
    if pull is not None and pull.head == proposal.tip:
        return pull
    text = body()
    if len(text) > _BODY_MOST:
        text = text[:_BODY_MOST] + "\n\n… shortened; `unlit review` has the whole report.\n"
    if pull is None:
        return forge.open(proposal.branch, proposal.base, proposal.title, text)
    forge.describe(pull, proposal.title, text)
    return pull


def _merged(proposal: Proposal, pull: Pull, landing: Landing) -> Settled:
    target, remote = landing.repository, landing.remote
    assert remote is not None  # noqa: S101 # `settle` refused otherwise
    head = remote.fetch(proposal.base)
    commit = target.resolve(pull.merge) if pull.merge else None
    if commit is None and head is not None and target.is_ancestor(proposal.tip, head):
        commit = proposal.tip
    if commit is None or head is None or not target.is_ancestor(commit, head):
        raise OutcomeNotGoodEnough(
            "SHP-047",
            f"{pull.url} says merged, but {remote.name}/{proposal.base} does not have "
            f"{(pull.merge or proposal.tip)[:10]}.",
            "only what is on the branch counts as shipped; nothing was tagged.",
            "see where it was merged to; then ship again.",
        )
    if target.tree(commit) != target.tree(proposal.tip):
        raise OutcomeNotGoodEnough(
            "SHP-047",
            f"{pull.url} was merged as {commit[:10]}, which is another tree than was verified.",
            "the main branch moved meanwhile, or it was edited there; nothing was tagged.",
            "look at it now; run the spec again on this base, or revert the merge.",
        )
    return Settled(pull, commit, head, pushed=True)


def _closed(pull: Pull) -> OutcomeNotGoodEnough:
    return OutcomeNotGoodEnough(
        "SHP-045",
        f"Pull request {pull.url} was closed by hand.",
        "somebody does not want it merged; it is not opened again behind their back.",
        "reopen it there and ship again, or `unlit reject RUN --reason TEXT`.",
    )
