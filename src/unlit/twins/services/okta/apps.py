"""Applications: names and links that follow the sign-on mode, credentials, keys, policies."""

import re
from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.crud import Crud
from unlit.twins.kit.http import Reply, Text
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import UPPER, World
from unlit.twins.services.okta import events, keys
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import (
    href,
    is_classic,
    link,
    mint,
    org_id,
    since,
    stamp,
)

KIND: Final = "/api/v1/apps"
_ASSIGNED: Final = re.compile(r'\s*(user|group)\.id\s+eq\s+"([^"]+)"\s*', re.IGNORECASE)
_NAMES: Final = {
    "OPENID_CONNECT": "oidc_client",
    "BOOKMARK": "bookmark",
    "BASIC_AUTH": "template_basic_auth",
    "BROWSER_PLUGIN": "template_swa",
    "SECURE_PASSWORD_STORE": "template_sps",
    "WS_FEDERATION": "template_wsfed",
}
_MODES: Final = {name: mode for mode, name in _NAMES.items()}
_TEMPLATES: Final = ("template_", "bookmark")
_LOGO: Final = "https://ok4static.oktacdn.com/assets/img/logos/default.png"
_CLIENT_KEYS: Final = {"private_key_jwt": "jwks"}
_LOGOUT: Final = {
    "status": "DISABLED",
    "supportType": "FULL",
    "identityStack": "NOT_SHARED",
    "protocol": "GLOBAL_TOKEN_REVOCATION",
}


