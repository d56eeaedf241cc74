"""The tools of our own loop, each called alone."""

import subprocess
from pathlib import Path

import pytest

from unlit.harness.loop import program


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path.resolve()
    monkeypatch.setattr(program, "ROOT", root)
    for path, text in {
        "src/main.py": "total = 1\nprint(total)\n",
        "README.md": "The total.\n",
        "node_modules/dep/index.js": "total\n",
        "build/out.txt": "total\n",
        ".gitignore": "build/\nnode_modules/\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def repository(workspace: Path) -> Path:
    subprocess.run(["git", "init", "-q"], cwd=workspace, check=True)
    return workspace


async def test_a_search_shows_what_git_would_show(repository: Path) -> None:
    found = await program.search("tot.l")
    assert found.splitlines() == [
        "README.md:1: The total.",
        "src/main.py:1: total = 1",
        "src/main.py:2: print(total)",
    ]
    assert await program.search("total", "src/main.py") == "\n".join(found.splitlines()[1:])


async def test_a_search_without_git_leaves_out_what_tools_put_there(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(workspace.parent))
    found = await program.search("total")
    assert {line.partition(":")[0] for line in found.splitlines()} == {
        "README.md",
        "build/out.txt",
        "src/main.py",
    }


async def test_a_search_that_finds_too_much_says_so(workspace: Path) -> None:
    (workspace / "many.txt").write_text("total\n" * 5000)
    found = await program.search("total", "many.txt")
    assert found.endswith("… and more: search a folder, or for something rarer")
    assert len(found.splitlines()) == program.MOST_MATCHES + 1


@pytest.mark.parametrize("path", ["../other", "/etc/passwd", "link"])
async def test_no_tool_leads_out_of_the_workspace(workspace: Path, path: str) -> None:
    (workspace / "link").symlink_to("/etc")
    with pytest.raises(ValueError, match="outside the workspace"):
        await program.search("root", path)
    with pytest.raises(ValueError, match="outside the workspace"):
        await program.read(path)
    with pytest.raises(ValueError, match="outside the workspace"):
        await program.write(path, "x")


async def test_an_edit_changes_what_occurs_once_only(workspace: Path) -> None:
    assert await program.edit("src/main.py", "total", "sum") == (
        "not changed: the old text occurs 2 times in src/main.py"
    )
    assert await program.edit("src/main.py", "total = 1", "total = 2") == "changed src/main.py"
    assert await program.read("src/main.py") == "    1 total = 2\n    2 print(total)"
