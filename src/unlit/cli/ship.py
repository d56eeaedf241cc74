"""`unlit ship`: merge what was approved, attest it, and deploy it in a fence."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.ship import Rollout, Shipment
    from unlit.wiring.after_gate import DeploySettings
    from unlit.wiring.desk import Office

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
    from unlit.wiring.desk import open_office

    if train:
        return _train(repository, as_json=as_json)
    office = open_office(repository, run=run)
    found = office.store.find_run(run)
    said = None if no_deploy else _deploy_of(office, deploy)
    if said is not None:
        said = _given(said, rollback, health, stages, pause_s)
    shipment = office.ship(found.id)
    facts = _facts(shipment)
    text = _words(shipment)
    done = None
    if not shipment.pending:
        facts["attestations"] = dict(office.attestations(found.id, shipment))
        if said is not None:
            done = _roll_out(office, shipment, said, again=redeploy)
            facts["rollout"] = {
                "ok": done.ok, "percent": done.percent, "restored": done.restored,
                "steps": [{"name": s.name, "ok": s.ok, "words": s.words} for s in done.steps],
            }  # fmt: skip
            text += _rollout_words(done)
    office.tell()
    sys.stdout.write(json.dumps(facts) + "\n" if as_json else text)
    return 0 if done is None or done.ok else 1


def _train(repository: Path | None, *, as_json: bool) -> int:
    from unlit.cli.run import live_view
    from unlit.wiring.desk import find_repository
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


def _deploy_of(office: "Office", command: str | None) -> "DeploySettings | None":
    from unlit.wiring.after_gate import DeploySettings
    from unlit.wiring.ship_plan import after_gate_of

    said = after_gate_of(office.repository).deploy
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


def _facts(shipment: "Shipment") -> dict[str, Any]:
    return {
        "schema": "unlit.shipment/1", "run": shipment.run, "commit": shipment.commit,
        "branch": shipment.branch, "tag": shipment.tag, "again": shipment.again,
        "remote": shipment.remote, "signed": shipment.signed, "regraded": shipment.regraded,
        "pull_request": shipment.pull_request, "pending": shipment.pending,
    }  # fmt: skip


def _words(shipment: "Shipment") -> str:
    if shipment.pending:
        return f"Not shipped yet: {shipment.pending}.\n"
    where = f"{shipment.remote}/{shipment.branch}" if shipment.remote else shipment.branch
    text = f"Shipped: {shipment.commit[:10]} on {where}, tag {shipment.tag}.\n"
    if shipment.signed:
        text += f"  signed with {shipment.signed}\n"
    if shipment.pull_request:
        text += f"  {shipment.pull_request}\n"
    return text


def _roll_out(
    office: "Office", shipment: "Shipment", said: "DeploySettings", *, again: bool
) -> "Rollout":
    from unlit.wiring.deploying import deploy

    return asyncio.run(deploy(office, shipment, said, again=again))


def _rollout_words(done: "Rollout") -> str:
    from unlit.wiring.deploying import words_of

    lines = [
        f"  {'●' if step.ok else '✕'} {step.name} {step.words}".rstrip() for step in done.steps
    ]
    return "\n".join([*lines, words_of(done)]) + "\n"
