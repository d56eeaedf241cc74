"""Moves that are not called a lifecycle: campaigns, request types, certificates, enrolments."""

import base64
from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import keys, roles, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import link, mint, scopes_for, stamp

_API: Final = "/api/v1"
_GOVERNANCE: Final = "/governance/api/v1"
_AERIAL: Final = "/org/privacy/aerial"
_TAC_MINUTES: Final = 480


# --- governance: (table, noun, statuses it may be in, status it gets)
_STEPS: Final = {
    "launch": ("campaigns", "Campaign", ("SCHEDULED",), "ACTIVE"),
    "end": ("campaigns", "Campaign", ("ACTIVE", "LAUNCHING"), "COMPLETED"),
    "publish": ("request-types", "RequestType", ("DRAFT", "DISABLED"), "ACTIVE"),
    "un-publish": ("request-types", "RequestType", ("ACTIVE",), "DISABLED"),
}


def step(call: Exchange) -> Reply:
    """``…/{campaignId}/launch``, ``end``; ``…/{requestTypeId}/publish``, ``un-publish``."""
    word = call.request.raw_path.rstrip("/").rsplit("/", 1)[-1]
    where, noun, before, after = _STEPS[word]
    key = next(iter(call.params.values()))
    table = call.world.table(f"okta.at:{_GOVERNANCE}/{where}")
    row = table.get(key)
    if row is None:
        raise missing(key, noun)
    if row.get("status") not in before:
        raise failure("E0000038", about=word)
    row = table.put(key, {**row, "status": after, "lastUpdated": stamp(call.world)})
    return Reply(202) if where == "campaigns" else Reply(200, row)


# --- the organisation
def aerial(call: Exchange) -> Reply:
    """``GET /org/privacy/aerial`` and ``grant``, ``revoke``: one account may look after many."""
    table, verb = call.table("org"), call.request.raw_path.rsplit("/", 1)[-1]
    if verb in ("grant", "revoke"):
        account = call.fields().get("accountId")
        if not account:
            raise invalid("accountId", "accountId: The field cannot be left blank")
        if verb == "revoke":
            if (table.get("aerial") or {}).get("accountId") != account:
                raise missing(str(account), "AerialConsent")
            table.put("aerial", None)
            return Reply(200, {"_links": {"grant": link(call, _AERIAL + "/grant", "POST")}})
        now = {"grantedBy": call.actor.id, "grantedDate": stamp(call.world)}
        table.put("aerial", {"accountId": account, **now})
    row = table.get("aerial")
    if row is None:
        raise missing("aerial", "AerialConsent")
    return Reply(200, {**row, "_links": {"revoke": link(call, _AERIAL + "/revoke", "POST")}})


def opting(call: Exchange) -> Reply:
    """``GET``/``POST …/iam/governance/optIn`` and ``optOut``."""
    table = call.table("org")
    if call.request.method == "POST":
        table.put("governance", call.request.raw_path.endswith("optIn"))
    is_in = bool(table.get("governance"))
    other = "optOut" if is_in else "optIn"
    return Reply(200, {
        "optInStatus": "OPTED_IN" if is_in else "OPTED_OUT",
        "_links": {other: link(call, f"/iam/governance/{other}", "POST")},
    })  # fmt: skip


def sent(call: Exchange) -> Reply:
    """``…/test`` of an email server or telephony provider: the message stands in the world."""
    path = call.request.raw_path.rstrip("/").rsplit("/", 2)
    if path[1] not in call.world.table(f"okta.at:{path[0]}"):
        raise missing(path[1], "Resource")
    call.table("messages").put(
        call.world.number("okta.message"),
        {"login": None, "by": path[0].rsplit("/", 1)[-1], "to": call.fields().get("to"),
         "code": None},
    )  # fmt: skip
    return Reply(204)


# --- certificates
def publish(call: Exchange) -> Reply:
    """``…/csrs/{csrId}/lifecycle/publish``: the certificate for a request becomes a key."""
    base = call.request.raw_path.split("/csrs/")[0]
    key = call.params.get("csrId") or call.params["idpCsrId"]
    csrs = call.world.table(f"okta.at:{base}/csrs")
    if key not in csrs:
        raise missing(key, "Csr")
    chain = _certificate(call.request.body)
    csrs.drop(key)
    row = {**keys.made(call.world, 2), **chain}
    of_app = "/apps/" in base
    owner = call.params.get("appId") or call.params["idpId"]
    name = f"okta.keys:{owner}" if of_app else f"okta.at:{base}/keys"
    call.world.table(name).put(row["kid"], row)
    return Reply(201, row)


