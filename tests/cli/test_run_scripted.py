"""The scripted agent plays for the built-in product; for anybody else's it needs a folder."""

from pathlib import Path

import pytest

from unlit.cli.run import _repository
from unlit.core.errors import InvalidInput
from unlit.line.model import ProductPlan, RunRequest
from unlit.wiring.build import playable


def asked(spec: str, *agents: str) -> RunRequest:
    here = Path("/nowhere")
    return RunRequest(
        spec=here / spec, repository=here, vault=here, policy=here, agents=agents, person="dana",
        product=ProductPlan(kind="cli", build=None, test=None, run=None, port=None, env={}),
    )  # fmt: skip


def test_it_writes_its_own_product_into_nobody_elses_repository() -> None:
    with pytest.raises(InvalidInput) as told:
        playable(asked("first-change.md", "scripted"))
    assert told.value.code == "HAR-011"
    assert "first-change.md" in told.value.what


@pytest.mark.parametrize(
    ("spec", "agent"),
    [("access-review.md", "scripted"), ("first-change.md", "scripted:../candidates"),
     ("first-change.md", "claude-code")],
)  # fmt: skip
def test_what_can_be_played_is(spec: str, agent: str) -> None:
    request = asked(spec, agent)
    assert playable(request) is request


def test_a_spec_may_lie_outside_of_every_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, other, loose = tmp_path / "here", tmp_path / "other", tmp_path / "loose"
    for folder in (here / ".git", other / ".git", other / "specs", loose):
        folder.mkdir(parents=True)
    for spec in (other / "specs" / "a.md", loose / "a.md"):
        spec.write_text("---\n")
    monkeypatch.chdir(here)
    assert _repository(None, other / "specs" / "a.md") == other
    assert _repository(None, loose / "a.md") == here
    assert _repository(other, loose / "a.md") == other
    assert _repository(None, None) == here
