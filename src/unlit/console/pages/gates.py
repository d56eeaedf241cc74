"""The gates before the build and before the merge: what is asked there, and deciding it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from unlit.console.model import Role
from unlit.console.web import Page
from unlit.core.errors import InvalidInput, UnlitError
from unlit.core.ids import RunId
from unlit.intent import parse_spec
from unlit.intent.model import Spec
from unlit.intent.rules.delta import delta
from unlit.record.model import Run
from unlit.review import Report
from unlit.review.rules.gates import kind_of

ANSWERS: Final = {"yes": "approved", "no": "rejected"}
ASKED: Final = ("intent", "ship")


def decide(page: Page) -> Response:
    """Approve or reject at the intent or the ship gate; what an approval opens is begun."""
    run = page.console.store.find_run(page.path("run")).id
    gate, decision = page.path("gate"), ANSWERS.get(page.form.get("answer", ""))
    if decision is None or gate not in ASKED:
        raise InvalidInput(
            "CON-022", "No answer was chosen.", "choosing and sending are two acts.",
            "choose yes or no, then send.",
        )  # fmt: skip
    reason = page.form.get("reason", "")
    done = page.console.desk.decide(run, decision, page.session.person, reason, gate=gate)
    if decision == "approved" and done.settled:
        follow(page, run, gate)
    return RedirectResponse(f"/runs/{run}", 303)


def follow(page: Page, run: RunId, gate: str) -> Any:
    """Begin what an approval opens, as far as no other gate asks; return what came of it."""
    console = page.console
    if gate == "intent":
        if console.build is not None:
            console.build(run)
        return None
    if console.desk.standing(console.store.find_run(run)).gate:
        return None
    return console.ship(run)


def build(page: Page) -> Response:
    """Go on with a run whose spec is approved and that nobody works on, as after a restart."""
    run = page.console.store.find_run(page.path("run"))
    decision = page.console.store.gate_decision(run.id, "intent")
    if run.settings.get("gate") != "intent" or decision is None:
        raise InvalidInput(
            "CON-063", f"Run {run.id} is not approved, or does not wait.",
            "only a spec that a person has approved goes on to be built.",
            "decide at its gate first.",
        )  # fmt: skip
    follow(page, run.id, "intent")
    return RedirectResponse(f"/runs/{run.id}", 303)


def desk_of(page: Page, report: Report) -> str | None:
    """Render what is asked at the gate that a run waits at; `None` when it is the outcome."""
    console = page.console
    run = console.store.find_run(report.run.id)
    waits = console.desk.standing(run).gate
    at_intent = run.settings.get("gate") == "intent"
    if waits not in ASKED and not at_intent:
        return None
    gate = waits or "intent"
    rule = console.desk.rules.of(gate)
    made = [row for row in console.store.gate_decisions(run.id) if kind_of(row.gate) == gate]
    return page.text(
        "gate_desk.html",
        r=report,
        gate=gate,
        rule=rule,
        votes=sorted({row.person for row in made if row.decision == "approved"}),
        settled=not waits,
        may=page.session.may(Role.DECIDER),
        refusal=_refusal(page, run, gate) if waits else "",
        **(_spec_facts(page, run) if gate == "intent" else {}),
    )


def _refusal(page: Page, run: Run, gate: str) -> str:
    """Say why this person may not approve here; nothing when they may."""
    try:
        page.console.desk.may(run, page.session.person, gate)
    except UnlitError as error:
        return f"{error.what} {error.remedy.capitalize()}"
    return ""


def _spec_facts(page: Page, run: Run) -> Mapping[str, Any]:
    stage = next((row for row in page.console.store.stages(run.id) if row.name == "intent"), None)
    facts = {} if stage is None else stage.facts
    spec = _pinned(run)
    before, old = _approved_before(page, run)
    changes = () if spec is None or old is None else delta(old, spec).criteria
    return {
        "spec": spec,
        "why": facts.get("asks") or "",
        "missing": facts.get("missing") or (),
        "before": before,
        "changes": changes,
    }


def _pinned(run: Run) -> Spec | None:
    """Read the spec as the run has pinned it; `None` where its files are not on this machine."""
    path = Path(run.workspace).parent / "spec.md"
    try:
        return parse_spec(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, UnlitError):
        return None


def _approved_before(page: Page, run: Run) -> tuple[Any, Spec | None]:
    """Return the last approval of an earlier version of this spec, and that version."""
    store = page.console.store
    for row in reversed(store.gate_decisions(gate="intent")):
        other = store.run(row.run) if row.decision == "approved" and row.run != run.id else None
        if other is not None and other.spec_id == run.spec_id:
            return row, _pinned(other)
    return None, None
