"""Drafts: checked like any scenario, and marked with who wrote them, whatever they say."""

from pathlib import Path

import yaml

from unlit.core.states import Partition
from unlit.evaluation.drafting import read_drafts
from unlit.evaluation.interchange.scenario_yaml import scenario_yaml
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.parse import parse_scenario

DRAFT = """\
id: {name}
story: s
criterion: [{criterion}]
partition: sealed
oracle: human
author: {{by: person, name: somebody else}}
owner: nobody
because: x
when: [{{cli: {{run: [greet, ann]}}}}]
then: [{{exit: 0}}]
"""


def write(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "scenarios").mkdir()
    for name, text in files.items():
        (tmp_path / "scenarios" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_a_draft_is_marked_with_its_author(tmp_path: Path) -> None:
    folder = write(tmp_path, a=DRAFT.format(name="a", criterion="AC-1"))
    (draft,) = read_drafts(folder, owner="ada", family="codex", criteria={"AC-1"}, services=[])
    scenario = parse_scenario(draft.text, "a.yaml")
    assert isinstance(scenario, Scenario)
    assert (scenario.author.by, scenario.author.family, scenario.owner) == ("model", "codex", "ada")
    assert scenario.partition is Partition.VALIDATION


def test_a_draft_names_the_spec_that_it_was_made_from(tmp_path: Path) -> None:
    text = DRAFT.format(name="a", criterion="AC-1") + "spec: something-else\n"
    folder = write(tmp_path, a=text, b=DRAFT.format(name="b", criterion="AC-1"))
    drafts = read_drafts(
        folder, owner="o", family="f", criteria={"AC-1"}, services=[], spec="price"
    )  # fmt: skip
    assert [yaml.safe_load(draft.text)["spec"] for draft in drafts] == ["price", "price"]
    assert list(yaml.safe_load(drafts[0].text))[:4] == ["id", "story", "criterion", "spec"]


def test_a_text_of_several_lines_stays_lines() -> None:
    table = {"a": "one\ntwo\n", "b": ["x\ny"], "c": "  odd \n\ttext", "d": "plain"}
    text = scenario_yaml(table)
    assert "a: |\n  one\n  two\n" in text
    assert yaml.safe_load(text) == table


def test_a_broken_draft_is_kept_apart(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        a=DRAFT.format(name="a", criterion="AC-1"),
        b=DRAFT.format(name="a", criterion="AC-1"),
        c=DRAFT.format(name="c", criterion="AC-9"),
        d="[",
    )
    drafts = read_drafts(folder, owner="o", family="f", criteria={"AC-1"}, services=[])
    codes = {draft.name: [finding.code for finding in draft.findings] for draft in drafts}
    assert codes == {"a.yaml": [], "b.yaml": ["EVA-107"], "c.yaml": ["EVA-106"],
                     "d.yaml": ["EVA-101"]}  # fmt: skip


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(DRAFT.format(name="s", criterion="AC-1"), encoding="utf-8")
    folder = write(tmp_path)
    (folder / "scenarios" / "link.yaml").symlink_to(secret)
    assert read_drafts(folder, owner="o", family="f", criteria={"AC-1"}, services=[]) == []
