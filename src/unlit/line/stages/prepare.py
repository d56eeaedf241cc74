"""Before the first candidate: is the spec ready, what is the context, does the base hold."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unlit.context.model import Snapshot
from unlit.context.relevant import RelevantItems
from unlit.context.rules.snapshot import SNAPSHOT_FILE, seen_sentence
from unlit.context.rules.trifecta import exposure
from unlit.context.service import manifest, snapshot_brief, take_snapshot
from unlit.core.errors import OutcomeNotGoodEnough, RefusedByPolicy
from unlit.line.ports import AskedIntent, Services
from unlit.line.stages.checks import run_tests
from unlit.line.stages.hindsight import foresee
from unlit.line.stages.work import Work
from unlit.record.model import StageState


async def intent(work: Work) -> Mapping[str, Any]:
    """Parse the spec and judge whether it is ready to be built."""
    spec = work.services.specs.read(work.request.spec)
    foresee(work)
    policy = work.services.policies.digest(work.request.policy)
    work.services.store.change_run(work.run, work.services.clock.now(), policy_digest=policy)
    facts: dict[str, Any] = {
        "spec": spec.digest,
        "criteria": list(spec.criteria),
        "policy": policy,
        "risk": spec.risk,
    }
    gates = work.services.gates
    asked = AskedIntent() if gates is None else gates.intent(work.run, spec.missing)
    facts |= {"asks": asked.why, "missing": list(spec.missing)}
    if spec.missing and not asked.why:
        return {
            "state": StageState.NOT_GOOD_ENOUGH.value,
            "detail": f"the spec is not ready: {spec.missing[0]}{_more(spec.missing)}",
            **facts,
        }
    count = f"{len(spec.criteria)} {'criterion' if len(spec.criteria) == 1 else 'criteria'}"
    said = f"{count}, {'with' if len(spec.criteria) == 1 else 'each with'} an example"
    if spec.missing:
        said = f"{count}; not ready: {spec.missing[0]}{_more(spec.missing)}"
    if asked.decision == "approved":
        said += f"; approved by {' and '.join(asked.people)}"
    elif asked.why:
        said += "; waits for a person to approve it"
    return {"detail": said, **facts}


def _more(missing: tuple[str, ...]) -> str:
    rest = len(missing) - 1
    return f"; and {rest} more, see unlit intent ready" if rest else ""


async def context(work: Work, base: str) -> Mapping[str, Any]:
    """Pin what this run may see, as it lies in the base commit."""
    services = work.services

    def pin() -> Mapping[str, Any]:
        sources = services.sources(work.workspace.tree(base))
        for source in sources:
            if isinstance(source, RelevantItems):
                source.about(services.specs.read(work.request.spec).brief)
        snapshot = take_snapshot(sources, services.bodies)
        noted = refuse_trifecta(services, work.request.policy, snapshot.taint)
        text = services.bodies.keep(snapshot_brief(snapshot, services.bodies).encode())
        services.store.change_run(work.run, services.clock.now(), snapshot=snapshot.digest)
        _keep_manifest(work, snapshot)
        kept = services.bodies.keep(manifest(snapshot))  # where any worker finds it
        return {
            "detail": seen_sentence(snapshot, services.clock.now()) + noted,
            "snapshot": snapshot.digest,
            "brief": text,
            "manifest": kept,
            "taint": sorted(snapshot.taint),
            "left_out": len(snapshot.left_out),
        }

    return await asyncio.to_thread(pin)


def _keep_manifest(work: Work, snapshot: Snapshot) -> None:
    """Leave the manifest where `unlit context snapshot RUN` finds it."""
    folder = work.services.artefacts / work.run
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SNAPSHOT_FILE).write_bytes(manifest(snapshot))


def refuse_trifecta(services: Services, policy: Path, taint: Iterable[str]) -> str:
    """Private data, text from anybody and a way out never meet in one run.

    Returns:
        What to note where the policy lets them meet; nothing where they do not.

    Raises:
        RefusedByPolicy: They would.
    """
    ways_out = services.policies.ways_out(policy, "coder")
    found = exposure(taint, ways_out)
    if found.is_lethal and not services.policies.refuses_exposure(policy):
        return f"; the policy lets these meet: {found.sentence}"
    if found.is_lethal:
        raise RefusedByPolicy(
            "LIN-054",
            f"The run would hold {found.sentence}",
            "together they let anybody's text tell an agent to carry private data away.",
            "leave out the public source, close the open rule, or see [exposure] in policy.toml.",
        )
    return ""


async def baseline(work: Work, base: str) -> Mapping[str, Any]:
    """Build the base commit and run its tests, so that a candidate is not blamed for them."""
    if work.request.product.test is None:
        return {"detail": "the repository names no tests", "passes": None}
    try:
        passes, tail = await run_tests(work, base, "baseline")
    except OutcomeNotGoodEnough as error:
        return {"detail": f"the base does not build: {error.what}", "passes": False}
    said = "its own tests pass" if passes else f"its own tests fail already: {tail}"
    return {"detail": said, "passes": passes}
