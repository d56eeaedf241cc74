"""`unlit approve` and `unlit reject`: what a person decides at the outcome gate."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import cyclopts

if TYPE_CHECKING:
    from unlit.core.ids import RunId
    from unlit.review import Desk
    from unlit.wiring.desk import Office

app = cyclopts.App(name="approve", help="Approve a run at its gate; it ships.")
reject_app = cyclopts.App(name="reject", help="Reject a run at its gate, with a reason.")
NO_REASON: Final = "approved without a reason"
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.default
def approve(  # noqa: PLR0913 # a command line has many flags, each optional
    run: str = "last",
    *,
    reason: str = "",
    gate: str = "",
    access: int | None = None,
    for_time: Annotated[str, cyclopts.Parameter("--for")] = "1h",
    only: Flag = False,
    person: str | None = None,
    as_json: Json = False,
    repository: Path | None = None,
) -> int:
    """Approve a run that waits at its gate; it is merged and tagged at once.

    Where the main branch has moved, checks and validation run again on the merge first. What does
    not hold, there or in the repository's own checks, is given back for another candidate.

    A run that waits at its intent gate is built when its spec is approved. Where [gate.ship] of
    unlit.toml asks again, what is approved ships only after --gate ship.

    With --access, allow for a while what a program of the run asked for instead.

    Exit code: 0 shipped, or one vote of several is in; 1 it cannot ship; 2 a reason is missing;
    3 it does not wait; 4 you may not.

    Args:
        run: The run, the start of its id, or ``last``.
        reason: Why, in a few words; kept in the audit log. Needed while a question is open.
        gate: Which gate: intent, outcome or ship; default the outcome, or the intent gate while
            the run waits there.
        access: Number of the question for more access; `unlit review RUN` shows it.
        for_time: How long that is allowed: 30m, 2h, at most 24h.
        only: Write the decision down and leave what follows to `unlit resume`, `ship` or `serve`.
        person: Who decides; default the setting `person`, else the user's name.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.record.model import RunState
    from unlit.wiring.desk import open_office

    office = open_office(repository, {"person": person}, run=run)
    found = office.store.find_run(run)
    if access is not None:
        return _access(office, found.id, access, "approved", reason, seconds(for_time), as_json)
    gate = gate or ("intent" if found.settings.get("gate") == "intent" else "outcome")
    known = office.store.gate_decision(found.id, gate)
    missing = 0
    approved = known is not None and known.decision == "approved"
    if not approved and found.state is not RunState.SHIPPED:
        words = _reason(office.desk, found.id, "approved", reason, gate)
        missing = office.desk.decide(found.id, "approved", office.person, words, gate=gate).missing
    if missing:
        return _say(as_json, found.id, {"state": "waiting", "gate": gate, "missing": missing},
                    f"Approved by {office.person}; {missing} more must approve.")  # fmt: skip
    if only:
        office.refresh(found.id)
        return _say(as_json, found.id, {"state": "waiting", "gate": gate, "missing": 0},
                    f"The {gate} gate of {found.id} is approved by {office.person}.")  # fmt: skip
    if gate == "intent":
        return _build(found.id, as_json)
    if office.desk.standing(office.store.find_run(found.id)).gate == "ship":
        return _waits_at_ship(office, found.id, as_json, again=approved)
    return _ship(office, found.id, as_json)


