"""Make a repository a factory: find its commands, write the files a person then edits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomlkit

from unlit.core.errors import InvalidInput, UsageError
from unlit.line.rules.commands import MANIFESTS, Commands, find_commands
from unlit.line.rules.servers import SOURCES

_IGNORED: Final = frozenset(
    {".git", ".venv", "node_modules", "__pycache__", ".tox", "build", "dist"}
)
_FILES_LIMIT: Final = 20_000
_SOURCES_READ: Final = 60
_SOURCE_SIZE: Final = 200_000


@dataclass(frozen=True, slots=True)
class Adopted:
    """What `adopt` found and wrote; `kept` are files that existed and were left alone."""

    commands: Commands
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def survey(repository: Path) -> Commands:
    """Find the build, test and run commands of a repository; runs nothing.

    Raises:
        InvalidInput: `repository` is not a folder.
    """
    if not repository.is_dir():
        raise InvalidInput(
            "LIN-101",
            f"{repository} is not a folder.",
            "a factory is made from a repository.",
            "name the repository's folder.",
        )
    texts = {}
    for name in MANIFESTS:
        path = repository / name
        if path.is_file() and path.stat().st_size < 2_000_000:
            texts[name] = path.read_text(encoding="utf-8", errors="replace")
    files = _files(repository)
    folders = frozenset(path.name for path in repository.iterdir() if path.is_dir()) - _IGNORED
    return find_commands(texts, folders, files, _sources(repository, files))


def _sources(repository: Path, files: frozenset[str]) -> dict[str, str]:
    """Return the text of source files and scripts near the top, which say whether it listens."""
    found: dict[str, str] = {}
    for name in sorted(files, key=lambda name: (name.count("/"), name)):
        if len(found) >= _SOURCES_READ or name.count("/") > 2:  # src/package/module
            break
        path = repository / name
        about = path.stat()
        script = "/" not in name and path.suffix in ("", ".sh") and about.st_mode & 0o100
        if (path.suffix in SOURCES or script) and about.st_size < _SOURCE_SIZE:
            found[name] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _files(repository: Path) -> frozenset[str]:
    found: set[str] = set()
    waiting = [repository]
    while waiting and len(found) < _FILES_LIMIT:
        for path in sorted(waiting.pop().iterdir()):
            if path.is_symlink() or path.name in _IGNORED:
                continue
            if path.is_dir():
                waiting.append(path)
            else:
                found.add(path.relative_to(repository).as_posix())
    return frozenset(found)


def adopt(repository: Path, vault: Path, *, answers: Mapping[str, str] | None = None) -> Adopted:
    """Write `unlit.toml`, `policy.toml`, a first spec and a vault; never overwrite a file.

    Args:
        repository: A git repository.
        vault: Where the vault goes; outside `repository` (the caller has checked it).
        answers: What a person said instead of what was found: `kind`, `build`, `test`, `run`.

    Raises:
        UsageError: `repository` is not a git repository.
    """
    commands = survey(repository)
    if not (repository / ".git").exists():
        raise UsageError(
            "LIN-102",
            f"{repository} is not a git repository.",
            "a run starts from a base commit.",
            "run `git init` there and commit what exists.",
        )
    kind = (answers or {}).get("kind") or commands.kind
    texts = {
        repository / "unlit.toml": factory_text(repository.resolve().name, commands, answers or {}),
        repository / "policy.toml": policy_text(repository),
        repository / "specs" / "first-change.md": first_spec(kind),
        vault / "README.md": VAULT_README,
        vault / "visible" / "it-answers.yaml": first_scenario(kind),
    }
    written, kept = [], []
    for path, text in texts.items():
        if path.exists():
            kept.append(path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    for partition in ("validation", "sealed"):
        (vault / partition).mkdir(parents=True, exist_ok=True)
    vault.chmod(0o700)
    return Adopted(commands, tuple(written), tuple(kept))


def policy_text(repository: Path) -> str:
    """Return the first policy, with the package index of each language that the repository has."""
    if not (repository / "package.json").exists():
        return POLICY
    python = any((repository / name).exists() for name in ("pyproject.toml", "requirements.txt"))
    npm = f"{'' if not python else _MIRROR.format('pypi') + chr(10)}{_MIRROR.format('npm')}"
    return POLICY.replace(_MIRROR.format("pypi"), npm)


def factory_text(name: str, commands: Commands, answers: Mapping[str, str]) -> str:
    """Render `unlit.toml`; each command carries the file it was found in as a comment."""
    document = tomlkit.document()
    factory = tomlkit.table()
    factory["name"] = name
    factory["agents"] = ["claude-code"]
    factory["reviewers"] = tomlkit.array()
    document["factory"] = factory
    product = tomlkit.table()
    product["kind"] = answers.get("kind") or commands.kind
    product["kind"].comment("cli, library; http and web also need `port`")
    if product["kind"] in ("http", "web"):
        if commands.port is None:
            product.add(tomlkit.comment("port = …  # not found: say it here"))
        else:
            product["port"] = commands.port
    found = {"build": commands.build, "test": commands.test, "run": commands.run}
    reasons = {reason.split(":")[0]: reason.split(": ", 1)[1] for reason in commands.reasons}
    for key, value in found.items():
        chosen = answers.get(key) or value
        if chosen is None:
            product.add(tomlkit.comment(f'{key} = "…"  # not found: say it here'))
            continue
        product[key] = chosen
        if key not in answers and key in reasons:
            product[key].comment(f"found in {reasons[key]}")
    if commands.env:
        table = tomlkit.inline_table()
        table.update(dict(commands.env))
        product["env"] = table
    document["product"] = product
    ship = tomlkit.table()
    ship.update({"p0": 0.90, "p1": 0.97, "alpha": 0.05, "beta": 0.10})
    document["ship"] = ship
    budget = tomlkit.table()
    budget.update({"run_usd": 25, "day_usd": 1000})
    document["budget"] = budget
    return tomlkit.dumps(document)


_MIRROR: Final = '[[allow]]\nrole = "coder"\nmirror = "{}"\n'

POLICY: Final = """\
# Who may touch what. Nothing is allowed that is not said here; a forbid wins over an allow.
version = 1

