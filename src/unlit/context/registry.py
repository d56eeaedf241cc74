"""The connectors by name, as text; a plug-in is imported when it is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

from unlit.context.changes import NAMES
from unlit.context.ports import Connector
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
    """

    target: str
    base_url: str = ""
    headers: Mapping[str, str] | None = None
    tested: str = ""
    untested: tuple[str, ...] = ()
    bearer: bool = False


_HERE: Final = "unlit.context.connectors"
UNTESTED: Final = "untested over the wire"

CONNECTORS: Final[dict[str, Row]] = {
    "amplitude": Row(
        f"{_HERE}.amplitude:Amplitude",
        "https://amplitude.com",
        tested="documented responses over HTTP",
    ),
    "azure": Row(
        f"{_HERE}.azure_devops:AzureDevOps",
        tested="documented responses over HTTP",
    ),
    "bugsink": Row(f"{_HERE}.bugsink:Bugsink", tested="Bugsink, the real server", bearer=True),
    "clickup": Row(
        f"{_HERE}.clickup:ClickUp",
        "https://api.clickup.com/api/v2",
        tested="documented responses over HTTP",
    ),
    "confluence": Row(f"{_HERE}.confluence:Confluence", tested="documented responses over HTTP"),
    "docs": Row(
        f"{_HERE}.google_docs:GoogleDocs",
        "https://docs.googleapis.com",
        tested="our Docs and Drive twins",
        bearer=True,
    ),
    "figma": Row(
        f"{_HERE}.figma:Figma",
        "https://api.figma.com",
        tested="documented responses over HTTP",
    ),
    "github": Row(
        f"{_HERE}.github:GitHub",
        "https://api.github.com",
        {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"},
        tested="documented responses over HTTP",
        bearer=True,
    ),
    "gitlab": Row(
        f"{_HERE}.gitlab:GitLab",
        "https://gitlab.com/api/v4",
        tested="documented responses over HTTP",
    ),
    "jira": Row(f"{_HERE}.jira:Jira", tested="our Jira twin"),
    "linear": Row(
        f"{_HERE}.linear:Linear",
        "https://api.linear.app",
        tested="documented responses over HTTP",
    ),
    "notion": Row(
        f"{_HERE}.notion:Notion",
        "https://api.notion.com/v1",
        {"notion-version": "2022-06-28"},
        tested="documented responses over HTTP",
        bearer=True,
    ),
    "plausible": Row(
        f"{_HERE}.plausible:Plausible",
        "https://plausible.io",
        tested="documented responses over HTTP",
        bearer=True,
    ),
    "posthog": Row(
        f"{_HERE}.posthog:PostHog",
        "https://eu.posthog.com",
        tested="documented responses over HTTP",
        bearer=True,
    ),
    "rollbar": Row(
        f"{_HERE}.rollbar:Rollbar",
        "https://api.rollbar.com/api/1",
        tested="documented responses over HTTP",
    ),
    "sentry": Row(
        f"{_HERE}.sentry:Sentry",
        "https://sentry.io/api/0",
        tested="documented responses over HTTP",
        bearer=True,
    ),
    "shortcut": Row(
        f"{_HERE}.shortcut:Shortcut",
        "https://api.app.shortcut.com/api/v3",
        tested="documented responses over HTTP",
    ),
    "slack": Row(
        f"{_HERE}.slack:Slack", "https://slack.com/api", tested="our Slack twin", bearer=True
    ),
    "storybook": Row(f"{_HERE}.storybook:Storybook", tested="documented responses over HTTP"),
    "telegram": Row(
        f"{_HERE}.telegram:Telegram",
        "https://api.telegram.org/bot-placeholder",
        tested="documented responses over HTTP",
    ),
}


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
            known = ", ".join(sorted(CONNECTORS | others))
            raise UsageError(
                "CTX-301",
                f"There is no connector {kind!r}.",
                "a source names its connector by kind.",
                f"use one of: {known}.",
            )
        target = others[kind]
    module, attribute = target.split(":")
    found: Any = getattr(import_module(module), attribute)
    made: Callable[..., Connector] = found
    return made


def table_of_connectors() -> list[dict[str, str]]:
    """Say of each connector what it can do and what it was exercised against; imports them all."""
    rows = []
    for kind, row in sorted(CONNECTORS.items()):
        module, attribute = row.target.split(":")
        found: Any = getattr(import_module(module), attribute)
        reads = ["search", "fetch"] + (["comments"] if hasattr(found, "comments") else [])
        writes = sorted(NAMES[change] for change in getattr(found, "writes", ()))
        rows.append(
            {
                "kind": kind,
                "operations": " ".join(reads + writes),
                "tested": row.tested or UNTESTED,
                "untested": " ".join(row.untested if row.tested else reads + writes),
            }
        )
    return rows
