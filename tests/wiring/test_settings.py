"""Settings: flag over environment over file over default; a typo is an error."""

from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.wiring.settings import read_settings


def _file(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    return {"UNLIT_SETTINGS": str(path), "HOME": str(tmp_path)}


def test_a_flag_wins_over_the_environment_and_the_file(tmp_path: Path) -> None:
    env = _file(tmp_path, "parallel = 3") | {"UNLIT_PARALLEL": "4"}
    assert read_settings(env, {"parallel": 5}).number("parallel") == 5
    assert read_settings(env).number("parallel") == 4
    del env["UNLIT_PARALLEL"]
    assert read_settings(env).number("parallel") == 3
    assert read_settings({"HOME": str(tmp_path)}).number("parallel") == 2


def test_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    settings = read_settings(_file(tmp_path, "parallel = 3"))
    assert settings.values["parallel"].origin.startswith("file ")
    assert settings.values["log_level"].origin == "default"


@pytest.mark.parametrize(
    ("text", "code"),
    [("paralel = 3", "CLI-013"), ("parallel = ", "CLI-012"), ("parallel = 0", "CLI-014")],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_settings(_file(tmp_path, text))
    assert caught.value.code == code


def test_a_missing_file_is_not_an_error(tmp_path: Path) -> None:
    assert read_settings({"HOME": str(tmp_path)}).text("person") is None
