"""What is refused before a run begins, because it would only be found out after paid work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.ids import RunId
from unlit.line import tournament
from unlit.line.graphs.graph import Graph, hooks_of
from unlit.line.model import RunRequest
from unlit.line.ports import Services
from unlit.line.requests import request_from_json

_LOOKED_AT: Final = 1000  # runs back
_WITH_AGENT: Final = ("codergen", "unlit.build", "parallel.fan_in")


def check_vault(services: Services, request: RunRequest) -> None:
    """Refuse a spec or a vault by which no candidate can be graded.

    Raises:
        InvalidInput: Names the place that is wrong.
    """
    vault, spec = services.vault or request.vault, services.specs.read(request.spec)
    unnamed = services.evaluator.check(vault, spec, request.repository, request.product)
    others = {
        run.spec_id
        for run in services.store.runs(limit=_LOOKED_AT)
        if run.spec_id != spec.id and str(run.settings.get("vault")) == str(request.vault)
    }
    if unnamed and others:
        raise InvalidInput(
            "LIN-019",
            f"Scenario `{unnamed[0]}` of {vault} does not say which spec it is about.",
            f"this vault graded {', '.join(sorted(others))} before; {', '.join(spec.criteria[:1])} "
            "means another thing there.",
            f"write `spec: ID` into each scenario, or give {spec.id} a vault of its own (--vault).",
        )


def check_vault_again(services: Services, run: RunId, settings: Mapping[str, Any]) -> None:
    """Refuse to go on with a run whose vault has gone or cannot grade any more.

    Raises:
        InvalidInput: LIN-017 names where it was.
    """
    pinned = services.workspaces / run / "spec.md"
    request = replace(request_from_json(settings), spec=pinned)
    if not pinned.is_file():
        return  # a worker's run: its files come with the record
    try:
        spec = services.specs.read(request.spec)
        vault = services.vault or request.vault
        services.evaluator.check(vault, spec, request.repository, request.product)
    except InvalidInput as error:
        if error.code != "EVA-120":
            raise
        raise InvalidInput(
            "LIN-017",
            f"The vault of run {run} is gone: {request.vault} is not a folder.",
            "nothing can be graded without it; the run stays as it is.",
            f"put it back, or `unlit resume {run} --vault FOLDER` says where it is now.",
        ) from error


def check_agents(services: Services, agents: Sequence[str]) -> None:
    """Refuse a run that none of its agents can work on here; one that can is enough.

    Raises:
        InvalidInput: There is no agent of that name.
        OutsideFailed: HAR-051 says of each what this machine lacks.
    """
    lacks = {name: services.agents(name).facts.needs for name in agents}
    if not all(lacks.values()):
        return
    each = "; ".join(f"{name}: {needs[0]}" for name, needs in lacks.items())
    raise OutsideFailed(
        "HAR-051",
        f"No agent of this run can be started here: {each}.",
        "somebody has to write the change; nothing was begun.",
        "install one of them, or name another: --agent NAME (see `unlit agents list`).",
    )


def check_hooks(services: Services, request: RunRequest, graphs: Iterable[Graph]) -> None:
    """Refuse a line whose tool hooks an agent of it would not run: what guards nothing is no hook.

    Raises:
        InvalidInput: LIN-086.
    """
    for graph in graphs:
        for node in graph.nodes.values():
            if node.type not in _WITH_AGENT or not hooks_of(graph, node):
                continue
            named = node.attributes.get("agent") or request.agents[0]
            facts = services.agents(named).facts
            if facts.kind != "scripted" and "hooks" not in facts.can:
                raise InvalidInput(
                    "LIN-086",
                    f"{node.id}: {named} runs no hooks around its tool calls.",
                    "`tool_hooks.pre` may refuse a call; an agent that never asks it is not held.",
                    "use own:MODEL or claude-code for this node, or leave the hooks out.",
                )


def check_words(request: RunRequest) -> None:
    """Refuse values that no part of the line knows.

    Raises:
        InvalidInput: LIN-018, LIN-119.
    """
    if request.memory not in ("on", "off", "placebo"):
        raise InvalidInput(
            "LIN-018",
            f"{request.memory!r} is not a way to use memory.",
            "an agent is told lessons, none, or text of the same length that says nothing.",
            "use on, off or placebo.",
        )
    if not 1 <= request.tournament <= tournament.MOST:
        raise InvalidInput(
            "LIN-119",
            f"A tournament of {request.tournament} candidates is not held.",
            f"1 to {tournament.MOST} compete; each has an agent, a fence and a validation.",
            f"use a number from 1 to {tournament.MOST}.",
        )
