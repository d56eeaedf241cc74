"""The review room as the line needs it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from typing_extensions import override

from unlit.core.ids import RunId
from unlit.line.model import Reported
from unlit.line.ports import Reporter
from unlit.record.store import Store
from unlit.review.publish import publish


class ReviewRoom(Reporter):
    """Writes reports into one folder per run.

    Args:
        store: The record.
        folder: Where the runs' folders are.
        logs: Names the audit logs of a run: the factory's own and the evaluator's.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        logs: Callable[[RunId], Sequence[Path]] = lambda run: (),
    ) -> None:
        self._store = store
        self._folder = folder
        self._logs = logs

    @override
    def report(self, run: RunId) -> Reported:
        published = publish(self._store, run, self._folder / run, logs=self._logs(run))
        return Reported(published.files, published.headline, published.questions)
