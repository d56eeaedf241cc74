"""Jira: platform API v2 and v3, JQL, agile; Cloud and Server."""

from unlit.twins.services.jira.twin import twin

__all__ = ["twin"]
