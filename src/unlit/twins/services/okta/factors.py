"""Factors of users: enrolled, activated, challenged and verified, with codes that really count.

What Okta would send by text, call or mail stands in the collection ``okta.messages``; one-time
codes follow RFC 6238; a push is answered by the event ``push_answered``.
"""

import base64
import hashlib
import hmac
import struct
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table, World
from unlit.twins.services.okta import events, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import link, mint, stamp

SENT: Final = ("sms", "call", "email")
STEP_S: Final = 30
PUSH_S: Final = 300
_TOTP: Final = "token:software:totp"
# factor type: prefix of its ids, providers, what the profile must have
_KINDS: Final[dict[str, tuple[str, tuple[str, ...], str | None]]] = {
    "sms": ("sms", ("OKTA",), "phoneNumber"),
    "call": ("clf", ("OKTA",), "phoneNumber"),
    "email": ("emf", ("OKTA",), "email"),
    "question": ("ufs", ("OKTA",), "question"),
    _TOTP: ("ost", ("OKTA", "GOOGLE"), None),
    "push": ("opf", ("OKTA",), None),
}
QUESTIONS: Final = (
    ("disliked_food", "What is the food you least liked as a child?"),
    ("name_of_first_plush_toy", "What is the name of your first stuffed animal?"),
    ("first_award", "What did you earn your first medal or award for?"),
    ("favorite_art_piece", "What is your favorite piece of art?"),
    ("childhood_dream_job", "What was your dream job as a child?"),
    ("favorite_book_movie_character", "Who is your favorite book/movie character?"),
    ("favorite_sports_player", "Who is your favorite sports player?"),
    ("favorite_vacation_location", "Where is your favorite place to vacation?"),
    ("favorite_toy", "What was your favorite toy as a child?"),
)
_WRONG: Final = "Your passcode doesn't match our records. Please try again."


def table_of(world: World, uid: str) -> Table:
    """Return the factors of a user."""
    return world.table(f"okta.at:/api/v1/users/{uid}/factors")


def forget(world: World, uid: str) -> None:
    """Take every factor of a user away."""
    table_of(world, uid).clear()


def _found(call: Exchange) -> tuple[dict[str, Any], dict[str, Any]]:
    user, key = users.user_of(call), call.params["factorId"]
    row = table_of(call.world, user["id"]).get(key)
    if row is None:
        raise missing(key, "UserFactor")
    return user, row


def _profile(user: dict[str, Any], kind: str, sent: Any) -> dict[str, Any]:
    profile = dict(sent) if isinstance(sent, dict) else {}
    if kind == "email":
        profile.setdefault("email", user["profile"].get("email"))
    if kind == "question":
        names = dict(QUESTIONS)
        question = profile.get("question")
        if question not in names and question != "custom":
            raise invalid("factorEnrollRequest", "Invalid question.")
        if len(str(profile.get("answer") or "")) < 4:
            raise invalid("factorEnrollRequest", "Invalid Answer. Must be at least 4 characters.")
        return {
            "question": question,
            "questionText": profile.get("questionText") or names[question],
        }
    if kind in (_TOTP, "push"):
        return {"credentialId": user["profile"]["login"]}
    wanted = _KINDS[kind][2]
    if wanted and not profile.get(wanted):
        raise invalid("factorEnrollRequest", f"Invalid {wanted}.")
    return {wanted: profile[wanted]} if wanted else profile


