"""What is done rather than kept: consent, footers, subscriptions, pictures, keys, revocation."""

import json
from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.delivery import Sender
from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import UPPER
from unlit.twins.model import Delivery
from unlit.twins.services.okta import apps, authservers, events, keys, tokens, users
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import link, scopes_for, stamp

SUPPORT_S: Final = 8 * 3600
NOTICES: Final = (
    "AD_AGENT", "AGENT_AUTO_UPDATE_NOTIFICATION", "APP_IMPORT", "CONNECTOR_AGENT", "IWA_AGENT",
    "LDAP_AGENT", "OKTA_ANNOUNCEMENT", "OKTA_ISSUE", "OKTA_UPDATE", "RATELIMIT_NOTIFICATION",
    "REPORT_SUSPICIOUS_ACTIVITY", "USER_DEPROVISION", "USER_LOCKED_OUT",
)  # fmt: skip
_API: Final = "/api/v1"
_BRANDS: Final = f"okta.at:{_API}/brands"
_STATIC: Final = "https://ok4static.oktacdn.com/assets/img/logos/"
_PICTURES: Final = {
    "logo": _STATIC + "okta-logo.png", "favicon": "/favicon.ico", "background-image": None,
}  # fmt: skip
_COLUMN: Final = {"background-image": "backgroundImage"}


def _last(call: Exchange) -> str:
    return call.request.raw_path.rstrip("/").rsplit("/", 1)[-1]


# --- the organisation
def support(call: Exchange) -> Reply:
    """``GET /org/privacy/oktaSupport`` and ``grant``, ``extend``, ``revoke``."""
    table, verb = call.table("org"), _last(call)
    row = table.get("support") or {"until": 0.0}
    now = call.world.now()
    if verb == "extend" and row["until"] <= now:
        raise failure("E0000038")
    if verb in ("grant", "extend", "revoke"):
        start = row["until"] if verb == "extend" else now
        row = table.put("support", {"until": 0.0 if verb == "revoke" else start + SUPPORT_S})
    path, on = "/org/privacy/oktaSupport", row["until"] > now
    links = {
        verb: link(call, f"{path}/{verb}", "POST")
        for verb in (("extend", "revoke") if on else ("grant",))
    }
    return Reply(200, {
        "support": "ENABLED" if on else "DISABLED",
        "expiration": iso(row["until"]) if on else None, "_links": links,
    })  # fmt: skip


def communication(call: Exchange) -> Reply:
    """``GET /org/privacy/oktaCommunication`` and ``optIn``, ``optOut``."""
    table, verb = call.table("org"), _last(call)
    if verb in ("optIn", "optOut"):
        table.put("opted out", verb == "optOut")
    out = bool(table.get("opted out"))
    other = "optIn" if out else "optOut"
    at = link(call, f"/org/privacy/oktaCommunication/{other}", "POST")
    return Reply(200, {"optOutEmailUsers": out, "_links": {other: at}})


def preferences(call: Exchange) -> Reply:
    """``GET /org/preferences`` and ``showEndUserFooter``, ``hideEndUserFooter``."""
    table, verb = call.table("org"), _last(call)
    if verb != "preferences":
        table.put("footer", verb == "showEndUserFooter")
    is_shown = table.get("footer") is not False
    other = "hideEndUserFooter" if is_shown else "showEndUserFooter"
    at = link(call, f"/org/preferences/{other}", "POST")
    return Reply(200, {"showEndUserFooter": is_shown, "_links": {other: at}})


def subscriptions(call: Exchange) -> Reply:
    """``…/subscriptions`` of a role or user: all, one, ``subscribe``, ``unsubscribe``."""
    base = call.request.raw_path.partition("/subscriptions")[0].removeprefix(_API)
    if "userId" in call.params:
        users.user_of(call)
    table = call.world.table(f"okta.subscriptions:{base}")
    kind, verb = call.params.get("notificationType"), _last(call)
    if kind is not None and kind not in NOTICES:
        raise missing(kind, "NotificationType")
    if verb in ("subscribe", "unsubscribe"):
        table.put(kind, verb == "subscribe")
        return Reply(200, {})

    def row(name: str) -> dict[str, Any]:
        on, path = bool(table.get(name)), f"{base}/subscriptions/{name}"
        other = "unsubscribe" if on else "subscribe"
        return {
            "notificationType": name, "channels": ["email"],
            "status": "subscribed" if on else "unsubscribed",
            "_links": {
                "self": link(call, path, "GET"), other: link(call, f"{path}/{other}", "POST"),
            },
        }  # fmt: skip

    return Reply(200, [row(name) for name in NOTICES] if kind is None else row(kind))


