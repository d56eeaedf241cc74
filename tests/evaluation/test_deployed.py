"""Which scenarios may be made against what is deployed, and where that is."""

import pytest

from unlit.core.errors import InvalidInput
from unlit.evaluation.deployed import Place, place_of
from unlit.evaluation.scenarios.lint import lint_scenario
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.parse import parse_scenario

HEAD = """
id: shop-answers
story: The shop answers.
criterion: [AC-1]
partition: {partition}
oracle: human
author: {{by: person}}
owner: shop
because: it must
health: true
"""
GOOD = """
when:
  - http: {GET: /}
  - cli: {shell: "curl -fsS $UNLIT_URL/"}
  - wait: {seconds: 1}
then:
  - exit: 0
  - status: 200
  - eventually: {seconds: 5, http: {GET: /}, then: [{status: 200}]}
"""


def found(text: str, partition: str = "validation") -> list[str]:
    scenario = parse_scenario(HEAD.format(partition=partition) + text, "s.yaml")
    assert isinstance(scenario, Scenario), scenario
    assert scenario.health
    return [f"{one.code} {one.message}" for one in lint_scenario(scenario, services={"slack"})]


@pytest.mark.parametrize("partition", ["visible", "validation"])
def test_a_scenario_over_the_network_may_be_made_there(partition: str) -> None:
    assert found(GOOD, partition) == []


@pytest.mark.parametrize(
    ("text", "partition", "words"),
    [
        (GOOD, "sealed", "it is sealed"),
        ("given: {twins: {slack: {}}}" + GOOD, "validation", "it gives a world"),
        ("given: {files: {a: b}}" + GOOD, "visible", "it gives a world"),
        ("when: [{restart: {}}, {http: {GET: /}}]\nthen: [{status: 200}]", "visible", "`restart`"),
        ("when: [{cli: {run: [a]}}]\nthen: [{exit: 0}]", "visible", "`cli` is no step"),
        ("when: [{http: {GET: /}}]\nthen: [{file: {a: b}}]", "visible", "`file` looks into"),
        (
            "when: [{http: {GET: /}}]\nthen: [{twin: {slack.messages: any}}]",
            "validation",
            "`twin` looks into",
        ),
    ],
)
def test_what_needs_the_fence_may_not(text: str, partition: str, words: str) -> None:
    (finding,) = [one for one in found(text, partition) if one.startswith("EVA-118")]
    assert words in finding


@pytest.mark.parametrize(
    ("url", "place", "authority"),
    [
        ("https://shop.example.com", Place("https", "shop.example.com", 443), "shop.example.com"),
        ("http://10.0.0.5:8080/", Place("http", "10.0.0.5", 8080), "10.0.0.5:8080"),
        ("https://a.example:444", Place("https", "a.example", 444), "a.example:444"),
    ],
)
def test_a_url_says_where(url: str, place: Place, authority: str) -> None:
    assert place_of(url) == place
    assert place.authority == authority


@pytest.mark.parametrize(
    "url",
    ["shop.example.com", "ftp://a.example", "https://", "https://a/b", "https://u@a", "http://a:x",
     "https://a?b=c"],
)  # fmt: skip
def test_what_is_no_place_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="is not where"):
        place_of(url)
