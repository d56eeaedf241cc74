"""What only a person can settle: all open questions, and the acts of answering and deciding."""

from pathlib import Path

from starlette.responses import RedirectResponse, Response

from unlit.console.pages.gates import follow
from unlit.console.pages.intents import digest_of, read_spec, spec_of, write_spec
from unlit.console.web import Page
from unlit.core.errors import InvalidInput, UsageError
from unlit.core.ids import CandidateId, RunId
from unlit.core.states import Partition
from unlit.evaluation.vault import load_vault
from unlit.record.model import RunState
from unlit.review.keeping import answered, scenario_of, with_example, write_scenario
from unlit.review.model import OUTCOME_GATE
from unlit.review.rules.questions import ATTENTION_MINUTES, within
from unlit.review.rules.reading import table
from unlit.review.rules.samples import quotes_of

_ANSWERS = {"yes": "approved", "no": "rejected"}


def questions(page: Page) -> Response:
    """Show every open question by stakes and doubt; what fits into the attention comes first."""
    asked = page.queries.asked()
    waiting = page.queries.runs(states=["waiting"], limit=200)
    titles = {row.id: row for row in waiting}
    now_many = within([row.minutes for row in asked])
    rest = [row for row in waiting if row.id not in {one.run for one in asked}]
    return page.render(
        "questions.html",
        first=asked[:now_many],
        later=asked[now_many:],
        minutes=sum(row.minutes for row in asked),
        budget=ATTENTION_MINUTES,
        titles=titles,
        rest=rest,
        wishes=page.queries.access(page.console.clock.now()),
    )


def decide(page: Page) -> Response:
    """Approve or reject at the outcome gate; approving ships."""
    run = page.console.store.find_run(page.path("run")).id
    word, reason = page.form.get("answer", ""), page.form.get("reason", "")
    asked = [row for row in page.console.store.questions(run) if row.answer is None]
    if word == "unclear" and len(asked) == 1:
        page.console.desk.answer(run, asked[0].number, word, page.session.person, reason)
        return RedirectResponse(f"/runs/{run}", 303)
    decision = _ANSWERS.get(word)
    if decision is None:
        raise InvalidInput(
            "CON-022", "No answer was chosen.", "choosing and sending are two acts.",
            "choose yes or no, then send.",
        )  # fmt: skip
    desk = page.console.desk
    done = desk.decide(run, decision, page.session.person, reason)
    if decision == "approved" and done.settled:
        follow(page, done.decision.run, OUTCOME_GATE)
    return RedirectResponse(f"/runs/{done.decision.run}", 303)


def go_on(page: Page) -> Response:
    """Ship a run that somebody has approved and that has not shipped, as after a restart."""
    run = page.console.store.find_run(page.path("run"))
    decision = page.console.store.gate_decision(run.id, OUTCOME_GATE)
    if decision is None or decision.decision != "approved" or run.state is not RunState.WAITING:
        raise InvalidInput(
            "CON-063", f"Run {run.id} is not approved, or does not wait.",
            "only what a person has approved goes on to ship.", "decide at its gate first.",
        )  # fmt: skip
    follow(page, run.id, OUTCOME_GATE)
    return RedirectResponse(f"/runs/{run.id}", 303)


def access(page: Page) -> Response:
    """Allow or refuse what a program of a run asked for."""
    run = page.console.store.find_run(page.path("run")).id
    decision = _ANSWERS.get(page.form.get("answer", ""))
    for_s = page.form.get("for_s", "3600")
    if decision is None or not (for_s.isascii() and for_s.isdigit() and len(for_s) < 9):
        raise UsageError(
            "CON-022", "No answer was chosen.", "choosing and sending are two acts.",
            "choose allow or refuse, and for how long, then send.",
        )  # fmt: skip
    page.console.desk.decide(
        run,
        decision,
        page.session.person,
        page.form.get("reason", ""),
        gate=f"access/{int(page.path('number'))}",
        for_s=float(for_s),
    )
    return RedirectResponse(f"/runs/{run}#s-access", 303)


def answer(page: Page) -> Response:
    """Answer one question without deciding on the run."""
    run = page.console.store.find_run(page.path("run")).id
    word = page.form.get("answer", "")
    if word not in ("yes", "no", "unclear"):
        raise InvalidInput(
            "CON-022", "No answer was chosen.", "choosing and sending are two acts.",
            "choose yes, no or unclear, then send.",
        )  # fmt: skip
    number = int(page.path("number"))
    reason = page.form.get("reason", "")
    page.console.desk.answer(run, number, word, page.session.person, reason)
    return RedirectResponse(f"/runs/{run}#s-ask", 303)


def as_example(page: Page) -> Response:
    """Write an answer into the spec as an example, and open it there to be finished."""
    told = answered(page.console.store, RunId(page.path("run")), int(page.path("number")))
    path = spec_of(page, told.spec)
    text = with_example(read_spec(path), told)
    fields = {"spec": path.name, "run": told.run, "question": told.question.number,
              "digest": digest_of(text)}  # fmt: skip
    page.console.desk.log.write("intent.edit", told.run, page.session.person, fields)
    write_spec(path, text)
    return RedirectResponse(f"/intents/{path.stem}", 303)


def as_scenario(page: Page) -> Response:
    """Write an answer into the vault as a scenario of the world it was given on."""
    console = page.console
    told = answered(console.store, RunId(page.path("run")), int(page.path("number")))
    run = console.store.find_run(told.run)
    vault = Path(str(run.settings.get("vault") or console.place.vault))
    lines = console.evaluations.lines(run.id, CandidateId(told.candidate), Partition.VALIDATION)
    groups = quotes_of(lines)
    if not groups:
        raise InvalidInput(
            "CON-062", "Nothing was shown that a scenario could be made of.",
            "it takes the world of a trajectory whose output was judged.",
            "write one by hand, or run it again on this machine.",
        )  # fmt: skip
    quote = groups[0][0]
    shown = next(one for one in lines if table(one.get("record")).get("n") == quote.number)
    base = load_vault(vault).scenario(str(table(shown.get("record")).get("scenario")))
    text = scenario_of(base, vault, told, page.session.person, quote.where)
    name = f"asked-{told.run}-{told.question.number}"
    fields = {"scenario": name, "run": told.run, "question": told.question.number}
    console.desk.log.write("scenario.add", told.run, page.session.person, fields)
    write_scenario(vault, name, text)
    return RedirectResponse(f"/scenarios#{name}", 303)
