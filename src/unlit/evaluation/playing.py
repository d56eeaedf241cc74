"""The models that have a part in a grading: a judge, a simulated user, or their stand-ins."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlit.evaluation.asking import VENDORS, ModelLine
from unlit.evaluation.model import EvaluationRequest
from unlit.evaluation.registry import judge
from unlit.evaluation.service import Parts
from unlit.fence import TwinRoute


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
