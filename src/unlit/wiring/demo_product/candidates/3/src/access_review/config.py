"""Configuration: one TOML file, every key required."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Config:
    """Where the services are and what is kept there."""

    okta_url: str
    jira_server: str
    jira_email: str
    jira_project: str
    folder: str
    spreadsheet: str
    reviewers: tuple[str, ...]
    channel: str


def load(path: Path) -> Config:
    """Read the configuration file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return Config(
        okta_url=table["okta"]["org_url"],
        jira_server=table["jira"]["server"],
        jira_email=table["jira"]["email"],
        jira_project=table["jira"]["project"],
        folder=table["google"]["folder"],
        spreadsheet=table["google"]["spreadsheet"],
        reviewers=tuple(table["google"]["reviewers"]),
        channel=table["slack"]["channel"],
    )
