"""Governance: reviews, requests, tasks, labels, revoking; and what an organisation lacks."""

import re
from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table
from unlit.twins.services.okta import apps, events, groups, tokens, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import mint, scopes_for, stamp

_GOVERNANCE: Final = "/governance/api"
_MAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_BLANK: Final = "The field cannot be left blank"


def _at(call: Exchange, path: str) -> Table:
    return call.world.table(f"okta.at:{path}")


def _one(call: Exchange, path: str, key: str, noun: str) -> dict[str, Any]:
    row = _at(call, path).get(key)
    if row is None:
        raise missing(key, noun)
    return dict(row)


def _needed(call: Exchange, *names: str) -> dict[str, Any]:
    body = call.fields()
    for name in names:
        if not body.get(name):
            raise invalid(name, f"{name}: {_BLANK}")
    return body


# --- reviews of a campaign
_REVIEWS: Final = f"{_GOVERNANCE}/v1/reviews"
_CAMPAIGNS: Final = f"{_GOVERNANCE}/v1/campaigns"


def reassign(call: Exchange) -> Reply:
    """``POST …/reviews/reassign``: another reviewer for some reviews of a campaign."""
    campaign = call.params["campaignId"]
    _one(call, _CAMPAIGNS, campaign, "Campaign")
    body = _needed(call, "reviewerId", "reviewIds", "note")
    reviewer = users.find(call.world, str(body["reviewerId"]))
    if reviewer is None:
        raise missing(str(body["reviewerId"]), "User")
    rows = [_one(call, _REVIEWS, str(key), "Review") for key in body["reviewIds"]]
    if any(row.get("campaignId") != campaign for row in rows):
        raise missing(campaign, "Review")
    profile = reviewer["profile"]
    who = {
        "id": reviewer["id"], "email": profile.get("email"), "status": reviewer["status"],
        "firstName": profile.get("firstName"), "lastName": profile.get("lastName"),
    }  # fmt: skip
    note = {"id": mint(call.world, "not"), "note": body["note"]}
    out = []
    for row in rows:
        new = {**row, "reviewerProfile": who, "note": note, "lastUpdated": stamp(call.world)}
        out.append(_at(call, _REVIEWS).put(row["id"], new))
    return Reply(200, {"data": out})


def decide(call: Exchange) -> Reply:
    """``POST …/bulk-decisions``: decide what the analysis recommended; done at once."""
    campaign = call.params["campaignId"]
    _one(call, _CAMPAIGNS, campaign, "Campaign")
    body = _needed(call, "criteria", "reviewDecision")
    wanted = (body["criteria"].get("govAnalyzerCriteria") or {}).get("recommendedActionDecision")
    count = 0
    for key, row in list(_at(call, _REVIEWS).items()):
        context = row.get("govAnalyzerRecommendationContext") or {}
        if row.get("campaignId") == campaign and context.get("recommendedReviewDecision") == wanted:
            changed = {"decision": body["reviewDecision"], "decided": stamp(call.world)}
            _at(call, _REVIEWS).put(key, {**row, **changed})
            count += 1
    job = mint(call.world, "job")
    base = f"{_GOVERNANCE}/v1/my/campaigns/{campaign}/reviews/bulk-decisions"
    links = {
        "self": {"href": call.request.origin + base},
        "bulkReviewDecisionStatus": {"href": f"{call.request.origin}{base}/jobs/{job}"},
    }
    row = {"jobId": job, "eligibleReviewRecordCount": count, "_links": links}
    call.table("review_jobs").put((campaign, job), {**row, "status": "COMPLETED"})
    return Reply(202, {**row, "status": "ACCEPTED"})


def job(call: Exchange) -> Reply:
    """``GET …/bulk-decisions/jobs/{jobId}``."""
    key = (call.params["campaignId"], call.params["jobId"])
    row = call.table("review_jobs").get(key)
    if row is None:
        raise missing(key[1], "Job")
    return Reply(200, row)


