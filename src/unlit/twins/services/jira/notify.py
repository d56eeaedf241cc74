"""Webhooks: which hook hears of what, and what it is sent."""

import hashlib
import hmac
from typing import Any, Final

import msgspec

from unlit.twins.model import Delivery
from unlit.twins.services.jira.call import Ask
from unlit.twins.services.jira.jql import parse, run
from unlit.twins.services.jira.jql.functions import Asking
from unlit.twins.services.jira.jql.model import JqlError
from unlit.twins.services.jira.model import Change, Row
from unlit.twins.services.jira.render import change_item

_encode: Final = msgspec.json.Encoder().encode


def issue(
    ask: Ask, event: str, row: Row, kind: str | None, changes: list[Change] | None = None
) -> None:
    """Tell the hooks that an issue was created, updated or deleted."""
    hooks = _listening(ask, event, row)
    if not hooks:
        return
    body: Row = {"timestamp": int(ask.site.world.now() * 1000), "webhookEvent": event}
    if kind is not None:
        body["issue_event_type_name"] = kind
    body |= {"user": ask.render.user(ask.me), "issue": ask.render.issue(row)}
    if changes:
        entries = ask.site.table("changelogs").get(row["id"])
        number = entries[-1]["id"] if entries else ask.site.world.number("jira.changelog", 10000)
        body["changelog"] = {
            "id": str(number),
            "items": [change_item(change) for change in changes],
        }
    for hook in hooks:
        _send(ask, hook, event, body)


def comment(ask: Ask, event: str, row: Row, of: Row) -> None:
    """Tell the hooks of a comment."""
    if not len(ask.site.table("webhooks")):
        return
    hooks = _listening(ask, event, of)
    body = {
        "timestamp": int(ask.site.world.now() * 1000),
        "webhookEvent": event,
        "comment": ask.render.comment(row),
        "issue": ask.render.issue_ref(
            of, "summary", "issuetype", "project", "assignee", "priority", "status"
        ),
        "eventType": "primaryAction",
    }
    for hook in hooks:
        _send(ask, hook, event, body)
    _commented(ask, _COMMENTED[event], row, of)


_COMMENTED: Final = {
    "comment_created": "issue_commented",
    "comment_updated": "issue_comment_edited",
    "comment_deleted": "issue_comment_deleted",
}


def _commented(ask: Ask, kind: str, row: Row, of: Row) -> None:
    """Tell the hooks that hear of issues, too."""
    hooks = _listening(ask, "jira:issue_updated", of)
    for hook in hooks:
        body = {
            "timestamp": int(ask.site.world.now() * 1000),
            "webhookEvent": "jira:issue_updated",
            "issue_event_type_name": kind,
            "user": ask.render.user(ask.me),
            "issue": ask.render.issue(of),
            "comment": ask.render.comment(row),
        }
        _send(ask, hook, "jira:issue_updated", body)


def other(ask: Ask, event: str, name: str, shown: Any) -> None:
    """Tell the hooks of something that is not an issue: a project, version, sprint, worklog …."""
    for hook in _listening(ask, event, None):
        body = {
            "timestamp": int(ask.site.world.now() * 1000),
            "webhookEvent": event,
            name: shown,
        }
        _send(ask, hook, event, body)


def _listening(ask: Ask, event: str, row: Row | None) -> list[Row]:
    hooks = ask.site.table("webhooks")
    if not len(hooks):
        return []
    return [
        hook
        for hook in hooks.values()
        if hook.get("enabled", True)
        and event in hook["events"]
        and (row is None or _matches(ask, hook, row))
    ]


def _matches(ask: Ask, hook: Row, row: Row) -> bool:
    jql = hook.get("jql")
    if not jql:
        return True
    try:
        found = run.search(parse.parse(jql), Asking(ask.site, ask.me, ask.site.world.now()))
    except JqlError:
        return False
    return any(item["id"] == row["id"] for item in found)


def _send(ask: Ask, hook: Row, event: str, body: Row) -> None:
    if hook.get("dynamic"):
        body = {**body, "matchedWebhookIds": [hook["id"]]}
    data = _encode(body)
    headers = [
        ("content-type", "application/json; charset=UTF-8"),
        ("user-agent", "Atlassian Webhook HTTP Client"),
        ("x-atlassian-webhook-identifier", ask.site.world.text("jira.delivery", 32)),
    ]
    if hook.get("secret"):
        digest = hmac.new(hook["secret"].encode(), data, hashlib.sha256).hexdigest()
        headers.append(("x-hub-signature", f"sha256={digest}"))
    delivery = Delivery("jira", event, "POST", hook["url"], tuple(headers), data)
    ask.site.world.outbox.append(delivery)
