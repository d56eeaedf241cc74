import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, RunId
from unlit.harness.model import Change
from unlit.harness.workspace import Provenance, Workspace

PROVENANCE = Provenance(
    run=RunId("r-aaaaaaaaaa"),
    candidate=CandidateId("c1"),
    number=1,
    agent="scripted",
    spec="review@sha256:1",
    started=datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
    title="Quarterly\nreview",
)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words],
        cwd=folder,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    (folder / "gone.txt").write_text("x")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "base")
    return folder


def changed(tmp_path: Path) -> tuple[list[Change], Path]:
    files = tmp_path / "layer"
    (files / "sub").mkdir(parents=True)
    (files / "a.txt").write_text("two\r\n")
    (files / "sub" / "b.txt").write_text("b")
    (files / "link").symlink_to("a.txt")
    (files / ".gitattributes").write_text("* text eol=lf filter=evil\n")
    changes = [
        Change("a.txt", "file"),
        Change("sub/b.txt", "file", 0o755),
        Change("link", "symlink"),
        Change("gone.txt", "deleted"),
        Change(".gitattributes", "file"),
    ]
    return changes, files


def test_a_candidate_is_a_commit_on_the_base_with_provenance(
    repository: Path, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "run")
    base = workspace.begin(repository, "HEAD")
    commit = workspace.commit(base.commit, *changed(tmp_path), PROVENANCE)
    log = git(workspace.repository, "log", "-1", "--format=%P|%an|%at|%B", commit.commit)
    assert log.startswith(f"{base.commit}|unlit|1772355601|Candidate 1: Quarterly review")
    assert "Unlit-Run: r-aaaaaaaaaa" in log
    listed = git(workspace.repository, "ls-tree", "-r", commit.tree)
    assert [line.split()[0] + line.split("\t")[1] for line in listed.splitlines()] == [
        "100644.gitattributes",
        "100644a.txt",
        "120000link",
        "100755run.sh",
        "100755sub/b.txt",
    ]
    assert git(workspace.repository, "show", f"{commit.commit}:sub/b.txt") == "b"
    assert commit.files == 5


def test_the_same_candidate_made_again_has_the_same_hashes(
    repository: Path, tmp_path: Path
) -> None:
    changes, files = changed(tmp_path)
    later = replace(PROVENANCE, candidate=CandidateId("c2"), number=2)
    commits = []
    for name in ("one", "two"):
        workspace = Workspace(tmp_path / name)
        base = workspace.begin(repository, "HEAD")
        commits.append(workspace.commit(base.commit, changes, files, PROVENANCE))
        commits.append(workspace.commit(base.commit, changes, files, PROVENANCE))
        other = workspace.commit(base.commit, changes, files, later)
        assert other.commit != commits[0].commit
    assert len(set(commits)) == 1


def test_a_tree_is_laid_out_once_and_byte_for_byte(repository: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "run")
    base = workspace.begin(repository, "HEAD")
    commit = workspace.commit(base.commit, *changed(tmp_path), PROVENANCE)
    folder = workspace.tree(commit.commit)
    assert workspace.tree(commit.commit) == folder
    assert not (folder / "gone.txt").exists()
    assert (folder / "link").readlink() == Path("a.txt")
    assert (folder / "run.sh").stat().st_mode & 0o111
    assert not (folder / ".git").exists()
    assert len(list(folder.parent.iterdir())) == 1


def test_hooks_and_configuration_of_the_repository_do_not_run(
    repository: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", f"touch {trace}")
    workspace = Workspace(tmp_path / "run")
    base = workspace.begin(repository, "HEAD")
    workspace.tree(base.commit)
    assert not trace.exists()


def test_a_folder_without_commits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="HAR-023"):
        Workspace(tmp_path / "run").begin(tmp_path / "empty", "HEAD")


def test_a_run_starts_from_a_clone_that_has_the_newest_commit_alone(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "a.txt").write_text("newer\n")
    git(repository, "commit", "-q", "-a", "-m", "newer")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    workspace = Workspace(tmp_path / "run")
    base = workspace.begin(tmp_path / "shallow", "HEAD")
    changes, files = changed(tmp_path)
    made = workspace.commit(base.commit, changes, files, PROVENANCE)
    assert (workspace.tree(base.commit) / "a.txt").read_text() == "newer\n"
    assert workspace.changed(base.commit, made.commit)


def test_a_run_of_a_shallow_clone_travels_to_another_machine_and_back_into_a_whole_one(
    repository: Path, tmp_path: Path
) -> None:
    """A fleet's workers share no files: base and candidates go through the database as bytes."""
    (repository / "a.txt").write_text("newer\n")
    git(repository, "commit", "-q", "-a", "-m", "newer")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    here, there = Workspace(tmp_path / "here"), Workspace(tmp_path / "there")
    base = here.begin(tmp_path / "shallow", "HEAD")
    there.unpack(here.pack(base.commit), "base")
    assert (there.tree(base.commit) / "a.txt").read_text() == "newer\n"
    changes, files = changed(tmp_path)
    made = there.commit(base.commit, changes, files, PROVENANCE)
    here.unpack(there.pack(made.commit, base.commit), "candidates/c1")
    assert here.changed(base.commit, made.commit)
    whole = Workspace(tmp_path / "whole")  # a worker beside a clone with all of its history
    whole.begin(repository, "HEAD")
    whole.unpack(there.pack(made.commit, base.commit), "candidates/c1")
    assert whole.tree(made.commit).is_dir()
    git(repository, "fetch", "-q", str(there.repository), "candidates/c1")
    assert git(repository, "rev-list", "--count", "FETCH_HEAD") == "3"  # its history is whole still


def test_many_files_of_every_kind_are_one_commit_as_git_itself_makes_it(
    tmp_path: Path, repository: Path
) -> None:
    """One process a file took a minute for each ten thousand of them."""
    files = tmp_path / "many"
    names = [f"d{number % 40}/{number}.txt" for number in range(2_000)]
    names += ["new\nline", "-rf", "Readme", "readme", "data\n", "blob"]
    for number, name in enumerate(names):
        path = files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0done\nblob\n" * (number % 3) + str(number).encode())
    workspace = Workspace(tmp_path / "ws")
    base = workspace.begin(repository, "HEAD")
    changes = [Change(name, "file") for name in names] + [Change("gone.txt", "deleted")]
    made = workspace.commit(base.commit, changes, files, PROVENANCE)
    shutil.copytree(files, repository, dirs_exist_ok=True)
    (repository / "gone.txt").unlink()
    git(repository, "add", "-A")
    assert made.tree == git(repository, "write-tree")
    assert made.files == len(changes)
    assert not list((tmp_path / "ws").glob(".marks*"))