def settle(call: Exchange, row: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """Complete an application: what Okta derives from mode, name and credentials."""
    mode = row.get("signOnMode") or _MODES.get(str(row.get("name")))
    row = {**row, "signOnMode": mode}
    key = row["id"]
    for part in ("credentials", "settings", "visibility"):
        if not isinstance(row.get(part) or {}, dict):
            raise failure("E0000003")
    name = row.get("name") if isinstance(row.get("name"), str) and row["name"] else None
    name = before["name"] if before is not None else name and name.lower()
    if name is None:
        name = _NAMES.get(str(mode)) or _custom_name(call, str(row.get("label") or "app"))
    label = "login" if name.startswith(_TEMPLATES) else f"{name}_link"
    visibility = {**row.get("visibility", {})}
    if visibility.get("appLinks") is None or before is None:
        visibility["appLinks"] = {label: True}
    out = {
        **row,
        "orn": f"orn:okta:idp:{org_id(call.world)}:apps:{name}:{key}",
        "name": name,
        "signOnMode": mode,
        "visibility": visibility,
        "credentials": _credentials(call, row, before),
        "settings": _settings(call.world, row),
        **_logout(call.world, mode, name),
        "_links": _links(call, {**row, "name": name}, label, before),
    }
    if mode == "OPENID_CONNECT" and name != _NAMES[mode]:  # of the catalog: its client is hidden
        for part in ("credentials", "settings"):
            out[part] = {key: value for key, value in out[part].items() if key != "oauthClient"}
    if before is not None:
        out["created"] = before["created"]
    return out


def _logout(world: World, mode: Any, name: str) -> dict[str, Any]:
    """Return what the application says of Universal Logout, if its release knows it."""
    if not since(world, "2025-06"):
        return {}
    able = mode == "SAML_2_0" or name == _NAMES["OPENID_CONNECT"]
    if not since(world, "2026-02-10") and mode != "SAML_2_0":
        return {"universalLogout": None}
    return {"universalLogout": _LOGOUT if able else {"status": "UNSUPPORTED"}}


def _custom_name(call: Exchange, label: str) -> str:
    slug = re.sub(r"[^a-z0-9]", "", label.lower())
    number = call.world.number("okta.custom_app")
    return f"{call.request.host.split('.')[0].replace('127', 'twin')}_{slug}_{number}"


def _credentials(call: Exchange, row: dict[str, Any], before: Any) -> dict[str, Any]:
    out = {**(row.get("credentials") or {})}
    old = (before or {}).get("credentials") or {}
    if "password" in out and isinstance(out["password"], dict):
        out["password"] = {}
    template = out.get("userNameTemplate")
    if not template:
        out["userNameTemplate"] = {"template": "${source.login}", "type": "BUILT_IN"}
    signing = old.get("signing") or {}
    if row.get("signOnMode") in ("OPENID_CONNECT", "SAML_2_0", "SAML_1_1", "WS_FEDERATION"):
        wanted = (out.get("signing") or {}).get("kid") if before is not None else None
        kid = wanted or signing.get("kid") or _kid(call.world, row)
        signing = {**signing, "kid": kid}
    out["signing"] = signing
    if row.get("signOnMode") == "OPENID_CONNECT":
        out["oauthClient"] = _client(
            call.world, row, out.get("oauthClient") or {}, old.get("oauthClient") or {}
        )
    return out


def _kid(world: World, row: dict[str, Any]) -> str:
    """Return the signing key of a new application: OpenID Connect signs with the organisation's."""
    own = keys.for_app(world, row["id"])
    if row.get("signOnMode") != "OPENID_CONNECT":
        return own
    meta = world.table("okta.meta")
    return str(meta.get("signing_kid") or meta.put("signing_kid", world.text("okta.kid", 43)))


def _client(
    world: World, row: dict[str, Any], sent: dict[str, Any], old: dict[str, Any]
) -> dict[str, Any]:
    kept = {key: value for key, value in sent.items() if value not in (None, "")}
    method = kept.get("token_endpoint_auth_method") or old.get("token_endpoint_auth_method")
    out: dict[str, Any] = {
        "autoKeyRotation": kept.get("autoKeyRotation", True),
        "client_id": kept.get("client_id") or old.get("client_id") or row["id"],
    }
    secret = kept.get("client_secret") or world.table("okta.client_secrets").get(row["id"])
    method = method or "client_secret_basic"
    if method.startswith("client_secret"):
        out["client_secret"] = secret or world.text("okta.client_secret", 64)
        world.table("okta.client_secrets").put(row["id"], out["client_secret"])
        keep_secret(world, row["id"], out["client_secret"])
    out["token_endpoint_auth_method"] = method
    out["pkce_required"] = kept.get("pkce_required", method == "none")
    return out


def keep_secret(world: World, app: str, secret: str) -> None:
    """Keep a client's secret among its secrets."""
    table = world.table(f"okta.at:{KIND}/{app}/credentials/secrets")
    if any(row["client_secret"] == secret for row in table.values()):
        return
    at, key = stamp(world), mint(world, "ocs")
    table.put(key, {
        "id": key, "created": at, "lastUpdated": at, "status": "ACTIVE",
        "client_secret": secret, "secret_hash": world.text("okta.hash", 22),
        "_links": {"deactivate": {
            "href": f"{{origin}}{KIND}/{app}/credentials/secrets/{key}/lifecycle/deactivate",
            "hints": {"allow": ["POST"]},
        }},
    })  # fmt: skip


def _settings(world: World, row: dict[str, Any]) -> dict[str, Any]:
    out = {**(row.get("settings") or {})}
    out.pop("extendedProperties", None)
    notes = out.get("notes") or {}
    out["notes"] = {"admin": notes.get("admin"), "enduser": notes.get("enduser")}
    client = out.get("oauthClient")
    if isinstance(client, dict) and isinstance((client.get("jwks") or {}).get("keys"), list):
        found = [
            {**key, "id": key.get("id") or mint(world, "pks"), "use": key.get("use")}
            for key in client["jwks"]["keys"]
        ]
        out["oauthClient"] = {**client, "jwks": {**client["jwks"], "keys": found}}
    sign_on = out.get("signOn")
    if isinstance(sign_on, dict):
        out["signOn"] = {
            key: value for key, value in sign_on.items() if not key.endswith("Override") or value
        }
    return out


def _links(
    call: Exchange, row: dict[str, Any], label: str, before: dict[str, Any] | None
) -> dict[str, Any]:
    path = f"/apps/{row['id']}"
    old = (before or {}).get("_links") or {}
    out: dict[str, Any] = {}
    if row.get("signOnMode") == "SAML_2_0":
        help_at = f"/app/{row['name']}/{row['id']}/setup/help/SAML_2_0/instructions"
        out["help"] = {"href": call.request.origin + help_at, "type": "text/html"}
        out["metadata"] = {
            "href": href(call, f"{path}/sso/saml/metadata"),
            "type": "application/xml",
        }
    elif row.get("signOnMode") == "OPENID_CONNECT" and row["name"] != _NAMES["OPENID_CONNECT"]:
        help_at = f"/app/{row['name']}/{row['id']}/setup/help/OPENID_CONNECT/external-doc"
        out["help"] = {"href": call.request.origin + help_at, "type": "text/html"}
    out["uploadLogo"] = link(call, f"{path}/logo", "POST")
    out["appLinks"] = old.get("appLinks") or [{
        "name": label, "type": "text/html",
        "href": f"{call.request.origin}/home/{row['name']}/{row['id']}/{_alias(call, row['name'])}",
    }]  # fmt: skip
    meta = call.table("meta")
    if not is_classic(call.world):
        out["profileEnrollment"] = old.get("profileEnrollment") or link(
            call, f"/policies/{meta.get('profile_enrollment')}"
        )
        out["policies"] = link(call, f"{path}/policies", "PUT")
    out["groups"] = link(call, f"{path}/groups")
    out["logo"] = old.get("logo") or [{"name": "medium", "href": _LOGO, "type": "image/png"}]
    if row.get("signOnMode") == "OPENID_CONNECT":
        client = (row.get("credentials") or {}).get("oauthClient") or {}
        kind = (
            "jwks" if client.get("token_endpoint_auth_method") == "private_key_jwt" else "secrets"
        )
        out["clientCredentials"] = [
            {"name": kind, "href": href(call, f"{path}/credentials/{kind}")}
        ]
    if not is_classic(call.world):
        out["accessPolicy"] = old.get("accessPolicy") or link(
            call, f"/policies/{meta.get('access_policy')}"
        )
    out["users"] = link(call, f"{path}/users")
    verb = "activate" if row.get("status") == "INACTIVE" else "deactivate"
    out[verb] = link(call, f"{path}/lifecycle/{verb}")
    return out


def _alias(call: Exchange, name: str) -> str:
    """Return the id of an application's link, one for each kind of application."""
    table = call.table("app_links")
    return str(table.get(name) or table.put(name, mint(call.world, "aln")))


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Render an application for reading: a client's secret is shown only when it is made."""
    client = (row.get("credentials") or {}).get("oauthClient")
    if not isinstance(client, dict) or "client_secret" not in client:
        return row
    kept = {key: value for key, value in client.items() if key != "client_secret"}
    return {**row, "credentials": {**row["credentials"], "oauthClient": kept}}


def app_of(call: Exchange) -> dict[str, Any]:
    """Return the application that the path names."""
    key = call.params["appId"]
    row = call.world.table(f"okta.at:{KIND}").get(key)
    if row is None:
        raise missing(key, "AppInstance")
    return row  # type: ignore[no-any-return] # rows are JSON


def assigned(call: Exchange, text: str) -> Callable[[Any], bool] | None:
    """Return the test of ``user.id eq "…"`` or ``group.id eq "…"``, or `None` for another one."""
    found = _ASSIGNED.fullmatch(text) if call.request.raw_path == KIND else None
    if found is None:
        return None
    place, key = found[1].lower() + "s", found[2]
    return lambda row: key in call.world.table(f"okta.at:{KIND}/{row['id']}/{place}")


def embedded(call: Exchange) -> Callable[[Any], Any] | None:
    """Return how ``expand=user/…`` shows an application: with its assignment of that person."""
    kind, _, key = (call.request.arg("expand") or "").partition("/")
    if kind != "user" or not key:
        return None

    def shown(row: Any) -> Any:
        one = call.world.table(f"okta.at:{KIND}/{row['id']}/users").get(key)
        return row if one is None else {**row, "_embedded": {"user": one}}

    return shown


def routes(crud: Crud) -> tuple[Route, ...]:
    """Return the routes that are more than collections and items."""

    def get(call: Exchange) -> Reply:
        return Reply(200, shown(app_of(call)))

    def replace(call: Exchange) -> Reply:
        before, sent = app_of(call), call.json()
        if not isinstance(sent, dict):
            raise failure("E0000003")
        if not sent.get("signOnMode") and not sent.get("label"):
            raise invalid("label", "label: The field cannot be left blank")
        sent = {
            **sent,
            "status": before["status"],
            "signOnMode": sent.get("signOnMode") or before.get("signOnMode"),
        }
        operation = crud.maker.contract.by_route[("PUT", KIND + "/{appId}")]
        row = crud.maker.made(call, operation, KIND, sent, before)
        crud.table(call.world, KIND).put(row["id"], row)
        events.record(call, "application.lifecycle.update", events.app_target(row))
        return Reply(200, row)

    return (
        Route("GET", KIND + "/{appId}", get, "getApplication", scopes=("okta.apps.read",)),
        Route("PUT", KIND + "/{appId}", replace, "replaceApplication",
              scopes=("okta.apps.manage",)),
        *ROUTES,
    )  # fmt: skip


def delete(call: Exchange) -> Reply:
    """``DELETE /api/v1/apps/{appId}``: only one that is deactivated."""
    row = app_of(call)
    if row.get("status") != "INACTIVE":
        raise failure("E0000056", "The application must be deactivated before deletion.")
    call.world.table(f"okta.at:{KIND}").drop(row["id"])
    below = f"okta.at:{KIND}/{row['id']}/"
    for name in [name for name in call.world.tables if name.startswith(below)]:
        call.world.tables.pop(name)
    events.record(call, "application.lifecycle.delete", events.app_target(row))
    return Reply(204)


def move(call: Exchange) -> Reply:
    """``POST …/lifecycle/{activate,deactivate}``."""
    row = app_of(call)
    verb = call.request.raw_path.rstrip("/").rsplit("/", 1)[-1]
    status = "ACTIVE" if verb == "activate" else "INACTIVE"
    moved = {**row, "status": status, "lastUpdated": stamp(call.world)}
    label = (
        next(iter(row["visibility"].get("appLinks") or {"login": True}), "login")
        if (isinstance(row.get("visibility"), dict))
        else "login"
    )
    moved["_links"] = _links(call, moved, label, row)
    call.world.table(f"okta.at:{KIND}").put(row["id"], moved)
    events.record(call, f"application.lifecycle.{verb}", events.app_target(row))
    return Reply(200, {})


def assign_policy(call: Exchange) -> Reply:
    """``PUT …/policies/{policyId}``: the policy's type decides which link it becomes."""
    row, policy = app_of(call), call.params["policyId"]
    found = call.world.table("okta.at:/api/v1/policies").get(policy)
    kind = (found or {}).get("type")
    name = "profileEnrollment" if kind == "PROFILE_ENROLLMENT" else "accessPolicy"
    links = {**row["_links"], name: link(call, f"/policies/{policy}")}
    call.world.table(f"okta.at:{KIND}").put(row["id"], {**row, "_links": links})
    return Reply(204)


def list_keys(call: Exchange) -> Reply:
    """``GET …/credentials/keys``."""
    return Reply(200, keys.of_app(call.world, app_of(call)["id"]))


def get_key(call: Exchange) -> Reply:
    """``GET …/credentials/keys/{keyId}``."""
    for key in keys.of_app(call.world, app_of(call)["id"]):
        if key["kid"] == call.params["keyId"]:
            return Reply(200, key)
    raise missing(call.params["keyId"], "JsonWebKey")


def generate_key(call: Exchange) -> Reply:
    """``POST …/credentials/keys/generate?validityYears=N``."""
    row = app_of(call)
    years = call.request.arg("validityYears") or ""
    if not years.isdigit() or not 2 <= int(years) <= 10:
        raise invalid("validityYears", "Validity years must be between 2 and 10.")
    kid = keys.for_app(call.world, row["id"], years=int(years))
    return Reply(201, next(k for k in keys.of_app(call.world, row["id"]) if k["kid"] == kid))


def list_secrets(call: Exchange) -> Reply:
    """``GET …/credentials/secrets``."""
    row = app_of(call)
    rows = call.world.table(f"okta.at:{KIND}/{row['id']}/credentials/secrets").values()
    return Reply(200, [_placed(call, item) for item in rows])


def _placed(call: Exchange, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("{origin}", call.request.origin)
    if isinstance(value, dict):
        return {key: _placed(call, item) for key, item in value.items()}
    return value


def metadata(call: Exchange) -> Reply:
    """``GET …/sso/saml/metadata``."""
    row = app_of(call)
    found = keys.of_app(call.world, row["id"])
    cert = found[0]["x5c"][0] if found else ""
    external = call.table("external_keys").get(row["id"])
    if external is None:
        external = call.table("external_keys").put(row["id"], mint(call.world, "exk"))
    sso = f"{call.request.origin}/app/{row['name']}/{external}/sso/saml"
    bindings = "".join(
        f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:{kind}" '
        f'Location="{sso}"/>'
        for kind in ("HTTP-POST", "HTTP-Redirect")
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<md:EntityDescriptor entityID="http://www.okta.com/{external}" '
        'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
        '<md:IDPSSODescriptor WantAuthnRequestsSigned="false" '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        '<md:KeyDescriptor use="signing">'
        '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{cert}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        "</md:KeyDescriptor>"
        "<md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
        f"</md:NameIDFormat>{bindings}</md:IDPSSODescriptor></md:EntityDescriptor>"
    )
    return Reply(200, Text(text), [("content-type", "application/xml;charset=ISO-8859-1")])


_GROUPS_CLAIM: Final = ("valueType", "groupFilterType", "name", "value")


def id_token(call: Exchange) -> Reply:
    """``…/internal/apps/{appId}/settings/oauth/idToken``; not in the contract, but Terraform's."""
    key = call.params["appId"]
    row = call.world.table(f"okta.at:{KIND}").get(key)
    if row is None or row.get("name") != _NAMES["OPENID_CONNECT"]:
        raise missing(key, "OAuth2AppInstance")
    table = call.table("id_token_issuers")
    empty = {"issuer": None, "orgUrl": None, "customUrl": None, "audience": None}
    if call.request.method == "POST":
        mode = call.fields().get("issuerMode")
        if mode not in ("ORG_URL", "CUSTOM_URL", "DYNAMIC"):
            raise invalid("issuerMode", "issuerMode: The field is invalid")
        groups_claim = {k: v for k, v in call.fields().items() if k in _GROUPS_CLAIM}
        table.put(key, {"issuerMode": mode, **groups_claim})
        return Reply(200, {**empty, **table[key]})
    client = row.get("settings", {}).get("oauthClient") or {}
    kept = table.get(key) or {"issuerMode": client.get("issuer_mode", "ORG_URL")}
    issuer = None if kept["issuerMode"] == "DYNAMIC" else call.request.origin
    return Reply(200, {**empty, "issuer": issuer, "audience": key, **kept})


def upload_logo(call: Exchange) -> Reply:
    """``POST …/logo``: keeps the picture and links to it."""
    row = app_of(call)
    if not call.request.body:
        raise invalid("file", "file: The field cannot be left blank")
    at = f"{call.request.origin}/fs/bco/4/fs0{call.world.text('okta.file', 17, UPPER)}"
    logo = [{"name": "medium", "href": at, "type": "image/png"}]
    moved = {**row, "_links": {**row["_links"], "logo": logo}}
    call.world.table(f"okta.at:{KIND}").put(row["id"], moved)
    return Reply(201, None, [("location", at)])


_MANAGE: Final = ("okta.apps.manage",)
_READ: Final = ("okta.apps.read",)
_ONE: Final = KIND + "/{appId}"
_TOKEN: Final = "/api/v1/internal/apps/{appId}/settings/oauth/idToken"  # noqa: S105 # a path
ROUTES: Final = (
    Route("DELETE", _ONE, delete, "deleteApplication", scopes=_MANAGE),
    Route("POST", _ONE + "/lifecycle/activate", move, "activateApplication", scopes=_MANAGE),
    Route("POST", _ONE + "/lifecycle/deactivate", move, "deactivateApplication", scopes=_MANAGE),
    Route("PUT", _ONE + "/policies/{policyId}", assign_policy, "assignApplicationPolicy",
          scopes=_MANAGE),
    Route("GET", _ONE + "/credentials/keys", list_keys, "listApplicationKeys", scopes=_READ),
    Route("GET", _ONE + "/credentials/keys/{keyId}", get_key, "getApplicationKey", scopes=_READ),
    Route("POST", _ONE + "/credentials/keys/generate", generate_key, "generateApplicationKey",
          scopes=_MANAGE),
    Route("GET", _ONE + "/credentials/secrets", list_secrets, "listOAuth2ClientSecrets",
          scopes=_READ),
    Route("GET", _ONE + "/sso/saml/metadata", metadata, "previewSAMLmetadataForApplication",
          scopes=_READ),
    Route("GET", _TOKEN, id_token, "internal.getIdTokenSettings"),
    Route("POST", _TOKEN, id_token, "internal.updateIdTokenSettings"),
    Route("POST", _ONE + "/logo", upload_logo, "uploadApplicationLogo", scopes=_MANAGE),
)  # fmt: skip
