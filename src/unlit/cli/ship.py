"""`unlit ship`: merge what was approved, attest it, and deploy it in a fence."""

import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from unlit.ship import Plan, Rollout, Shipment
    from unlit.wiring.desk import Office

app = cyclopts.App(name="ship", help="Merge an approved run, attest it, deploy it.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Many = Annotated[list[str] | None, cyclopts.Parameter(negative=())]


@app.default
def ship(
    run: str = "last",
    *,
    deploy: str | None = None,
    rollback: str | None = None,
    health: Many = None,
    stages: str = "100",
    pause_s: float = 5.0,
    as_json: Json = False,
    repository: Path | None = None,
) -> int:
    """Merge and tag an approved run, write its attestations, and deploy it if told how.

    Exit code: 0 shipped (and healthy); 1 not approved, does not merge, or was rolled back.

    Args:
        run: The run, the start of its id, or ``last``.
        deploy: Command that deploys; runs in a fence of the role `deploy` and sees UNLIT_COMMIT,
            UNLIT_PREVIOUS and UNLIT_PERCENT.
        rollback: Command that brings UNLIT_PREVIOUS back; default: deploy it again.
        health: Command that ends with 0 while the product is healthy; may be repeated.
        stages: Percent after each step, such as ``10,50,100``.
        pause_s: Seconds between two looks at health.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.ship import Plan
    from unlit.wiring.desk import open_office

    office = open_office(repository, run=run)
    found = office.store.find_run(run)
    shipment = office.ship(found.id)
    facts: dict[str, Any] = {
        "schema": "unlit.shipment/1", "run": found.id, "commit": shipment.commit,
        "branch": shipment.branch, "tag": shipment.tag, "again": shipment.again,
        "attestations": dict(office.attestations(found.id, shipment)),
    }  # fmt: skip
    text = f"Shipped: {shipment.commit[:10]} on {shipment.branch}, tag {shipment.tag}.\n"
    done = None
    if deploy is not None:
        percents = tuple(int(part) for part in stages.split(","))
        plan = Plan(deploy, rollback, percents, pause_s=pause_s)
        done = asyncio.run(_roll_out(office, shipment, plan, health or []))
        facts["rollout"] = {
            "ok": done.ok, "percent": done.percent, "restored": done.restored,
            "steps": [{"name": s.name, "ok": s.ok, "words": s.words} for s in done.steps],
        }  # fmt: skip
        text += _rollout_words(done)
    sys.stdout.write(json.dumps(facts) + "\n" if as_json else text)
    return 0 if done is None or done.ok else 1


async def _roll_out(
    office: "Office", shipment: "Shipment", plan: "Plan", health: list[str]
) -> "Rollout":
    from unlit.ship import roll_out
    from unlit.ship.adapters.fence_hands import deploy_fence, scenarios
    from unlit.ship.repository import Repository

    run = office.store.find_run(shipment.run)
    home = Repository(Path(run.repository))
    previous = home.parents(shipment.commit)[0]
    folder = Path(tempfile.mkdtemp(prefix="unlit-deploy-"))
    try:
        home.export(shipment.commit, folder)
        clock = office.desk.clock
        async with deploy_fence(
            run.id, folder, office.repository / "policy.toml", office.paths.root, clock,
            secret_env=office.settings.env,
        ) as hands:  # fmt: skip
            checks = scenarios(hands, health)
            return await roll_out(plan, shipment.commit, previous, hands, checks, clock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rollout_words(done: "Rollout") -> str:
    lines = [
        f"  {'●' if step.ok else '✕'} {step.name} {step.words}".rstrip() for step in done.steps
    ]
    if done.ok:
        lines.append(f"Deployed to {done.percent} %.")
    elif done.restored:
        lines.append("SHP-032 Rolled back: the previous version is back and healthy.")
    else:
        lines.append(
            "SHP-032 Rolled back, and the previous version is NOT healthy. Look at it now."
        )
    return "\n".join(lines) + "\n"
