"""The models that have a part in a grading: a judge, a simulated user, or their stand-ins."""

import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlit.core.errors import RefusedByPolicy
from unlit.evaluation.asking import VENDORS, ModelLine, vendor_of
from unlit.evaluation.defaults import model_rules
from unlit.evaluation.model import EvaluationRequest
from unlit.evaluation.registry import judge
from unlit.evaluation.service import Parts
from unlit.fence import TwinRoute
from unlit.models.model import ModelUsage
from unlit.policy import Policy, Request, decide


def refuse_unreachable(policy: Policy, options: Mapping[str, Any]) -> None:
    """Refuse a judge or a user that the policy does not let the evaluator ask, before anything.

    Args:
        policy: What decides.
        options: Those of the request.

    Raises:
        RefusedByPolicy: Role `evaluator` may not reach the model's vendor, or its stand-in.
    """
    scripted = bool(options.get("model_twin"))
    for part in ("judge", "user"):
        named = options.get(part)
        if not named or "provider" not in named:
            continue
        provider = str(named["provider"])
        vendor = vendor_of(provider)
        path = vendor.path.format(model=named.get("model", ""))
        asked = Request("evaluator", "https", vendor.host, 443, "POST", path)
        if decide(policy, asked).outcome == ("twin" if scripted else "upstream"):
            continue
        rules = " | ".join(model_rules(provider, scripted=scripted).split("\n")).strip(" |")
        raise RefusedByPolicy(
            "EVA-149", f"The policy lets nobody ask the {part} at {vendor.host}.",
            "it is asked from a fence of role `evaluator`, by the rules of policy.toml alone.",
            f"add to it, a line each: {rules}",
        )  # fmt: skip


def scripted_words(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Say that no model was asked, where a script answered in its place."""
    named = [part for part in ("judge", "user") if options.get(part)]
    if not options.get("model_twin") or not named:
        return ()
    who = " and ".join(f"the {part}" for part in named)
    return (f"A script answered for {who}: no model was asked.",)


def used(usage: Iterable[ModelUsage]) -> tuple[dict[str, Any], ...]:
    """Return what judges and users cost, one row for each call."""
    return tuple(one.to_json() for one in usage)


@asynccontextmanager
async def with_models(request: EvaluationRequest, parts: Parts) -> AsyncIterator[Parts]:
    """Open a fence of role `evaluator` for the models that the request names, if any."""
    judging: Mapping[str, Any] | None = request.options.get("judge")
    playing: Mapping[str, Any] | None = request.options.get("user")
    if not judging and not playing:
        yield parts
        return
    with tempfile.TemporaryDirectory(prefix="unlit-models-") as folder:
        sandbox = await parts.pool.open_as("evaluator", Path(folder))
        try:
            line = None
            if playing:
                line = ModelLine(sandbox, str(playing["provider"]), str(playing["model"]))
            made = judge(judging, sandbox) if judging else None
            yield replace(parts, judge=made, model_line=line)
        finally:
            await parts.pool.release(sandbox)


@asynccontextmanager
async def model_routes(request: EvaluationRequest) -> AsyncIterator[tuple[TwinRoute, ...]]:
    """Serve the script that stands in for the vendors' models, if the request names one."""
    script = request.options.get("model_twin")
    if not script:
        yield ()
        return
    from unlit.models.twin.app import ModelTwin
    from unlit.models.twin.server import ModelTwinServer, load_script

    server = await ModelTwinServer.start(ModelTwin(load_script(Path(str(script)))))
    try:
        yield tuple(
            TwinRoute(name, (vendor.host,), server.address, "models")
            for name, vendor in VENDORS.items()
        )
    finally:
        await server.close()