def enroll(call: Exchange) -> Reply:
    """``POST …/factors``."""
    user, body = users.user_of(call), call.fields()
    kind, provider = str(body.get("factorType") or ""), str(body.get("provider") or "OKTA")
    if kind not in _KINDS or provider not in _KINDS[kind][1]:
        raise invalid("factorType", "factorType: The factor type is not supported.")
    table = table_of(call.world, user["id"])
    profile = _profile(user, kind, body.get("profile"))
    for row in list(table.values()):
        same = (row.get("factorType"), row.get("provider")) == (kind, provider)
        if same and row["status"] == "ACTIVE" and row.get("profile") == profile:
            raise invalid("factorEnrollRequest", "A factor of this type is already set up.")
        if same and row["status"] == "PENDING_ACTIVATION":
            table.drop(row["id"])
    at, key = stamp(call.world), mint(call.world, _KINDS[kind][0])
    at_once = kind == "question" or (call.request.arg("activate") or "").lower() == "true"
    row = {
        "id": key,
        "factorType": kind,
        "provider": provider,
        "vendorName": provider,
        "status": "ACTIVE" if at_once else "PENDING_ACTIVATION",
        "created": at,
        "lastUpdated": at,
        "profile": profile,
    }
    secret: dict[str, Any] = {}
    if kind == "question":
        secret["answer"] = str(body["profile"]["answer"])
    elif kind in SENT and not at_once:
        secret["code"] = send_code(call, user, row)
    elif kind == _TOTP:
        secret["shared"] = call.world.text("okta.totp", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    call.table("factor_secrets").put(key, secret)
    table.put(key, row)
    events.record(call, "user.mfa.factor.activate", events.user_target(user))
    return Reply(200, shown(call, user, row, fresh=True))


def shown(
    call: Exchange, user: dict[str, Any], row: dict[str, Any], *, fresh: bool = False
) -> dict[str, Any]:
    """Render a factor; what its owner must scan is shown only when it is made."""
    path = f"/users/{user['id']}/factors/{row['id']}"
    links: dict[str, Any] = {"self": link(call, path, "GET", "DELETE")}
    kind, waiting = row.get("factorType"), row["status"] == "PENDING_ACTIVATION"
    if waiting:
        poll = kind == "push"
        activate = link(call, f"{path}/lifecycle/activate{'/poll' if poll else ''}", "POST")
        links["poll" if poll else "activate"] = activate
        links["self"] = link(call, path, "GET")
        if kind in SENT:
            links["resend"] = [{"name": kind, **link(call, f"{path}/resend", "POST")}]
    else:
        links["verify"] = link(call, f"{path}/verify", "POST")
        if kind == "question":
            links["questions"] = link(call, f"/users/{user['id']}/factors/questions", "GET")
    links["user"] = link(call, f"/users/{user['id']}", "GET")
    out = {**row, "_links": row.get("_links") or links}
    if fresh and waiting and kind in (_TOTP, "push"):
        shared = (call.table("factor_secrets").get(row["id"]) or {}).get("shared")
        activation: dict[str, Any] = {"expiresAt": iso(call.world.now() + PUSH_S)}
        if kind == _TOTP:
            activation = {
                "timeStep": STEP_S,
                "sharedSecret": shared,
                "encoding": "base32",
                "keyLength": 6,
            }
        else:
            activation["factorResult"] = "WAITING"
        activation["_links"] = {
            "qrcode": {
                **link(call, f"{path}/qr/{call.world.text('okta.qr', 20)}"),
                "type": "image/png",
            }
        }
        out["_embedded"] = {"activation": activation}
    return out


def totp(shared: str, now: float) -> str:
    """Return the code of a moment (RFC 6238, six digits, SHA-1)."""
    key = base64.b32decode(shared + "=" * (-len(shared) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(now) // STEP_S), hashlib.sha1).digest()
    at = digest[-1] & 15
    return str((int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF) % 1_000_000).zfill(6)


def send_code(call: Exchange, user: dict[str, Any], row: dict[str, Any]) -> str:
    """Send a one-time code for a factor; it stands in ``okta.messages``."""
    code = call.world.text("okta.passcode", 6, "0123456789")
    to = row["profile"].get("phoneNumber") or row["profile"].get("email")
    call.table("messages").put(
        call.world.number("okta.message"),
        {"login": user["profile"]["login"], "by": row["factorType"], "to": to, "code": code},
    )
    return code


def _is_right(call: Exchange, row: dict[str, Any], given: str) -> bool:
    secret = call.table("factor_secrets").get(row["id"]) or {}
    if row.get("factorType") == "question":
        return given.strip().lower() == str(secret.get("answer", "")).strip().lower() != ""
    if "shared" in secret:
        near = (-STEP_S, 0, STEP_S)
        return given in {totp(secret["shared"], call.world.now() + late) for late in near}
    return bool(given) and given == secret.get("code")


def listed(call: Exchange) -> Reply:
    """``GET …/factors``."""
    user = users.user_of(call)
    rows = table_of(call.world, user["id"]).values()
    return Reply(200, [shown(call, user, row) for row in rows])


def get(call: Exchange) -> Reply:
    """``GET …/factors/{factorId}``."""
    user, row = _found(call)
    return Reply(200, shown(call, user, row))


def unenroll(call: Exchange) -> Reply:
    """``DELETE …/factors/{factorId}``."""
    user, row = _found(call)
    table_of(call.world, user["id"]).drop(row["id"])
    call.table("factor_secrets").drop(row["id"])
    events.record(call, "user.mfa.factor.deactivate", events.user_target(user))
    return Reply(204)


def activate(call: Exchange) -> Reply:
    """``POST …/lifecycle/activate``: with the code; a push waits for its device."""
    user, row = _found(call)
    if row["status"] == "ACTIVE":
        return Reply(200, shown(call, user, row))
    if row.get("factorType") == "push":
        late = call.world.now() + PUSH_S
        return Reply(200, {"factorResult": "WAITING", "expiresAt": iso(late)})
    if not _is_right(call, row, str(call.fields().get("passCode") or "")):
        raise failure("E0000068", _WRONG)
    moved = {**row, "status": "ACTIVE", "lastUpdated": stamp(call.world)}
    moved.pop("_links", None)
    table_of(call.world, user["id"]).put(row["id"], moved)
    return Reply(200, shown(call, user, moved))


def resend(call: Exchange) -> Reply:
    """``POST …/resend``: a new code; the old one counts no longer."""
    user, row = _found(call)
    if row.get("factorType") not in SENT:
        raise failure("E0000038")
    secrets = call.table("factor_secrets")
    secrets.put(row["id"], {**(secrets.get(row["id"]) or {}), "code": send_code(call, user, row)})
    return Reply(200, shown(call, user, row))


def verify(call: Exchange) -> Reply:
    """``POST …/verify``: sends a challenge, or checks its answer."""
    user, row = _found(call)
    body = call.fields() if call.request.body else {}
    kind = row.get("factorType")
    if row["status"] != "ACTIVE":
        raise failure("E0000038")
    given = str(body.get("answer") if kind == "question" else body.get("passCode") or "")
    if kind == "push":
        return _pushed(call, user, row)
    if kind in SENT and not given:
        secrets = call.table("factor_secrets")
        secrets.put(
            row["id"], {**(secrets.get(row["id"]) or {}), "code": send_code(call, user, row)}
        )
        path = f"/users/{user['id']}/factors/{row['id']}"
        links = {"verify": link(call, f"{path}/verify", "POST")}
        links["factor"] = link(call, path, "GET", "DELETE")
        result = {"factorResult": "CHALLENGE", "profile": row["profile"], "_links": links}
        return Reply(200, result)
    if not _is_right(call, row, given):
        target = events.user_target(user)
        events.record(call, "user.authentication.auth_via_mfa", target, outcome="FAILURE")
        raise failure("E0000068", _WRONG)
    if kind in SENT:
        call.table("factor_secrets").put(row["id"], {})
    events.record(call, "user.authentication.auth_via_mfa", events.user_target(user))
    return Reply(200, {"factorResult": "SUCCESS"})


def _pushed(call: Exchange, user: dict[str, Any], row: dict[str, Any]) -> Reply:
    key = "v2mst." + call.world.text("okta.transaction", 22)
    late = call.world.now() + PUSH_S
    call.table("pushes").put(
        key, {"user": user["id"], "factor": row["id"], "until": late, "result": "WAITING"}
    )
    return Reply(201, transaction_of(call, user, row, key))


def transaction_of(
    call: Exchange, user: dict[str, Any], row: dict[str, Any], key: str
) -> dict[str, Any]:
    """Return where a push stands; one that nobody answers times out."""
    push = call.table("pushes")[key]
    if push["result"] == "WAITING" and push["until"] <= call.world.now():
        push = call.table("pushes").patch(key, result="TIMEOUT")
    if push["result"] == "SUCCESS":
        return {"factorResult": "SUCCESS"}
    path = f"/users/{user['id']}/factors/{row['id']}"
    links: dict[str, Any] = {"factor": link(call, path, "GET", "DELETE")}
    if push["result"] == "WAITING":
        links["cancel"] = link(call, f"{path}/transactions/{key}", "DELETE")
        links["poll"] = link(call, f"{path}/transactions/{key}", "GET")
    else:
        links["verify"] = link(call, f"{path}/verify", "POST")
    return {
        "factorResult": push["result"],
        "profile": row["profile"],
        "expiresAt": iso(push["until"]),
        "_links": links,
    }


def transaction(call: Exchange) -> Reply:
    """``GET``/``DELETE …/transactions/{transactionId}``."""
    user, row = _found(call)
    key = call.params["transactionId"]
    push = call.table("pushes").get(key)
    if push is None or push["factor"] != row["id"]:
        raise missing(key, "FactorTransaction")
    if call.request.method == "DELETE":
        call.table("pushes").drop(key)
        return Reply(204)
    return Reply(200, transaction_of(call, user, row, key))


def answer_push(world: World, uid: str, *, approve: bool) -> bool:
    """Answer the newest push that waits for a user; return whether there was one."""
    table = world.table("okta.pushes")
    waiting = [
        key
        for key, push in table.items()
        if push["user"] == uid and push["result"] == "WAITING" and push["until"] > world.now()
    ]
    if waiting:
        table.patch(waiting[-1], result="SUCCESS" if approve else "REJECTED")
        return True
    rows = table_of(world, uid)
    pending = [
        row
        for row in rows.values()
        if row.get("factorType") == "push" and row["status"] == "PENDING_ACTIVATION"
    ]
    for row in pending if approve else ():
        moved = {key: value for key, value in row.items() if key != "_links"}
        rows.put(row["id"], {**moved, "status": "ACTIVE", "lastUpdated": stamp(world)})
    return bool(pending)


def catalog(call: Exchange) -> Reply:
    """``GET …/factors/catalog``: what a user may still enrol."""
    user = users.user_of(call)
    have = {
        (row.get("factorType"), row.get("provider"))
        for row in table_of(call.world, user["id"]).values()
        if row["status"] == "ACTIVE"
    }
    rows = []
    for kind, (_, providers, _wanted) in _KINDS.items():
        for provider in providers:
            row: dict[str, Any] = {
                "factorType": kind,
                "provider": provider,
                "vendorName": provider,
                "_links": {"enroll": link(call, f"/users/{user['id']}/factors", "POST")},
                "status": "ACTIVE" if (kind, provider) in have else "NOT_SETUP",
                "enrollment": "OPTIONAL",
            }
            if kind == "question":
                questions = link(call, f"/users/{user['id']}/factors/questions", "GET")
                row["_links"] = {"questions": questions, **row["_links"]}
            rows.append(row)
    return Reply(200, rows)


def questions(call: Exchange) -> Reply:
    """``GET …/factors/questions``."""
    users.user_of(call)
    return Reply(200, [{"question": key, "questionText": text} for key, text in QUESTIONS])


_BASE: Final = "/api/v1/users/{userId}/factors"
_ONE: Final = _BASE + "/{factorId}"
_READ: Final = ("okta.users.read",)
_MANAGE: Final = ("okta.users.manage",)
ROUTES: Final = (
    Route("POST", _BASE, enroll, "enrollFactor", scopes=_MANAGE),
    Route("GET", _BASE, listed, "listFactors", scopes=_READ),
    Route("GET", _BASE + "/catalog", catalog, "listSupportedFactors", scopes=_READ),
    Route("GET", _BASE + "/questions", questions, "listSupportedSecurityQuestions", scopes=_READ),
    Route("GET", _ONE, get, "getFactor", scopes=_READ),
    Route("DELETE", _ONE, unenroll, "unenrollFactor", scopes=_MANAGE),
    Route("POST", _ONE + "/lifecycle/activate", activate, "activateFactor", scopes=_MANAGE),
    Route("POST", _ONE + "/resend", resend, "resendEnrollFactor", scopes=_MANAGE),
    Route("POST", _ONE + "/verify", verify, "verifyFactor", scopes=_MANAGE),
    Route("GET", _ONE + "/transactions/{transactionId}", transaction,
          "getFactorTransactionStatus", scopes=_READ),
    Route("DELETE", _ONE + "/transactions/{transactionId}", transaction,
          "cancelFactorTransaction", scopes=_MANAGE),
)  # fmt: skip
