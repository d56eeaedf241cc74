"""The durable engine: DBOS, embedded. The only module that starts one.

One process has one engine. Its executor id is unique to the process, its version is ours, its
serializer is closed. Work of a process that died is taken over through a queue of our own, by the
process that was asked to resume it and by no other.
"""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.line.closed_json import ClosedJson
from unlit.line.ports import Durable
from unlit.line.rules.queues import QueuePlan
from unlit.line.steps import Interrupted as Interrupted
from unlit.line.steps import Remembered, Steps
from unlit.record.engine import database_failed

Result = TypeVar("Result")
Body = Callable[[str, str, Durable], Awaitable[Mapping[str, Any]]]

_NAME: Final = "unlit_line"
_CLOSE_S: Final = 15.0
_LOOK_S: Final = 0.05
_TELL_S: Final = 0.5
_FAILURE_TOLD_S: Final = 3.0
_END_TOLD_S: Final = 30.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How the engine is started.

    Attributes:
        executor: Unique to this process, for ever.
        version: Version of the flow; work of another version is not touched.
        queues: Queues this process takes work from, besides its own.
        per_worker: Runs of a queue that one worker does at a time.
        plans: Limits of queues, by name.
    """

    database: Engine
    url: str
    executor: str
    version: str
    queues: tuple[str, ...] = ()
    per_worker: int = 2
    plans: Mapping[str, QueuePlan] = field(default_factory=dict)


class DbosEngine:
    """Starts, resumes, interrupts and awaits durable work.

    Args:
        options: How to start.
        body: What a workflow does: given run, kind and the durable steps.
    """

    def __init__(self, options: EngineOptions, body: Body) -> None:
        self._options = options
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}
        self._own_queue = f"own-{options.executor}"
        self._busy: set[str] = set()
        self._stopped: set[str] = set()
        self._over: dict[str, Exception | None] = {}
        self._closing = False

    @classmethod
    async def start(cls, options: EngineOptions, body: Body) -> "DbosEngine":
        """Start the engine of this process.

        Raises:
            InvalidInput: It runs already.
        """
        global _engine  # DBOS itself is one per process
        if _engine is not None:
            raise InvalidInput(
                "LIN-001",
                "The line's engine already runs in this process.",
                "one process has one engine.",
                "close the other one first.",
            )
        engine = cls(options, body)
        config: DBOSConfig = {
            "name": "unlit",
            "system_database_url": options.url,
            "system_database_engine": options.database,
            "executor_id": options.executor,
            "application_version": options.version,
            "serializer": ClosedJson(),
            "log_level": "CRITICAL",
            "console_log_level": "CRITICAL",
            "notification_listener_polling_interval_sec": 0.2,
        }
        _engine = engine
        try:
            await asyncio.to_thread(engine._launch, config)
        except BaseException:
            await engine._leave()  # one that did not start must not keep out the next
            raise
        return engine

    def _launch(self, config: DBOSConfig) -> None:
        # a handler of its own would keep the stderr of this moment, and fail once that is closed
        _silence(logging.getLogger("dbos"))
        DBOS(config=config)
        DBOS.listen_queues([self._own_queue, *self._options.queues])
        DBOS.launch()
        DBOS.register_queue(self._own_queue, polling_interval_sec=0.1, on_conflict="always_update")
        for queue in self._options.queues:
            plan = self._options.plans.get(queue) or QueuePlan(queue)
            rate = plan.rate
            DBOS.register_queue(
                queue,
                worker_concurrency=_least(plan.per_worker, self._options.per_worker, plan.at_once),
                global_concurrency=plan.at_once,
                limiter=None if rate is None else {"limit": rate.count, "period": rate.period_s},
                polling_interval_sec=0.2,
                on_conflict="always_update",
            )

    async def close(self) -> None:
        """Stop the engine; what runs is left to be resumed.

        Steps are cancelled and awaited before the engine goes, so that their fences and processes
        end, and nothing looks for its database afterwards.
        """
        self._closing = True
        tasks = {task for group in self._tasks.values() for task in group}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_S)
        for _ in range(round(_CLOSE_S / _LOOK_S)):
            if not self._busy:
                break
            await asyncio.sleep(_LOOK_S)
        await self._leave()

    async def _leave(self) -> None:
        global _engine  # DBOS itself is one per process
        await asyncio.to_thread(self._stop)
        # the engine made its own, now closed, thread pool the default of this loop
        self._loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="unlit"))
        _engine = None

    def _stop(self) -> None:
        try:
            DBOS.delete_queue(self._own_queue)
        except Exception as error:  # the queue is a convenience; closing goes on
            _log.debug("own queue not deleted: %s", error)
        DBOS.destroy(workflow_completion_timeout_sec=0)

    async def begin(self, run: str, kind: str) -> None:
        """Start the work of `kind` on a run; begun work is not begun again."""
        with SetWorkflowID(workflow_id(run, kind)):
            await DBOS.start_workflow_async(_workflow, run, kind)

    async def enqueue(self, queue: str, run: str, kind: str) -> None:
        """Leave work for any worker that takes from `queue`; known work is not left again."""
        with SetWorkflowID(workflow_id(run, kind)):
            await DBOS.enqueue_workflow_async(queue, _workflow, run, kind)

    async def reclaim(self, dead: str, queue: str) -> tuple[str, ...]:
        """Put the work of a dead executor back into its queue; return the names of the work.

        Args:
            dead: The executor.
            queue: Where work goes that came from no queue, or from the dead one's own.
        """
        found = await DBOS.list_workflows_async(status="PENDING", executor_id=dead)
        rows = [row for row in found if row.name == _NAME]
        for row in rows:
            own = row.queue_name is None or row.queue_name.startswith("own-")
            name = queue if own else row.queue_name
            await DBOS.resume_workflow_async(row.workflow_id, queue_name=name)
        return tuple(row.workflow_id for row in rows)

    async def resume(self, run: str, kind: str) -> None:
        """Take over work that a dead process left, or that was interrupted or failed."""
        name = workflow_id(run, kind)
        status = await self.status(run, kind)
        if status is None:
            await self.begin(run, kind)
        elif status in ("ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED", "SUCCESS"):
            await self._rewind(name)
        else:
            await DBOS.resume_workflow_async(name, queue_name=self._own_queue)

    async def steps(self, run: str, kind: str) -> tuple[str, ...]:
        """Return the names of the steps done, in order."""
        found = await DBOS.list_workflow_steps_async(workflow_id(run, kind))
        ordered = sorted(found, key=lambda step: step["function_id"])
        return tuple(step["function_name"] for step in ordered)

    async def rewind(self, run: str, kind: str, step: str = "") -> None:
        """Do work again from `step` on, which must be done and the work at rest; or all of it."""
        name = workflow_id(run, kind)
        if await self.status(run, kind) in ("PENDING", "ENQUEUED"):
            await DBOS.cancel_workflow_async(name)
        await self._rewind(name, step or (await self.steps(run, kind))[0])

    async def _rewind(self, name: str, to: str | None = None) -> None:
        steps = await DBOS.list_workflow_steps_async(name)
        numbers = [s["function_id"] for s in steps if to in (None, s["function_name"])]
        undone = [s["function_id"] for s in steps if to is None and _undone(s)]
        last = min(undone, default=max(numbers, default=1))
        await DBOS.rewind_workflow_async(
            name,
            start_step=last,
            application_version=self._options.version,
            queue_name=self._own_queue,
        )

    async def fork(self, run: str, fresh: str, kind: str, step: str) -> None:
        """Begin the work of another run with the past of this one before `step`."""
        steps = await DBOS.list_workflow_steps_async(workflow_id(run, kind))
        number = next(s["function_id"] for s in steps if s["function_name"] == step)
        with SetWorkflowID(workflow_id(fresh, kind)):
            await DBOS.fork_workflow_async(
                workflow_id(run, kind),
                number,
                application_version=self._options.version,
                queue_name=self._own_queue,
            )

    async def status(self, run: str, kind: str) -> str | None:
        """Return the engine's word on a piece of work; `None` when it does not know it."""
        found = await DBOS.get_workflow_status_async(workflow_id(run, kind))
        return None if found is None else found.status

    async def version(self, run: str, kind: str) -> str | None:
        """Return the flow version under which a piece of work was begun."""
        found = await DBOS.get_workflow_status_async(workflow_id(run, kind))
        return None if found is None else found.app_version

    async def wait(self, run: str, kind: str) -> Mapping[str, Any]:
        """Wait until a piece of work is over and return what it returned.

        Raises:
            OutsideFailed: It is over, and the database does not take that down (a full disk).
        """
        name = workflow_id(run, kind)
        handle: Any = await DBOS.retrieve_workflow_async(name)
        told = asyncio.ensure_future(handle.get_result(polling_interval_sec=0.1))
        try:
            waited = 0.0
            while not (await asyncio.wait({told}, timeout=_TELL_S))[0]:
                waited = waited + _TELL_S if name in self._over else 0.0
                error = self._over.get(name)
                if error is not None and waited >= _FAILURE_TOLD_S:
                    raise database_failed(error) if isinstance(error, DBAPIError) else error
                if waited >= _END_TOLD_S:
                    raise _not_taken_down(run)
            result: Mapping[str, Any] = told.result()
            return result
        finally:
            told.cancel()

    async def interrupt(self, run: str, kind: str) -> None:
        """Stop a piece of work before its next step, and its present step here and now."""
        self._stopped.add(workflow_id(run, kind))
        await DBOS.cancel_workflow_async(workflow_id(run, kind))
        for task in tuple(self._tasks.get(workflow_id(run, kind), ())):
            task.cancel()

    async def here(self, working: Coroutine[Any, Any, Result]) -> Result:
        """Do work on the loop that started the engine: its fences and processes belong to it."""
        if asyncio.get_running_loop() is self._loop:
            return await working
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(working, self._loop))

    async def work(self, run: str, kind: str) -> Mapping[str, Any]:
        """Do the work; called by the engine's workflow."""
        name = workflow_id(run, kind)
        tasks = self._tasks.setdefault(name, set())
        self._busy.add(name)
        self._over.pop(name, None)
        self._stopped.discard(name)
        try:
            steps = Steps(
                tasks,
                await _remembered(name),
                closing=lambda: self._closing,
                stopped=lambda: name in self._stopped,
            )
            done = await self._body(run, kind, steps)
            steps.all_used()
        except Exception as error:
            self._over[name] = error
            raise
        else:
            self._over[name] = None
            return done
        finally:
            self._busy.discard(name)