# --- requests and tasks
def message(call: Exchange) -> Reply:
    """``POST …/requests/{requestId}/messages``."""
    version = call.request.raw_path.split("/")[3]
    row = _one(call, f"{_GOVERNANCE}/{version}/requests", call.params["requestId"], "Request")
    text = _needed(call, "message")["message"]
    call.table("request_messages").put(
        call.world.number("okta.request_message"),
        {"request": row["id"], "message": text, "by": call.actor.id, "at": stamp(call.world)},
    )
    return Reply(201)


def resolve(call: Exchange) -> Reply:
    """``POST …/tasks/{taskId}/resolve``: a task is answered once."""
    path = f"{_GOVERNANCE}/v2/tasks"
    row = _one(call, path, call.params["taskId"], "Task")
    if row.get("status") == "COMPLETED":
        raise failure("E0000038")
    changed = {
        "status": "COMPLETED", "value": call.fields().get("value"), "updatedAt": stamp(call.world),
        "completedBy": {"externalId": call.actor.id, "type": "OKTA_USER"},
    }  # fmt: skip
    return Reply(200, _at(call, path).put(row["id"], {**row, **changed}))


# --- labels of resources
def _orn(call: Exchange, text: str) -> tuple[str, dict[str, Any]]:
    """Return kind and row of the group or application that a resource name is for."""
    parts = text.split(":")
    kind, key = (parts[4] if len(parts) > 4 else ""), parts[-1]
    if parts[:2] != ["orn", "okta"]:
        raise invalid("orn", f"orn: {text} is not a resource name")
    row = call.table("groups").get(key) if kind == "groups" else _at(call, apps.KIND).get(key)
    if row is None:
        raise missing(key, "UserGroup" if kind == "groups" else "AppInstance")
    return kind, row


def _values(call: Exchange, wanted: Any) -> dict[str, dict[str, Any]]:
    """Return each label value by id, with its label."""
    known = {
        str(value.get("labelValueId")): {**value, "label": label}
        for label in _at(call, f"{_GOVERNANCE}/v1/labels").values()
        for value in label.get("values") or ()
    }
    for key in wanted:
        if str(key) not in known:
            raise missing(str(key), "LabelValue")
    return known


def _labelled(call: Exchange, orn: str) -> dict[str, Any]:
    _, row = _orn(call, orn)
    have = call.table("labels").get(orn) or ()
    known = _values(call, have)
    shown: dict[str, dict[str, Any]] = {}
    for key in have:
        value = known[key]
        label = value["label"]
        entry = shown.setdefault(str(label.get("labelId") or label.get("id")), {
            "labelId": label.get("labelId") or label.get("id"), "name": label.get("name"),
            "values": [],
        })  # fmt: skip
        entry["values"].append({k: v for k, v in value.items() if k != "label"})
    profile = row.get("profile") or {}
    name = profile.get("name") or row.get("label")
    about = {"id": row["id"], "name": name, "description": profile.get("description") or name}
    return {"orn": orn, "profile": about, "labels": list(shown.values())}


def label(call: Exchange) -> Reply:
    """``POST …/resource-labels/assign`` and ``unassign``."""
    body = _needed(call, "resourceOrns", "labelValueIds")
    _values(call, body["labelValueIds"])
    adds, table = call.request.raw_path.endswith("/assign"), call.table("labels")
    wanted = [str(key) for key in body["labelValueIds"]]
    for orn in map(str, body["resourceOrns"]):
        _orn(call, orn)
        have = table.get(orn) or ()
        kept = (*have, *wanted) if adds else [key for key in have if key not in wanted]
        table.put(orn, tuple(dict.fromkeys(kept)))
    if not adds:
        return Reply(204)
    return Reply(200, {"data": [_labelled(call, str(orn)) for orn in body["resourceOrns"]]})


def labelled(call: Exchange) -> Reply:
    """``GET …/resource-labels``."""
    rows = [_labelled(call, orn) for orn, have in call.table("labels").items() if have]
    links = {"self": {"href": call.request.origin + call.request.raw_path}}
    return Reply(200, {"data": rows, "_links": links})


