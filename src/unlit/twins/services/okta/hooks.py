"""Event hooks: verified by a challenge, then told of what the system log records."""

import json
from typing import Any, Final

from unlit.twins.kit.delivery import Sender
from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.model import Delivery
from unlit.twins.services.okta.errors import invalid, missing
from unlit.twins.services.okta.org import stamp

KIND: Final = "/api/v1/eventHooks"
TABLE: Final = "okta.at:" + KIND


def _headers(hook: dict[str, Any]) -> list[tuple[str, str]]:
    config = hook["channel"]["config"]
    found = [("content-type", "application/json"), ("user-agent", "Okta-Hooks")]
    found += [(str(row["key"]), str(row["value"])) for row in config.get("headers") or ()]
    scheme = config.get("authScheme") or {}
    if scheme.get("key") and scheme.get("value"):
        found.append((str(scheme["key"]).lower(), str(scheme["value"])))
    return found


def verify(call: Exchange) -> Reply:
    """``POST …/lifecycle/verify``: asks the receiver to send the challenge back."""
    key = call.params["eventHookId"]
    hook = call.world.table(TABLE).get(key)
    if hook is None:
        raise missing(key, "EventHook")
    world, twin = call.world, call.twin
    challenge = world.text("okta.challenge", 48)
    secret = world.table("okta.hook_secrets").get(key)
    asked = Delivery(
        "okta", "verification", "GET", str(hook["channel"]["config"]["uri"]),
        (*_headers({**hook, "channel": _with_secret(hook, secret)}),
         ("x-okta-verification-challenge", challenge)), b"", 0, challenge,
    )  # fmt: skip

    async def wait(sender: Sender) -> Reply:
        receipt = await sender.send(asked)
        try:
            answered = json.loads(receipt.body)
        except ValueError:
            answered = None
        good = isinstance(answered, dict) and answered.get("verification") == challenge
        if not (receipt.is_good and good):
            text = "eventHook: The endpoint did not answer the verification challenge."
            return twin.render_error(call, invalid("eventHook", text))
        row = {**hook, "verificationStatus": "VERIFIED", "lastUpdated": stamp(world)}
        return Reply(200, world.table(TABLE).put(key, row))

    return Reply(200, {**hook, "verificationStatus": "UNVERIFIED"}, wait=wait)


def _with_secret(hook: dict[str, Any], secret: Any) -> dict[str, Any]:
    config = hook["channel"]["config"]
    scheme = {**(config.get("authScheme") or {}), **({"value": secret} if secret else {})}
    return {**hook["channel"], "config": {**config, "authScheme": scheme}}


def settle(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Keep the secret of a hook apart; it is never shown."""
    config = (row.get("channel") or {}).get("config") or {}
    scheme = config.get("authScheme")
    if isinstance(scheme, dict) and scheme.get("value"):
        call.world.table("okta.hook_secrets").put(row["id"], scheme["value"])
        shown = {key: value for key, value in scheme.items() if key != "value"}
        row = {**row, "channel": {**row["channel"], "config": {**config, "authScheme": shown}}}
    row.setdefault("status", "ACTIVE")
    row.setdefault("verificationStatus", "UNVERIFIED")
    return row


def tell(world: World, entry: dict[str, Any]) -> None:
    """Tell every verified hook that listens for an event of the system log."""
    for hook in world.table(TABLE).values():
        names = (hook.get("events") or {}).get("items") or ()
        if (
            entry["eventType"] not in names
            or hook.get("status") != "ACTIVE"
            or hook.get("verificationStatus") != "VERIFIED"
        ):
            continue
        raw = world.text("okta.hook_event", 32, "0123456789abcdef")
        body = json.dumps({
            "eventType": "com.okta.event_hook", "eventTypeVersion": "1.0",
            "cloudEventsVersion": "0.1",
            "source": str(((hook.get("_links") or {}).get("self") or {}).get("href", "")),
            "eventId": "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:])),
            "data": {"events": [entry]}, "eventTime": iso(world.now()),
            "contentType": "application/json",
        }).encode()  # fmt: skip
        secret = world.table("okta.hook_secrets").get(hook["id"])
        headers = _headers({**hook, "channel": _with_secret(hook, secret)})
        world.outbox.append(
            Delivery("okta", entry["eventType"], "POST", str(hook["channel"]["config"]["uri"]),
                     tuple(headers), body)
        )  # fmt: skip


ROUTES: Final = (
    Route("POST", KIND + "/{eventHookId}/lifecycle/verify", verify, "verifyEventHook",
          scopes=("okta.eventHooks.manage",)),
)  # fmt: skip
