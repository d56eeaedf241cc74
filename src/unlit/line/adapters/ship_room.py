"""The ship room as the line needs it."""

from typing_extensions import override

from unlit.core.ids import RunId
from unlit.line.model import Shipped
from unlit.line.ports import Shipper
from unlit.record.store import Store
from unlit.ship.service import ship_run


class ShipRoom(Shipper):
    """Merges and tags in the repository that a run belongs to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @override
    def ship(self, run: RunId) -> Shipped:
        done = ship_run(self._store, run)
        return Shipped(done.commit, done.tag, done.branch, done.again)
