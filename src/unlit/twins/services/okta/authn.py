"""Signing in step by step: a password, then what the sign-on policy asks for beside it.

A state token stands for a sign-in that is not over: its password is to be changed, a factor is to
be enrolled, activated or verified. A session token is given only when nothing is left.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Match, Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import events, factors, groups, users
from unlit.twins.services.okta.errors import failure, missing
from unlit.twins.services.okta.org import link, stamp
from unlit.twins.services.okta.policies import POLICIES

TOKEN_S: Final = 300
_SIGNED_IN: Final = ("ACTIVE", "PASSWORD_EXPIRED")


def authn(call: Exchange) -> Reply:
    """``POST /api/v1/authn``: a password opens a sign-in, a state token tells where one stands."""
    body = call.fields()
    if body.get("stateToken"):
        row = _state(call)
        return _stand(call, row)
    user = users.find(call.world, str(body.get("username") or ""))
    known = call.table("passwords").get(user["id"]) if user is not None else None
    if user is not None and user["status"] == "LOCKED_OUT":
        return Reply(200, {"status": "LOCKED_OUT", "_embedded": {}})
    right = known is not None and known == body.get("password")
    if user is None or not right or user["status"] not in _SIGNED_IN:
        if user is not None:
            target = events.user_target(user)
            events.record(call, "user.session.start", target, outcome="FAILURE")
        raise failure("E0000004")
    rule = _rule(call, user)
    if (rule or {}).get("access") == "DENY":
        target = events.user_target(user)
        events.record(call, "user.session.start", target, outcome="FAILURE")
        raise failure("E0000004")
    if user["status"] == "PASSWORD_EXPIRED":
        return _stand(call, _opened(call, user, "PASSWORD_EXPIRED"))
    return _next(call, user)


def _next(call: Exchange, user: dict[str, Any]) -> Reply:
    """Ask for a factor where the policy says so, otherwise let in."""
    if not (_rule(call, user) or {}).get("requireFactor"):
        return _done(call, user)
    return _stand(
        call, _opened(call, user, "MFA_REQUIRED" if _active(call, user) else "MFA_ENROLL")
    )


def _active(call: Exchange, user: dict[str, Any]) -> list[dict[str, Any]]:
    rows = factors.table_of(call.world, user["id"]).values()
    return [row for row in rows if row["status"] == "ACTIVE"]


# --- what the policy says
def _rule(call: Exchange, user: dict[str, Any]) -> dict[str, Any] | None:
    """Return ``actions.signon`` of the first rule of the first sign-on policy that applies."""
    mine = {row["id"] for row in groups.of_user(call.world, user["id"])}
    for policy in _ordered(call, f"okta.at:{POLICIES}"):
        people = (policy.get("conditions") or {}).get("people") or {}
        wanted = set((people.get("groups") or {}).get("include") or ())
        if policy.get("type") != "OKTA_SIGN_ON" or (wanted and not wanted & mine):
            continue
        for rule in _ordered(call, f"okta.at:{POLICIES}/{policy['id']}/rules"):
            told = ((rule.get("conditions") or {}).get("people") or {}).get("users") or {}
            if user["id"] not in (told.get("exclude") or ()):
                found = (rule.get("actions") or {}).get("signon")
                return found if isinstance(found, dict) else None
        return None
    return None


def _ordered(call: Exchange, table: str) -> Iterator[dict[str, Any]]:
    rows = [row for row in call.world.table(table).values() if row.get("status") == "ACTIVE"]
    yield from sorted(rows, key=lambda row: int(row.get("priority") or 0))


# --- states
def _opened(call: Exchange, user: dict[str, Any], status: str) -> dict[str, Any]:
    token = "00" + call.world.text("okta.state_token", 40)
    row = {
        "token": token,
        "user": user["id"],
        "status": status,
        "until": call.world.now() + TOKEN_S,
        "factor": None,
        "push": None,
    }
    call.table("authn_states").put(token, row)
    return row


def _state(call: Exchange, *allowed: str) -> dict[str, Any]:
    """Return the sign-in of a state token; E0000011 for one that is over, E0000044 out of turn."""
    row = call.table("authn_states").get(str(call.fields().get("stateToken") or ""))
    if row is None or row["until"] <= call.world.now():
        raise failure("E0000011")
    if users.find(call.world, row["user"]) is None:
        raise failure("E0000011")
    if allowed and row["status"] not in allowed:
        raise failure("E0000044")
    return row  # type: ignore[no-any-return] # JSON


def _moved(call: Exchange, row: dict[str, Any], status: str, **more: Any) -> dict[str, Any]:
    moved: dict[str, Any] = call.table("authn_states").patch(row["token"], status=status, **more)
    return moved


def _person(user: dict[str, Any]) -> dict[str, Any]:
    profile = user["profile"]
    shown = {
        "login": profile["login"],
        "firstName": profile.get("firstName"),
        "lastName": profile.get("lastName"),
        "locale": profile.get("locale") or "en_US",
        "timeZone": profile.get("timezone") or "America/Los_Angeles",
    }
    return {"id": user["id"], "passwordChanged": user["passwordChanged"], "profile": shown}


def _stand(call: Exchange, row: dict[str, Any]) -> Reply:
    """Answer where a sign-in stands, and what may be done next."""
    user = users.user_of(call, row["user"])
    out: dict[str, Any] = {
        "stateToken": row["token"],
        "expiresAt": iso(row["until"]),
        "status": row["status"],
        "_embedded": {"user": _person(user)},
    }
    links: dict[str, Any] = {"cancel": link(call, "/authn/cancel", "POST")}
    if row["status"] == "PASSWORD_EXPIRED":
        path = "/authn/credentials/change_password"
        links["next"] = {"name": "changePassword", **link(call, path, "POST")}
    elif row["status"] == "MFA_REQUIRED":
        out["_embedded"]["factors"] = [_factor(call, one, "verify") for one in _active(call, user)]
    elif row["status"] == "MFA_ENROLL":
        out["_embedded"]["factors"] = [
            {**one, "_links": {"enroll": link(call, "/authn/factors", "POST")}}
            for one in _as(call, user, None, factors.catalog).body
        ]
    else:
        _at_factor(call, row, user, out, links)
    return Reply(200, {**out, "_links": links})


def _at_factor(
    call: Exchange,
    row: dict[str, Any],
    user: dict[str, Any],
    out: dict[str, Any],
    links: dict[str, Any],
) -> None:
    one = factors.table_of(call.world, user["id"]).get(row["factor"])
    if one is None:
        raise missing(str(row["factor"]), "UserFactor")
    base, verb = f"/authn/factors/{one['id']}", "verify"
    if row["status"] == "MFA_ENROLL_ACTIVATE":
        verb = "lifecycle/activate"
    elif row["push"]:
        pushed = factors.transaction_of(call, user, one, row["push"])
        out["factorResult"] = pushed["factorResult"]
    shown = _factor(call, one, verb)
    if row["status"] == "MFA_ENROLL_ACTIVATE":
        enrolled = factors.shown(call, user, one, fresh=True)
        shown |= {"_embedded": enrolled["_embedded"]} if "_embedded" in enrolled else {}
    out["_embedded"]["factor"] = shown
    name = "poll" if row["push"] else "activate" if "activate" in verb else "verify"
    links["next"] = {"name": name, **link(call, f"{base}/{verb}", "POST")}
    links["prev"] = link(call, "/authn/previous", "POST")
    if one.get("factorType") in factors.SENT:
        again = f"{base}/{'lifecycle' if 'activate' in verb else 'verify'}/resend"
        links["resend"] = [{"name": one["factorType"], **link(call, again, "POST")}]


def _factor(call: Exchange, row: dict[str, Any], verb: str) -> dict[str, Any]:
    """Return a factor as a sign-in shows it: the number of a telephone for the most part hidden."""
    profile = dict(row.get("profile") or {})
    number = profile.get("phoneNumber")
    if number:
        profile["phoneNumber"] = f"{number[:2]} XXX-XXX-{number[-4:]}"
    kept = ("id", "factorType", "provider", "vendorName")
    shown: dict[str, Any] = {key: value for key, value in row.items() if key in kept}
    path = f"/authn/factors/{row['id']}/{verb}"
    name = verb.rpartition("/")[2]
    return {**shown, "profile": profile, "_links": {name: link(call, path, "POST")}}


def _done(call: Exchange, user: dict[str, Any], row: dict[str, Any] | None = None) -> Reply:
    """Give the token that becomes a session once."""
    if row is not None:
        call.table("authn_states").drop(row["token"])
    token = "20111" + call.world.text("okta.session_token", 50)
    until = call.world.now() + TOKEN_S
    at = {"user": user["id"], "until": until, "mfa": row is not None and row["factor"] is not None}
    call.table("session_tokens").put(token, at)
    out = {"expiresAt": iso(until), "status": "SUCCESS", "sessionToken": token}
    return Reply(200, {**out, "_embedded": {"user": _person(user)}})


# --- steps
def _as(
    call: Exchange,
    user: dict[str, Any],
    factor: str | None,
    rule: Callable[[Exchange], Reply],
) -> Reply:
    """Let a rule for a user's own factors answer for the user who signs in."""
    before = call.match
    params = {"userId": user["id"], **({"factorId": factor} if factor else {})}
    call.match = Match(call.route, params)
    try:
        return rule(call)
    finally:
        call.match = before


