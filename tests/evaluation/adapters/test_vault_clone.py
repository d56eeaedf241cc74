"""A vault in a git repository: cloned once, newest content each time, the ledger stays."""

import subprocess
from pathlib import Path

import pytest

from unlit.core.errors import OutsideFailed
from unlit.evaluation.adapters.vault_clone import cloned, is_url
from unlit.evaluation.ledger import evaluator_store


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(folder), *words],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "url"),
    [("https://x/y", True), ("git@host:x.git", True), ("file:///x", True), ("../vault", False)],
)
def test_a_url_is_told_from_a_folder(name: str, url: bool) -> None:
    assert is_url(name) is url


async def test_the_newest_content_is_there_and_the_store_stays(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    git(source, "init", "-q")
    folder = tmp_path
    for text in ("one", "two"):
        (source / "a.yaml").write_text(text, encoding="utf-8")
        git(source, "add", "a.yaml")
        git(source, "commit", "-q", "-m", text)
        folder = await cloned(f"file://{source}", tmp_path / "cache")
        assert (folder / "a.yaml").read_text(encoding="utf-8") == text
        evaluator_store(folder).mkdir(exist_ok=True)
        (evaluator_store(folder) / "looks.jsonl").touch()
    assert (evaluator_store(folder) / "looks.jsonl").exists()


async def test_what_cannot_be_fetched_is_named_without_its_credential(tmp_path: Path) -> None:
    with pytest.raises(OutsideFailed) as caught:
        await cloned(f"file://fake-user:fake-word@/{tmp_path}/nothing", tmp_path / "cache")
    assert caught.value.code == "EVA-129"
    assert "fake-word" not in caught.value.what
