"""`unlit ship`: merge what was approved, attest it, and deploy it in a fence."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.core.ids import RunId
    from unlit.wiring.after_gate import DeploySettings
    from unlit.wiring.desk import Office
    from unlit.wiring.shipping import Outcome

app = cyclopts.App(name="ship", help="Merge an approved run, attest it, deploy it.")
Flag = Annotated[bool, cyclopts.Parameter(negative=())]
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Many = Annotated[list[str] | None, cyclopts.Parameter(negative=())]


@app.default
def ship(  # noqa: PLR0913 # a command line has many flags, each optional
    run: str = "last",
    *,
    deploy: str | None = None,
    rollback: str | None = None,
    health: Many = None,
    stages: str | None = None,
    pause_s: float | None = None,
    no_deploy: Flag = False,
    redeploy: Flag = False,
    train: Flag = False,
    as_json: Json = False,
    repository: Path | None = None,
) -> int:
    """Merge and tag an approved run, write its attestations, and deploy it if told how.

    Where it merges to, whether it opens a pull request and how it deploys stands in [ship] and
    [deploy] of unlit.toml; what is given here goes before. Doing it again goes on where it stopped.

    Exit code: 0 shipped (and healthy), or a pull request waits for people; 1 not approved, does not
    merge, or was rolled back; 4 the remote protects its branch; 5 remote or forge failed.

    Args:
        run: The run, the start of its id, or ``last``.
        deploy: Command that deploys; runs in a fence of the role `deploy` and sees UNLIT_COMMIT,
            UNLIT_PREVIOUS, UNLIT_PERCENT and UNLIT_TREE.
        rollback: Command that brings UNLIT_PREVIOUS back; default: deploy it again.
        health: Command that ends with 0 while the product is healthy; may be repeated.
        stages: Percent after each step, such as ``10,50,100``.
        pause_s: Seconds between two looks at health.
        no_deploy: Merge only, whatever unlit.toml says.
        redeploy: Deploy it although it was deployed before.
        train: Merge all approved runs of the repository together; one that breaks the others is
            found by halving and waits. RUN is not looked at.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.cli import shipped
    from unlit.record.model import RunState
    from unlit.ship.service import approved_run
    from unlit.wiring.deploying import Wish
    from unlit.wiring.desk import open_office
    from unlit.wiring.ship_plan import after_gate_of

    if train:
        return _train(repository, as_json=as_json)
    office = open_office(repository, run=run)
    found = office.store.find_run(run)
    said = _of(after_gate_of(Path(found.repository)).deploy, deploy)
    said = None if said is None else _given(said, rollback, health, stages, pause_s)
    approved_run(office.store, found.id)
    if "spec" not in found.settings:
        return _merge(office, found.id, as_json=as_json)
    wish = Wish(None if no_deploy else said, none=no_deploy)
    done = shipped.ship(office, found.id, wish, anew=redeploy)
    facts = {"schema": "unlit.shipment/1", "run": found.id, **shipped.facts_of(done)}
    if done.run.state is RunState.SHIPPED:
        sys.stdout.write((json.dumps(facts) if as_json else shipped.words_of(done)) + "\n")
        return shipped.exit_code(done)
    if facts.get("pending"):
        text = f"Not shipped yet: {facts['pending']}."
        sys.stdout.write((json.dumps(facts) if as_json else text) + "\n")
        return 0
    if as_json:
        sys.stdout.write(json.dumps(facts) + "\n")
    return _not_shipped(done)


def _not_shipped(done: "Outcome") -> int:
    """Say why, or that another candidate answers what the merge lacked."""
    from unlit.cli import shipped
    from unlit.record.model import RunState
    from unlit.review.rules.gates import SHIP_NOTE

    if done.run.state is RunState.WAITING and done.run.candidate and not done.run.note:
        detail = "" if done.stage is None else done.stage.detail
        sys.stderr.write(
            f"Not shipped: {detail}.\n"
            f"Candidate {done.run.candidate} answers it and waits for you.\n"
        )
        return 1
    note, at_gate = done.run.note, done.run.note.startswith(SHIP_NOTE)
    if at_gate or done.stage is None:  # no stage says why: shipping was not begun
        name = done.run.id
        do = f"unlit approve {name} --gate ship --reason TEXT" if at_gate else f"unlit show {name}"
        said = note or f"the run is {done.run.state.value}"
        sys.stderr.write(f"Not shipped: {said.rstrip('.')}.\n  Do:  `{do}`\n")
        return 1
    return shipped.refusal(done)


def _merge(office: "Office", run: "RunId", *, as_json: bool) -> int:
    """Merge a run that no line can go on with; nothing is deployed."""
    shipment = office.ship(run)
    names = ("commit", "branch", "tag", "again", "remote", "signed", "regraded", "pull_request",
             "pending")  # fmt: skip
    facts: dict[str, Any] = {"schema": "unlit.shipment/1", "run": run}
    facts |= {name: getattr(shipment, name) for name in names}
    facts["attestations"] = dict(office.attestations(run, shipment))
    office.tell()
    text = f"Shipped: {shipment.commit[:10]} on {shipment.branch}, tag {shipment.tag}."
    sys.stdout.write((json.dumps(facts) if as_json else text) + "\n")
    return 0


def _train(repository: Path | None, *, as_json: bool) -> int:
    from unlit.cli.run import live_view
    from unlit.wiring.finding import find_repository
    from unlit.wiring.shipping import ship_train

    folder = find_repository(repository or Path())
    view = live_view()
    try:
        arrived = asyncio.run(ship_train(folder, listen=view.listen))
    finally:
        view.close()
    landed = [{"run": x.car.run, "commit": x.commit, "tag": x.car.tag} for x in arrived.landed]
    waiting = [{"run": x.car.run, "why": x.why} for x in arrived.waiting]
    facts = {"schema": "unlit.train/1", "landed": landed, "waiting": waiting,
             "checks": arrived.checks}  # fmt: skip
    lines = [f"Shipped: {x['commit'][:10]}, tag {x['tag']}." for x in landed]
    lines += [f"SHP-029 Left out: {x['run']}: {x['why']}." for x in waiting]
    text = "\n".join([*lines, f"{arrived.checks} merges were checked again."]) + "\n"
    sys.stdout.write(json.dumps(facts) + "\n" if as_json else text)
    return 1 if waiting else 0


def _of(said: "DeploySettings | None", command: str | None) -> "DeploySettings | None":
    from unlit.wiring.after_gate import DeploySettings

    if command is None:
        return said
    return DeploySettings(command) if said is None else _replaced(said, command=command)


def _given(
    said: "DeploySettings",
    rollback: str | None,
    health: list[str] | None,
    stages: str | None,
    pause_s: float | None,
) -> "DeploySettings":
    return _replaced(
        said,
        rollback=rollback,
        health=None if health is None else tuple(health),
        stages=None if stages is None else _percents(stages),
        pause_s=pause_s,
    )


def _replaced(said: "DeploySettings", **given: Any) -> "DeploySettings":
    from dataclasses import replace

    return replace(said, **{name: value for name, value in given.items() if value is not None})


def _percents(text: str) -> tuple[int, ...]:
    from unlit.core.errors import UsageError

    parts = [part.strip() for part in text.split(",")]
    if all(part.isascii() and part.isdigit() for part in parts):
        found = tuple(int(part) for part in parts)
        if found == tuple(sorted(set(found))) and found[0] > 0 and found[-1] == 100:
            return found
    raise UsageError(
        "SHP-033",
        f"--stages {text!r} are no stages.",
        "each is the percent of users after a step; they rise and end with 100.",
        "write for example --stages 10,50,100.",
    )