def revoke(call: Exchange) -> Reply:
    """``POST …/revoke-principal-access``: the person leaves groups and applications."""
    body = _needed(call, "principalOrn", "revokeOrns")
    user = users.find(call.world, str(body["principalOrn"]).rsplit(":", 1)[-1])
    if user is None:
        raise missing(str(body["principalOrn"]).rsplit(":", 1)[-1], "User")
    found = [_orn(call, str(orn)) for orn in body["revokeOrns"]]
    if any(kind == "groups" and groups.is_everyone(row) for kind, row in found):
        raise failure("E0000006")
    out = []
    for kind, row in found:
        if kind == "groups":
            call.world.table(f"okta.members:{row['id']}").drop(user["id"])
        else:
            _at(call, f"{apps.KIND}/{row['id']}/users").drop(user["id"])
        name = "GROUP" if kind == "groups" else "APPLICATION"
        asked = (
            f'parent.externalId eq "{row["id"]}" AND parent.type eq "{name}" AND '
            f'targetPrincipal.externalId eq "{user["id"]}" AND targetPrincipal.type eq "OKTA_USER"'
        )
        at = f"{call.request.origin}{_GOVERNANCE}/v1"
        out.append({"_links": {
            f"principal-{word}": {"href": f"{at}/principal-{word}?filter={asked}"}
            for word in ("access", "entitlements")}})  # fmt: skip
        target = [*events.user_target(user)]
        events.record(call, "governance.principal.access.revoke", target)
    return Reply(200, {"data": out})


def risks(call: Exchange) -> Reply:
    """``POST …/risk-rule-assessments``: no rule, no conflict; rules of entitlements are refused."""
    body = _needed(call, "principalOrn")
    key = str(body["principalOrn"]).rsplit(":", 1)[-1]
    if users.find(call.world, key) is None:
        raise missing(key, "User")
    if len(_at(call, f"{_GOVERNANCE}/v1/risk-rules")):
        raise failure("E0000060", "The twin does not weigh risk rules.")
    return Reply(200, {"data": []})


# --- security access reviews
_REVIEW: Final = f"{_GOVERNANCE}/v2/security-access-reviews"


def _review(call: Exchange) -> dict[str, Any]:
    return _one(call, _REVIEW, call.params["securityAccessReviewId"], "SecurityAccessReview")


def comment(call: Exchange) -> Reply:
    """``POST …/security-access-reviews/{id}/comment``."""
    row, text = _review(call), _needed(call, "comment")["comment"]
    path = f"{_REVIEW}/{row['id']}/history"
    key = mint(call.world, "sah")
    who = {"externalId": call.actor.id, "type": "OKTA_USER"}
    entry = {"id": key, "type": "COMMENT_ADDED", "comment": text, "actor": who,
             "created": stamp(call.world)}  # fmt: skip
    _at(call, path).put(key, entry)
    return Reply(204)


def act(call: Exchange) -> Reply:
    """``POST …/accesses/{id}/actions``: the access must be one of the review's."""
    row, key = _review(call), call.params["securityAccessReviewTargetId"]
    path = f"{_REVIEW}/{row['id']}/accesses"
    access = _one(call, path, key, "SecurityAccessReviewAccess")
    kind = _needed(call, "type")["type"]
    _at(call, path).put(key, {**access, "lastAction": kind, "lastUpdated": stamp(call.world)})
    return Reply(202)


# --- what an organisation without agents, recovery or children truly answers
def no_agents(call: Exchange) -> Reply:
    """``POST /api/v1/directories/{appInstanceId}/groups/modify``: no agent is connected."""
    _needed(call, "id", "parameters")
    _one(call, apps.KIND, call.params["appInstanceId"], "AppInstance")
    raise failure("E0000236")


def no_feature(call: Exchange) -> Reply:
    """Disaster recovery, child organisations, Okta Personal: features that were not bought."""
    raise failure("E0000015")


