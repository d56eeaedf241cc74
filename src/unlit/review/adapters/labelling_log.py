"""The gates' log, whose answers also become labels beside the vault of their run."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from unlit.review.ports import GateLog

logger = logging.getLogger(__name__)


class LabellingLog(GateLog):
    """Writes to the log first; then an answer as a label, as far as the vault's owner lets it.

    Args:
        log: The audit log of gates.
        folder: The evaluator's store of a run, or `None` when it is not here.
    """

    def __init__(self, log: GateLog, folder: Callable[[str], Path | None]) -> None:
        self._log = log
        self._folder = folder

    @override
    def write(self, kind: str, run: str, person: str, fields: Mapping[str, Any]) -> int:
        """Write one entry and return its index."""
        entry = self._log.write(kind, run, person, fields)
        if kind == "question.answer":
            from unlit.review.keeping import (
                keep_label,  # parses specs and scenarios: slow to import
            )

            try:
                folder = self._folder(run)
                if folder is not None:
                    word = str(fields.get("answer"))
                    keep_label(folder, {
                        "run": run, "question": fields.get("question"),
                        "criterion": fields.get("criterion"), "answer": word,
                        "label": {"yes": True, "no": False}.get(word),
                        "reason": fields.get("reason"), "person": person, "audit_entry": entry,
                    })  # fmt: skip
            except (OSError, ValueError):
                logger.warning(
                    "the answer of run %s is in the record but not beside the vault", run
                )
        return entry
