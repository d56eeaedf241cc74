"""Structured logs, as the setting says."""

import json
import logging
from collections.abc import Iterator

import pytest

from unlit.core.errors import UsageError
from unlit.wiring.logs import configure_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger("unlit")
    before = (list(root.handlers), root.level, root.propagate)
    root.handlers.clear()
    yield
    root.handlers[:], root.level, root.propagate = before[0], before[1], before[2]


def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    configure_logs("info")
    log = logging.getLogger("unlit.line.journal")
    log.info("built", extra={"run": "r-1", "stage": "build"})
    log.debug("not told")
    (line,) = capsys.readouterr().err.splitlines()
    row = json.loads(line)
    assert (row["level"], row["logger"], row["text"]) == ("info", "unlit.line.journal", "built")
    assert (row["run"], row["stage"]) == ("r-1", "build")


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(UsageError, match="CLI-015"):
        configure_logs("loud")