# --- brands, mail and domains
def picture(call: Exchange) -> Reply:
    """``POST``/``DELETE …/themes/{themeId}/{logo,favicon,background-image}``."""
    table = call.world.table(f"{_BRANDS}/{call.params['brandId']}/themes")
    key, name = call.params["themeId"], _last(call)
    if key not in table:
        raise missing(key, "Theme")
    column = _COLUMN.get(name, name)
    if call.request.method == "DELETE":
        table.patch(key, **{column: _PICTURES[name]})
        return Reply(204)
    if not call.request.body:
        raise invalid("file", "file: The field cannot be left blank")
    url = f"{call.request.origin}/fs/bco/7/fs0{call.world.text('okta.file', 17, UPPER)}"
    table.patch(key, **{column: url})
    return Reply(201, {"url": url})


def test_email(call: Exchange) -> Reply:
    """``POST …/templates/email/{templateName}/test``: the mail stands in ``okta.messages``."""
    user = users.find(call.world, call.actor.id)
    to = user["profile"].get("email") if user is not None else None
    login = user["profile"]["login"] if user is not None else None
    row = {"login": login, "by": "email", "to": to, "code": None}
    row["template"] = call.params["templateName"]
    call.table("messages").put(call.world.number("okta.message"), row)
    return Reply(204)


def forget_customizations(call: Exchange) -> Reply:
    """``DELETE …/templates/email/{templateName}/customizations``."""
    call.world.table("okta.at:" + call.request.raw_path.rstrip("/")).clear()
    return Reply(204)


def verify_domain(call: Exchange) -> Reply:
    """``POST …/verify``: counts once the event ``dns_published`` put the records into the DNS."""
    base, key = call.request.raw_path.rstrip("/").rsplit("/", 2)[0], _key(call)
    table = call.world.table("okta.at:" + base)
    row = table.get(key)
    if row is None:
        raise missing(key, "Domain" if base.endswith("/domains") else "EmailDomain")
    good = str(row.get("domain", "")).casefold() in call.table("dns")
    status = "VERIFIED" if good else "IN_PROGRESS" if base.endswith("/domains") else "ERROR"
    return Reply(200, table.patch(key, validationStatus=status))


def _key(call: Exchange) -> str:
    return call.request.raw_path.rstrip("/").split("/")[-2]


def certificate(call: Exchange) -> Reply:
    """``PUT /domains/{domainId}/certificate``: only for a verified domain."""
    table, key, body = call.world.table(f"okta.at:{_API}/domains"), _key(call), call.fields()
    row = table.get(key)
    if row is None:
        raise missing(key, "Domain")
    for name in ("certificate", "privateKey", "type"):
        if not body.get(name):
            raise invalid(name, f"{name}: The field cannot be left blank")
    if row.get("validationStatus") != "VERIFIED":
        raise failure("E0000038", "The domain is not verified.")
    about = {"subject": f"CN={row.get('domain')}", "fingerprint": call.world.text("okta.print", 40)}
    table.patch(key, validationStatus="COMPLETED", certificateSourceType="MANUAL",
                publicCertificate=about)  # fmt: skip
    return Reply(204)


# --- keys
def clone_key(call: Exchange) -> Reply:
    """``POST /apps/{appId}/credentials/keys/{keyId}/clone?targetAid=…``."""
    source, target = apps.app_of(call), call.request.arg("targetAid") or ""
    found = [k for k in keys.of_app(call.world, source["id"]) if k["kid"] == call.params["keyId"]]
    if not found:
        raise missing(call.params["keyId"], "JsonWebKey")
    if target not in call.world.table(f"okta.at:{apps.KIND}"):
        raise missing(target, "AppInstance")
    call.world.table(f"okta.keys:{target}").put(found[0]["kid"], found[0])
    return Reply(201, found[0])


def _server_keys(call: Exchange) -> list[dict[str, Any]]:
    key = call.params["authServerId"]
    key = str(call.table("meta").get("auth_server")) if key == "default" else key
    server = call.world.table(authservers.TABLE).get(key)
    if server is None:
        raise missing(key, "AuthorizationServer")
    table = call.world.table(f"okta.server_keys:{key}")
    if not len(table):
        first = {**keys.public_jwk(), "kid": server["credentials"]["signing"]["kid"]}
        table.put("ACTIVE", {"alg": "RS256", **first, "use": "sig"})
        table.put("NEXT", {"alg": "RS256", **keys.public_jwk(),
                           "kid": call.world.text("okta.kid", 43), "use": "sig"})  # fmt: skip
    base = f"/authorizationServers/{key}/credentials/keys"
    return [
        {"status": status, **row, "_links": {"self": link(call, f"{base}/{row['kid']}", "GET")}}
        for status, row in table.items()
    ]


