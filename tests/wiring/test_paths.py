"""State and vault lie outside the repository."""

from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.wiring.paths import state_paths, vault_path
from unlit.wiring.settings import Settings, read_settings


def _settings(home: Path, **env: str) -> Settings:
    return read_settings({"HOME": str(home), **env})


def test_state_is_named_for_the_repository_and_private(tmp_path: Path) -> None:
    repository = tmp_path / "shop"
    repository.mkdir()
    paths = state_paths(_settings(tmp_path / "home"), repository)
    paths.create()
    assert paths.root.name.startswith("shop-")
    assert paths.root.stat().st_mode & 0o077 == 0


def test_two_repositories_of_one_name_do_not_share_state(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "home")
    one, two = tmp_path / "a" / "shop", tmp_path / "b" / "shop"
    assert state_paths(settings, one).root != state_paths(settings, two).root


def test_state_inside_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r" / ".git").mkdir(parents=True)
    with pytest.raises(InvalidInput) as caught:
        state_paths(_settings(tmp_path, UNLIT_STATE_HOME=str(tmp_path / "r/s")), tmp_path / "r")
    assert caught.value.code == "CLI-021"


def test_a_folder_around_the_state_that_is_no_repository_is_told_so(tmp_path: Path) -> None:
    """As one's home: what is wrong there is the folder one stands in, not where state lies."""
    with pytest.raises(InvalidInput) as caught:
        state_paths(_settings(tmp_path, UNLIT_STATE_HOME=str(tmp_path / "r/s")), tmp_path / "r")
    assert caught.value.code == "CLI-023"


@pytest.mark.parametrize("vault", ["r/vault", "r", "."])
def test_a_vault_in_or_around_the_repository_is_refused(tmp_path: Path, vault: str) -> None:
    (tmp_path / "r").mkdir()
    settings = _settings(tmp_path / "home", UNLIT_VAULT=str(tmp_path / vault))
    with pytest.raises(InvalidInput) as caught:
        vault_path(settings, tmp_path / "r")
    assert caught.value.code == "CLI-022"


def test_a_symbolic_link_does_not_hide_where_the_vault_lies(tmp_path: Path) -> None:
    (tmp_path / "r" / "vault").mkdir(parents=True)
    (tmp_path / "elsewhere").symlink_to(tmp_path / "r" / "vault")
    settings = _settings(tmp_path / "home", UNLIT_VAULT=str(tmp_path / "elsewhere"))
    with pytest.raises(InvalidInput):
        vault_path(settings, tmp_path / "r")
