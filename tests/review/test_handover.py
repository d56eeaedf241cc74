from pathlib import PurePosixPath

import pytest

from unlit.core.errors import UsageError
from unlit.review.handover import AGENTS, skill_file
from unlit.review.units import console_unit


@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_is_told_that_only_a_person_approves(agent: str) -> None:
    path, text = skill_file(agent)
    assert path == AGENTS[agent]
    assert "Do not approve or reject" in text


def test_the_shared_file_keeps_what_others_wrote_and_ours_is_there_once() -> None:
    _, first = skill_file("agents", "# House rules\n\nTabs.\n")
    _, second = skill_file("agents", first + "\nMore.\n")
    assert second.startswith("# House rules")
    assert second.count("Do not approve or reject") == 1
    assert second.rstrip().endswith("More.")


def test_an_unknown_agent_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="claude"):
        skill_file("clippy")


def test_a_unit_survives_odd_paths() -> None:
    text = console_unit(PurePosixPath("/opt/unlit"), PurePosixPath('/home/a b/50% "off"/$x'))
    assert '--repository "/home/a b/50%% \\"off\\"/$$x"' in text