def server_keys(call: Exchange) -> Reply:
    """``GET …/credentials/keys`` of an authorisation server."""
    return Reply(200, _server_keys(call))


def rotate(call: Exchange) -> Reply:
    """``POST …/credentials/lifecycle/keyRotate``: the next key signs, the old one is expired."""
    if call.fields().get("use") != "sig":
        raise invalid("use", "use: The value must be sig.")
    _server_keys(call)
    key = call.params["authServerId"]
    key = str(call.table("meta").get("auth_server")) if key == "default" else key
    table = call.world.table(f"okta.server_keys:{key}")
    rows = {
        "ACTIVE": table["NEXT"],
        "NEXT": {**table["NEXT"], "kid": call.world.text("okta.kid", 43)},
        "EXPIRED": table["ACTIVE"],
    }
    for status, row in rows.items():
        table.put(status, row)
    server = call.world.table(authservers.TABLE)[key]
    signing = {**server["credentials"]["signing"], "kid": rows["ACTIVE"]["kid"]}
    signing["lastRotated"] = stamp(call.world)
    changed = {**server["credentials"], "signing": signing}
    call.world.table(authservers.TABLE).patch(key, credentials=changed)
    return Reply(200, _server_keys(call))


# --- revocation
def revoke_own(call: Exchange) -> Reply:
    """``DELETE /api-tokens/current``: the token that asks is worth nothing afterwards."""
    call.table("tokens").put(call.token, None)
    return Reply(204)


def revoke_of_app(call: Exchange) -> Reply:
    """``DELETE /apps/{appId}/tokens``."""
    tokens.revoke_all(call.world, client=apps.app_of(call)["id"])
    return Reply(204)


def revoke_of_user(call: Exchange) -> Reply:
    """``DELETE /users/{userId}/{grants, clients/{clientId}/grants, clients/{clientId}/tokens}``."""
    user, client = users.user_of(call), call.params.get("clientId")
    tokens.revoke_all(call.world, uid=user["id"], client=client)
    if _last(call) == "grants":
        table = call.world.table(f"okta.at:{_API}/users/{user['id']}/grants")
        for key in [k for k, row in table.items() if client in (None, row.get("clientId"))]:
            table.drop(key)
    return Reply(204)


def revoke_of_server(call: Exchange) -> Reply:
    """``DELETE /authorizationServers/{authServerId}/clients/{clientId}/tokens``."""
    _server_keys(call)
    tokens.revoke_all(call.world, client=call.params["clientId"])
    return Reply(204)


def recover(call: Exchange) -> Reply:
    """``POST /users/{userId}/credentials/forgot_password_recovery_question``."""
    user, body = users.user_of(call), call.fields()
    if user["status"] not in ("ACTIVE", "RECOVERY", "PASSWORD_EXPIRED"):
        raise failure("E0000038")
    answer = (body.get("recovery_question") or {}).get("answer")
    known = call.table("answers").get(user["id"])
    if known is None or str(answer or "").casefold() != str(known).casefold():
        raise failure("E0000087")
    word = (body.get("password") or {}).get("value")
    if not word or len(str(word)) < 8:
        raise failure("E0000014", "Password requirements were not met.")
    call.table("passwords").put(user["id"], word)
    users.enter(call.world, user["id"], "ACTIVE", passwordChanged=stamp(call.world))
    events.record(call, "user.account.update_password", events.user_target(user))
    return Reply(200, {"recovery_question": {"question": _question(user)}})


def _question(user: dict[str, Any]) -> Any:
    return ((user.get("credentials") or {}).get("recovery_question") or {}).get("question")


# --- hooks and agents
def execute(call: Exchange) -> Reply:
    """``POST /inlineHooks/{inlineHookId}/execute``: asks the receiver and returns what it said."""
    key, twin = call.params["inlineHookId"], call.twin
    hook = call.world.table(f"okta.at:{_API}/inlineHooks").get(key)
    if hook is None:
        raise missing(key, "InlineHook")
    config = (hook.get("channel") or {}).get("config") or {}
    if hook.get("status") != "ACTIVE":
        raise failure("E0000038")
    headers = [("content-type", "application/json"), ("user-agent", "Okta-Hooks")]
    headers += [(str(h["key"]), str(h["value"])) for h in config.get("headers") or ()]
    scheme = config.get("authScheme") or {}
    if scheme.get("key") and scheme.get("value"):
        headers.append((str(scheme["key"]).lower(), str(scheme["value"])))
    body = json.dumps(call.json()).encode()
    asked = Delivery("okta", "inline_hook", "POST", str(config.get("uri")), tuple(headers), body)

    async def wait(sender: Sender) -> Reply:
        receipt = await sender.send(asked)
        try:
            said = json.loads(receipt.body)
        except ValueError:
            said = None
        if not receipt.is_good or not isinstance(said, dict):
            cause = "The external service did not answer as an inline hook does."
            return twin.render_error(call, invalid("inlineHook", cause))
        return Reply(200, said)

    return Reply(200, None, wait=wait)


