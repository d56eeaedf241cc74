"""`unlit doctor` and `unlit agents list` say the same of agents."""

import pytest

from unlit.cli import agents, doctor
from unlit.harness.registry import known_agents, make_agent


@pytest.mark.parametrize("path", ["", "/usr/bin:/bin"])
def test_doctor_and_the_list_of_agents_agree(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("PATH", path)
    found = {one.name: one.works for one in doctor._agents()}
    options = agents._options()
    assert found == {name: not make_agent(name, options).facts.needs for name in known_agents()}
