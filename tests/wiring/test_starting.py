"""Programs start runs: a process of its own, once for a key, refused with its own words."""

from pathlib import Path

import pytest
from tests.ship.test_service import World
from tests.wiring.test_deploying import office_of

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.wiring.starting import Starter


def test_a_key_names_one_request_and_an_unknown_spec_is_refused(tmp_path: Path) -> None:
    office = office_of(World(tmp_path), tmp_path)
    starter = Starter(office)
    with pytest.raises(InvalidInput, match="CON-073"):
        starter("nowhere", "", "dana", "")
    starter._path.parent.mkdir(parents=True)
    starter._keep({"k": {"spec": "a", "run": "r-1"}})
    specs = office.repository / "specs"
    specs.mkdir()
    for name in ("a", "b"):
        (specs / f"{name}.md").write_text("---\nid: x\n---\n")
    assert Starter(office)("a", "", "dana", "k") == ("r-1", True)
    with pytest.raises(InvalidInput, match="CON-074"):
        starter("b", "", "dana", "k")


def test_a_run_that_does_not_begin_is_told_in_its_own_words(tmp_path: Path) -> None:
    office = office_of(World(tmp_path), tmp_path)
    specs = office.repository / "specs"
    specs.mkdir()
    (specs / "broken.md").write_text("no spec at all\n")
    with pytest.raises(OutsideFailed, match=r"CON-075 The run did not begin: \w{3}-\d{3} "):
        Starter(office)("broken", "", "dana", "k")
    assert Starter(office)._known() == {}
