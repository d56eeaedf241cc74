"""Start the evaluator's process for one request and read its lines."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from unlit.core.errors import (
    BudgetUsedUp,
    InvalidInput,
    OutsideFailed,
    RefusedByPolicy,
    UnlitError,
)
from unlit.core.pipes import feed
from unlit.evaluation.model import EvaluationRequest, EvaluationResult, Event
from unlit.evaluation.wire import event_from_json, result_from_json

_LINE_LIMIT: Final = 64 * 1024 * 1024
_ERRORS: Final[dict[int, type[UnlitError]]] = {
    3: InvalidInput,
    4: RefusedByPolicy,
    5: OutsideFailed,
    6: BudgetUsedUp,
}


@dataclass(frozen=True, slots=True)
class Looked:
    """What one health scenario showed of what is deployed, without its content."""

    scenario: str
    criteria: tuple[str, ...]
    state: str
    reasons: tuple[str, ...]


async def look_in_process(
    request: EvaluationRequest, env: Mapping[str, str] | None = None
) -> tuple[Looked, ...]:
    """Make the vault's health scenarios against what is deployed, in the evaluator's process.

    Args:
        request: Its option `deployed` says where; see `unlit.evaluation.deployed`.
        env: Environment of the process; keys of role `evaluator` are read from it.

    Raises:
        UnlitError: What the evaluator raised, or EVA-141 if it ended without a result.
    """
    result = await _in_process(request, lambda event: None, env)
    return tuple(
        Looked(row["scenario"], tuple(row["criteria"]), row["state"], tuple(row["reasons"]))
        for row in result["scenarios"]
    )


async def evaluate_in_process(
    request: EvaluationRequest, on_event: Callable[[Event], None]
) -> EvaluationResult:
    """Grade in a process of its own; the same as `evaluate`, behind a wall.

    Raises:
        UnlitError: What the evaluator raised, or EVA-141 if it ended without a result.
    """
    return result_from_json(await _in_process(request, on_event))


async def _in_process(
    request: EvaluationRequest,
    on_event: Callable[[Event], None],
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "unlit.evaluation.process", env=env,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_LIMIT,
    )  # fmt: skip
    try:
        return await _talk(process, request, on_event)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _talk(
    process: asyncio.subprocess.Process,
    request: EvaluationRequest,
    on_event: Callable[[Event], None],
) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 # pipes
    await feed(process, json.dumps(request.to_json()).encode())
    result: dict[str, Any] | None = None
    async for line in process.stdout:
        value: dict[str, Any] = json.loads(line)
        if "result" in value:
            result = value["result"]
        elif "error" in value:
            raise _error(value["error"])
        else:
            on_event(event_from_json(value))
    code = await process.wait()
    if result is None:
        raise OutsideFailed(
            "EVA-141", f"The evaluator's process ended with code {code} and no result.",
            "nothing is known about the candidate.", "see the messages above; run it again.",
        )  # fmt: skip
    return result


def _error(fields: dict[str, Any]) -> UnlitError:
    kind = _ERRORS.get(int(fields["exit_code"]), UnlitError)
    return kind(fields["code"], fields["what"], fields["why"], fields["remedy"])