# The coder and the build reach the package index.
[[allow]]
role = "coder"
mirror = "pypi"

# A coding agent's model: the key stays outside, the agent holds a placeholder.
# [credential.anthropic]
# source = { env = "ANTHROPIC_API_KEY" }
# env = "ANTHROPIC_API_KEY"
# inject = { header = "x-api-key" }
# hosts = ["api.anthropic.com"]
# paths = ["/v1/messages"]
#
# [[allow]]
# role = "coder"
# host = "api.anthropic.com"
# methods = ["POST"]
# paths = ["/v1/messages"]
# credential = "anthropic"

# The product meets twins, never the real service.
# [[allow]]
# role = "product"
# host = "slack.com"
# paths = ["/api/**"]
# twin = "slack"

[files.coder]
write = ["."]
hide = [".env", "secrets/**"]
# What runs by itself in a person's shell, editor or CI, or tells the next agent what to do. Take
# out what an agent is to change: a person then looks at it before it is merged.
read_only = [
  ".git/hooks", ".git/config", ".github", ".gitlab-ci.yml", ".gitea", ".forgejo", ".circleci",
  ".buildkite", ".drone.yml", ".travis.yml", ".woodpecker", ".woodpecker.yml", "Jenkinsfile",
  "azure-pipelines.yml", "bitbucket-pipelines.yml", ".vscode", ".idea", ".zed", ".devcontainer",
  ".devcontainer.json", ".dir-locals.el", ".exrc", ".nvim.lua", ".nvimrc", ".envrc", ".husky",
  ".pre-commit-config.yaml", "lefthook.yml", ".mcp.json", ".claude", ".cursor", ".cursorrules",
  ".codex", ".gemini", ".opencode", "opencode.json", ".windsurf", ".aider.conf.yml", ".goosehints",
  "CLAUDE.md", "GEMINI.md", "AGENTS.md", "policy.toml", "policy.toml.signed", "unlit.toml",
]

[files.product]
write = ["."]

[limits.coder]
wall_s = 3600
memory_mb = 4096
disk_mb = 2048
processes = 400
requests_per_s = 200
requests_burst = 5000

[limits.product]
wall_s = 300
memory_mb = 2048
disk_mb = 512
processes = 200
requests_per_s = 200
requests_burst = 5000

[[test]]
role = "coder"
request = "GET https://example.com/"
expect = "deny"
"""

SPEC: Final = """\
---
id: first-change
title: The first change
owner: you@example.com
uses: []
risk: low
---

# The first change

## Intent

<!-- For whom is this, and why? Two or three sentences in place of this line. -->

## Criteria

### AC-1 It answers

When the program runs with `--help`, the program shall exit with code 0 and print its usage.

Example: help
- Input: `--help`
- Outcome: exit code 0 and standard output contains `usage`

## Boundaries

Say for each row what happens, or write `not relevant: WHY`. A spec with an empty row is not ready.

| Case | Behaviour |
| --- | --- |
| empty | |
| zero | |
| limit | |
| limit+1 | |
| duplicate | |
| concurrent | |
| unauthorised | |
| clock | |
| service down | |

## Out of scope

What somebody might expect and will not get.

## Metric

What should move after shipping.
"""

VAULT_README: Final = """\
# Vault

Scenarios that grade the product. This folder lies outside the repository on purpose: no agent may
read it. `visible/` may be shown to the agent, `validation/` steers it through coarse feedback,
`sealed/` is looked at once at the end, and each look is paid for.

A run needs at least one validation and one sealed scenario. Each says with `spec: ID` which spec it
is about, so that this vault serves all specs of the repository.

`unlit scenarios lint` checks every file here; docs/reference/scenarios.md explains the format.
"""

SCENARIO: Final = """\
id: it-answers
story: Somebody asks the program what it does.
criterion: [AC-1]
spec: first-change
partition: visible
weight: 1
oracle: contract
author: {by: person, name: you}
owner: you
because: the first thing anybody tries
when:
  - cli: {run: ["--help"]}
then:
  - exit: 0
  - stdout: {contains: "usage"}
never: [traceback]
"""

_SERVES: Final = (
    ("When the program runs with `--help`, the program shall exit with code 0 and print its usage.",
     "When `/` is asked for, the service shall answer with status 200."),
    ("Example: help\n- Input: `--help`", "Example: the first page\n- Input: `GET /`"),
    ("- Outcome: exit code 0 and standard output contains `usage`", "- Outcome: status 200"),
    ("Somebody asks the program what it does.", "Somebody asks for the first page."),
    ('  - cli: {run: ["--help"]}\nthen:\n  - exit: 0\n  - stdout: {contains: "usage"}\n',
     "  - http: {GET: /}\nthen:\n  - status: 200\n"),
)  # fmt: skip
"""What the first spec and scenario say of a command line, and of a server in its place."""


def first_spec(kind: str) -> str:
    """Return the spec that a person begins with."""
    return _for(kind, SPEC)


def first_scenario(kind: str) -> str:
    """Return the one visible scenario of the first spec."""
    return _for(kind, SCENARIO)


def _for(kind: str, text: str) -> str:
    if kind not in ("http", "web"):
        return text
    for one, other in _SERVES:
        text = text.replace(one, other)
    return text
