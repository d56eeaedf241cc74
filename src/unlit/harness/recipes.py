"""How each command-line agent is started and understood: data, checked by `unlit agents check`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from unlit.harness.hooks import claude_hooks

TASK: Final = "{task}"
MODEL: Final = "{model}"
TOOLS: Final = "{tools}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A command-line agent.

    Attributes:
        argv: Its command; ``{task}`` and ``{model}`` are filled in.
        stdin: Whether the task is given on standard input instead.
        model: Model used unless the run names one.
        protocol: Wire format of its model calls.
        key: Environment variable of its key.
        env: Environment that makes it work unattended: no updates, no telemetry, no questions.
        files: Files written into its home before it starts.
        package: What `unlit agents install` takes, from `index`.
        output: How its output is read: a name in `outputs.READERS`.
        tools_argv: Words that name an MCP server, before its others; ``{tools}`` is the address.
        tools_file: Instead of them, what one of its JSON files gets: file, key and value.
        again: Its command to go on with the newest session in its home; empty where it keeps none.
        asks: Words in a line of its output by which it asks, started as `again` says, what else
            there is to do; it reads the answer, one line, from its standard input.
        hooks: Its words for tool hooks, where it runs them.
    """

    name: str
    title: str
    command: str
    argv: tuple[str, ...]
    model: str
    protocol: str
    key: str
    package: tuple[str, ...]
    index: str
    output: str
    stdin: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    tools_argv: tuple[str, ...] = ()
    tools_file: tuple[str, str, str] | None = None
    again: tuple[str, ...] = ()
    asks: str = ""
    hooks: Callable[[Mapping[str, str]], list[str]] | None = None

    @property
    def agent(self) -> str:
        """Return what people call it: `acp:NAME` where its package is an ACP adapter alone."""
        plain = self.name.removesuffix("-acp")
        return self.name if plain == self.name else f"acp:{plain}"


# What each is told alike whether it begins or goes on with its session.
_CLAUDE: Final = (
    "--output-format",
    "stream-json",
    "--verbose",
    "--dangerously-skip-permissions",
    "--model",
    MODEL,
)
_CODEX: Final = (
    "--json",
    "--skip-git-repo-check",
    "--dangerously-bypass-approvals-and-sandbox",
    "--model",
    MODEL,
    "-",
)
_GEMINI: Final = ("--output-format", "stream-json", "--yolo", "--skip-trust", "--model", MODEL)
_OPENCODE: Final = ("--format", "json", "--model", f"anthropic/{MODEL}", TASK)
_GOOSE: Final = (
    "--name",
    "unlit",
    "--quiet",
    "--output-format",
    "stream-json",
    "--with-builtin",
    "developer",
    "--model",
    MODEL,
    "--instructions",
    "-",
)
_AIDER: Final = (
    "--message",
    TASK,
    "--yes-always",
    "--no-git",
    "--no-gitignore",
    "--input-history-file",
    "/tmp/aider.input",  # noqa: S108 # inside the fence
    "--chat-history-file",
    "/tmp/aider.chat.md",  # noqa: S108 # inside the fence
    "--no-check-update",
    "--no-show-release-notes",
    "--no-show-model-warnings",
    "--no-analytics",
    "--no-detect-urls",
    "--no-stream",
    "--no-pretty",
    "--edit-format",
    "diff",
    "--model",
    f"anthropic/{MODEL}",
)
_MINI: Final = (
    "--cost-limit",
    "0",  # the run's own ledger limits it
    "--model",
    f"anthropic/{MODEL}",
    "--output",
    "/tmp/mini.traj.json",  # noqa: S108 # inside the fence
)

