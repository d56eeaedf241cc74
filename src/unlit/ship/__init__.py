"""After the gate: branch, merge, tag, pull request, deploy, watch, roll back."""

from unlit.ship.model import Shipment
from unlit.ship.service import ship_run

__all__ = ["Shipment", "ship_run"]
