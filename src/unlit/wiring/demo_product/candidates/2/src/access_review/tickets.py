"""Jira: one open issue for each inactive member."""

from access_review.config import Config
from access_review.model import Member, ServiceDown
from jira import JIRA, JIRAError

LABEL = "access-review"


def open_issues(config: Config, token: str, group: str, inactive: list[Member]) -> int:
    """Open an issue for each inactive member; return how many were opened."""
    if not inactive:
        return 0
    try:
        jira = JIRA(
            server=config.jira_server, basic_auth=(config.jira_email, token), max_retries=0
        )
        opened = 0
        for member in inactive:
            jira.create_issue(
                project=config.jira_project,
                summary=f"Access review: {member.login}",
                description=f"{member.login} in {group} has not signed in for 90 days or more.",
                issuetype={"name": "Task"},
                labels=[LABEL],
            )
            opened += 1
    except JIRAError as error:
        raise ServiceDown("Jira", f"status {error.status_code}") from error
    return opened
