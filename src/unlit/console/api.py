"""The HTTP API for programs: runs, gates, reports and events; described by its own OpenAPI.

Programs authenticate by `Authorization: Bearer TOKEN` and never by cookie, so that a page elsewhere
cannot make a browser speak for its user.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from unlit import __version__
from unlit.console.model import Role
from unlit.console.pages.gates import follow
from unlit.console.programs import start, stream
from unlit.console.queries import Cursor, RunRow
from unlit.console.views import STATES
from unlit.console.web import Page
from unlit.core.errors import UsageError
from unlit.core.ids import CandidateId, RunId
from unlit.core.states import Partition
from unlit.review import build_report, render_markdown
from unlit.review.decisions import GRANT_S
from unlit.review.model import OUTCOME_GATE, to_plain

PREFIX: Final = "/api/v1"
BODY_BYTES: Final = 100_000
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API, as served and as described.

    Attributes:
        query: Query parameters: name to JSON Schema.
        body: JSON Schema of the body, for POST.
    """

    method: str
    path: str
    name: str
    words: str
    handler: Callable[[Page], Response]
    role: Role = Role.READER
    query: Mapping[str, Mapping[str, Any]] | None = None
    body: Mapping[str, Any] | None = None
    media: str = "application/json"


def runs(page: Page) -> Response:
    """List runs, newest first."""
    state = page.param("state")
    if state and state not in STATES:
        raise _bad(f"state {state!r} is none", f"one of {', '.join(STATES)}")
    limit = _number(page, "limit", 50)
    after = page.param("after")
    cursor = Cursor.parse(after) if after else None
    if after and cursor is None:
        raise _bad("`after` is no cursor", "the `after` of the page before")
    found = page.queries.runs(
        states=[state] if state else (), text=page.param("q")[:100], after=cursor, limit=limit + 1
    )
    rows, more = found[:limit], len(found) > limit
    last = Cursor(rows[-1].created_at.isoformat(), rows[-1].id).text() if rows and more else None
    return JSONResponse({"runs": [_run(row) for row in rows], "after": last})


def run(page: Page) -> Response:
    """Return one run with stages and gradings, in numbers."""
    found = page.console.store.find_run(page.path("run"))
    row = next(iter(page.queries.runs(text=found.id, limit=1)))
    ids = [found.id]
    return JSONResponse(
        {
            **_run(row),
            "stages": [to_plain(span) for span in page.queries.spans(ids).get(found.id, [])],
            "gradings": [to_plain(share) for share in page.queries.shares(ids).get(found.id, [])],
            "questions": [to_plain(row) for row in page.console.store.questions(found.id)],
            "decisions": [to_plain(row) for row in page.console.store.gate_decisions(found.id)],
        }
    )


def report(page: Page) -> Response:
    """Return the outcome report, `unlit.report/1`."""
    store = page.console.store
    return JSONResponse(build_report(store, store.find_run(page.path("run")).id).to_json())


def report_markdown(page: Page) -> Response:
    """Return the outcome report as Markdown, for a ticket or pull request."""
    store = page.console.store
    found = build_report(store, store.find_run(page.path("run")).id)
    return PlainTextResponse(render_markdown(found), media_type="text/markdown")


def trajectories(page: Page) -> Response:
    """List the trajectories of one grading; ids, states and seeds only."""
    store = page.console.store
    found = store.find_run(page.path("run"))
    partition = page.param("partition") or "validation"
    if partition not in set(Partition):
        raise _bad(f"partition {partition!r} is none", f"one of {', '.join(Partition)}")
    candidate = CandidateId(page.param("candidate") or str(found.candidate or ""))
    rows = store.trajectories(found.id, candidate, Partition(partition))
    return JSONResponse({"trajectories": [to_plain(row) for row in rows]})


def events(page: Page) -> Response:
    """Return events after a sequence number; ask again with the last one."""
    store = page.console.store
    after = _number(page, "after", 0, most=2**53)
    limit = _number(page, "limit", 200)
    name = page.param("run")
    chosen = store.find_run(name).id if name else None
    rows = store.events(chosen, after=after, limit=limit)
    last = rows[-1].seq if rows else after
    return JSONResponse({"events": [to_plain(row) for row in rows], "after": last})


