"""The scenario parser: what fits is read, what does not is named with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.states import Partition
from unlit.evaluation.scenarios.lint import lint_scenario, lint_set
from unlit.evaluation.scenarios.model import Finding, Scenario
from unlit.evaluation.scenarios.parse import parse_scenario

SOURCE = Path(__file__).parents[3] / "src" / "unlit"
GOOD = """\
id: one
story: It works.
criterion: [AC-1]
partition: validation
oracle: contract
author: {by: person, name: ada}
owner: ada
because: it must
vary: {who: {from: names}, n: {int: [1, 3]}}
when:
  - cli: {run: [greet, "{who}"], expect: {exit: 0}}
  - cli: {run: ["{n}"]}
then:
  - exit: 0
  - stdout: {contains: "{who}"}
never: [traceback]
"""


def parsed(text: str) -> Scenario:
    result = parse_scenario(text, "a.yaml")
    assert isinstance(result, Scenario), result
    return result


def findings(text: str) -> list[Finding]:
    result = parse_scenario(text, "a.yaml")
    return (
        lint_scenario(result, invariants={"traceback"}) if isinstance(result, Scenario) else result
    )


def test_a_scenario_becomes_frozen_data_with_lines() -> None:
    scenario = parsed(GOOD)
    assert scenario.partition is Partition.VALIDATION
    assert [step.kind for step in scenario.when] == ["cli", "cli"]
    assert [check.line for check in scenario.then] == [14, 15]
    assert scenario.weight == 1
    assert scenario.digest.startswith("sha256:")


@pytest.mark.parametrize("vault", sorted((SOURCE / "wiring/demo_product/vault").rglob("*.yaml")))
def test_each_scenario_of_the_built_in_product_is_accepted(vault: Path) -> None:
    assert isinstance(parse_scenario(vault.read_text(encoding="utf-8"), vault.name), Scenario)


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "words"),
    [
        ("story:", "storey:", "EVA-102", 2, "did you mean `story`"),
        ("owner: ada\n", "", "EVA-111", 1, "who answers"),
        ("because: it must\n", "", "EVA-111", 1, "why"),
        ("  - cli: {run: [\"{n}\"]}", "  - fax: {to: x}", "EVA-105", 12, "known here"),
        ("  - exit: 0", "  - exits: 0", "EVA-105", 14, "did you mean `exit`"),
        ("{from: names}", "{text: 8}", "EVA-104", 9, "length, alphabet"),
        ("partition: validation", "partition: hidden", "EVA-104", 4, "visible, validation, sealed"),
        ("int: [1, 3]", "int: [3, 1]", "EVA-108", 9, "values to draw"),
        ("from: names", "from: skus", "EVA-108", 9, "values to draw"),
        ('contains: "{who}"', 'contains: "{whom}"', "EVA-109", 15, "vary"),
        ("never: [traceback]", "never: [tracebakc]", "EVA-110", 16, "known: traceback"),
        ("  - exit: 0", "  - status: 200", "EVA-112", 14, "http step"),
        ("story: It works.", "story: a\nstory: b", "EVA-101", 3, "keep one"),
        ("story: It works.", "story: &a It\nwhy: *a", "EVA-101", 2, "value out"),
        ("expect: {exit: 0}", "expekt: {exit: 0}", "EVA-102", 11, "did you mean `expect`"),
        ('contains: "{who}"', 'matches: "("', "EVA-104", 15, "expression"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_line_and_remedy(
    old: str, new: str, code: str, line: int, words: str
) -> None:
    assert old in GOOD
    found = [f for f in findings(GOOD.replace(old, new, 1)) if f.severity == "error"]
    assert (found[0].code, found[0].line) == (code, line), found
    assert words in found[0].remedy


def test_yaml_words_of_the_past_are_plain_text() -> None:
    text = GOOD.replace(
        "vary:", "given: {twins: {slack: {faults: [{on: x, day: 2026-03-01}]}}}\nvary:"
    )
    assert parsed(text).given.twins == {"slack": {"faults": [{"on": "x", "day": "2026-03-01"}]}}


@given(st.text(max_size=300))
def test_the_parser_never_raises(text: str) -> None:
    for content in (text, GOOD + text):
        assert parse_scenario(content, "x.yaml") != [], "what cannot be read is said"


def test_a_file_of_nested_brackets_is_a_finding() -> None:
    assert findings("[" * 20_000)[0].code == "EVA-101"


def test_every_missing_key_is_named() -> None:
    found = findings("id: a\nstory: s\npartition: sealed\n")
    named = {word for finding in found for word in finding.message.split("`")[1::2]}
    assert {"criterion", "oracle", "author", "owner", "because", "when", "then"} <= named


def test_a_mistake_that_needs_the_vault_names_its_own_line() -> None:
    text = GOOD.replace("vary:", "given:\n  twins: {slak: {}}\n  clock: noon\nvary:")
    found = [
        *lint_set([parsed(text)], criteria={"AC-2"}),
        *lint_scenario(parsed(text), services={"slack"}),
    ]
    lines = {finding.code: finding.line for finding in found if finding.severity == "error"}
    assert lines == {"EVA-106": 3, "EVA-110": 10, "EVA-104": 11}
