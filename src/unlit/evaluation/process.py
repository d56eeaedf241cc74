"""The evaluator as a process of its own: request on standard input, JSON lines on standard output.

Lines are ``{"event": …}`` in the order counted, then one ``{"result": …}`` or ``{"error": …}``.
Nothing of a validation or sealed scenario but its id, its labels and its numbers is in any line.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import traceback
from typing import Any, BinaryIO

from unlit.core.errors import InvalidInput, UnlitError
from unlit.evaluation.model import EvaluationRequest, Event, Separation
from unlit.evaluation.separation import separate
from unlit.evaluation.wire import request_from_json
from unlit.fence import Launcher


def main() -> int:
    """Grade one request; return the exit code of its verdict or error."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    os.umask(0o077)
    request: EvaluationRequest | None = None
    try:
        request = _request(sys.stdin.buffer)
        launcher, separation = separate(request)
        result = asyncio.run(_grade(request, launcher, separation))
    except UnlitError as error:
        _write({"error": {"code": error.code, "what": error.what, "why": error.why,
                          "remedy": error.remedy, "exit_code": error.exit_code}})  # fmt: skip
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    except Exception as error:  # a bug of ours; its details may hold content of scenarios
        _write({"error": {"code": "EVA-142", "what": f"The evaluator failed: {_name(error)}.",
                          "why": "this is our bug, not the candidate's.",
                          "remedy": "report it with the file `bug.txt` in the evaluator's store.",
                          "exit_code": 70}})  # fmt: skip
        _keep(request, error)
        return 70
    _write({"result": result})
    return 0


def _name(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def _keep(request: EvaluationRequest | None, error: Exception) -> None:
    if request is not None:
        text = "".join(traceback.format_exception(error))
        (request.artefacts / "bug.txt").write_text(text, encoding="utf-8")


def _request(stream: BinaryIO) -> EvaluationRequest:
    """Read the request: the first line, or all where that is no whole request."""
    text = stream.readline()
    try:
        try:
            value = json.loads(text)
        except ValueError:
            value = json.loads(text + stream.read())
    except ValueError as error:
        raise InvalidInput(
            "EVA-133", "The evaluation request is no JSON.", f"{error}.",
            "send one request as JSON on standard input.",
        ) from error  # fmt: skip
    return request_from_json(value)


async def _grade(
    request: EvaluationRequest, launcher: Launcher | None, separation: Separation
) -> dict[str, Any]:
    from unlit.evaluation.evaluate import evaluate
    from unlit.evaluation.metering import OPTION, AskingMeter

    # A polite end closes the fences; what was counted stays, and the same request goes on there.
    grading = asyncio.current_task()
    assert grading is not None  # noqa: S101 # we are in it
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, grading.cancel)
    if "deployed" in request.options:
        from unlit.evaluation.deployed import look_at_deployed

        return await look_at_deployed(request, launcher)
    meter = AskingMeter(_write, sys.stdin.buffer) if request.options.get(OPTION) else None
    result = await evaluate(request, _tell, launcher=launcher, separation=separation, meter=meter)
    return result.to_json()


def _tell(event: Event) -> None:
    _write(event.to_json())


def _write(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