def enroll(call: Exchange) -> Reply:
    """``POST /authn/factors``."""
    row = _state(call, "MFA_ENROLL", "MFA_ENROLL_ACTIVATE")
    user = users.user_of(call, row["user"])
    made = _as(call, user, None, factors.enroll).body
    if made["status"] == "ACTIVE":
        return _done(call, user, _moved(call, row, row["status"], factor=made["id"]))
    return _stand(call, _moved(call, row, "MFA_ENROLL_ACTIVATE", factor=made["id"]))


def activate(call: Exchange) -> Reply:
    """``POST /authn/factors/{factorId}/lifecycle/activate``."""
    row = _state(call, "MFA_ENROLL_ACTIVATE")
    user = users.user_of(call, row["user"])
    told = _as(call, user, call.params["factorId"], factors.activate).body
    if told.get("status") == "ACTIVE":
        return _done(call, user, row)
    reply = _stand(call, row)
    return Reply(200, {**reply.body, "factorResult": told.get("factorResult")})


def verify(call: Exchange) -> Reply:
    """``POST /authn/factors/{factorId}/verify``: sends a challenge, or checks its answer."""
    row = _state(call, "MFA_REQUIRED", "MFA_CHALLENGE")
    user, key = users.user_of(call, row["user"]), call.params["factorId"]
    one = factors.table_of(call.world, user["id"]).get(key)
    if one is None:
        raise missing(key, "UserFactor")
    if row["push"] and row["factor"] == key:
        result = factors.transaction_of(call, user, one, row["push"])["factorResult"]
        return _done(call, user, row) if result == "SUCCESS" else _stand(call, row)
    told = _as(call, user, key, factors.verify).body
    if told["factorResult"] == "SUCCESS":
        return _done(call, user, _moved(call, row, row["status"], factor=key))
    polled = str((told["_links"].get("poll") or {}).get("href") or "").rpartition("/")[2] or None
    return _stand(call, _moved(call, row, "MFA_CHALLENGE", factor=key, push=polled))


