"""`unlit config show`."""

import json

import pytest

from unlit.cli.main import run
from unlit.wiring.settings import SETTINGS


def test_each_setting_is_shown_with_its_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNLIT_PARALLEL", "7")
    assert run(["config", "show", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert rows.keys() == {setting.name for setting in SETTINGS}
    assert rows["parallel"]["value"] == "7"
    assert rows["parallel"]["origin"] == "env UNLIT_PARALLEL"