def _certificate(body: bytes) -> dict[str, Any]:
    """Return what a certificate in DER, PEM or base64 says of its key."""
    text = b"".join(line for line in body.split() if b"-----" not in line and b"CERT" not in line)
    for der in (body, _decoded(text)):
        found = keys.read_certificate(der) if der else None
        if found is not None:
            return found
    raise invalid("certificate", "The certificate is not a valid X.509 certificate.")


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


# --- enrolments that an administrator makes
def enrol(call: Exchange) -> Reply:
    """``POST /users/{userId}/authenticator-enrollments/phone`` and ``tac``."""
    user, body = users.user_of(call), call.fields()
    kind = call.request.raw_path.rsplit("/", 1)[-1]
    if not body.get("authenticatorId"):
        raise invalid("authenticatorId", "authenticatorId: The field cannot be left blank")
    given = body.get("profile")
    profile: dict[str, Any] = given if isinstance(given, dict) else {}
    if kind == "phone":
        if not profile.get("phoneNumber"):
            raise invalid("phoneNumber", "phoneNumber: The field cannot be left blank")
        name, word = "Phone", "phone_number"
    else:
        code = call.world.text("okta.tac", 16, "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")
        profile = {"tac": code, "multiUse": False, "ttl": _TAC_MINUTES, **profile}
        name, word = "Temporary Access Code", "tac"
    at, key = stamp(call.world), mint(call.world, "sms" if kind == "phone" else "tac")
    path = f"/users/{user['id']}/authenticator-enrollments"
    row = {
        "id": key, "type": kind, "key": word, "status": "ACTIVE", "name": name,
        "created": at, "lastUpdated": at, "profile": profile,
        "_links": {"self": link(call, f"{path}/{key}", "GET", "DELETE"),
                   "user": link(call, f"/users/{user['id']}")},
    }  # fmt: skip
    call.world.table(f"okta.at:{_API}{path}").put(key, row)
    return Reply(200, row)


def every_app(call: Exchange) -> Reply:
    """``PUT …/targets/catalog/apps``: the role counts for every application again."""
    roles.untarget_apps(call)
    return Reply(200)


def _routes() -> tuple[Route, ...]:
    campaign, kind = f"{_GOVERNANCE}/campaigns/{{campaignId}}", "/request-types/{requestTypeId}"
    csr = "/lifecycle/publish"
    rows: list[tuple[str, str, Callable[[Exchange], Reply], str]] = [
        ("POST", campaign + "/launch", step, "governance.accessCertifications"),
        ("POST", campaign + "/end", step, "governance.accessCertifications"),
        ("POST", f"{_GOVERNANCE}{kind}/publish", step, "governance.accessRequests"),
        ("POST", f"{_GOVERNANCE}{kind}/un-publish", step, "governance.accessRequests"),
        ("GET", _API + _AERIAL, aerial, "oktaAerial"),
        ("POST", _API + _AERIAL + "/grant", aerial, "oktaAerial"),
        ("POST", _API + _AERIAL + "/revoke", aerial, "oktaAerial"),
        ("GET", _API + "/iam/governance/optIn", opting, "governance.optIn"),
        ("POST", _API + "/iam/governance/optIn", opting, "governance.optIn"),
        ("POST", _API + "/iam/governance/optOut", opting, "governance.optIn"),
        ("POST", _API + "/email-servers/{emailServerId}/test", sent, "emailServers"),
        ("POST", _API + "/telephony-providers/{customTelephonyProviderId}/test", sent, ""),
        ("POST", _API + "/apps/{appId}/credentials/csrs/{csrId}" + csr, publish, "apps"),
        ("POST", _API + "/idps/{idpId}/credentials/csrs/{idpCsrId}" + csr, publish, "idps"),
        ("POST", _API + "/users/{userId}/authenticator-enrollments/phone", enrol, "users"),
        ("POST", _API + "/users/{userId}/authenticator-enrollments/tac", enrol, "users"),
        ("PUT", _API + "/users/{userId}/roles/{roleAssignmentId}/targets/catalog/apps", every_app,
         "roles"),
    ]  # fmt: skip
    return tuple(
        Route(
            method, path, rule, f"{method} {path}",
            scopes=scopes_for(method, scope),
        )
        for method, path, rule, scope in rows
    )  # fmt: skip


ROUTES: Final = _routes()
