"""Rate limits as Slack documents them: a tier for each method, and one message a second."""

import math
from typing import Final

from unlit.twins.kit.twin import Exchange
from unlit.twins.services.slack.ask import SlackError, arguments
from unlit.twins.services.slack.generic import contract

PER_MINUTE: Final = {"Tier1": 1, "Tier2": 20, "Tier3": 50, "Tier4": 100}
_BURST: Final = 1.5


def refused(call: Exchange) -> SlackError | None:
    """Count a call; return ``ratelimited`` with Retry-After when it is one too many."""
    name = call.route.op
    tier = contract()["methods"].get(name, {}).get("tier", "Tier3")
    now = call.world.now()
    if name == "chat.postMessage":
        span, most, place = 1.0, 1, str(_channel(call))
    else:
        span, most, place = 60.0, math.ceil(PER_MINUTE.get(tier, 50) * _BURST), ""
    key = (call.token, name, place)
    table = call.table("limits")
    start, count = table.get(key, (now, 0))
    if now - start >= span:
        start, count = now, 0
    table.put(key, (start, count + 1))
    if count < most:
        return None
    wait = max(1, math.ceil(start + span - now))
    error = SlackError("ratelimited", status=429)
    error.headers.append(("retry-after", str(wait)))
    return error


def _channel(call: Exchange) -> object:
    try:
        return arguments(call.request).get("channel")
    except SlackError:
        return ""
