"""The live view of a run."""

import io

from unlit.cli.live import LiveView
from unlit.core.ids import CandidateId, RunId
from unlit.line.model import LineEvent

RUN = RunId("r-test")
C1 = CandidateId("c1")


class _Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def _trajectory(state: str, scenario: str | None = "paging", **data: object) -> LineEvent:
    fields = {"scenario": scenario, "criterion": "AC-1", "satisfied": 1, "total": 2, **data}
    return LineEvent(RUN, "trajectory", "validate", C1, state, "", fields)


def test_a_stage_ends_with_its_sign_and_how_long_it_took() -> None:
    stream, clock = io.StringIO(), _Clock()
    view = LiveView(stream, clock, terminal=False)
    view.listen(LineEvent(RUN, "stage", "build", C1, "running"))
    clock.s = 2.5
    view.listen(LineEvent(RUN, "stage", "build", C1, "done", "commit abc"))
    assert stream.getvalue() == "✓ build c1    commit abc  (2.5 s)\n"


def test_the_first_failing_holdout_is_named_once_with_its_time() -> None:
    stream, clock = io.StringIO(), _Clock()
    view = LiveView(stream, clock, terminal=False)
    clock.s = 31
    for _ in range(2):
        view.listen(_trajectory("not_satisfied"))
    assert stream.getvalue().count("first failing holdout after 31 s: holdout “paging”") == 1


def test_a_sealed_scenario_is_not_named() -> None:
    stream = io.StringIO()
    view = LiveView(stream, _Clock(), terminal=False)
    view.listen(_trajectory("not_satisfied", scenario=None))
    assert "a sealed scenario" in stream.getvalue()


def test_on_a_terminal_satisfaction_moves_on_one_line() -> None:
    stream = io.StringIO()
    view = LiveView(stream, _Clock(), terminal=True)
    view.listen(_trajectory("satisfied", estimate=0.5, lower=0.1, upper=0.9))
    assert "satisfaction 0.50 [0.10, 0.90]" in stream.getvalue()
    assert "\n" not in stream.getvalue()


def test_what_an_agent_says_cannot_move_the_cursor() -> None:
    stream = io.StringIO()
    view = LiveView(stream, _Clock(), terminal=False)
    view.say("text \x1b[2J and \x07 bell")
    assert "\x1b" not in stream.getvalue()


def test_a_warning_about_money_stays_and_is_no_passing_status() -> None:
    stream = io.StringIO()
    view = LiveView(stream, _Clock(), terminal=False)
    view.listen(LineEvent(RUN, "note", "budget", text="80% of this run's limit is used"))
    assert stream.getvalue() == "? budget      80% of this run's limit is used\n"
