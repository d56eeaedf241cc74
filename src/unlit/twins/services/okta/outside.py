"""What people do at Okta: they sign in, lock themselves out, are let go."""

from typing import Any

from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import VendorError
from unlit.twins.kit.world import World
from unlit.twins.services.okta import events, users


def happen(world: World, event: str, data: dict[str, Any]) -> None:
    """Let something happen to a user.

    Args:
        world: The world.
        event: ``sign_in``, ``sign_in_failed``, ``lock_out``, ``suspend`` or ``deactivate``.
        data: ``login`` of the user.
    """
    row = users.find(world, str(data.get("login", "")))
    if row is None:
        raise VendorError(400, "user_not_found", f"there is no user {data.get('login')!r}")
    target = events.user_target(row)
    if event == "sign_in":
        if row["status"] != "ACTIVE":
            raise VendorError(400, "not_active", f"the user is {row['status']}")
        users.change(world, row["id"], lastLogin=iso(world.clock.tick()))
        events.event(world, "user.session.start", target, actor=target[0])
    elif event == "sign_in_failed":
        events.event(world, "user.session.start", target, actor=target[0], outcome="FAILURE")
    elif event == "lock_out":
        users.enter(world, row["id"], "LOCKED_OUT")
        events.event(world, "user.account.lock", target)
    elif event == "suspend":
        users.enter(world, row["id"], "SUSPENDED")
        events.event(world, "user.lifecycle.suspend", target)
    elif event == "deactivate":
        users.enter(world, row["id"], "DEPROVISIONED")
        events.event(world, "user.lifecycle.deactivate", target)
    else:
        raise VendorError(400, "unknown_event", f"okta knows no event {event!r}")
