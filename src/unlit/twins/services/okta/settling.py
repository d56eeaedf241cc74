"""What Okta makes of rows it is sent, by kind: defaults, order and derived parts."""

from collections.abc import Callable
from typing import Any, Final

from unlit.twins.kit.twin import Exchange
from unlit.twins.services.okta import users
from unlit.twins.services.okta.errors import invalid, missing
from unlit.twins.services.okta.policies import replaced

_API: Final = "/api/v1"
_OPENID: Final[tuple[tuple[str, str], ...]] = (
    ("given_name", "firstName"),
    ("family_name", "lastName"),
    ("middle_name", "middleName"),
    ("nickname", "nickName"),
    ("email", "email"),
    ("phone_number", "primaryPhone"),
    ("profile", "profileUrl"),
    ("preferred_username", "login"),
    ("country", "countryCode"),
    ("locality", "city"),
    ("region", "state"),
    ("postal_code", "zipCode"),
    ("street_address", "streetAddress"),
)


def _brand(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "customPrivacyPolicyUrl": row.get("customPrivacyPolicyUrl") or None}


def _theme(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    sent = call.json() if call.request.body else None
    name = "loadingPageTouchPointVariant"
    if isinstance(sent, dict) and name not in sent:
        return {**row, name: "OKTA_DEFAULT"}
    return row


def _zone(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    places = row.get("locations")
    sent = call.json() if call.request.body else None
    given = sent.get("locations") if isinstance(sent, dict) else None
    if not isinstance(places, list) or not isinstance(given, list):
        return row
    known = [
        {"country": place.get("country"), "region": place.get("region")}
        for place in given
        if isinstance(place, dict)
    ]
    return {**row, "locations": sorted(known, key=lambda p: (str(p["country"]), str(p["region"])))}


def _email_domain(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    domain = str(row.get("domain") or "")
    below = str(row.get("validationSubdomain") or "mail")
    records = row.get("dnsValidationRecords")
    if isinstance(records, list) and all(r.get("fqdn") for r in records if isinstance(r, dict)):
        return row
    number = call.world.number("okta.sender", 10_000_000)
    proof = call.world.text("okta.dns", 32, "0123456789abcdef")
    host, low = f"u{number}.wl.sendgrid.net", domain.lower()
    rows = [("TXT", f"_oktaverification.{domain}", proof), ("cname", f"{below}.{low}", host)]
    rows += [
        ("cname", f"{name}._domainkey.{low}", f"{name}.domainkey.{host}")
        for name in ("okt", "okt2")
    ]
    return {**row, "dnsValidationRecords": [
        {"recordType": kind, "fqdn": at, "verificationValue": value} for kind, at, value in rows
    ]}  # fmt: skip


def _of_person(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Give a new assignment the id of its person, and by default the person's login."""
    sent = call.json() if call.request.body else None
    if "userId" in call.params or not isinstance(sent, dict) or "id" not in sent:
        return row
    user = users.find(call.world, str(sent["id"]))
    if user is None:
        raise missing(str(sent["id"]), "User")
    out: dict[str, Any] = replaced(row, str(row["id"]), user["id"])
    credentials = out.get("credentials")
    if isinstance(credentials, dict) and credentials.get("userName") is None:
        out["credentials"] = {**credentials, "userName": user["profile"]["login"]}
    return out


def _named(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Give a row that stands for another object (an owner, an application) that object's id."""
    sent = call.json() if call.request.body else None
    if call.request.method != "POST" or not isinstance(sent, dict) or not sent.get("id"):
        return row
    key = str(sent["id"])
    places = ("users", "groups", "at:/api/v1/apps")
    if not any(key in call.table(place) for place in places):
        raise missing(key, "User" if sent.get("type") == "USER" else "UserGroup")
    out: dict[str, Any] = replaced(row, str(row["id"]), key)
    return out


def _app_user(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Fill what an OpenID Connect application knows of a user from the user's own profile."""
    row = _of_person(call, row)
    user = users.find(call.world, str(row.get("id") or ""))
    profile = row.get("profile")
    if user is None or not isinstance(profile, dict) or "given_name" not in profile:
        return row
    own = user["profile"]
    sent = call.json() if call.request.body else None
    given = (sent.get("profile") or {}) if isinstance(sent, dict) else {}
    out = dict(profile)
    for name, source in _OPENID:
        if name in out and out[name] is None:
            out[name] = own.get(source)
    if "name" in out and not out["name"]:
        shown = f"{own.get('firstName') or ''} {own.get('lastName') or ''}".strip()
        out["name"] = own.get("displayName") or shown or None
    return {**row, "profile": {**out, **(given if isinstance(given, dict) else {})}}


def _mapping(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Refuse fields that the target has not; a field set to null is taken out."""
    sent = call.json() if call.request.body else None
    given = sent.get("properties") if isinstance(sent, dict) else None
    target = row.get("target") if isinstance(row.get("target"), dict) else {}
    if not isinstance(given, dict):
        return row
    if target and target.get("type") == "user":
        known = call.table("meta").get("user_properties") or {}
        for name, value in given.items():
            if name not in known and value is not None:
                raise invalid("updateMapping", f"Invalid target field {name}")
    kept = {key: value for key, value in row["properties"].items() if value is not None}
    return {**row, "properties": kept}


RULES: Final[dict[str, Callable[[Exchange, dict[str, Any]], dict[str, Any]]]] = {
    f"{_API}/brands": _brand,
    f"{_API}/brands/{{brandId}}/themes": _theme,
    f"{_API}/zones": _zone,
    f"{_API}/email-domains": _email_domain,
    f"{_API}/apps/{{appId}}/users": _app_user,
    f"{_API}/apps/{{appId}}/interclient-allowed-apps": _named,
    f"{_API}/groups/{{groupId}}/owners": _named,
    f"{_API}/mappings": _mapping,
}