@reject_app.default
def reject(
    run: str = "last",
    *,
    reason: str = "",
    again: bool = False,
    gate: str = "",
    access: int | None = None,
    person: str | None = None,
    as_json: Json = False,
    repository: Path | None = None,
) -> int:
    """Reject a run that waits at its gate. Nothing ships.

    With --again, the reason goes to a new candidate of the same run.

    With --access, refuse what a program of the run asked for instead.

    Args:
        run: The run, the start of its id, or ``last``.
        reason: Why, in a few words; kept in the audit log.
        again: Make another candidate that answers the reason.
        gate: Which gate: intent, outcome or ship; default the one the run waits at.
        access: Number of the question for more access; `unlit review RUN` shows it.
        person: Who decides; default the setting `person`, else the user's name.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.wiring.desk import open_office

    office = open_office(repository, {"person": person}, run=run)
    found = office.store.find_run(run)
    if access is not None:
        return _access(office, found.id, access, "rejected", reason, 1.0, as_json)
    gate = gate or office.desk.standing(found).gate or "outcome"
    words = _reason(office.desk, found.id, "rejected", reason, gate)
    office.desk.decide(found.id, "rejected", office.person, words, gate=gate)
    office.refresh(found.id)
    if again and gate != "intent":
        from unlit.cli.onward import go_on

        return go_on(found, words, office.person, queue=False, as_json=as_json)
    return _say(
        as_json, found.id, {"state": "rejected", "gate": gate}, f"Rejected by {office.person}."
    )


def _build(run: "RunId", as_json: bool) -> int:
    """Go on with a run whose spec is approved, as `unlit resume` does."""
    from unlit.cli.run import go_on_with

    return go_on_with(run, as_json=as_json)


def _waits_at_ship(office: "Office", run: "RunId", as_json: bool, *, again: bool) -> int:
    """Say that another decision is wanted before it ships."""
    rule = office.desk.rules.of("ship")
    who = " or ".join(rule.people) or "anybody"
    count = "" if rule.needed == 1 else f", {rule.needed} people in all"
    done = "was approved before" if again else f"is approved by {office.person}"
    text = (
        f"The outcome {done}. It ships after its ship gate: by {who}{count}.\n"
        f"  unlit approve {run} --gate ship --reason WHY"
    )
    facts: dict[str, object] = {"state": "waiting", "gate": "ship", "missing": rule.needed}
    return _say(as_json, run, facts, text)


def _ship(office: "Office", run: "RunId", as_json: bool) -> int:
    """Ship through the line, and say what came of it."""
    from unlit.cli import shipped
    from unlit.record.model import RunState

    found = office.store.find_run(run)
    if "spec" not in found.settings:
        return _merge(office, run, as_json)  # the record of a run that no line can go on with
    done = shipped.ship(office, run, None, anew=False)
    facts = shipped.facts_of(done)
    if done.run.state is RunState.SHIPPED:
        _say(as_json, run, facts, shipped.words_of(done))
        return shipped.exit_code(done)
    facts["note"] = done.run.note
    if facts.get("pending"):
        return _say(as_json, run, facts, f"Not shipped yet: {facts['pending']}.")
    detail = "" if done.stage is None else done.stage.detail
    if done.run.state is RunState.WAITING and done.run.candidate and not done.run.note:
        facts["candidate"] = done.run.candidate
        text = (
            f"Not shipped: {detail}.\nCandidate {done.run.candidate} answers it and waits for you."
        )
        return _say(as_json, run, facts, text) or 1
    code = shipped.refusal(done)
    if as_json:
        _say(as_json, run, facts, "")
    return code


def _merge(office: "Office", run: "RunId", as_json: bool) -> int:
    shipment = office.ship(run)
    again = " (it already was)" if shipment.again else ""
    facts: dict[str, object] = {
        "state": "shipped", "commit": shipment.commit, "branch": shipment.branch,
        "tag": shipment.tag, "again": shipment.again,
    }  # fmt: skip
    text = (
        f"Shipped{again}: {shipment.commit[:10]} on {shipment.branch}, tag {shipment.tag}, "
        f"in {office.store.find_run(run).repository}."
    )
    return _say(as_json, run, facts, text)


def _reason(desk: "Desk", run: "RunId", decision: str, given: str, gate: str) -> str:
    """The words to record; the gate's state is looked at before anybody is asked for words."""
    from unlit.core.errors import UsageError

    needed = desk.reason_needed(run, decision, gate=gate)
    if given.strip():
        return given
    if not needed:
        return NO_REASON
    words = _ask("Why? ")
    if words:
        return words
    approves = decision == "approved"
    raise UsageError(
        "REV-026",
        f"Run {run} is not {decision}: no reason is given.",
        "the reason is kept with the decision."
        if gate != "outcome"
        else "it has an open question, and the reason answers it."
        if approves
        else "the reason is what the next candidate learns from.",
        f"`unlit {'approve' if approves else 'reject'} {run}"
        f'{"" if gate == "outcome" else f" --gate {gate}"} --reason "…"`.',
    )


def _access(
    office: "Office",
    run: "RunId",
    number: int,
    decision: str,
    reason: str,
    for_s: float,
    as_json: bool,
) -> int:
    from unlit.core.errors import UsageError

    words = reason.strip() or _ask("Why? ")
    if not words:
        raise UsageError(
            "REV-026",
            f"Question {number} for access of run {run} is not {decision}: no reason is given.",
            "a decision is signed with a reason, which the agent is told.",
            'add --reason "…".',
        )
    gate = f"access/{number}"
    done = office.desk.decide(run, decision, office.person, words, gate=gate, for_s=for_s)
    made = done.decision.facts
    facts = {"gate": gate, "decision": decision, "request": made["request"],
             "until": made.get("until"), "missing": done.missing}  # fmt: skip
    if done.missing:
        text = f"Approved by {office.person}; {done.missing} more must approve."
    elif decision == "approved":
        text = f"Allowed until {made['until'][:16].replace('T', ' ')} UTC: {made['request']}."
    else:
        text = f"Refused: {made['request']}."
    return _say(as_json, run, facts, text)


def seconds(text: str) -> float:
    """Read 90s, 30m, 2h or plain seconds."""
    from unlit.core.errors import UsageError

    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    if not (number.isascii() and number.isdigit() and len(number) < 7):
        raise UsageError(
            "REV-029",
            f"--for {text!r} is no time.",
            "what is allowed ends after it.",
            "write 30m or 2h; at most 24h.",
        )
    return int(number) * unit


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        return ""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _say(as_json: bool, run: str, facts: dict[str, object], text: str) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.decision/1", "run": run, **facts}) + "\n")
    else:
        sys.stdout.write(text + "\n")
    return 0
