"""What tells a coding agent how to hand work to the factory: skill files, per agent."""

from collections.abc import Mapping
from typing import Final

from unlit.core.errors import UsageError

_SKILL: Final = """---
name: unlit
description: "{description}"
---

# Hand work to the factory

1. Write what is wanted as `specs/NAME.md`: front matter (`id`, `title`, `owner`), then *Intent*,
   *Criteria* (each `### AC-n Title`, one sentence with `shall`, at least one *Example* with input
   and observable outcome), *Boundaries*, *Out of scope*, *Metric*. Describe outcomes, never code.
2. `unlit intent ready specs/NAME.md` says what is missing. Correct it until the exit code is 0.
3. `unlit run specs/NAME.md --json` writes, grades and reports. It may take long;
   `unlit runs --json` shows where it is.
4. `unlit review RUN --markdown` is the outcome. Exit code 0: it may ship; 1: not good enough;
   5: the factory itself failed, which says nothing about the work.

# What you must not do

- Do not approve or reject: `unlit approve` and `unlit reject` are for a person, with their reason.
- Do not look for scenarios. They lie outside the repository on purpose; what you may know of a
  failed grading is a criterion and one of four words.
- Do not report a run as good because it ended. Say the verdict, the satisfaction with its interval,
  and what was *not* verified, as the report says them.
"""
_SAYS: Final = (
    "Hand a piece of work to the Unlit factory of this repository, which writes it, grades it "
    "against scenarios that no agent can see, and asks a person only what nothing else can settle. "
    "Use it when a change should be built and verified without supervision, or when asked for a "
    "run's outcome."
)
_MARK: Final = "<!-- unlit -->"
# Folders by the vendors' own pages (read 2026-11): each reads `SKILL.md` with `name`, which is the
# folder's, and `description` of at most 1024 characters (agentskills.io).
AGENTS: Final[Mapping[str, str]] = {
    "claude": ".claude/skills/unlit/SKILL.md",
    "codex": ".agents/skills/unlit/SKILL.md",
    "gemini": ".gemini/skills/unlit/SKILL.md",
    "opencode": ".opencode/skills/unlit/SKILL.md",
    "cursor": ".cursor/skills/unlit/SKILL.md",
    "copilot": ".github/skills/unlit/SKILL.md",
    "agents": "AGENTS.md",
}


def skill_file(agent: str, existing: str | None = None) -> tuple[str, str]:
    """Return path and text of what an agent of this name reads.

    Args:
        agent: A key of `AGENTS`; ``agents`` is the shared file that most of them read.
        existing: The file's text, if it is there. A skill is replaced; the shared file keeps its
            text and has our part replaced.

    Raises:
        UsageError: No agent has that name.
    """
    path = AGENTS.get(agent)
    if path is None:
        raise UsageError(
            "REV-051",
            f"{agent!r} is no agent that skill files are known for.",
            "each agent reads its own folder.",
            f"use one of: {', '.join(AGENTS)}.",
        )
    if agent != "agents":
        return path, _SKILL.replace("{description}", _SAYS)
    body = _SKILL.split("---\n", 2)[2].strip()
    part = f"{_MARK}\n{body}\n{_MARK}\n"
    if not existing:
        return path, part
    before, mark, rest = existing.partition(_MARK)
    if not mark:
        return path, f"{existing.rstrip()}\n\n{part}"
    return path, f"{before}{part}{rest.partition(_MARK)[2].lstrip(chr(10))}"
