"""Tell the channel."""

import json
import os
import sys
import urllib.request


def post(text: str) -> None:
    """Post one message in #desks; a Slack that is down does not undo a booking."""
    request = urllib.request.Request(
        "https://slack.com/api/chat.postMessage",
        data=json.dumps({"channel": "#desks", "text": text}).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['SLACK_TOKEN']}",
            "Content-Type": "application/json; charset=utf-8",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            reply = json.load(answer)
        if not reply.get("ok"):
            print(f"desk-booking: Slack says {reply.get('error')}", file=sys.stderr)
    except (OSError, ValueError) as error:
        print(f"desk-booking: Slack did not answer: {type(error).__name__}", file=sys.stderr)
