from typing import Any

from unlit.console.seen import LINES, call_lines, state_lines


def call(at: float, path: str = "/a", **more: Any) -> dict[str, Any]:
    return {"at": at, "service": "jira", "method": "GET", "path": path, "status": 200,
            "fault": None, **more}  # fmt: skip


def test_a_bar_lasts_until_the_next_call_that_is_another_one() -> None:
    found = call_lines({"calls": [call(0), call(0.5), call(1, "/b"), call(4, "/c", status=503)]})
    assert [(line.times, line.clock, line.start, line.width) for line in found] == [
        (2, "0.00 s", 0, 25), (1, "1.00 s", 25, 75), (1, "4.00 s", 100, 0),
    ]  # fmt: skip


def test_calls_at_one_moment_have_no_bars_and_strange_times_are_none() -> None:
    found = call_lines({"calls": [call(0), call(0, "/b"), call(-3, "/c"), {"at": "x"}]})
    assert [(line.clock, line.start) for line in found] == [("0 ms", None)] * 4
    assert call_lines({}) == []
    assert call_lines({"calls": "no"}) == []


def test_a_state_is_told_before_and_after_row_by_row() -> None:
    seen = {
        "before": {
            "okta.users": {"count": 2, "rows": [{"login": "a"}, {"login": "b"}]},
            "jira.issues": {"count": 1, "rows": [{"key": "SEC-1"}]},
            "slack.messages": {"count": 0, "rows": []},
        },
        "effects": {
            "jira.issues": {
                "added": [{"key": "SEC-1", "state": "done"}, {"key": "SEC-2"}],
                "removed": [{"key": "SEC-1"}],
            }
        },
    }
    issues, users = state_lines(seen)
    assert (issues.name, issues.before, issues.after, issues.has_changed) == (
        "jira.issues", 1, 2, True,
    )  # fmt: skip
    assert list(issues.lines) == [
        ("-", "key: SEC-1"), ("+", "key: SEC-1  state: done"), ("+", "key: SEC-2"),
    ]  # fmt: skip
    assert (users.has_changed, users.before, users.after) == (False, 2, 2)
    assert [sign for sign, _ in users.lines] == [" ", " "]


def test_many_rows_are_counted() -> None:
    many = [{"n": number} for number in range(100)]
    (line,) = state_lines({"effects": {"sheets.rows": {"added": many}}})
    assert (line.after, len(line.lines), line.hidden) == (100, LINES, 100 - LINES)
