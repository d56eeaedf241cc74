"""Structured logs: one JSON object a line on standard error, as the setting `log_level` says."""

import json
import logging
import sys
from typing import Final

from typing_extensions import override

from unlit.core.errors import UsageError

LEVELS: Final = ("debug", "info", "warning", "error")
_USUAL: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Time, level, logger, text, and the fields that were given."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        row = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        row |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        if record.exc_info:
            row["error"] = self.formatException(record.exc_info)
        return json.dumps(row, default=str, ensure_ascii=False)


def configure_logs(level: str) -> None:
    """Write the logs of unlit to standard error from `level` on; again changes the level.

    Raises:
        UsageError: There is no such level.
    """
    if level not in LEVELS:
        raise UsageError(
            "CLI-015",
            f"{level!r} is not a log level.",
            "the setting `log_level` says what is logged.",
            f"use one of: {', '.join(LEVELS)}.",
        )
    root = logging.getLogger("unlit")
    root.setLevel(level.upper())
    if not any(isinstance(handler.formatter, JsonLines) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonLines())
        root.addHandler(handler)
        root.propagate = False
