"""What every test shares: loopback only, and an honest list of what did not run."""

import json
import random
from collections import Counter
from pathlib import Path

import hypothesis
import pytest
import pytest_socket

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seeded-sample",
        action="store_true",
        help="of parametrised tests marked slow, run a seeded sample of at most 12 a function",
    )
    parser.addoption("--sample-seed", type=int, default=20261125, help="seed of the sample")
    parser.addoption(
        "--outcomes-to", type=Path, help="write what failed, and how much passed, there"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Judge random tests by no busy clock; throw their dice anew, but in the seeded check."""
    hypothesis.settings.register_profile(
        "unhurried",
        deadline=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
        derandomize=bool(config.getoption("--seeded-sample")),
    )
    hypothesis.settings.load_profile("unhurried")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--seeded-sample"):
        return
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("slow") is not None and "[" in item.name:
            groups.setdefault(item.nodeid.split("[")[0], []).append(item)
    chooser = random.Random(config.getoption("--sample-seed"))
    dropped: list[pytest.Item] = []
    for name in sorted(groups):
        members = sorted(groups[name], key=lambda item: item.nodeid)
        if len(members) > 12:
            kept = set(chooser.sample(range(len(members)), 12))
            dropped += [item for n, item in enumerate(members) if n not in kept]
    if dropped:
        gone = {item.nodeid for item in dropped}
        items[:] = [item for item in items if item.nodeid not in gone]
        config.hook.pytest_deselected(items=dropped)


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


def _outcomes(stats: dict[str, list[pytest.TestReport]]) -> dict[str, object]:
    bad = {report.nodeid for kind in ("failed", "error") for report in stats.get(kind, [])}
    good = {report.nodeid for report in stats.get("passed", [])} - bad
    return {"failed": sorted(bad), "passed": len(good)}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason for which something was not exercised, with its count."""
    if told := terminalreporter.config.getoption("--outcomes-to"):
        told.write_text(json.dumps(_outcomes(terminalreporter.stats)))
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")] += 1
    deselected = len(terminalreporter.stats.get("deselected", []))
    if reasons or deselected:
        terminalreporter.write_sep("-", "not exercised")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"not exercised: {count} x {reason}")
    if deselected:
        terminalreporter.write_line(f"not exercised: {deselected} tests left to a higher tier")