def resend(call: Exchange) -> Reply:
    """``POST /authn/factors/{factorId}/…/resend``: a new code; the old one counts no longer."""
    row = _state(call, "MFA_CHALLENGE", "MFA_ENROLL_ACTIVATE")
    user, key = users.user_of(call, row["user"]), call.params["factorId"]
    if row["factor"] != key:
        raise failure("E0000044")
    _as(call, user, key, factors.resend)
    return _stand(call, row)


def previous(call: Exchange) -> Reply:
    """``POST /authn/previous``: back to the choice of factors."""
    row = _state(call, "MFA_CHALLENGE", "MFA_ENROLL_ACTIVATE")
    back = "MFA_REQUIRED" if row["status"] == "MFA_CHALLENGE" else "MFA_ENROLL"
    return _stand(call, _moved(call, row, back, factor=None, push=None))


def cancel(call: Exchange) -> Reply:
    """``POST /authn/cancel``: the sign-in is over."""
    call.table("authn_states").drop(_state(call)["token"])
    return Reply(200, {})


def change_password(call: Exchange) -> Reply:
    """``POST /authn/credentials/change_password``: an expired password is replaced."""
    row, body = _state(call, "PASSWORD_EXPIRED"), call.fields()
    user = users.user_of(call, row["user"])
    new = str(body.get("newPassword") or "")
    if call.table("passwords").get(user["id"]) != body.get("oldPassword"):
        raise failure("E0000014", "Old Password is not correct")
    if len(new) < 8 or new == body.get("oldPassword"):
        raise failure("E0000014", "Password requirements were not met.")
    call.table("passwords").put(user["id"], new)
    users.enter(call.world, user["id"], "ACTIVE", passwordChanged=stamp(call.world))
    events.record(call, "user.account.update_password", events.user_target(user))
    call.table("authn_states").drop(row["token"])
    return _next(call, users.user_of(call, user["id"]))


_BASE: Final = "/api/v1/authn"
_ONE: Final = _BASE + "/factors/{factorId}"
ROUTES: Final = (
    Route("POST", _BASE, authn, "authn", open=True),
    Route("POST", _BASE + "/factors", enroll, "authnEnrollFactor", open=True),
    Route("POST", _ONE + "/lifecycle/activate", activate, "authnActivateFactor", open=True),
    Route("POST", _ONE + "/lifecycle/resend", resend, "authnResendActivation", open=True),
    Route("POST", _ONE + "/verify", verify, "authnVerifyFactor", open=True),
    Route("POST", _ONE + "/verify/resend", resend, "authnResendChallenge", open=True),
    Route("POST", _BASE + "/previous", previous, "authnPrevious", open=True),
    Route("POST", _BASE + "/cancel", cancel, "authnCancel", open=True),
    Route("POST", _BASE + "/credentials/change_password", change_password,
          "authnChangePassword", open=True),
)  # fmt: skip
