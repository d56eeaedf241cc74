"""The lifecycle machine of users: its moves, and what becomes of passwords on the way."""

from typing import Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import events, factors
from unlit.twins.services.okta.errors import failure, invalid
from unlit.twins.services.okta.org import stamp
from unlit.twins.services.okta.users import (
    activated,
    change,
    deprovision,
    enter,
    remember_password,
    shown,
    shown_credentials,
    user_of,
)


def activate(call: Exchange) -> Reply:
    """``POST …/lifecycle/activate``."""
    row = user_of(call)
    if row["status"] not in ("STAGED", "DEPROVISIONED"):
        raise failure("E0000016")
    row = activated(call.world, row["id"])
    events.record(call, "user.lifecycle.activate", events.user_target(row))
    return _token_reply(call, "activationUrl", "/welcome/", "activationToken")


def reactivate(call: Exchange) -> Reply:
    """``POST …/lifecycle/reactivate``."""
    row = user_of(call)
    if row["status"] not in ("PROVISIONED", "RECOVERY"):
        raise failure("E0000038")
    events.record(call, "user.lifecycle.reactivate", events.user_target(row))
    return _token_reply(call, "activationUrl", "/welcome/", "activationToken")


def _token_reply(call: Exchange, name: str, path: str, token_name: str | None = None) -> Reply:
    if (call.request.arg("sendEmail") or "true").lower() != "false":
        return Reply(200, {})
    token = call.world.text("okta.recovery", 20)
    out = {name: f"{call.request.origin}{path}{token}"}
    if token_name:
        out[token_name] = token
    return Reply(200, out)


def deactivate(call: Exchange) -> Reply:
    """``POST …/lifecycle/deactivate``."""
    row = user_of(call)
    if row["status"] != "DEPROVISIONED":
        deprovision(call, row)
    return Reply(200, {})


_MOVES: Final[dict[str, tuple[tuple[str, ...], str, str, str]]] = {
    "suspend": (
        ("ACTIVE", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED"),
        "SUSPENDED",
        "E0000001",
        "user.lifecycle.suspend",
    ),
    "unsuspend": (("SUSPENDED",), "ACTIVE", "E0000001", "user.lifecycle.unsuspend"),
    "unlock": (("LOCKED_OUT",), "ACTIVE", "E0000032", "user.account.unlock"),
}


def move(call: Exchange) -> Reply:
    """``POST …/lifecycle/{suspend,unsuspend,unlock}``."""
    row = user_of(call)
    name = call.request.raw_path.rstrip("/").rsplit("/", 1)[-1]
    allowed, status, code, event = _MOVES[name]
    if row["status"] not in allowed:
        if code == "E0000001":
            raise invalid(
                f"Cannot {name} a user that is not "
                + ("active" if name == "suspend" else "suspended")
            )
        raise failure(code)
    if name == "unsuspend" and "password" not in row["credentials"]:
        status = "PROVISIONED"
    row = enter(call.world, row["id"], status)
    events.record(call, event, events.user_target(row))
    return Reply(200, {})


def reset_password(call: Exchange) -> Reply:
    """``POST …/lifecycle/reset_password``."""
    row = user_of(call)
    if row["status"] in ("STAGED", "SUSPENDED", "DEPROVISIONED"):
        raise failure("E0000038")
    if row["status"] != "PROVISIONED":
        enter(call.world, row["id"], "RECOVERY")
    events.record(call, "user.account.reset_password", events.user_target(row))
    return _token_reply(call, "resetPasswordUrl", "/reset_password/")


def expire_password(call: Exchange) -> Reply:
    """``POST …/lifecycle/expire_password[_with_temp_password]``."""
    row = user_of(call)
    if row["status"] in ("STAGED", "SUSPENDED", "DEPROVISIONED"):
        raise failure("E0000038")
    temporary = call.request.arg("tempPassword") == "true" or "temp_password" in (
        call.request.raw_path
    )
    row = enter(call.world, row["id"], "RECOVERY" if temporary else "PASSWORD_EXPIRED")
    events.record(call, "user.account.expire_password", events.user_target(row))
    if temporary:
        return Reply(200, {"tempPassword": call.world.text("okta.password", 8)})
    return Reply(200, shown(call, row))


def reset_factors(call: Exchange) -> Reply:
    """``POST …/lifecycle/reset_factors``."""
    row = user_of(call)
    factors.forget(call.world, row["id"])
    events.record(call, "user.mfa.factor.reset_all", events.user_target(row))
    return Reply(200, {})


def change_password(call: Exchange) -> Reply:
    """``POST …/credentials/change_password``."""
    row, body = user_of(call), call.fields()
    if row["status"] not in ("ACTIVE", "PASSWORD_EXPIRED", "STAGED", "RECOVERY"):
        raise failure("E0000038")
    new = (body.get("newPassword") or {}).get("value")
    if not new:
        raise invalid("newPassword", "newPassword: The field cannot be left blank")
    fresh = shown_credentials(call, {"password": {"value": new}}, row["profile"])
    row = enter(
        call.world,
        row["id"],
        "ACTIVE",
        credentials={**row["credentials"], **fresh},
        passwordChanged=stamp(call.world),
    )
    events.record(call, "user.account.update_password", events.user_target(row))
    return Reply(200, row["credentials"])


def change_question(call: Exchange) -> Reply:
    """``POST …/credentials/change_recovery_question``."""
    row, body = user_of(call), call.fields()
    question = body.get("recovery_question") or {}
    if not question.get("question") or not question.get("answer"):
        raise invalid("recovery_question", "recovery_question: The field cannot be left blank")
    credentials = {**row["credentials"], "recovery_question": {"question": question["question"]}}
    row = change(call.world, row["id"], credentials=credentials)
    remember_password(call.world, row["id"], {"recovery_question": question})
    return Reply(200, row["credentials"])


def forgot_password(call: Exchange) -> Reply:
    """``POST …/credentials/forgot_password``."""
    row = user_of(call)
    if row["status"] not in ("ACTIVE", "RECOVERY", "PASSWORD_EXPIRED"):
        raise failure("E0000034")
    return _token_reply(call, "resetPasswordUrl", "/signin/reset-password/")


ROUTES: Final = (
    *(
        Route("POST", f"/api/v1/users/{{id}}/{path}", handler, op, scopes=("okta.users.manage",))
        for path, handler, op in (
            ("lifecycle/activate", activate, "activateUser"),
            ("lifecycle/reactivate", reactivate, "reactivateUser"),
            ("lifecycle/deactivate", deactivate, "deactivateUser"),
            ("lifecycle/suspend", move, "suspendUser"),
            ("lifecycle/unsuspend", move, "unsuspendUser"),
            ("lifecycle/unlock", move, "unlockUser"),
            ("lifecycle/reset_password", reset_password, "resetPassword"),
            ("lifecycle/expire_password", expire_password, "expirePassword"),
            ("lifecycle/expire_password_with_temp_password", expire_password,
             "expirePasswordWithTempPassword"),
            ("lifecycle/reset_factors", reset_factors, "resetFactors"),
            ("credentials/change_password", change_password, "changePassword"),
            ("credentials/change_recovery_question", change_question, "changeRecoveryQuestion"),
            ("credentials/forgot_password", forgot_password, "forgotPassword"),
        )
    ),
)  # fmt: skip