RECIPES: Final[Mapping[str, Recipe]] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="claude-code",
            title="Claude Code",
            command="claude",
            argv=("-p", *_CLAUDE),
            hooks=claude_hooks,
            again=("-p", "--continue", *_CLAUDE),
            stdin=True,
            model="claude-sonnet-4-5",
            protocol="anthropic",
            key="ANTHROPIC_API_KEY",
            package=("@anthropic-ai/claude-code",),
            index="npm",
            output="claude",
            env={
                "IS_SANDBOX": "1",
                "DISABLE_AUTOUPDATER": "1",
                "DISABLE_TELEMETRY": "1",
                "DISABLE_ERROR_REPORTING": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "ENABLE_TOOL_SEARCH": "false",  # an MCP server's tools, at once
            },
            tools_argv=(
                "--strict-mcp-config",
                "--mcp-config",
                '{"mcpServers": {"unlit-context": {"type": "http", "url": "{tools}"}}}',
            ),
        ),
        Recipe(
            name="codex",
            title="OpenAI Codex",
            command="codex",
            argv=("exec", *_CODEX),
            again=("exec", "resume", "--last", *_CODEX),
            stdin=True,
            model="gpt-5.2",
            protocol="responses",
            key="CODEX_API_KEY",
            package=("@openai/codex",),
            index="npm",
            output="codex",
            tools_argv=("-c", 'mcp_servers.unlit-context.url="{tools}"'),
        ),
        Recipe(
            name="gemini-cli",
            title="Gemini CLI",
            command="gemini",
            argv=_GEMINI,
            again=("--resume", "latest", *_GEMINI),
            stdin=True,
            model="gemini-2.5-pro",
            protocol="gemini",
            key="GEMINI_API_KEY",
            package=("@google/gemini-cli",),
            index="npm",
            output="gemini",
            files={
                ".gemini/settings.json": (
                    '{"security": {"auth": {"selectedType": "gemini-api-key"}}, '
                    '"privacy": {"usageStatisticsEnabled": false}, '
                    '"general": {"disableAutoUpdate": true, "disableUpdateNag": true}}'
                )
            },
            tools_file=(
                ".gemini/settings.json",
                "mcpServers",
                '{"unlit-context": {"httpUrl": "{tools}", "trust": true}}',
            ),
        ),
        Recipe(
            name="opencode",
            title="OpenCode",
            command="opencode",
            argv=("run", *_OPENCODE),
            again=("run", "--continue", *_OPENCODE),
            model="claude-sonnet-4-5",
            protocol="anthropic",
            key="ANTHROPIC_API_KEY",
            package=("opencode-ai",),
            index="npm",
            output="opencode",
            env={"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
            files={
                ".config/opencode/opencode.json": (
                    '{"autoupdate": false, "share": "disabled", '
                    '"model": "anthropic/claude-sonnet-4-5", '
                    '"permission": {"edit": "allow", "bash": "allow", "webfetch": "deny"}}'
                )
            },
            tools_file=(
                ".config/opencode/opencode.json",
                "mcp",
                '{"unlit-context": {"type": "remote", "url": "{tools}", "enabled": true}}',
            ),
        ),
        Recipe(
            name="goose",
            title="goose",
            command="goose",
            argv=("run", *_GOOSE),
            again=("run", "--resume", *_GOOSE),
            stdin=True,
            model="claude-sonnet-4-5",
            protocol="anthropic",
            key="ANTHROPIC_API_KEY",
            package=("@aaif/goose-acp",),
            index="npm",
            output="goose",
            env={
                "GOOSE_PROVIDER": "anthropic",
                "GOOSE_MODEL": "claude-sonnet-4-5",
                "GOOSE_MODE": "auto",
                "GOOSE_DISABLE_KEYRING": "1",
                "GOOSE_DISABLE_SESSION_NAMING": "true",
                "GOOSE_TELEMETRY_OFF": "1",
            },
            tools_file=(
                ".config/goose/config.yaml",  # JSON is YAML
                "extensions",
                '{"unlit-context": {"type": "streamable_http", "name": "unlit-context", '
                '"uri": "{tools}", "enabled": true, "timeout": 300}}',
            ),
        ),
        Recipe(
            name="aider",
            title="Aider",
            command="aider",
            argv=_AIDER,
            again=("--restore-chat-history", *_AIDER),
            model="claude-sonnet-4-5",
            protocol="anthropic",
            key="ANTHROPIC_API_KEY",
            package=("aider-chat",),
            index="pypi",
            output="text",
            env={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        ),
        Recipe(
            name="mini-swe-agent",
            title="mini-SWE-agent",
            command="mini",
            argv=("--task", TASK, "--yolo", "--exit-immediately", *_MINI),
            again=("--task", TASK, "--yolo", *_MINI),
            asks="Agent wants to finish.",
            model="claude-sonnet-4-5",
            protocol="anthropic",
            key="ANTHROPIC_API_KEY",
            package=("mini-swe-agent", "mcp"),
            index="pypi",
            output="text",
            env={
                "MSWEA_CONFIGURED": "true",
                "MSWEA_SILENT_STARTUP": "1",
                "MSWEA_COST_TRACKING": "ignore_errors",
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "HF_HUB_OFFLINE": "1",
            },
        ),
        Recipe(
            name="own",
            title="Our own loop (pydantic-ai)",
            command="python",
            argv=(MODEL,),
            stdin=True,
            model="anthropic:claude-sonnet-4-5",
            protocol="anthropic",
            key="ANTHROPIC_API_KEY",
            package=("pydantic-ai-slim[anthropic,openai,google,bedrock,openrouter]>=2.68,<3",),
            index="pypi",
            output="own",
            env={"PYTHONDONTWRITEBYTECODE": "1"},
        ),
        Recipe(
            name="claude-acp",
            title="Claude Agent",
            command="claude-agent-acp",
            argv=(),
            model="claude-sonnet-4-5",
            protocol="anthropic",
            key="ANTHROPIC_API_KEY",
            package=("@zed-industries/claude-agent-acp",),
            index="npm",
            output="text",
            env={
                "IS_SANDBOX": "1",
                "DISABLE_AUTOUPDATER": "1",
                "DISABLE_TELEMETRY": "1",
                "ENABLE_TOOL_SEARCH": "false",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            },
        ),
        Recipe(
            name="codex-acp",
            title="OpenAI Codex",
            command="codex-acp",
            argv=(),
            model="gpt-5.2",
            protocol="responses",
            key="CODEX_API_KEY",
            package=("@zed-industries/codex-acp",),
            index="npm",
            output="text",
        ),
    )
}

ACP: Final[Mapping[str, tuple[str, ...]]] = {
    "claude": (),
    "codex": ("-c", 'sandbox_mode="danger-full-access"', "-c", 'approval_policy="never"'),
    "gemini-cli": ("--experimental-acp", "--skip-trust"),
    "opencode": ("acp",),
    "goose": ("acp", "--with-builtin", "developer"),
}
"""Agents that speak the Agent Client Protocol, and the words that make them do so."""


def files_of(recipe: Recipe, tools: str) -> Mapping[str, str]:
    """Return the files of an agent's home, with the MCP server of an address where it reads one."""
    if not tools or recipe.tools_file is None:
        return recipe.files
    name, key, value = recipe.tools_file
    document = json.loads(recipe.files.get(name, "{}"))
    document[key] = json.loads(value.replace(TOOLS, tools))
    return {**recipe.files, name: json.dumps(document)}


def recipe_of(agent: str) -> Recipe | None:
    """Return what an agent comes in, by the name that people call it; `None` when unknown."""
    plain = agent.removeprefix("acp:")
    if plain == agent:
        return RECIPES.get(agent)
    return (RECIPES.get(f"{plain}-acp") or RECIPES.get(plain)) if plain in ACP else None
