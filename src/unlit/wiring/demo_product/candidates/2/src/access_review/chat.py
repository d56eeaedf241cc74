"""Slack: one summary, posted once, also when Slack asks to wait."""

from access_review.model import ServiceDown
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler


def post(token: str, channel: str, text: str) -> None:
    """Post the summary; wait as long as Slack says before trying again."""
    client = WebClient(token=token)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=5))
    try:
        client.chat_postMessage(channel=channel, text=text)
    except SlackApiError as error:
        raise ServiceDown("Slack", str(error.response.get("error") or "no answer")) from error
    except (SlackClientError, OSError) as error:
        raise ServiceDown("Slack", type(error).__name__) from error


def summary(group: str, total: int, inactive: int, opened: int, report: str) -> str:
    """Return the text a security manager reads."""
    lines = [
        f"Access review of {group}: {inactive} of {total} members inactive for 90 days or more.",
        f"{opened} new Jira issues; the report is “{report}”.",
    ]
    if inactive:
        lines.append("Next: decide each open issue labelled access-review: remove access or keep.")
    else:
        lines.append("Next: nothing to decide.")
    return "\n".join(lines)
