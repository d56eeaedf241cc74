"""Profile schemas of users, groups and applications; linked object definitions."""

from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import apps
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import href, stamp

DRAFT: Final = "http://json-schema.org/draft-04/schema#"
_DENIED: Final = "READ_ONLY"
# name, title, what its owner may do, and what else the default template says of it
_USER: Final[tuple[tuple[str, str, str, dict[str, Any]], ...]] = (
    ("login", "Username", "READ_WRITE", {"required": True, "minLength": 5, "maxLength": 100}),
    ("firstName", "First name", "READ_WRITE", {"required": True, "minLength": 1, "maxLength": 50}),
    ("lastName", "Last name", "READ_WRITE", {"minLength": 1, "maxLength": 50}),
    ("middleName", "Middle name", _DENIED, {}),
    ("honorificPrefix", "Honorific prefix", _DENIED, {}),
    ("honorificSuffix", "Honorific suffix", _DENIED, {}),
    ("email", "Primary email", "READ_WRITE", {"required": True, "format": "email"}),
    ("title", "Title", _DENIED, {}),
    ("displayName", "Display name", _DENIED, {}),
    ("nickName", "Nickname", _DENIED, {}),
    ("profileUrl", "Profile Url", _DENIED, {"format": "uri"}),
    ("secondEmail", "Secondary email", "READ_WRITE", {"format": "email"}),
    ("mobilePhone", "Mobile phone", "READ_WRITE", {"maxLength": 100}),
    ("primaryPhone", "Primary phone", "HIDE", {"maxLength": 100}),
    ("streetAddress", "Street address", "HIDE", {}),
    ("city", "City", "HIDE", {}),
    ("state", "State", "HIDE", {}),
    ("zipCode", "Zip code", "HIDE", {}),
    ("countryCode", "Country code", "HIDE", {"format": "country-code"}),
    ("postalAddress", "Postal Address", "HIDE", {}),
    ("preferredLanguage", "Preferred language", _DENIED, {"format": "language-code"}),
    ("locale", "Locale", _DENIED, {"format": "locale"}),
    ("timezone", "Time zone", _DENIED, {"format": "timezone"}),
    ("userType", "User type", _DENIED, {}),
    ("employeeNumber", "Employee number", _DENIED, {}),
    ("costCenter", "Cost center", _DENIED, {}),
    ("organization", "Organization", _DENIED, {}),
    ("division", "Division", _DENIED, {}),
    ("department", "Department", _DENIED, {}),
    ("managerId", "ManagerId", _DENIED, {}),
    ("manager", "Manager", _DENIED, {}),
)
# OpenID Connect Core 1.0, section 5.1: standard claims
_CLAIMS: Final[tuple[tuple[str, str, str], ...]] = (
    ("name", "Name", "End-User's full name in displayable form."),
    ("nickname", "Nickname",
     "Casual name of the End-User (may or may not be the same as the given_name)"),
    ("given_name", "Given Name", "Given name or first name of the End-User."),
    ("middle_name", "Middle Name", "Middle name of the End-User."),
    ("family_name", "Family Name", "Surname or last name of the End-User."),
    ("email", "Email", "End-User's preferred e-mail address."),
    ("profile", "Profile URL", "URL of the End-User's profile page."),
    ("picture", "Picture URL", "URL of the End-User's profile picture."),
    ("website", "Website", "URL of the End-User's Web page or blog."),
    ("gender", "Gender", "End-User's gender."),
    ("birthdate", "Birthdate",
     "End-User's birthday, represented as an ISO 8601:2004 YYYY-MM-DD format."),
    ("zoneinfo", "Time Zone", "String representing the End-User's time zone."),
    ("locale", "Locale Name",
     "ISO3166\u20111 country code in uppercase, separated by a dash (e.g. 'en-US')"),
    ("phone_number", "Phone Number", "End-User's preferred telephone number in E.164 format."),
    ("street_address", "Street Address", "Full street address component."),
    ("locality", "Locality", "City or locality component."),
    ("region", "Region", "State, province, prefecture, or region component."),
    ("postal_code", "Postal Code", "Zip code or postal code component."),
    ("country", "Country", "Country name component."),
    ("formatted", "Formatted", "Full mailing address, formatted for display."),
)  # fmt: skip
_ADDRESS: Final = ("street_address", "locality", "region", "postal_code", "country", "formatted")


def _user_base() -> dict[str, Any]:
    properties = {}
    for name, title, may, extra in _USER:
        first = {key: value for key, value in extra.items() if key == "required"}
        rest = {key: value for key, value in extra.items() if key not in first}
        properties[name] = {
            "title": title,
            "type": "string",
            **first,
            "mutability": "READ_WRITE",
            "scope": "NONE",
            **rest,
            "permissions": [{"principal": "SELF", "action": may}],
            "master": {"type": "PROFILE_MASTER"},
        }
    return {
        "id": "#base",
        "type": "object",
        "properties": properties,
        "required": ["login", "firstName", "email"],
    }


