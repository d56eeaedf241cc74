"""Sources that are folders of this machine: read by name, never a way to the vault."""

from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.wiring.sources import open_library


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNLIT_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("UNLIT_VAULT", str(tmp_path / "kept" / "vault"))
    (tmp_path / "kept" / "vault" / "validation").mkdir(parents=True)
    (tmp_path / "kept" / "vault" / "validation" / "a.md").write_text("# hidden")
    handbook = tmp_path / "handbook" / "teams"
    handbook.mkdir(parents=True)
    (handbook / "shop.md").write_text("# Refunds\n\nA refund needs two people.")
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


def _says(repository: Path, folder: str, kind: str = "markdown") -> None:
    text = f'[factory]\nname = "shop"\n[source.handbook]\nkind = "{kind}"\nproject = "{folder}"\n'
    (repository / "unlit.toml").write_text(text)


def test_a_folder_elsewhere_is_found_read_and_indexed(repository: Path) -> None:
    _says(repository, "../handbook")
    with open_library(repository) as library:
        assert [row.problem for row in library.refresh(["handbook"])] == [None]
        (hit,) = library.search("refund people")
        assert (hit.ref.source, hit.ref.key) == ("handbook", "teams/shop.md")
        assert "two people" in library.read(hit.ref)[0].body


@pytest.mark.parametrize("folder", ["../kept/vault", "../kept", "../kept/vault/validation", ".."])
def test_the_vault_is_no_source(repository: Path, folder: str) -> None:
    _says(repository, folder)
    with pytest.raises(InvalidInput, match="CTX-327"), open_library(repository):
        pass


def test_what_is_no_folder_is_told(repository: Path) -> None:
    _says(repository, "../nosuch", "design-tokens")
    with (
        pytest.raises(InvalidInput, match=r"CTX-326 .*nosuch is not a folder"),
        open_library(repository),
    ):
        pass