def unbounce(call: Exchange) -> Reply:
    """``POST /api/v1/org/email/bounces/remove-list``: addresses that are none are told."""
    given = call.fields().get("emailAddresses")
    if not isinstance(given, list) or not given:
        raise invalid("emailAddresses", f"emailAddresses: {_BLANK}")
    why = "Invalid email address. The provided email address failed validation against RFC 3696."
    wrong = [str(one) for one in given if not _MAIL.fullmatch(str(one))]
    return Reply(200, {"errors": [{"emailAddress": one, "reason": why} for one in wrong]})


def connect(call: Exchange) -> Reply:
    """``POST /api/v1/apps/{appName}/{appId}/oauth2/callback``: the connection is good."""
    app = _one(call, apps.KIND, call.params["appId"], "AppInstance")
    if app.get("name") != call.params["appName"]:
        raise missing(call.params["appId"], "AppInstance")
    documents = call.world.table("okta.documents")
    path = f"{apps.KIND}/{app['id']}/connections/default"
    documents.put(path, {**(documents.get(path) or {}), "status": "ENABLED"})
    return Reply(204)


def domain(call: Exchange) -> Reply:
    """``POST …/verify-rp-id-domain``: the domain of a relying party, once its record is there."""
    _one(call, "/api/v1/authenticators", call.params["authenticatorId"], "Authenticator")
    path = (f"/api/v1/authenticators/{call.params['authenticatorId']}/methods/"
            f"{call.params['webAuthnMethodType']}")  # fmt: skip
    documents = call.world.table("okta.documents")
    row = documents.get(path) or {}
    settings = row.get("settings") or {}
    party = settings.get("rpId") or {}
    name = (party.get("domain") or {}).get("name")
    if not name or name.casefold() not in call.table("dns"):
        raise invalid("rpId", "rpId: The domain could not be verified.")
    checked = {**party, "domain": {**party["domain"], "validationStatus": "VERIFIED"}}
    documents.put(path, {**row, "settings": {**settings, "rpId": checked}})
    return Reply(204)


def publish(call: Exchange) -> Reply:
    """``POST /security/api/v1/security-events``: a signed event of a provider that is known."""
    text = call.request.body.decode("latin-1").strip()
    found = tokens.decode(text) if text.count(".") == 2 else None
    if found is None:
        return _unheard("invalid_request", "The security event token is not a valid JWT.")
    claims = found[1]
    known = [
        (row.get("settings") or {})
        for row in _at(call, "/api/v1/security-events-providers").values()
        if row.get("status") == "ACTIVE"
    ]
    if claims.get("iss") not in [one.get("issuer") for one in known]:
        return _unheard("invalid_issuer", "The issuer of the security event token is unknown.")
    if not isinstance(claims.get("events"), dict) or not claims["events"]:
        return _unheard("invalid_request", "The security event token has no events.")
    for kind in claims["events"]:
        events.record(call, "security.events.provider.receive_event", [
            {"id": str(kind), "type": "SecurityEvent", "displayName": str(kind)}])  # fmt: skip
    return Reply(202)


def _unheard(code: str, text: str) -> Reply:
    return Reply(400, {"err": code, "description": text})


def verify_stream(call: Exchange) -> Reply:
    """``POST /api/v1/ssf/stream/verification``: the stream must be there."""
    wanted = _needed(call, "stream_id")["stream_id"]
    rows = [*_at(call, "/api/v1/ssf/stream").values()]
    kept = call.world.table("okta.documents").get("/api/v1/ssf/stream")
    rows += [kept] if isinstance(kept, dict) else []
    if all(row.get("stream_id") != wanted for row in rows):
        raise missing(str(wanted), "Stream")
    return Reply(204)


def enrolment(call: Exchange) -> Reply:
    """Preregistered keys: of an enrolment that nobody made, Okta knows nothing."""
    body = call.fields()
    user = users.find(call.world, str(call.params.get("userId") or body.get("userId") or ""))
    if user is None:
        raise missing(str(call.params.get("userId") or body.get("userId") or ""), "User")
    key = str(
        call.params.get("authenticatorEnrollmentId") or body.get("authenticatorEnrollmentId") or ""
    )
    raise missing(key, "WebAuthnPreregistrationFactor")


