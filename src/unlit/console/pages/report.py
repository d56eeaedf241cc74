"""One run: the report as the stand-alone file has it, with the gate; and its trajectories."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from unlit.console.model import Role
from unlit.console.pages.gates import desk_of
from unlit.console.security import csrf_token
from unlit.console.seen import call_lines, state_lines
from unlit.console.web import Page, one_line
from unlit.core.ids import CandidateId, CriterionId, RunId
from unlit.core.states import Partition, TrajectoryState
from unlit.record.model import RunState, Trajectory
from unlit.review import Report, build_report, render_html, render_markdown
from unlit.review.adapters.evaluations import difference
from unlit.review.adapters.fence_log import fences_of
from unlit.review.render import facts_for
from unlit.review.rules.reading import rows, table
from unlit.review.rules.samples import Quote, quotes_of
from unlit.review.trajectories import Found, find_trajectory

_SHOWN: Final = 100
_EFFECTS: Final = 40


class PageLinks:
    """Where the numbers of a report lead to in the console."""

    def __init__(self, run: RunId) -> None:
        self._base = f"/runs/{run}"

    def trajectory(self, candidate: CandidateId, partition: Partition) -> Callable[[int], str]:
        """Return the page of one trajectory, by its number."""
        base = f"{self._base}/trajectories/{candidate}/{partition.value}"
        return lambda n: f"{base}/{n}"

    def trajectories(self, candidate: CandidateId, partition: Partition) -> str:
        """Return the list of a grading's trajectories."""
        return f"{self._base}/trajectories?candidate={candidate}&partition={partition.value}"

    def criterion(self, criterion: CriterionId) -> str:
        """Return the list of a criterion's trajectories."""
        return f"{self._base}/trajectories?criterion={criterion}"

    def audit(self, *, denied: bool = False) -> str:
        """Return the audit entries of the run."""
        run = self._base.removeprefix("/runs/")
        return f"/audit?run={run}{'&denied=1' if denied else ''}"


def _report(page: Page, run: RunId | None = None) -> Report:
    store = page.console.store
    found = run or store.find_run(page.path("run")).id
    return build_report(
        store,
        found,
        fences=fences_of(_logs(page, found), found),
        now=page.console.clock.now(),
    )


def _logs(page: Page, run: RunId) -> list[Path]:
    own = list(page.console.place.audit[:1])
    store = page.console.evaluations.store(run)
    return own if store is None else [*own, *sorted((store / run).glob("*/*/audit"))[:40]]


def _body(page: Page, report: Report, said: str = "") -> dict[str, Any]:
    desk = ""
    if report.run.state == RunState.WAITING.value:
        desk = desk_of(page, report) or page.text(
            "desk.html",
            r=report,
            may=page.session.may(Role.DECIDER),
            said=said,
            quotes=_quotes(page, report),
            links=PageLinks(report.run.id),
        )
    facts = facts_for(report, PageLinks(report.run.id))
    access = ""
    if report.access:
        access = page.text("access_desk.html", r=report, may=page.session.may(Role.DECIDER))
    acts = {
        "csrf": csrf_token(page.session, page.console.key),
        "example": page.session.may(Role.OWNER) and page.console.place.specs is not None,
        "scenario": page.session.may(Role.EVALUATOR),
    }
    return {
        **facts,
        "acts": acts,
        "desk": Markup(desk) if desk else None,  # noqa: S704 # our own template
        "access_desk": Markup(access) if access else None,  # noqa: S704 # our own template
    }


def _quotes(page: Page, report: Report) -> tuple[tuple[Quote, ...], ...]:
    graded = report.graded
    if graded is None or not report.open_questions:
        return ()
    lines = page.console.evaluations.lines(report.run.id, graded.candidate, graded.partition)
    return quotes_of(lines)


def report(page: Page) -> Response:
    """Show the report of a run."""
    found = _report(page)
    live = found.run.state in (RunState.QUEUED.value, RunState.RUNNING.value)
    may_try = (
        page.console.trials is not None
        and page.session.may(Role.DECIDER)
        and bool(found.candidates)
        and not live
    )
    return page.render("run.html", live=live, may_try=may_try, **_body(page, found))


def run_fragment(page: Page, run: RunId) -> str:
    """Render the body alone, for the live view."""
    return page.text("report_body.html", **_body(page, _report(page, run)))


def report_json(page: Page) -> Response:
    """Answer with `unlit.report/1`."""
    return page.json(_report(page).to_json())


def report_markdown(page: Page) -> Response:
    """Answer with Markdown for a ticket."""
    return PlainTextResponse(render_markdown(_report(page)), media_type="text/markdown")


