"""What people do at Okta: they sign in, lock themselves out, are let go, answer their phones."""

from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import VendorError
from unlit.twins.kit.world import World
from unlit.twins.services.okta import device, direct, events, factors, users


def happen(world: World, event: str, data: dict[str, Any]) -> None:
    """Let something happen to a user, or to a domain.

    Args:
        world: The world.
        event: ``sign_in``, ``sign_in_failed``, ``lock_out``, ``suspend``, ``deactivate``,
            ``push_answered``, ``device_answered`` or ``dns_published``.
        data: ``login`` of the user; ``approve``, and a device's ``user_code``; or ``domain``.
    """
    if event == "dns_published":
        world.table("okta.dns").put(str(data.get("domain", "")).casefold(), True)
        return
    rule = _RULES.get(event)
    if rule is None:
        raise VendorError(400, "unknown_event", f"okta knows no event {event!r}")
    row = users.find(world, str(data.get("login", "")))
    if row is None:
        raise VendorError(400, "user_not_found", f"there is no user {data.get('login')!r}")
    rule(world, row, data)


def _sign_in(world: World, row: dict[str, Any], data: dict[str, Any]) -> None:
    if row["status"] != "ACTIVE":
        raise VendorError(400, "not_active", f"the user is {row['status']}")
    target = events.user_target(row)
    users.change(world, row["id"], lastLogin=iso(world.clock.tick()))
    events.event(world, "user.session.start", target, actor=target[0])


def _sign_in_failed(world: World, row: dict[str, Any], data: dict[str, Any]) -> None:
    target = events.user_target(row)
    events.event(world, "user.session.start", target, actor=target[0], outcome="FAILURE")


def _enter(status: str, event: str) -> Callable[[World, dict[str, Any], dict[str, Any]], None]:
    def enter(world: World, row: dict[str, Any], data: dict[str, Any]) -> None:
        users.enter(world, row["id"], status)
        events.event(world, event, events.user_target(row))

    return enter


def _push(world: World, row: dict[str, Any], data: dict[str, Any]) -> None:
    approve = bool(data.get("approve", True))
    if not direct.answer(world, row["id"], approve=approve) and not factors.answer_push(
        world, row["id"], approve=approve
    ):
        raise VendorError(400, "no_push", "no push waits for the user")


def _device(world: World, row: dict[str, Any], data: dict[str, Any]) -> None:
    code, approve = str(data.get("user_code", "")), bool(data.get("approve", True))
    if not device.answer(world, code, row["id"], approve=approve):
        raise VendorError(400, "no_device", "no device waits with that code")


_RULES: Final[dict[str, Callable[[World, dict[str, Any], dict[str, Any]], None]]] = {
    "sign_in": _sign_in,
    "sign_in_failed": _sign_in_failed,
    "lock_out": _enter("LOCKED_OUT", "user.account.lock"),
    "suspend": _enter("SUSPENDED", "user.lifecycle.suspend"),
    "deactivate": _enter("DEPROVISIONED", "user.lifecycle.deactivate"),
    "push_answered": _push,
    "device_answered": _device,
}
