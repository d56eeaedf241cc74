"""Jira: one open issue for each inactive member."""

from access_review.config import Config
from access_review.model import Member, ServiceDown
from jira import JIRA, JIRAError

LABEL = "access-review"


def open_issues(config: Config, token: str, group: str, inactive: list[Member]) -> int:
    """Open an issue for each inactive member that has none yet; return how many were opened."""
    if not inactive:
        return 0
    try:
        jira = JIRA(
            server=config.jira_server, basic_auth=(config.jira_email, token), max_retries=0
        )
        have = _open_summaries(jira, config.jira_project)
        opened = 0
        for member in inactive:
            summary = f"Access review: {member.login}"
            if summary in have:
                continue
            jira.create_issue(
                project=config.jira_project,
                summary=summary,
                description=f"{member.login} in {group} has not signed in for 90 days or more.",
                issuetype={"name": "Task"},
                labels=[LABEL],
            )
            opened += 1
    except JIRAError as error:
        raise ServiceDown("Jira", f"status {error.status_code}") from error
    return opened


def _open_summaries(jira: JIRA, project: str) -> set[str]:
    jql = f'project = {project} AND labels = "{LABEL}" AND statusCategory != Done'
    found = jira.enhanced_search_issues(jql, maxResults=0, fields="summary")
    return {issue.fields.summary for issue in found}