def report_file(page: Page) -> Response:
    """Answer with the file that stands alone."""
    found = _report(page)
    name = f"report-{found.run.id}.html"
    return HTMLResponse(
        render_html(found),
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        },
    )


def trajectories(page: Page) -> Response:
    """List trajectories of a run: by candidate and partition, by criterion, failures first."""
    found = _report(page)
    criterion = page.param("criterion")
    partition = page.param("partition")
    candidate = page.param("candidate") or str(found.run.candidate or "")
    chosen = Partition(partition) if partition in set(Partition) else Partition.VALIDATION
    drawn = page.console.store.trajectories(found.run.id, CandidateId(candidate), chosen)
    state = page.param("state")
    shown = [
        row
        for row in drawn
        if (not criterion or criterion in row.criteria) and (not state or row.state.value == state)
    ]
    counts = {
        item.value: sum(row.state is item for row in drawn)
        for item in TrajectoryState
        if any(row.state is item for row in drawn)
    }
    return page.render(
        "trajectories.html",
        r=found,
        rows=shown[:_SHOWN],
        hidden=max(0, len(shown) - _SHOWN),
        total=len(drawn),
        counts=counts,
        candidate=candidate,
        partition=chosen.value,
        criterion=criterion,
        state=state,
        links=PageLinks(found.run.id),
    )


def trajectory(page: Page) -> Response:
    """Show one trajectory."""
    found = _report(page)
    name = f"{page.path('candidate')}/{page.path('partition')}/{page.path('number')}"
    one = find_trajectory(page.console.store, found, name)
    seen, locked = _seen(page, one)
    twin = _same_draw(page, one) if seen is not None else None
    return page.render(
        "trajectory.html",
        r=found,
        t=one,
        seen=seen,
        locked=locked,
        links=PageLinks(found.run.id),
        twin=twin,
        calls=call_lines(seen) if seen is not None else [],
        states=state_lines(seen) if seen is not None else [],
        effects=_effects(seen, twin[1] if twin else None) if seen is not None else [],
        named=" ".join(
            str(table(reason).get("text")) + " " + str(table(reason).get("check"))
            for reason in rows((seen or {}).get("why"))
        ),
    )


def picture(page: Page) -> Response:
    """Answer with what a page looked like after a step; never of a sealed scenario."""
    run = page.console.store.find_run(page.path("run")).id
    name = page.path("partition")
    found = None
    if name in set(Partition) and name != Partition.SEALED.value:
        found = page.console.evaluations.picture(
            run, CandidateId(page.path("candidate")), Partition(name),
            int(page.path("number")), int(page.path("step")),
        )  # fmt: skip
    if found is None:
        return PlainTextResponse("There is no such picture.\n", 404)
    return Response(found, media_type="image/jpeg")


def _seen(page: Page, one: Found) -> tuple[Mapping[str, Any] | None, str]:
    row = one.row
    if row.partition is Partition.SEALED:
        return None, (
            "This scenario is sealed. Whoever sees it spends it: it can no longer show anything "
            "about a later candidate. Run it again with the command below if it is worth that."
        )
    if not page.session.may(Role.EVALUATOR):
        return None, "What was seen belongs to the evaluator; it needs the role evaluator."
    found = page.console.evaluations.one(row.run, row.candidate, row.partition, row.number)
    if found is None:
        return None, "The evaluator's store is not on this machine; run it again to see it."
    return found, ""


def _same_draw(page: Page, one: Found) -> tuple[Trajectory, Mapping[str, Any]] | None:
    row = one.row
    satisfied = row.state is TrajectoryState.SATISFIED
    same = [
        other
        for other in page.console.store.trajectories(row.run, partition=row.partition)
        if (other.scenario, other.seed) == (row.scenario, row.seed)
        and other.candidate != row.candidate
        and (other.state is TrajectoryState.SATISFIED) is not satisfied
    ]
    for other in reversed(same):
        seen = page.console.evaluations.one(
            other.run, other.candidate, other.partition, other.number
        )
        if seen is not None:
            return other, seen
    return None


def _effects(
    seen: Mapping[str, Any], other: Mapping[str, Any] | None
) -> list[tuple[str, int, int | None, list[str], list[str]]]:
    effects = table(seen.get("effects"))
    found = []
    for name, mine, theirs in difference(seen, other):
        done = table(effects.get(name))
        added = [one_line(item) for item in rows(done.get("added"))[:_EFFECTS]]
        removed = [one_line(item) for item in rows(done.get("removed"))[:_EFFECTS]]
        found.append((name, mine, theirs, added, removed))
    return found