def _app_base(mode: str | None) -> dict[str, Any]:
    username: dict[str, Any] = {"title": "Username", "type": "string", "required": True}
    if mode != "OPENID_CONNECT":
        properties: dict[str, Any] = {"userName": {**username, "scope": "NONE", "maxLength": 100}}
        return {"id": "#base", "type": "object", "properties": properties, "required": ["userName"]}
    properties = {"userName": {**username, "externalName": "preferred_username", "scope": "SELF"}}
    for name, title, about in _CLAIMS:
        properties[name] = {"title": title, "description": about, "type": "string"}
        if name in _ADDRESS:
            properties[name]["externalName"] = f"address.{name}"
        properties[name]["scope"] = "SELF"
    return {"id": "#base", "type": "object", "properties": properties, "required": ["userName"]}


def _group_base() -> dict[str, Any]:
    common = {"type": "string", "mutability": "READ_WRITE", "scope": "NONE"}
    tail = {
        "permissions": [{"principal": "SELF", "action": "READ_ONLY"}],
        "master": {"type": "PROFILE_MASTER"},
    }
    return {
        "id": "#base",
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {
                "title": "Name",
                "description": "Group name",
                "required": True,
                **common,
                "maxLength": 255,
                **tail,
            },
            "description": {
                "title": "Description",
                "description": "Group description",
                **common,
                "maxLength": 1024,
                **tail,
            },
        },
    }


def _document(call: Exchange, key: str) -> dict[str, Any]:
    """Return the stored part of a schema: custom properties and times."""
    found = call.table("schemas").get(key)
    if found is None:
        at = stamp(call.world)
        found = {"custom": {}, "required": [], "created": at, "lastUpdated": at}
    return found  # type: ignore[no-any-return] # JSON


def _shown(call: Exchange, key: str, name: str, title: str, base: dict[str, Any]) -> dict[str, Any]:
    kept = _document(call, key)
    return {
        "id": f"{call.request.origin}/meta/schemas/{key}",
        "$schema": DRAFT,
        "name": name,
        "title": title,
        "lastUpdated": kept["lastUpdated"],
        "created": kept["created"],
        "definitions": {
            "custom": {
                "id": "#custom", "type": "object", "properties": kept["custom"],
                "required": kept["required"],
            },
            "base": base,
        },
        "type": "object",
        "properties": {
            "profile": {
                "allOf": [{"$ref": "#/definitions/custom"}, {"$ref": "#/definitions/base"}]
            }
        },
    }  # fmt: skip


def _change(call: Exchange, key: str, *, app: bool = False) -> None:
    body = call.json()
    if not isinstance(body, dict):
        raise failure("E0000003")
    sent = ((body.get("definitions") or {}).get("custom") or {}).get("properties") or {}
    if not isinstance(sent, dict):
        raise failure("E0000003")
    kept = _document(call, key)
    custom, required = dict(kept["custom"]), [n for n in kept["required"] if n not in sent]
    for name, value in sent.items():
        if value is None:
            custom.pop(name, None)
            continue
        custom[name] = _property(name, value, app=app)
        if value.get("required") is True:
            required.append(name)
    call.table("schemas").put(
        key,
        {**kept, "custom": custom, "required": required, "lastUpdated": stamp(call.world)},
    )
    if key.startswith("user/"):
        known = call.table("meta").get("user_properties") or {}
        call.table("meta").put(
            "user_properties",
            {
                **{k: v for k, v in known.items() if k not in sent or sent[k] is not None},
                **{name: value for name, value in sent.items() if value is not None},
            },
        )


def _property(name: str, value: Any, *, app: bool) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.get("type"):
        raise invalid(name, "type: The field cannot be left blank")
    if not value.get("title"):
        raise invalid(name, "title: The field cannot be left blank")
    kept = {k: v for k, v in value.items() if v is not None and v != ""}
    order = ("title", "description", "type", "required", "externalName", "externalNamespace")
    out = {key: kept.pop(key) for key in order if key in kept}
    if out.get("required") is not True:
        out.pop("required", None)
    if not app:
        out["mutability"] = kept.pop("mutability", "READ_WRITE")
        kept.setdefault("permissions", [{"principal": "SELF", "action": "READ_ONLY"}])
        kept.setdefault("master", {"type": "PROFILE_MASTER"})
    else:
        kept.pop("master", None)
        kept.pop("permissions", None)
        if out["type"] != "array":
            kept.pop("union", None)
    out["scope"] = kept.pop("scope", "NONE")
    return {**out, **kept}