def _not_taken_down(run: str) -> OutsideFailed:
    return OutsideFailed(
        "LIN-002",
        f"The end of the work on run {run} could not be taken down.",
        "its database did not answer for half a minute (a full disk, or it is down).",
        "free space or start the database; `unlit resume RUN` goes on where the run stopped.",
    )


async def _remembered(name: str) -> tuple[Remembered, ...]:
    """Return the steps that are done; asked outside the workflow, or asking were a step of it."""
    listed = asyncio.get_running_loop().create_task(
        DBOS.list_workflow_steps_async(name), context=contextvars.Context()
    )
    return tuple(
        Remembered(step["function_id"], step["function_name"], step["output"], step["error"])
        for step in await listed
    )


def _undone(step: Mapping[str, Any]) -> bool:
    """Whether a step failed, or waits for a person: it is done again."""
    output = step["output"]
    waits = isinstance(output, dict) and output.get("status") == "waiting"
    return step["error"] is not None or waits


def _least(*numbers: int | None) -> int:
    return min(number for number in numbers if number is not None)


_engine: DbosEngine | None = None


def workflow_id(run: str, kind: str) -> str:
    """Return the engine's name of a piece of work."""
    return f"{run}/{kind}"


def _silence(log: logging.Logger) -> None:
    log.propagate = False
    for handler in list(log.handlers):
        log.removeHandler(handler)
    log.addHandler(logging.NullHandler())


@DBOS.workflow(name=_NAME)
async def _workflow(run: str, kind: str) -> Mapping[str, Any]:
    if _engine is None:
        raise RuntimeError("the engine is closing")
    # a fork has the arguments of the work it was forked from; its own name says what it is
    named = (DBOS.workflow_id or "").rpartition("/")
    return await _engine.here(_engine.work(named[0] or run, named[2] or kind))
