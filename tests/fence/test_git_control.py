import pytest

from unlit.fence.git_control import bare_control, controls_git


@pytest.mark.parametrize(
    "path",
    [
        ".git/hooks/post-checkout", ".git/config", ".git/config.worktree", ".git/commondir",
        ".git/modules/x/config", ".git/worktrees/w/gitdir", ".git/info/attributes",
        ".git/objects/info/alternates", ".GIT/Config", ".git./config", ".git /hooks/x",
        "deep/er/.git/config", "deep/.git", ".git", ".g\u200cit/config", ".git/HOOKS/x",
        ".git::$INDEX_ALLOCATION/config", ".git/rebase-merge/git-rebase-todo",
        ".git/rebase-apply/next", ".git/sequencer/todo", ".git/remotes/origin", ".hg/hgrc",
        "deep/.hg/sharedpath", ".HG/hgrc", ".sl/config", ".jj/repo/config.toml", ".jj/repo",
        "_darcs/prefs/defaults", ".bzr/branch/branch.conf", ".pijul/config", ".hg",
    ],
)  # fmt: skip
def test_what_steers_git_is_known_in_any_spelling(path: str) -> None:
    assert controls_git(path)


@pytest.mark.parametrize(
    "path",
    [
        ".git/HEAD", ".git/index", ".git/objects/ab/cdef", ".git/refs/heads/main", ".git/logs/HEAD",
        ".gitignore", ".github/workflows/x.yml", ".hg/store/00changelog.i", ".hg/dirstate",
        ".git/refs/remotes/origin/main", ".jj/repo/store/git_target", "_darcs/inventory",
        "src/config", "git/hooks", ".git/COMMIT_EDITMSG",
    ],
)  # fmt: skip
def test_what_a_commit_needs_is_let_through(path: str) -> None:
    assert not controls_git(path)


def test_a_repository_planted_in_a_plain_folder_does_not_steer() -> None:
    planted = ["a/HEAD", "a/config", "a/objects/x", "a/refs/heads/x", "a/hooks/x", "a/readme"]
    assert bare_control(planted, nowhere) == {"a/config", "a/hooks/x"}
    assert bare_control(["HEAD", "Objects/x", "refs/x", "config"], nowhere) == {"config"}
    assert bare_control(["src/config", "src/refs/x", "src/hooks/x"], nowhere) == frozenset()
    assert bare_control(["a/config"], lambda path: True) == {"a/config"}


def nowhere(path: str) -> bool:
    return False
