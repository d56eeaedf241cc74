"""One trajectory: steps against the product, and what they must have shown."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from unlit.core.states import TrajectoryState
from unlit.core.system import SystemClock
from unlit.evaluation.fakes import FakeWorlds, LocalSandbox
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import sample
from unlit.evaluation.stage import Launch
from unlit.evaluation.trajectory import Outcome, Setting, run_trajectory

Make = Callable[..., Scenario]


@pytest.fixture
async def sandbox(candidate: Path) -> AsyncIterator[LocalSandbox]:
    box = LocalSandbox(candidate)
    yield box
    await box.close()


async def run(
    scenario: Scenario, sandbox: LocalSandbox, worlds: FakeWorlds | None = None
) -> Outcome:
    launch = Launch("cli", ("sh", "product.sh"), env={"SLACK_TOKEN": "twin:slack"})
    setting = Setting(worlds or FakeWorlds(), launch, SystemClock(), driver)
    return await run_trajectory(
        scenario, Draw(1, scenario.id, 5, sample(scenario, 5)), sandbox, "slot-1", setting
    )


@pytest.mark.parametrize(
    ("body", "labels"),
    [
        ("when: [{cli: {run: [greet, ann]}}]\nthen: [{exit: 0}, {stdout: hello ann}]", ()),
        ("vary: {w: {from: names}}\nwhen: [{cli: {run: [greet, '{w}']}}]\n"
         "then: [{stdout: 'hello {w}'}]", ()),
        ("when: [{cli: {run: [greet, ann]}}]\nthen: [{exit: 1}, {stdout: {contains: bob}}]",
         ("then[1] exit", "then[2] stdout")),
        ("when: [{cli: {run: [count]}}, {cli: {run: [count]}}]\nthen: [{stdout: '2'}]", ()),
        ("when: [{cli: {run: [greet, nobody], expect: {exit: 0}}}, {cli: {run: [greet, b]}}]\n"
         "then: [{exit: 0}]", ("when[1] cli expect",)),
        ("given: {files: {a/b.txt: 'x'}}\nwhen: [{cli: {run: [read, a/b.txt]}}]\n"
         "then: [{stdout: x}]", ()),
        ("when: [{cli: {run: [write, out.txt, hi]}}]\n"
         "then: [{file: {out.txt: {contains: hi}, none.txt: null}}]", ()),
        ("when: [{cli: {run: [write, out.txt, hi]}}]\nthen: [{file: {out.txt: null}}]",
         ("then[1] file",)),
        ("when: [{cli: {run: [hang], timeout_s: 0.2}}]\nthen: [{exit: 0}]",
         ("when[1] cli timeout",)),
        ("when: [{cli: {run: [greet, a]}}]\nthen: [{within: {seconds: 0.000001}}]",
         ("then[1] within",)),
        ("when: [{cli: {run: [greet, a], capture: {who: 'text:hello (.)'}}}, "
         "{cli: {run: [greet, '{who}{who}']}}]\nthen: [{stdout: hello aa}]", ()),
        ("when: [{file: {write: {n: '41'}}}, {cli: {run: [count]}}]\nthen: [{stdout: '42'}]", ()),
        ("given: {twins: {slack: {}}}\nwhen: [{cli: {run: [leak]}}]\nthen: [{exit: 0}]\n"
         "never: [secret-in-output]", ("never secret-in-output",)),
        ("when: [{cli: {run: [count]}}]\nthen: [{eventually: {seconds: 5, cli: {run: [count]}, "
         "then: [{stdout: '4'}]}}]", ()),
        ("when: [{cli: {run: [count]}}]\nthen: [{eventually: {seconds: 0.05, "
         "cli: {run: [greet, a]}, then: [{stdout: '4'}]}}]", ("then[1] eventually stdout",)),
    ],
)  # fmt: skip
async def test_steps_and_checks(
    make: Make, sandbox: LocalSandbox, body: str, labels: tuple[str, ...]
) -> None:
    outcome = await run(make(body), sandbox)
    assert outcome.labels() == labels, outcome.reasons
    expected = TrajectoryState.NOT_SATISFIED if labels else TrajectoryState.SATISFIED
    assert outcome.state is expected


async def test_labels_hold_no_content_of_the_scenario(make: Make, sandbox: LocalSandbox) -> None:
    outcome = await run(
        make("when: [{cli: {run: [greet, zebra]}}]\nthen: [{stdout: giraffe}]"), sandbox
    )
    assert "giraffe" in outcome.reasons[0].text
    assert not any("giraffe" in label for label in outcome.labels())


async def test_what_no_check_declares_is_a_failure(make: Make, sandbox: LocalSandbox) -> None:
    def act(seeds: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slack.messages": [{"channel": "#a", "text": "hi"}]}

    body = "when: [{cli: {run: [greet, a]}}]\nthen: [{exit: 0}]"
    assert (await run(make(body), sandbox, FakeWorlds(act))).labels() == ("twin slack.messages",)
    declared = body.replace("{exit: 0}", "{twin: {slack.messages: {count: 1, channel: '#a'}}}")
    assert (await run(make(declared), sandbox, FakeWorlds(act))).labels() == ()


async def test_events_and_time_reach_the_world(make: Make, sandbox: LocalSandbox) -> None:
    worlds = FakeWorlds()
    body = (
        "when: [{twin: {slack.message: {text: hi}}}, {clock: {advance: 2h}}, "
        "{cli: {run: [greet, a]}}]\nthen: [{exit: 0}]"
    )
    await run(make(body), sandbox, worlds)
    assert worlds.events == [("slack", "message", {"text": "hi"})]
    assert worlds.advanced_s == 7200


def test_a_check_with_its_own_criterion_does_not_speak_against_others(make: Make) -> None:
    from unlit.core.ids import CriterionId, ScenarioId
    from unlit.evaluation.checks.outcome import Reason

    draw = Draw(1, ScenarioId("one"), 1, {})
    outcome = Outcome(
        draw, TrajectoryState.NOT_SATISFIED, (Reason("then[1] exit", "x", (CriterionId("AC-2"),)),)
    )
    assert outcome.satisfies(CriterionId("AC-1"))
    assert not outcome.satisfies(CriterionId("AC-2"))
