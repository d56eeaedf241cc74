"""The ship room as the line needs it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from typing_extensions import override

from unlit.core.ids import RunId
from unlit.line.model import Shipped
from unlit.line.ports import Recheck, Shipper
from unlit.record.store import Store
from unlit.ship.service import Means, ship_run

OpenMeans = Callable[[], AbstractContextManager[Means]]


class ShipRoom(Shipper):
    """Merges and tags in the repository that a run belongs to, as its unlit.toml says.

    Args:
        store: The record.
        means: Opens plan, forge and environment; merges locally without it.
    """

    def __init__(self, store: Store, means: OpenMeans | None = None) -> None:
        self._store = store
        self._means: OpenMeans = means or (lambda: nullcontext(Means()))

    @override
    def ship(self, run: RunId, recheck: Recheck | None = None) -> Shipped:
        with self._means() as means:
            done = ship_run(self._store, run, recheck=recheck, means=means)
        return Shipped(
            done.commit, done.tag, done.branch, done.again, done.pull_request, done.head,
            done.pending,
        )  # fmt: skip
