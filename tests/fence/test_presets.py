"""The policies that are shipped for known agents."""

import pytest

from unlit.core.errors import UsageError
from unlit.fence.layer import may_change
from unlit.fence.presets import NAMES, preset_text
from unlit.line.adopt import POLICY
from unlit.policy import Request, decide, parse_policy
from unlit.policy.rules.testing import run_tests


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_a_policy_that_passes_its_own_tests(name: str) -> None:
    policy = parse_policy(preset_text(name), f"{name}.toml")
    assert all(one.passed for one in run_tests(policy))
    assert not [finding for finding in policy.warnings if finding.severe]


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_reaches_one_vendor_by_one_credential(name: str) -> None:
    policy = parse_policy(preset_text(name), f"{name}.toml")
    (credential,) = policy.granted("coder")
    host, *others = credential.hosts
    assert "*" not in "".join(credential.hosts)
    assert others == (["oauth2.googleapis.com"] if name == "gemini-cli-login" else [])
    for other in ("api.example.com", "169.254.169.254", "github.com"):
        request = Request("coder", "https", other, 443, "GET", "/")
        assert not decide(policy, request).allowed
    assert not decide(
        policy, Request("product", "https", host, 443, "POST", "/v1/messages")
    ).allowed


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="claude-code"):
        preset_text("clod")


def test_every_policy_of_ours_keeps_what_runs_by_itself() -> None:
    """Editors, shells, CI and the next agent obey some files without being asked."""
    policies = [parse_policy(preset_text(name)) for name in NAMES] + [parse_policy(POLICY)]
    kept = {frozenset(policy.files("coder").read_only) for policy in policies}
    assert len(kept) == 1
    assert next(iter(kept)) >= {
        ".git/hooks", ".github", ".gitlab-ci.yml", "Jenkinsfile", ".vscode", ".idea", ".zed",
        ".devcontainer", ".envrc", ".husky", ".pre-commit-config.yaml", ".mcp.json", ".claude",
        "CLAUDE.md", "AGENTS.md", "policy.toml", "unlit.toml",
    }  # fmt: skip
    for policy in policies:
        for path in (".envrc", ".vscode/tasks.json", "AGENTS.md", ".GitHub/workflows/x.yml"):
            assert not may_change(path, policy.files("coder"))
        assert may_change("src/app.py", policy.files("coder"))