def gates(page: Page) -> Response:
    """List what waits for a person, the oldest first."""
    waiting = page.queries.runs(states=["waiting"], limit=_MOST)
    asked: dict[str, list[Any]] = {}
    for question in page.queries.asked():
        asked.setdefault(question.run, []).append(to_plain(question))
    rows = [
        {**_run(row), "gate": _gate(page, row.id), "questions": asked.get(row.id, [])}
        for row in reversed(waiting)
    ]
    wishes = [to_plain(wish) for wish in page.queries.access(page.console.clock.now())]
    return JSONResponse({"gates": rows, "access": wishes})


def _gate(page: Page, run: RunId) -> str:
    return page.console.desk.standing(page.console.store.find_run(run)).gate


def decide(page: Page) -> Response:
    """Approve or reject at a gate; the approval that settles the last one builds or ships."""
    body = page.form
    run_id = page.console.store.find_run(page.path("run")).id
    gate = body.get("gate", OUTCOME_GATE)
    done = page.console.desk.decide(
        run_id, body.get("decision", ""), page.session.person, body.get("reason", ""), gate=gate
    )
    shipment = None
    if done.decision.decision == "approved" and done.settled:
        shipment = to_plain(follow(page, run_id, gate))
    return JSONResponse(
        {
            "decision": to_plain(done.decision),
            "settled": done.settled,
            "missing": done.missing,
            "shipment": shipment,
        }
    )


def decide_access(page: Page) -> Response:
    """Allow for a while, or refuse, what a program of a run asked for."""
    body = page.form
    done = page.console.desk.decide(
        page.console.store.find_run(page.path("run")).id,
        body["decision"],
        page.session.person,
        body["reason"],
        gate=f"access/{body['question']}",
        for_s=float(body.get("for_s", GRANT_S)),
    )
    return JSONResponse({"decision": to_plain(done.decision), "missing": done.missing})


def answer(page: Page) -> Response:
    """Answer one question."""
    body = page.form
    run_id = page.console.store.find_run(page.path("run")).id
    number = body.get("question", "")
    if not number.isdigit() or body.get("answer") not in ("yes", "no", "unclear"):
        raise _bad("the answer is not understood", "question: a number; answer: yes, no, unclear")
    entry = page.console.desk.answer(
        run_id, int(number), body["answer"], page.session.person, body.get("reason", "")
    )
    return JSONResponse({"audit_entry": entry})


_TEXT: Final = {"type": "string"}
_LIMIT: Final = {"type": "integer", "minimum": 1, "maximum": _MOST}
OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("GET", "/runs", "listRuns", "List runs, newest first.", runs, query={
        "state": {"type": "string", "enum": list(STATES)}, "q": _TEXT, "after": _TEXT,
        "limit": _LIMIT}),
    Operation("POST", "/runs", "startRun", "Start a run; once for an Idempotency-Key.", start,
              Role.OWNER, body={
                  "type": "object", "required": ["spec"], "additionalProperties": False,
                  "properties": {
                      "spec": {"type": "string", "minLength": 1, "maxLength": 100},
                      "agent": {"type": "string", "maxLength": 200}}}),
    Operation("GET", "/events/stream", "followEvents", "Events as they come (server-sent).", stream,
              query={"run": _TEXT, "after": {"type": "integer", "minimum": 0},
                     "for_s": {"type": "integer", "minimum": 1, "maximum": 3600}},
              media="text/event-stream"),
    Operation("GET", "/runs/{run}", "readRun", "One run with its stages.", run),
    Operation("GET", "/runs/{run}/report", "readReport", "Its outcome report.", report),
    Operation("GET", "/runs/{run}/report.md", "readReportMarkdown", "The report as Markdown.",
              report_markdown, media="text/markdown"),
    Operation("GET", "/runs/{run}/trajectories", "listTrajectories", "Trajectories of a grading.",
              trajectories, query={"candidate": _TEXT, "partition": {
                  "type": "string", "enum": [str(name) for name in Partition]}}),
    Operation("GET", "/events", "listEvents", "Events after a sequence number.", events, query={
        "run": _TEXT, "after": {"type": "integer", "minimum": 0}, "limit": _LIMIT}),
    Operation("GET", "/gates", "listGates", "What waits for a person.", gates),
    Operation("POST", "/runs/{run}/decision", "decide",
              "Approve or reject at a gate; approval builds (intent) or ships.",
              decide, Role.DECIDER, body={
                  "type": "object", "required": ["decision", "reason"],
                  "additionalProperties": False, "properties": {
                      "decision": {"type": "string", "enum": ["approved", "rejected"]},
                      "gate": {"type": "string", "enum": ["intent", "outcome", "ship"]},
                      "reason": {"type": "string", "minLength": 1, "maxLength": 2000}}}),
    Operation("POST", "/runs/{run}/access", "decideAccess",
              "Allow for a while, or refuse, what a program asked for.", decide_access,
              Role.DECIDER, body={
                  "type": "object", "required": ["question", "decision", "reason"],
                  "additionalProperties": False, "properties": {
                      "question": {"type": "integer", "minimum": 1},
                      "decision": {"type": "string", "enum": ["approved", "rejected"]},
                      "for_s": {"type": "integer", "minimum": 1, "maximum": 86400},
                      "reason": {"type": "string", "minLength": 1, "maxLength": 2000}}}),
    Operation("POST", "/runs/{run}/answers", "answer", "Answer one question.", answer,
              Role.DECIDER, body={
                  "type": "object", "required": ["question", "answer"],
                  "additionalProperties": False, "properties": {
                      "question": {"type": "integer", "minimum": 1},
                      "answer": {"type": "string", "enum": ["yes", "no", "unclear"]},
                      "reason": {"type": "string", "maxLength": 2000}}}),
)  # fmt: skip


