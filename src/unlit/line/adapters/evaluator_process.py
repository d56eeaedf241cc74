"""The evaluator as a process of its own: a request goes in, events and one result come out."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from unlit.core.errors import InvalidInput, OutsideFailed, RefusedByPolicy, UnlitError
from unlit.core.pipes import feed, tell
from unlit.core.states import Verdict
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.fence import Mount
from unlit.fence.gateway.allowance import Meter
from unlit.line.adapters.money import OPTION, Money
from unlit.line.model import EvaluationOrder, Graded, Place, ProductPlan, SpecFacts
from unlit.line.ports import Evaluator
from unlit.policy import Identity

COMMAND: Final = (sys.executable, "-m", "unlit.evaluation.process")
_WITH_PARENT: Final = ("setpriv", "--pdeathsig", "TERM")
"""Ends the evaluator with the process that asked, also when that one is killed."""
_LINE_LIMIT: Final = 64 * 1024 * 1024
_CLASSES: Final[Mapping[int, type[UnlitError]]] = {3: InvalidInput, 4: RefusedByPolicy}


class EvaluatorProcess(Evaluator):
    """Grades by starting the evaluator's own program for each order.

    Args:
        store: Folder of the evaluator's own store, where scenario content lies; out of reach of
            every fence and of the harness.
        env: Environment of the process.
        command: Program; a prefix may start it as another user.
        options: Passed on to the evaluator as they are.
        meter: Must agree to each model call of a grading before it is made, and is told its cost.
    """

    def __init__(
        self,
        store: Path,
        env: Mapping[str, str],
        command: Sequence[str] = COMMAND,
        options: Mapping[str, Any] | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._store = store
        self._env = dict(env)
        ends_with_us = _WITH_PARENT if shutil.which("setpriv") else ()
        self._command = (*ends_with_us, *command)
        self._options = dict(options or {})
        self._meter = meter
        if meter is not None:
            self._options[OPTION] = True

    @override
    def check(
        self, vault: Path, spec: SpecFacts, repository: Path, product: ProductPlan
    ) -> tuple[str, ...]:
        from unlit.evaluation.defaults import refuse_undrivable
        from unlit.evaluation.vault import load_vault  # slow to import, and once a run
        from unlit.twins.registry import SERVICES, known

        found = load_vault(
            vault, criteria=set(spec.criteria), services={*SERVICES, *known()}, base=repository,
            spec=spec.id,
        )  # fmt: skip
        found.refuse_errors()
        found.refuse_unsteered()
        refuse_undrivable(found.scenarios, product.run, product.port)
        return tuple(str(scenario.id) for scenario in found.scenarios if not scenario.specs)

    @override
    async def grade(
        self, order: EvaluationOrder, on_event: Callable[[Mapping[str, Any]], None]
    ) -> Graded:
        request = _request(order, self._store / order.key, self._options)
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._env,
            start_new_session=True,
            limit=_LINE_LIMIT,
        )
        money = None if self._meter is None else Money(self._meter, _who(order.place))
        try:
            asked = json.dumps(request.to_json())
            answer, stderr = await _talk(process, asked, on_event, money)
        finally:
            _end(process)
            await process.wait()
            if money is not None:
                money.close()
        if "result" in answer:
            graded = _graded(answer["result"])
            return graded if money is None else replace(graded, booked=True)
        raise _error(answer.get("error"), process.returncode, stderr)


async def _talk(
    process: asyncio.subprocess.Process,
    request: str,
    on_event: Callable[[Mapping[str, Any]], None],
    money: Money | None = None,
) -> tuple[Mapping[str, Any], str]:
    assert process.stdin is not None  # noqa: S101 # made with pipes
    assert process.stdout is not None  # noqa: S101 # made with pipes
    assert process.stderr is not None  # noqa: S101 # made with pipes
    tail = asyncio.create_task(_tail(process.stderr))
    if money is None:
        await feed(process, request.encode())
    else:
        await tell(process, f"{request}\n".encode())
    answer: Mapping[str, Any] = {}
    async for line in _lines(process.stdout):
        value = json.loads(line)
        if "event" in value:
            on_event(value)
        elif money is not None and "reserve" in value:
            await tell(process, money.reserve(value["reserve"]))
        elif money is not None and "settle" in value:
            money.settle(value["settle"])
        else:
            answer = value
    process.stdin.close()
    await process.wait()
    return answer, await tail


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while line := await stream.readline():
        if line.strip().startswith(b"{"):
            yield line


async def _tail(stream: asyncio.StreamReader) -> str:
    kept = b""
    while chunk := await stream.read(65536):
        kept = (kept + chunk)[-4000:]
    return kept.decode(errors="replace")


def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()  # it may be waiting for an answer of ours
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def _request(
    order: EvaluationOrder, artefacts: Path, options: Mapping[str, Any]
) -> EvaluationRequest:
    product, place = order.product, order.place
    return EvaluationRequest(
        spec=order.spec,
        candidate=order.candidate,
        base=order.base,
        vault=order.vault,
        partition=order.partition,
        product=Product(
            kind=product.kind,
            build=product.build,
            test=product.test,
            run=product.run,
            port=product.port,
            env=product.env,
            mounts=tuple(Mount(m.source, m.target, m.writable) for m in order.mounts),
        ),
        ship=ShipRule(**asdict(order.ship)),
        seed=order.seed,
        max_trajectories=order.max_trajectories,
        parallel=order.parallel,
        look=order.look,
        artefacts=artefacts,
        policy=order.policy,
        identity=Identity(place.run, place.stage, place.agent, place.role),
        base_commit=order.base_commit,
        tree=order.tree,
        bits=order.bits,
        options={
            **options,
            "spec_since": order.spec_since,
            "leak_sources": {kind: list(paths) for kind, paths in order.leak_sources.items()},
        },
    )


def _who(place: Place) -> Identity:
    stage = place.stage if place.candidate is None else f"{place.stage}/{place.candidate}"
    return Identity(place.run, stage, place.agent, "evaluator")


def _graded(result: Mapping[str, Any]) -> Graded:
    feedback = tuple(result.get("feedback") or ())
    return Graded(Verdict(result["verdict"]), result, feedback)


def _error(told: Mapping[str, Any] | None, code: int | None, stderr: str) -> UnlitError:
    if told is not None:
        kind = _CLASSES.get(int(told.get("exit_code", 5)), OutsideFailed)
        return kind(told["code"], told["what"], told["why"], told["remedy"])
    last = stderr.strip().splitlines()[-1:] or [f"exit code {code}"]
    return OutsideFailed(
        "EVA-199",
        f"The evaluator ended without a result: {last[0][:300]}",
        "nothing is said of the candidate when the evaluator itself fails.",
        "`unlit resume RUN` grades again.",
    )
