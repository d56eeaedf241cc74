"""`unlit scenarios draft`: scenarios from the spec alone, by an agent that is not the coder."""

import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from unlit.core.errors import InvalidInput, OutcomeNotGoodEnough, RefusedByPolicy

if TYPE_CHECKING:
    from unlit.evaluation.drafting import Draft


def draft(
    spec: Path,
    *,
    agent: str,
    into: Path,
    owner: str,
    repository: Path = Path(),
    same_agent: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
) -> int:
    """Let an agent draft scenarios from SPEC alone; it sees no code and no vault.

    Each draft is checked; good ones are written to INTO, marked with their author. A person reads
    them before they go into the vault. Exit code: 0; 1 if a draft is broken.

    Args:
        spec: The spec.
        agent: Who drafts: an agent's name (scripted:DIR needs no key); not the coding one.
        into: Folder for the drafts; not the vault itself.
        owner: Who answers for them.
        repository: The factory's repository.
        same_agent: Allow the coding agent; its drafts are marked all the same.
        as_json: Print JSON.
    """
    drafts = asyncio.run(_draft(spec, agent, owner, repository.resolve(), same_agent=same_agent))
    if not drafts:
        raise OutcomeNotGoodEnough(
            "EVA-156", f"The agent {agent} left no scenario.",
            "it was to write YAML files into `scenarios/`.", "try again, or another agent.",
        )  # fmt: skip
    good = [entry for entry in drafts if not entry.findings]
    taken = [into / entry.name for entry in good if (into / entry.name).exists()]
    if taken:
        raise InvalidInput(
            "EVA-151", f"{taken[0]} is there already.",
            "nothing is overwritten, and nothing was written.", "name an empty folder with --into.",
        )  # fmt: skip
    for entry in good:
        path = into / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(entry.text, encoding="utf-8")
    _say(drafts, into, as_json=as_json)
    return 0 if len(good) == len(drafts) else 1


def _say(drafts: "list[Draft]", into: Path, *, as_json: bool) -> None:
    if as_json:
        rows = [
            {"file": entry.name, "written": not entry.findings,
             "findings": [str(finding) for finding in entry.findings]} for entry in drafts
        ]  # fmt: skip
        document = {"schema": "unlit.drafts/1", "into": str(into), "drafts": rows}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        return
    for entry in drafts:
        sys.stdout.write(f"{'draft ' if not entry.findings else 'BROKEN'} {entry.name}\n")
        for finding in entry.findings:
            sys.stdout.write(f"       {finding}\n")


async def _draft(
    spec: Path, agent: str, owner: str, repository: Path, *, same_agent: bool
) -> "list[Draft]":
    from unlit.evaluation.drafting import TASK, read_drafts
    from unlit.evaluation.scenarios.parse import scenario_schema
    from unlit.line.model import ProductPlan
    from unlit.line.readings import Plan, write_readings
    from unlit.twins.registry import SERVICES
    from unlit.wiring.build import open_factory

    async with open_factory(repository) as handle:
        if agent == handle.factory.agents[0] and not same_agent:
            raise RefusedByPolicy(
                "EVA-157", f"{agent} is the agent that writes the product.",
                "who writes and who grades must not be one.",
                "name another agent, or say --same-agent and read the drafts with more care.",
            )  # fmt: skip
        request = handle.request(spec, agents=(agent,))
        facts = handle.services.specs.read(spec)
        facts = replace(facts, brief=f"{facts.brief}\n\n{TASK}")
        with tempfile.TemporaryDirectory(prefix="unlit-drafts-") as name:
            base = Path(name) / "base"
            base.mkdir()
            schema = json.dumps(scenario_schema(), indent=1)
            (base / "scenario.schema.json").write_text(schema, encoding="utf-8")
            plan = Plan(facts, ProductPlan(), request.policy, base, Path(name))
            (made,) = await write_readings(handle.services, plan, (agent,), samples=1)
            if made.tree is None:
                return []
            return read_drafts(
                made.tree, owner=owner, family=agent.partition(":")[0],
                criteria=set(facts.criteria), services={*SERVICES, "google"}, spec=facts.id,
            )  # fmt: skip