def user_schema(call: Exchange) -> Reply:
    """``GET``/``POST /api/v1/meta/schemas/user/{schemaId}``; ``default`` is the first."""
    meta = call.table("meta")
    key = call.params["schemaId"]
    if key not in ("default", meta.get("user_schema")) and key not in call.table("user_schemas"):
        raise missing(key, "UserSchema")
    name = "user/default" if key == meta.get("user_schema") else f"user/{key}"
    if call.request.method == "POST":
        _change(call, name)
    out = _shown(call, name, "user", "User", _user_base())
    out["description"] = "Okta user profile template with default permission settings"
    schema, kind = meta.get("user_schema"), meta.get("user_type")
    if name != "user/default":
        kind, schema = call.table("user_schemas")[key], key
    out["_links"] = {
        "self": {"rel": "self", "href": href(call, f"/meta/schemas/user/{schema}"),
                 "method": "GET"},
        "type": {"rel": "type", "href": href(call, f"/meta/types/user/{kind}"), "method": "GET"},
    }  # fmt: skip
    return Reply(200, out)


def app_schema(call: Exchange) -> Reply:
    """``GET``/``POST /api/v1/meta/schemas/apps/{appId}/default``."""
    app = apps.app_of(call)
    key = f"apps/{app['id']}/default"
    if call.request.method == "POST":
        _change(call, key, app=True)
    name = app["name"] if app["name"] != "oidc_client" else f"oidc_client_{app['id'][3:10].lower()}"
    base = _app_base(app.get("signOnMode"))
    return Reply(200, _shown(call, key, name, f"{app.get('label')} User", base))


def group_schema(call: Exchange) -> Reply:
    """``GET``/``POST /api/v1/meta/schemas/group/default``."""
    if call.request.method == "POST":
        _change(call, "group/default")
        custom = _document(call, "group/default")["custom"]
        call.table("meta").put("group_properties", dict.fromkeys(custom, True))
    out = _shown(call, "group/default", "group", "Okta group", _group_base())
    out["description"] = "Okta group profile template"
    out["_links"] = {
        "self": {"rel": "self", "href": href(call, "/meta/schemas/group/default"), "method": "GET"}
    }
    return Reply(200, out)


# --- linked objects
def list_links(call: Exchange) -> Reply:
    """``GET /api/v1/meta/schemas/user/linkedObjects``."""
    return Reply(200, [_link_shown(call, row) for row in call.table("linked").values()])


def _link_shown(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    at = href(call, f"/meta/schemas/user/linkedObjects/{row['primary']['name']}")
    return {**row, "_links": {"self": {"href": at}}}


def definition(call: Exchange, name: str) -> dict[str, Any] | None:
    """Return the linked object with a primary or associated name."""
    for row in call.table("linked").values():
        if name in (row["primary"]["name"], row["associated"]["name"]):
            return row  # type: ignore[no-any-return] # JSON
    return None


def create_link(call: Exchange) -> Reply:
    """``POST /api/v1/meta/schemas/user/linkedObjects``."""
    body = call.fields()
    row = {}
    for side in ("primary", "associated"):
        value = body.get(side)
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            raise invalid(side, f"{side}: The field cannot be left blank")
        if definition(call, value["name"]) is not None:
            raise invalid("name", f"The name {value['name']} is already used.")
        row[side] = {
            key: value[key]
            for key in ("name", "title", "description", "type")
            if value.get(key) is not None
        }
    call.table("linked").put(row["primary"]["name"], row)
    return Reply(201, _link_shown(call, row))


def get_link(call: Exchange) -> Reply:
    """``GET``/``DELETE /api/v1/meta/schemas/user/linkedObjects/{linkedObjectName}``."""
    name = call.params["linkedObjectName"]
    row = definition(call, name)
    if row is None:
        raise missing(name, "LinkedObject")
    if call.request.method == "DELETE":
        call.table("linked").drop(row["primary"]["name"])
        call.table("linked_values").drop(row["primary"]["name"])
        return Reply(204)
    return Reply(200, _link_shown(call, row))


_USER_AT: Final = "/api/v1/meta/schemas/user/{schemaId}"
_APP_AT: Final = "/api/v1/meta/schemas/apps/{appId}/default"
_GROUP_AT: Final = "/api/v1/meta/schemas/group/default"
_LINKED: Final = "/api/v1/meta/schemas/user/linkedObjects"
_READ: Final = ("okta.schemas.read",)
_MANAGE: Final = ("okta.schemas.manage",)
ROUTES: Final = (
    Route("GET", _USER_AT, user_schema, "getUserSchema", scopes=_READ),
    Route("POST", _USER_AT, user_schema, "updateUserProfile", scopes=_MANAGE),
    Route("GET", _APP_AT, app_schema, "getApplicationUserSchema", scopes=_READ),
    Route("POST", _APP_AT, app_schema, "updateApplicationUserProfile", scopes=_MANAGE),
    Route("GET", _GROUP_AT, group_schema, "getGroupSchema", scopes=_READ),
    Route("POST", _GROUP_AT, group_schema, "updateGroupSchema", scopes=_MANAGE),
    Route("GET", _LINKED, list_links, "listLinkedObjectDefinitions"),
    Route("POST", _LINKED, create_link, "createLinkedObjectDefinition"),
    Route("GET", _LINKED + "/{linkedObjectName}", get_link, "getLinkedObjectDefinition"),
    Route("DELETE", _LINKED + "/{linkedObjectName}", get_link, "deleteLinkedObjectDefinition"),
)  # fmt: skip
