"""After the gate: branch, merge, tag, pull request, deploy, watch, roll back."""

from unlit.ship.attest import attest
from unlit.ship.model import Recheck, Shipment, ShipPlan, TrainRecheck
from unlit.ship.rollout import Plan, Rollout, roll_out
from unlit.ship.service import Means, ship_run
from unlit.ship.train import Car, run_train

__all__ = [
    "Car",
    "Means",
    "Plan",
    "Recheck",
    "Rollout",
    "ShipPlan",
    "Shipment",
    "TrainRecheck",
    "attest",
    "roll_out",
    "run_train",
    "ship_run",
]
