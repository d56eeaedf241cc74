"""The ceiling of each criterion, computed from who wrote what."""

from dataclasses import replace

import pytest

from unlit.core.ids import CriterionId
from unlit.evaluation.model import Independence
from unlit.evaluation.rules.independence import Facts, ScenarioFacts, Writer, independence

PERSON = Writer("person", "security")
CLAUDE = Writer("model", family="anthropic")
GPT = Writer("model", family="openai")
BASE = Facts(
    CriterionId("AC-1"),
    PERSON,
    (ScenarioFacts("s", "model", CLAUDE),),
    (CLAUDE,),
)


def of(**changes: object) -> Independence:
    return independence(replace(BASE, **changes))  # type: ignore[arg-type] # built from a table


def test_changing_one_authors_family_changes_the_ceiling() -> None:
    same = independence(BASE)
    other = of(scenarios=(ScenarioFacts("s", "model", GPT),))
    assert "agrees with itself" in same.ceiling
    assert same.families == ("anthropic",)
    assert "another model family" in other.ceiling
    assert other.families == ("anthropic", "openai")
    measured = of(scenarios=(ScenarioFacts("s", "model", GPT),), n_effective=1.6)
    assert measured.source == "diversity"
    assert "1.6 independent opinions" in measured.ceiling


@pytest.mark.parametrize(
    ("scenario", "source", "level", "words"),
    [
        (ScenarioFacts("s", "golden", CLAUDE), "oracle", 4, "previous system"),
        (ScenarioFacts("s", "contract", CLAUDE), "oracle", 4, "published contract"),
        (
            ScenarioFacts("s", "twin", CLAUDE, "status", ("okta",)),
            "oracle",
            3,
            "route used: status",
        ),
        (
            ScenarioFacts("s", "twin", CLAUDE, "hand", ("okta",)),
            "oracle",
            2,
            "by hand, not measured",
        ),
        (ScenarioFacts("s", "twin", CLAUDE, None, ("okta",)), "oracle", 2, "not measured"),
        (ScenarioFacts("s", "invariant", CLAUDE), "invariant", 2, "silent on what it is for"),
        (ScenarioFacts("s", "human", PERSON), "person", 3, "as security understood"),
    ],
)
def test_each_source_has_its_ceiling(
    scenario: ScenarioFacts, source: str, level: int, words: str
) -> None:
    found = of(scenarios=(scenario,))
    assert (found.source, found.level) == (source, level)
    assert words in found.ceiling


def test_the_strongest_source_counts() -> None:
    found = of(
        scenarios=(ScenarioFacts("a", "model", CLAUDE), ScenarioFacts("b", "golden", PERSON))
    )
    assert "previous system" in found.ceiling


def test_a_twin_whose_fidelity_was_not_measured_asks_a_person() -> None:
    assert of(scenarios=(ScenarioFacts("s", "twin", PERSON),)).for_people
    assert not of(scenarios=(ScenarioFacts("s", "twin", PERSON, "behaviour"),)).for_people


def test_without_a_scenario_only_a_person_can_say() -> None:
    found = of(scenarios=())
    assert (found.source, found.level, found.for_people) == (None, 0, True)
    assert of(scenarios=(ScenarioFacts("s", "golden", PERSON, exercised=False),)).level == 0


def test_a_person_who_confirmed_it_stands_behind_it() -> None:
    found = of(scenarios=(), person="M. Ito")
    assert (found.source, found.for_people) == ("person", False)
    assert "M. Ito" in found.ceiling


def test_a_judge_without_measured_errors_decides_nothing() -> None:
    judged = (ScenarioFacts("s", "model", PERSON, judged=True),)
    own = of(scenarios=judged, judge=CLAUDE)
    assert own.for_people
    assert "of the writer's own family" in own.ceiling
    assert "without measured error rates" in of(scenarios=judged, judge=GPT).ceiling
    assert of(scenarios=judged, judge=GPT, judge_calibrated=True).level > 0


def test_all_authors_are_named_by_their_role() -> None:
    found = of(
        scenarios=(ScenarioFacts("s", "twin", PERSON, None, ("okta",), judged=True),),
        judge=GPT,
        judge_calibrated=True,
    )
    assert found.authors == {
        "criterion": "person security",
        "scenario": "person security",
        "twin": "unlit",
        "judge": "model openai",
        "code": "model anthropic",
    }


def test_several_services_are_named_in_one_sentence() -> None:
    scenario = ScenarioFacts("s", "twin", PERSON, "shape", ("jira", "okta", "slack"))
    assert of(scenarios=(scenario,)).ceiling == (
        "right for Jira, Okta and Slack as their contracts and recordings describe them; least "
        "faithful route used: shape"
    )
