"""The connectors by name, as text; a plug-in is imported when it is asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

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
    """

    target: str
    base_url: str = ""
    headers: Mapping[str, str] | None = None
    tested: str = ""


_HERE: Final = "unlit.context.connectors"

CONNECTORS: Final[dict[str, Row]] = {
    "bugsink": Row(f"{_HERE}.bugsink:Bugsink", tested="Bugsink, the real server"),
    "docs": Row(
        f"{_HERE}.google_docs:GoogleDocs", "https://docs.googleapis.com", tested="our Docs twin"
    ),
    "github": Row(
        f"{_HERE}.github:GitHub",
        "https://api.github.com",
        {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"},
        tested="documented responses over loopback HTTP",
    ),
    "gitlab": Row(
        f"{_HERE}.gitlab:GitLab",
        "https://gitlab.com/api/v4",
        tested="documented responses over loopback HTTP",
    ),
    "jira": Row(f"{_HERE}.jira:Jira", tested="our Jira twin"),
    "linear": Row(
        f"{_HERE}.linear:Linear",
        "https://api.linear.app",
        tested="documented responses over loopback HTTP",
    ),
    "sentry": Row(
        f"{_HERE}.sentry:Sentry",
        "https://sentry.io/api/0",
        tested="documented responses over loopback HTTP",
    ),
    "slack": Row(f"{_HERE}.slack:Slack", "https://slack.com/api", tested="our Slack twin"),
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
