"""Decisions without any service: who is inactive."""

from datetime import datetime, timedelta

LIMIT = timedelta(days=90)


def is_inactive(last_login: datetime | None, as_of: datetime) -> bool:
    """Say whether a member counts as inactive: no sign-in for 90 days or more, or never."""
    return last_login is None or as_of - last_login >= LIMIT
