"""The connectors by name, as text; a plug-in is imported when it is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from unlit.context.changes import NAMES
from unlit.context.ports import Connector
from unlit.context.shape import telling
from unlit.core.clock import Clock
from unlit.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Row:
    """One connector.

    Attributes:
        target: ``module:class``.
        base_url: Where the service is unless told otherwise; empty means it must be told.
        headers: Sent with every call; never a credential.
        tested: What it was last exercised against over the wire, in words; empty is untested.
        untested: Operations that no test exercised against it.
        bearer: Whether a credential is sent as ``Authorization: Bearer …``.
        inject: How policy.toml says where the service wants the credential.
    """

    target: str
    base_url: str = ""
    headers: Mapping[str, str] | None = None
    tested: str = ""
    untested: tuple[str, ...] = ()
    bearer: bool = False
    inject: str = '{header = "authorization"}'


_DOCUMENTED: Final = "documented requests and responses"
"""A loopback server that refuses what the vendor does not document, and answers as documented."""

READS: Final = ("comments", "places", "people", "fields")
"""What a connector may offer besides `search` and `fetch`."""

_HERE: Final = "unlit.context.connectors"
UNTESTED: Final = "untested over the wire"

CONNECTORS: Final[dict[str, Row]] = {
    "amplitude": Row(
        f"{_HERE}.amplitude:Amplitude",
        "https://amplitude.com",
        tested=_DOCUMENTED,
        inject="{basic = true}",
    ),
    "azure": Row(f"{_HERE}.azure_devops:AzureDevOps", tested=_DOCUMENTED, inject="{basic = true}"),
    "bugsink": Row(f"{_HERE}.bugsink:Bugsink", tested="Bugsink, the real server", bearer=True),
    "clickup": Row(
        f"{_HERE}.clickup:ClickUp",
        "https://api.clickup.com/api/v2",
        tested=_DOCUMENTED,
        inject='{header = "authorization"}',
    ),
    "confluence": Row(
        f"{_HERE}.confluence:Confluence", tested=_DOCUMENTED, inject="{basic = true}"
    ),
    "docs": Row(
        f"{_HERE}.google_docs:GoogleDocs",
        "https://docs.googleapis.com",
        tested="our Docs and Drive twins",
        bearer=True,
    ),
    "figma": Row(
        f"{_HERE}.figma:Figma",
        "https://api.figma.com",
        tested=_DOCUMENTED,
        inject='{header = "x-figma-token"}',
    ),
    "github": Row(
        f"{_HERE}.github:GitHub",
        "https://api.github.com",
        {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"},
        tested="our GitHub twin",
        bearer=True,
    ),
    "gitlab": Row(
        f"{_HERE}.gitlab:GitLab",
        "https://gitlab.com/api/v4",
        tested=_DOCUMENTED,
        inject='{header = "private-token"}',
    ),
    "jira": Row(f"{_HERE}.jira:Jira", tested="our Jira twin", inject="{basic = true}"),
    "linear": Row(
        f"{_HERE}.linear:Linear",
        "https://api.linear.app",
        tested=_DOCUMENTED,
        inject='{header = "authorization"}',
    ),
    "mcp": Row(
        f"{_HERE}.mcp:Mcp", tested="server-everything of the protocol's authors", bearer=True
    ),
    "notion": Row(
        f"{_HERE}.notion:Notion",
        "https://api.notion.com/v1",
        {"notion-version": "2022-06-28"},
        tested=_DOCUMENTED,
        bearer=True,
    ),
    "plausible": Row(
        f"{_HERE}.plausible:Plausible",
        "https://plausible.io",
        tested=_DOCUMENTED,
        bearer=True,
    ),
    "posthog": Row(
        f"{_HERE}.posthog:PostHog",
        "https://eu.posthog.com",
        tested=_DOCUMENTED,
        bearer=True,
    ),
    "rollbar": Row(
        f"{_HERE}.rollbar:Rollbar",
        "https://api.rollbar.com/api/1",
        tested=_DOCUMENTED,
        inject='{header = "x-rollbar-access-token"}',
    ),
    "roundup": Row(
        f"{_HERE}.roundup:Roundup",
        headers={"x-requested-with": "rest"},
        tested="Roundup, the real server",
        inject="{basic = true}",
    ),
    "sentry": Row(
        f"{_HERE}.sentry:Sentry",
        "https://sentry.io/api/0",
        tested=_DOCUMENTED,
        bearer=True,
    ),
    "shortcut": Row(
        f"{_HERE}.shortcut:Shortcut",
        "https://api.app.shortcut.com/api/v3",
        tested=_DOCUMENTED,
        inject='{header = "shortcut-token"}',
    ),
    "slack": Row(
        f"{_HERE}.slack:Slack", "https://slack.com/api", tested="our Slack twin", bearer=True
    ),
    "storybook": Row(
        f"{_HERE}.storybook:Storybook", tested="the build of a real Storybook", inject=""
    ),
    "telegram": Row(
        f"{_HERE}.telegram:Telegram",
        "https://api.telegram.org/bot-placeholder",
        tested=_DOCUMENTED,
        inject='{path = "bot-placeholder"}',
    ),
}


FOLDERS: Final = {
    "markdown": f"{_HERE}.markdown:MarkdownFolder",
    "design-tokens": f"{_HERE}.design_tokens:DesignTokens",
}
"""Sources that are files of this machine, read without any call: kind to ``module:class``."""


def folder_class(kind: str) -> Callable[[Path, Clock, str], Connector]:
    """Import the class of a kind of `FOLDERS`."""
    made: Callable[[Path, Clock, str], Connector] = _imported(FOLDERS[kind])
    return made


def _imported(target: str) -> Any:
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)


def connector_class(kind: str) -> Callable[..., Connector]:
    """Import a connector by name, ours or another package's (entry points `unlit.connectors`).

    Raises:
        UsageError: Nobody has registered that name.
    """
    if kind in CONNECTORS:
        target = CONNECTORS[kind].target
    else:
        others = {one.name: one.value for one in entry_points(group="unlit.connectors")}
        if kind not in others:
            known = ", ".join(sorted({*CONNECTORS, *FOLDERS, *others}))
            raise UsageError(
                "CTX-301",
                f"There is no connector {kind!r}.",
                "a source names its connector by kind.",
                f"use one of: {known}.",
            )
        target = others[kind]
    made: Callable[..., Connector] = telling(_imported(target))
    return made


def table_of_connectors() -> list[dict[str, str]]:
    """Say of each connector what it can do and what it was exercised against; imports them all."""
    rows = []
    for kind, row in sorted(CONNECTORS.items()):
        module, attribute = row.target.split(":")
        found: Any = getattr(import_module(module), attribute)
        reads = ["search", "fetch", *(name for name in READS if hasattr(found, name))]
        writes = sorted(NAMES[change] for change in getattr(found, "writes", ()))
        rows.append(
            {
                "kind": kind,
                "operations": " ".join(reads + writes),
                "tested": row.tested or UNTESTED,
                "untested": " ".join(row.untested if row.tested else reads + writes),
                "inject": row.inject,
            }
        )
    return rows
