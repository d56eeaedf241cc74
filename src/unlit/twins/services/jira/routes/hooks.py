"""Webhooks: of apps (dynamic) and of administrators."""

from typing import Any

from unlit.twins.kit.http import Reply
from unlit.twins.services.jira.call import Ask, Routes
from unlit.twins.services.jira.jql import parse
from unlit.twins.services.jira.jql.model import JqlError
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import refuse

routes = Routes()
_MONTH = 30 * 86400


# --- dynamic webhooks (OAuth and Connect apps)
@routes.add("POST", "webhook", "registerDynamicWebhooks")
def register(ask: Ask) -> Any:
    """Register webhooks; each is accepted or refused by itself."""
    body = ask.body()
    if not body.get("url"):
        raise refuse(400, "The webhook URL must be specified.")
    out: list[Row] = []
    for one in body.get("webhooks") or []:
        problem = _wrong_hook(one)
        if problem is not None:
            out.append({"errors": [problem]})
            continue
        number = ask.site.world.number("jira.webhook")
        ask.site.table("webhooks").put(
            number,
            {
                "id": number,
                "url": body["url"],
                "jql": one.get("jqlFilter"),
                "events": tuple(one["events"]),
                "dynamic": True,
                "expires": ask.site.world.now() + _MONTH,
                "fieldIdsFilter": one.get("fieldIdsFilter"),
            },
        )
        out.append({"createdWebhookId": number})
    return {"webhookRegistrationResult": out}


def _wrong_hook(one: Row) -> str | None:
    if not one.get("events"):
        return "At least one event must be specified."
    if not one.get("jqlFilter"):
        return "The clause of the JQL filter must be specified."
    try:
        parse.parse(str(one["jqlFilter"]))
    except JqlError as error:
        return str(error)
    return None


@routes.add("GET", "webhook", "getDynamicWebhooksForApp")
def hooks(ask: Ask) -> Any:
    """Return the registered webhooks."""
    rows = [row for row in ask.site.table("webhooks").values() if row.get("dynamic")]
    return ask.page(
        rows,
        "values",
        lambda row: {
            "id": row["id"],
            "jqlFilter": row["jql"],
            "events": list(row["events"]),
            "expirationDate": int(row["expires"] * 1000),
            "url": row["url"],
        },
        size=100,
    )


@routes.add("DELETE", "webhook", "deleteWebhookById", status=202)
def unregister(ask: Ask) -> Any:
    """Remove webhooks by id."""
    for number in ask.body().get("webhookIds") or []:
        ask.site.table("webhooks").drop(number)
    return Reply(202)


@routes.add("PUT", "webhook/refresh", "refreshWebhooks")
def refresh(ask: Ask) -> Any:
    """Extend the life of webhooks."""
    until = ask.site.world.now() + _MONTH
    for number in ask.body().get("webhookIds") or []:
        if number in ask.site.table("webhooks"):
            ask.site.table("webhooks").patch(number, expires=until)
    return {"expirationDate": int(until * 1000)}


# --- webhooks of administrators
@routes.add("GET", "webhook", "listWebhooks", stem="/rest/webhooks/1.0")
def admin_hooks(ask: Ask) -> Any:
    """Return the site's webhooks."""
    return [
        _admin_hook(ask, r) for r in ask.site.table("webhooks").values() if not r.get("dynamic")
    ]


def _admin_hook(ask: Ask, row: Row) -> Row:
    user = ask.site.table("users").get(row.get("by")) or {}
    return {
        "name": row["name"],
        "url": row["url"],
        "excludeBody": False,
        "filters": {"issue-related-events-section": row.get("jql") or ""},
        "events": list(row["events"]),
        "enabled": row["enabled"],
        "self": f"{ask.base}/rest/webhooks/1.0/webhook/{row['id']}",
        "lastUpdatedUser": row.get("by"),
        "lastUpdatedDisplayName": user.get("displayName"),
        "lastUpdated": int(row["at"] * 1000),
        "isSigned": bool(row.get("secret")),
    }


def _hook_from(ask: Ask, number: int, body: Row, old: Row) -> Row:
    filters = body.get("filters") or {}
    return {
        "id": number,
        "name": body.get("name", old.get("name")),
        "url": body.get("url", old.get("url")),
        "events": tuple(body.get("events") or old.get("events") or ()),
        "jql": filters.get("issue-related-events-section", old.get("jql")),
        "enabled": bool(body.get("enabled", old.get("enabled", True))),
        "secret": body.get("secret", old.get("secret")),
        "by": ask.me,
        "at": ask.site.now(),
    }


@routes.add("POST", "webhook", "createWebhook", status=201, stem="/rest/webhooks/1.0")
def create_admin_hook(ask: Ask) -> Any:
    """Make a webhook of the site."""
    body = ask.body()
    if not body.get("name") or not body.get("url"):
        raise refuse(400, "Webhook name and url are required." if body else "No content.")
    number = ask.site.world.number("jira.webhook")
    row = ask.site.table("webhooks").put(number, _hook_from(ask, number, body, {}))
    return _admin_hook(ask, row)


def _one_hook(ask: Ask) -> Row:
    wanted = ask.params["id"]
    row = ask.site.table("webhooks").get(int(wanted)) if wanted.isdigit() else None
    if row is None or row.get("dynamic"):
        raise refuse(404, f"There is no webhook with id {wanted}.")
    return dict(row)


@routes.add("GET", "webhook/{id}", "readWebhook", stem="/rest/webhooks/1.0")
def read_admin_hook(ask: Ask) -> Any:
    """Return a webhook of the site."""
    return _admin_hook(ask, _one_hook(ask))


@routes.add("PUT", "webhook/{id}", "updateWebhook", stem="/rest/webhooks/1.0")
def update_admin_hook(ask: Ask) -> Any:
    """Change a webhook of the site."""
    old = _one_hook(ask)
    row = ask.site.table("webhooks").put(old["id"], _hook_from(ask, old["id"], ask.body(), old))
    return _admin_hook(ask, row)


@routes.add("DELETE", "webhook/{id}", "deleteWebhook", stem="/rest/webhooks/1.0")
def delete_admin_hook(ask: Ask) -> Any:
    """Delete a webhook of the site."""
    ask.site.table("webhooks").drop(_one_hook(ask)["id"])
    return Reply(204)
