"""Deploys of what was shipped: in a fence of the role `deploy`, once, recorded, rolled back."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unlit.core.ids import RunId
from unlit.record.model import RunEvent
from unlit.ship import Plan, Rollout, Shipment, roll_out
from unlit.ship.adapters.fence_hands import DeployPlace, deploy_fence, scenarios
from unlit.ship.repository import Repository
from unlit.ship.rollout import Step
from unlit.wiring.after_gate import DeploySettings
from unlit.wiring.desk import Office

KIND = "rollout"


async def deploy(
    office: Office,
    shipment: Shipment,
    said: DeploySettings,
    *,
    again: bool = False,
    overrides: Mapping[str, str] | None = None,
    roots: str | None = None,
) -> Rollout:
    """Deploy a shipment in stages and write down what came of it.

    What was deployed once is not deployed again, also not after a restart; a rollout that was
    killed in the middle is.

    Args:
        office: The record, and where things are.
        shipment: What was shipped.
        said: Commands and stages.
        again: Deploy it even if it was deployed before.
        overrides: Names that the operator answers himself, and the ``HOST:PORT`` where.
        roots: PEM file of the roots that servers are checked by; default the machine's own.

    Raises:
        InvalidInput: The policy is not one.
        OutsideFailed: The machine cannot make the fence, or a repository cannot be read.
    """
    known = None if again else last_rollout(office, shipment.run, shipment.commit)
    if known is not None:
        return known
    run = office.store.find_run(shipment.run)
    home = Repository(Path(run.repository))
    previous = running(office) or home.parents(shipment.commit)[0]
    clock = office.desk.clock
    plan = Plan(said.command, said.rollback, said.stages, said.looks, said.pause_s)
    with tempfile.TemporaryDirectory(prefix="unlit-deploy-") as folder:
        new, old = Path(folder) / "new", Path(folder) / "old"
        for tree, commit in ((new, shipment.commit), (old, previous)):
            tree.mkdir()
            home.export(commit, tree)
        place = DeployPlace(
            run.id, Path(run.repository) / "policy.toml", office.paths.root, office.settings.env,
            previous=old, overrides=overrides, roots=roots,
        )  # fmt: skip
        async with deploy_fence(place, new, clock) as hands:
            checks = scenarios(hands, said.health)
            done = await roll_out(plan, shipment.commit, previous, hands, checks, clock)
    _keep(office, shipment, previous, done)
    return done


def last_rollout(office: Office, run: RunId, commit: str) -> Rollout | None:
    """Return what the last rollout of a commit came to; `None` when there was none."""
    rows = [row for row in _rollouts(office, run) if row.data.get("commit") == commit]
    if not rows:
        return None
    facts = rows[-1].data
    steps = tuple(Step(**step) for step in facts.get("steps") or ())
    return Rollout(bool(facts["ok"]), int(facts["percent"]), steps, facts.get("restored"))


def running(office: Office) -> str | None:
    """Return the commit that the last rollout left running; `None` when none is known."""
    commit = None
    for row in _rollouts(office, None):
        if row.data.get("ok"):
            commit = str(row.data["commit"])
        elif row.data.get("restored"):
            commit = str(row.data["previous"])
    return commit


def _rollouts(office: Office, run: RunId | None) -> tuple[RunEvent, ...]:
    return office.store.events(run, kinds=(KIND,))


def _keep(office: Office, shipment: Shipment, previous: str, done: Rollout) -> None:
    number = len(_rollouts(office, shipment.run)) + 1
    data: dict[str, Any] = {
        "ok": done.ok, "percent": done.percent, "restored": done.restored,
        "commit": shipment.commit, "previous": previous,
        "steps": [{"name": s.name, "ok": s.ok, "words": s.words[:300]} for s in done.steps],
    }  # fmt: skip
    key, now = f"rollout/{number}/{shipment.commit}", office.desk.clock.now()
    event = RunEvent(shipment.run, key, KIND, now, "deploy", text=words_of(done), data=data)
    office.store.keep_events([event])


def words_of(done: Rollout) -> str:
    """Say in one line what a rollout came to."""
    if done.ok:
        return f"Deployed to {done.percent} %."
    if done.restored:
        return "SHP-032 Rolled back: the previous version is back and healthy."
    return "SHP-032 Rolled back, and the previous version is NOT healthy. Look at it now."