def _agents(status: str) -> Callable[[Exchange], Reply]:
    def move(call: Exchange) -> Reply:
        key = call.params["updateId"]
        table = call.world.table(f"okta.at:{_API}/agentPools/{call.params['poolId']}/updates")
        if key not in table:
            raise missing(key, "AgentPoolUpdate")
        return Reply(200, table.patch(key, status=status))

    return move


def primary(call: Exchange) -> Reply:
    """``POST /telephony-providers/{id}/setAsPrimary``: the others are not it any more."""
    table, key = call.world.table(f"okta.at:{_API}/telephony-providers"), _key(call)
    if key not in table:
        raise missing(key, "CustomTelephonyProvider")
    for other in list(table):
        table.patch(other, isPrimary=other == key)
    return Reply(200, table[key])


def _routes() -> tuple[Route, ...]:
    theme = "/brands/{brandId}/themes/{themeId}"
    server = "/authorizationServers/{authServerId}"
    mail = "/brands/{brandId}/templates/email/{templateName}"
    role, user = "/roles/{roleRef}", "/users/{userId}"
    rows: list[tuple[str, str, Callable[[Exchange], Reply], str]] = [
        ("GET", "/org/privacy/oktaSupport", support, "org"),
        *(("POST", f"/org/privacy/oktaSupport/{verb}", support, "org")
          for verb in ("grant", "extend", "revoke")),
        ("GET", "/org/privacy/oktaCommunication", communication, "org"),
        ("POST", "/org/privacy/oktaCommunication/optIn", communication, "org"),
        ("POST", "/org/privacy/oktaCommunication/optOut", communication, "org"),
        ("GET", "/org/preferences", preferences, "org"),
        ("POST", "/org/preferences/showEndUserFooter", preferences, "org"),
        ("POST", "/org/preferences/hideEndUserFooter", preferences, "org"),
        *((method, f"{theme}/{name}", picture, "brands")
          for method in ("POST", "DELETE") for name in _PICTURES),
        ("POST", mail + "/test", test_email, "templates"),
        ("DELETE", mail + "/customizations", forget_customizations, "templates"),
        ("POST", "/domains/{domainId}/verify", verify_domain, "domains"),
        ("PUT", "/domains/{domainId}/certificate", certificate, "domains"),
        ("POST", "/email-domains/{emailDomainId}/verify", verify_domain, "emailDomains"),
        ("POST", "/apps/{appId}/credentials/keys/{keyId}/clone", clone_key, "apps"),
        ("DELETE", "/apps/{appId}/tokens", revoke_of_app, "apps"),
        ("GET", server + "/credentials/keys", server_keys, "authorizationServers"),
        ("POST", server + "/credentials/lifecycle/keyRotate", rotate, "authorizationServers"),
        ("DELETE", server + "/clients/{clientId}/tokens", revoke_of_server,
         "authorizationServers"),
        ("DELETE", "/api-tokens/current", revoke_own, ""),
        ("DELETE", user + "/grants", revoke_of_user, "users"),
        ("DELETE", user + "/clients/{clientId}/grants", revoke_of_user, "users"),
        ("DELETE", user + "/clients/{clientId}/tokens", revoke_of_user, "users"),
        ("POST", user + "/credentials/forgot_password_recovery_question", recover, "users"),
        ("POST", "/inlineHooks/{inlineHookId}/execute", execute, "inlineHooks"),
        ("POST", "/agentPools/{poolId}/updates/{updateId}/stop", _agents("Cancelled"),
         "agentPools"),
        ("POST", "/agentPools/{poolId}/updates/{updateId}/retry", _agents("InProgress"),
         "agentPools"),
        ("POST", "/telephony-providers/{customTelephonyProviderId}/setAsPrimary", primary, ""),
    ]  # fmt: skip
    for base in (role, user):
        one = base + "/subscriptions/{notificationType}"
        rows += [
            ("GET", base + "/subscriptions", subscriptions, ""),
            ("GET", one, subscriptions, ""),
            ("POST", one + "/subscribe", subscriptions, ""),
            ("POST", one + "/unsubscribe", subscriptions, ""),
        ]
    out = []
    for method, path, rule, scope in rows:
        scopes = scopes_for(method, scope)
        out.append(Route(method, _API + path, rule, f"{method} {path}", scopes=scopes))
    return tuple(out)


ROUTES: Final = _routes()
