"""Okta: who is in the group and when they last signed in."""

import asyncio
from datetime import datetime
from typing import Any

from access_review.model import Member, NoSuchGroup, ServiceDown
from access_review.rules import is_inactive
from okta.api.group_api import GroupApi
from okta.cache.no_op_cache import NoOpCache
from okta.config.config_setter import ConfigSetter
from okta.request_executor import RequestExecutor

PAGE = 200


class Directory(GroupApi):
    """The groups part of Okta's SDK; its complete client imports several hundred modules more."""

    def __init__(self, org_url: str, token: str) -> None:
        setter = ConfigSetter()
        setter._apply_config({"client": {"orgUrl": org_url, "token": token}})
        config = setter._prune_config(setter.get_config())
        super().__init__(configuration=config)
        self._base_url = org_url
        self._request_executor = RequestExecutor(config, NoOpCache(), None)


def members(org_url: str, token: str, group: str, as_of: datetime) -> list[Member]:
    """Return every member of the group, all pages."""
    return asyncio.run(_members(Directory(org_url, token), group, as_of))


async def _members(directory: Directory, group: str, as_of: datetime) -> list[Member]:
    groups, _, error = await directory.list_groups(search=f'profile.name eq "{group}"')
    _check(error)
    found = [item for item in groups or [] if _name(item) == group]
    if not found:
        raise NoSuchGroup(group)
    users: list[Any] = []
    after: str | None = None
    while True:
        page, response, error = await directory.list_group_users(
            found[0].id, limit=PAGE, after=after
        )
        _check(error)
        users.extend(page or [])
        after = _next_cursor(response.headers)
        if after is None:
            break
    return [_member(user, as_of) for user in users]


def _check(error: Any) -> None:
    if error is not None:
        raise ServiceDown("Okta", str(error)[:200])


def _name(group: Any) -> str:
    profile = group.profile
    actual = getattr(profile, "actual_instance", None) or profile
    return str(actual.name)


def _next_cursor(headers: Any) -> str | None:
    import re

    values = headers.getall("Link", []) if hasattr(headers, "getall") else [headers.get("Link", "")]
    for value in values:
        match = re.search(r'<[^>]*[?&]after=([^&>]+)[^>]*>;\s*rel="next"', value or "")
        if match:
            return match.group(1)
    return None


def _member(user: Any, as_of: datetime) -> Member:
    last = user.last_login
    return Member(str(user.profile.login), last, is_inactive(last, as_of))
