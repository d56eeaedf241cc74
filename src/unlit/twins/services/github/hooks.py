"""Webhooks of repositories, signed as GitHub signs them."""

import hashlib
import hmac
import json
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.model import Delivery
from unlit.twins.services.github import repos
from unlit.twins.services.github.repos import HEX, invalid, missing, name_of, owner, stamp


def _shown(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    base = f"{call.request.origin}/repos/{name}/hooks/{row['id']}"
    config = {**row["config"], **({"secret": "********"} if row["config"].get("secret") else {})}
    return {
        "type": "Repository", "id": row["id"], "name": "web", "active": row["active"],
        "events": row["events"], "config": config, "created_at": row["created_at"],
        "updated_at": row["created_at"], "url": base, "test_url": base + "/test",
        "ping_url": base + "/pings", "deliveries_url": base + "/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }  # fmt: skip


def create(call: Exchange) -> Reply:
    """``POST …/hooks``: the receiver is pinged at once."""
    name, body = name_of(call), call.fields()
    config = body.get("config")
    if not isinstance(config, dict) or not str(config.get("url", "")).startswith("http"):
        raise invalid("Hook", "config", "custom", "config.url must be a valid URL")
    row = {
        "id": call.world.number("github.hook", 300),
        "config": config,
        "active": bool(body.get("active", True)),
        "events": body.get("events") or ["push"],
        "created_at": stamp(call.world),
    }
    call.world.table(f"github.hooks:{name}").put(row["id"], row)
    out = _shown(call, name, row)
    ping(call, name, row)
    return Reply(201, out)


def ping(call: Exchange, name: str, row: dict[str, Any]) -> None:
    """Ask a receiver whether it is there."""
    out = _shown(call, name, row)
    said = {"zen": "Design for failure.", "hook_id": row["id"], "hook": out}
    send(call, name, row, "ping", said)


def listed(call: Exchange) -> Reply:
    """``GET …/hooks``."""
    name = name_of(call)
    rows = call.world.table(f"github.hooks:{name}").values()
    return Reply(200, [_shown(call, name, row) for row in rows])


def one(call: Exchange) -> Reply:
    """``GET``/``DELETE …/hooks/{hook_id}``."""
    name, text = name_of(call), call.params["hook_id"]
    table = call.world.table(f"github.hooks:{name}")
    row = table.get(int(text) if text.isdigit() else 0)
    if row is None:
        raise missing()
    if call.request.method == "DELETE":
        table.drop(row["id"])
        return Reply(204)
    return Reply(200, _shown(call, name, row))


def tell(call: Exchange, name: str, event: str, payload: dict[str, Any]) -> None:
    """Tell every active webhook that listens for an event."""
    for row in call.world.table(f"github.hooks:{name}").values():
        if row["active"] and ("*" in row["events"] or event in row["events"]):
            send(call, name, row, event, payload)


def send(
    call: Exchange, name: str, row: dict[str, Any], event: str, payload: dict[str, Any]
) -> None:
    """Put one event in line for a receiver, signed."""
    repo = repos.shown(call, call.table("repos")[name])
    full = {**payload, "repository": repo, "sender": owner(call, call.actor.id)}
    body = json.dumps(full).encode()
    raw = call.world.text("github.delivery", 32, HEX)
    headers = [
        ("content-type", "application/json"), ("user-agent", "GitHub-Hookshot/twin"),
        ("x-github-event", event), ("x-github-hook-id", str(row["id"])),
        ("x-github-delivery", "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))),
    ]  # fmt: skip
    secret = row["config"].get("secret")
    if secret:
        digest = hmac.new(str(secret).encode(), body, hashlib.sha256).hexdigest()
        headers.append(("x-hub-signature-256", f"sha256={digest}"))
    call.world.outbox.append(
        Delivery("github", event, "POST", str(row["config"]["url"]), tuple(headers), body)
    )


_R: Final = "/repos/{owner}/{repo}/hooks"
ROUTES: Final = (
    Route("POST", _R, create, "repos/create-webhook"),
    Route("GET", _R, listed, "repos/list-webhooks"),
    Route("GET", _R + "/{hook_id}", one, "repos/get-webhook"),
    Route("DELETE", _R + "/{hook_id}", one, "repos/delete-webhook"),
)  # fmt: skip