Rule = Callable[[Exchange], Reply]
_MY: Final = f"{_GOVERNANCE}/v2/my/security-access-reviews/{{securityAccessReviewId}}"
_ALL: Final = f"{_REVIEW}/{{securityAccessReviewId}}"
_TARGET: Final = "/accesses/{securityAccessReviewTargetId}/actions"
_BULK: Final = f"{_GOVERNANCE}/v1/my/campaigns/{{campaignId}}/reviews/bulk-decisions"
_KEYS: Final = "/webauthn-registration/api/v1"
_RULES: Final[tuple[tuple[str, str, Rule, str], ...]] = (
    ("POST", f"{_CAMPAIGNS}/{{campaignId}}/reviews/reassign", reassign,
     "governance.accessCertifications"),
    ("POST", _BULK, decide, "governance.accessCertifications"),
    ("GET", _BULK + "/jobs/{jobId}", job, "governance.accessCertifications"),
    ("POST", f"{_GOVERNANCE}/v1/requests/{{requestId}}/messages", message,
     "governance.accessRequests"),
    ("POST", f"{_GOVERNANCE}/v2/requests/{{requestId}}/messages", message,
     "governance.accessRequests"),
    ("POST", f"{_GOVERNANCE}/v2/tasks/{{taskId}}/resolve", resolve, "governance.accessRequests"),
    ("POST", f"{_GOVERNANCE}/v2/my/tasks/{{taskId}}/resolve", resolve, "governance.accessRequests"),
    ("POST", f"{_GOVERNANCE}/v1/resource-labels/assign", label, "governance.labels"),
    ("POST", f"{_GOVERNANCE}/v1/resource-labels/unassign", label, "governance.labels"),
    ("GET", f"{_GOVERNANCE}/v1/resource-labels", labelled, "governance.labels"),
    ("POST", f"{_GOVERNANCE}/v2/revoke-principal-access", revoke, "governance.principalAccess"),
    ("POST", f"{_GOVERNANCE}/v1/risk-rule-assessments", risks, "governance.riskRule"),
    ("POST", _MY + "/comment", comment, "governance.securityAccessReviews.endUser"),
    ("POST", _ALL + "/comment", comment, "governance.securityAccessReviews.admin"),
    ("POST", _MY + _TARGET, act, "governance.securityAccessReviews.endUser"),
    ("POST", _ALL + _TARGET, act, "governance.securityAccessReviews.admin"),
    ("POST", "/api/v1/directories/{appInstanceId}/groups/modify", no_agents, "directories.groups"),
    ("POST", "/api/v1/dr/failback", no_feature, ""),
    ("POST", "/api/v1/dr/failover", no_feature, ""),
    ("GET", "/api/v1/dr/status", no_feature, ""),
    ("GET", "/api/v1/dr/status/{domain}", no_feature, ""),
    ("POST", "/api/v1/orgs", no_feature, "orgs"),
    ("PUT", "/okta-personal-settings/api/v1/edit-feature", no_feature, ""),
    ("POST", "/api/v1/org/email/bounces/remove-list", unbounce, "orgs"),
    ("POST", "/api/v1/apps/{appName}/{appId}/oauth2/callback", connect, "apps"),
    ("POST", "/api/v1/authenticators/{authenticatorId}/methods/{webAuthnMethodType}/"
     "verify-rp-id-domain", domain, "authenticators"),
    ("POST", "/api/v1/ssf/stream/verification", verify_stream, ""),
    ("POST", _KEYS + "/activate", enrolment, ""),
    ("POST", _KEYS + "/send-pin", enrolment, ""),
    ("POST", _KEYS + "/users/{userId}/enrollments/{authenticatorEnrollmentId}/mark-error",
     enrolment, ""),
)  # fmt: skip


def _routes() -> tuple[Route, ...]:
    made = [
        Route(
            method, path, rule, f"{method} {path}",
            scopes=scopes_for(method, scope),
        )
        for method, path, rule, scope in _RULES
    ]  # fmt: skip
    heard = "/security/api/v1/security-events"
    return (*made, Route("POST", heard, publish, "publishSecurityEventTokens", open=True))


ROUTES: Final = _routes()