def openapi() -> dict[str, Any]:
    """Return the description of the API, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described: dict[str, Any] = {
            "operationId": operation.name,
            "summary": operation.words,
            "responses": {
                "200": {
                    "description": "Done.",
                    "content": {operation.media: {"schema": {}}},
                },
                **{code: {"$ref": "#/components/responses/Problem"} for code in _PROBLEMS},
            },
        }
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "query", "schema": dict(schema)}
            for name, schema in (operation.query or {}).items()
        ]
        if "{run}" in operation.path:
            parameters.append({"name": "run", "in": "path", "required": True, "schema": _TEXT})
        if parameters:
            described["parameters"] = parameters
        if operation.body is not None:
            described["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": dict(operation.body)}},
            }
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Unlit", "version": __version__},
        "servers": [{"url": PREFIX}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": _COMPONENTS,
    }


_PROBLEMS: Final = ("400", "401", "403", "409", "429", "502")
_COMPONENTS: Final[dict[str, Any]] = {
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    "schemas": {
        "Problem": {
            "type": "object",
            "required": ["error", "code"],
            "properties": {"error": _TEXT, "why": _TEXT, "do": _TEXT, "code": _TEXT},
        }
    },
    "responses": {
        "Problem": {
            "description": "Refused or failed, with the reason and what to do.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    },
}


async def read_body(request: Request, operation: Operation) -> Mapping[str, str]:
    """Read and check a JSON body; values become text.

    Raises:
        UsageError: It is no JSON object, too large, or not of the described form.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise _bad("the body is too large", f"at most {BODY_BYTES:,} bytes")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _bad("the body is not JSON", "a JSON object") from error
    schema = operation.body or {}
    if not isinstance(value, dict):
        raise _bad("the body is no object", "a JSON object")
    problem = _misfit(value, schema)
    if problem:
        raise _bad(problem, "the form that /api/v1/openapi.json describes")
    return {name: str(item) for name, item in value.items()}


def _misfit(value: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    properties = schema["properties"]
    missing = [name for name in schema["required"] if name not in value]
    if missing:
        return f"{missing[0]} is missing"
    for name, item in value.items():
        wanted = properties.get(name)
        if wanted is None:
            return f"{name!r} is unknown"
        is_number = isinstance(item, int) and not isinstance(item, bool)
        if wanted["type"] == "integer" and not (is_number and 1 <= item < 2**31):
            return f"{name} is no number"
        if wanted["type"] == "string" and not isinstance(item, str):
            return f"{name} is no text"
        if "enum" in wanted and item not in wanted["enum"]:
            return f"{name} is none of {', '.join(wanted['enum'])}"
    return None


def _run(row: RunRow) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(row)
    return {"run": plain.pop("id"), **plain}


def _number(page: Page, name: str, default: int, *, most: int = _MOST) -> int:
    text = page.param(name)
    if not text:
        return default
    least = 0 if name == "after" else 1
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
        raise _bad(f"{name} {text[:40]!r} is none", f"a number from {least} to {most}")
    return int(text)


def _bad(what: str, wanted: str) -> UsageError:
    return UsageError("CON-026", f"The request is wrong: {what}.", "programs are told exactly.",
                      f"send {wanted}.")  # fmt: skip
