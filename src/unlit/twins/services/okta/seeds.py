"""What every organisation has from the start, and seeds as people write them."""

from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.twins.kit.seeds import expand, iso, moment, whole
from unlit.twins.kit.world import World
from unlit.twins.services.okta import authservers, groups, presets, users
from unlit.twins.services.okta.org import mint

KEYS: Final = ("users", "groups", "seed")
PROFILE: Final = (
    "login", "firstName", "lastName", "middleName", "honorificPrefix", "honorificSuffix", "email",
    "title", "displayName", "nickName", "profileUrl", "secondEmail", "mobilePhone", "primaryPhone",
    "streetAddress", "city", "state", "zipCode", "countryCode", "postalAddress",
    "preferredLanguage", "locale", "timezone", "userType", "employeeNumber", "costCenter",
    "organization", "division", "department", "managerId", "manager",
)  # fmt: skip
_FIELDS: Final = ("status", "lastLogin", "created", "activated", "passwordChanged", "id")


def prepare(world: World) -> None:
    """Put in the administrator, ``Everyone`` and the default user type."""
    meta = world.table("okta.meta")
    meta.put("user_type", mint(world, "oty"))
    meta.put("user_schema", mint(world, "osc"))
    meta.put("user_properties", dict.fromkeys(PROFILE, True))
    meta.put("group_properties", {})
    meta.put("access_policy", mint(world, "rst"))
    meta.put("profile_enrollment", mint(world, "rst"))
    everyone = groups.add(world, "Everyone", "All users in your organization", type="BUILT_IN")
    presets.prepare(world, everyone["id"])
    profile = {
        "firstName": "Twin",
        "lastName": "Administrator",
        "login": "admin@twin.example",
        "email": "admin@twin.example",
    }
    authservers.prepare(world)
    admin = users.add(world, profile, status="ACTIVE", _preset=True)
    meta.put("admin", admin["id"])


def seed(world: World, spec: Any) -> None:
    """Add users and groups.

    ``users: [{count: 3, login: "user{n}@example.com", lastLogin: "-3d", groups: [Finance]}]``,
    ``groups: [{name: Finance, members: 12}]``: a number makes that many active users.

    Raises:
        InvalidInput: A key is unknown or a value is not of its kind.
    """
    spec = spec or {}
    unknown = sorted(set(spec) - set(KEYS))
    if unknown:
        raise _wrong(f"unknown key {unknown[0]!r}; known: {', '.join(KEYS)}")
    for entry in expand(spec.get("groups")):
        _group(world, entry)
    for entry in expand(spec.get("users")):
        _user(world, entry)


def _group(world: World, entry: dict[str, Any]) -> None:
    entry = {**entry, **entry.pop("profile", {})} if "profile" in entry else entry
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise _wrong("a group needs a name")
    row = groups.by_name(world, name) or groups.add(world, name, entry.get("description"))
    wanted = entry.get("members")
    if wanted is None:
        return
    if isinstance(wanted, list):
        for login in wanted:
            user = users.find(world, str(login)) or _user(world, {"login": str(login)})
            groups.enroll(world, row["id"], user["id"])
        return
    for n in range(1, whole(wanted) + 1):
        text = "".join(c if c.isalnum() else "." for c in name.lower())
        user = _user(world, {"login": f"{text}.{n}@example.com"})
        groups.enroll(world, row["id"], user["id"])


def _user(world: World, entry: dict[str, Any]) -> dict[str, Any]:
    entry = {**entry, **entry.get("profile", {})}
    login = entry.get("login") or entry.get("email")
    if not isinstance(login, str) or not login:
        raise _wrong("a user needs a login")
    if users.find(world, login) is not None:
        raise _wrong(f"the login {login!r} is there twice")
    known = world.table("okta.meta").get("user_properties") or {}
    name = login.split("@", 1)[0].replace(".", " ").title().split(" ", 1)
    profile = {
        "firstName": name[0],
        "lastName": name[1] if len(name) > 1 else "Example",
        "email": login if "@" in login else f"{login}@example.com",
        "login": login,
        **{key: value for key, value in entry.items() if key in known},
    }
    status = str(entry.get("status", "ACTIVE")).upper()
    if status not in users.STATUSES:
        raise _wrong(f"status is one of {', '.join(users.STATUSES)}")
    now = world.clock.base()
    times = {
        key: iso(moment(entry[key], now))
        for key in ("lastLogin", "created", "activated", "passwordChanged")
        if entry.get(key) not in (None, "never")
    }
    fields: dict[str, Any] = {"status": status, **times}
    if status == "ACTIVE":
        fields["credentials"] = {
            "password": {},
            "emails": [{"value": profile["email"], "status": "VERIFIED", "type": "PRIMARY"}],
            "provider": {"type": "OKTA", "name": "OKTA"},
        }
    if entry.get("id"):
        fields["id"] = entry["id"]
    row = users.add(world, profile, **fields)
    if status != "STAGED":
        at = row["created"]
        row = world.table("okta.users").patch(
            row["id"],
            activated=row["activated"] or at,
            statusChanged=at,
            passwordChanged=row["passwordChanged"] or (at if status == "ACTIVE" else None),
        )
    for group in entry.get("groups") or ():
        found = groups.by_name(world, str(group)) or groups.add(world, str(group))
        groups.enroll(world, found["id"], row["id"])
    return row


def collections(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return users and groups as scenarios assert on them; the preset administrator is left out."""
    everyone = world.table("okta.users")
    people = [
        {
            "id": row["id"],
            "login": row["profile"]["login"],
            "status": row["status"],
            "lastLogin": row["lastLogin"],
            "created": row["created"],
            **{key: value for key, value in row["profile"].items() if value is not None},
        }
        for row in everyone.values()
        if not row.get("_preset")
    ]
    rows = [
        {
            "id": row["id"],
            "name": row["profile"]["name"],
            "description": row["profile"].get("description"),
            "members": [user["profile"]["login"] for user in groups.members(world, row)],
        }
        for row in world.table("okta.groups").values()
        if row["type"] != "BUILT_IN"
    ]
    sent = [dict(row) for row in world.table("okta.messages").values()]
    return {"okta.users": people, "okta.groups": rows, "okta.messages": sent}


def _wrong(why: str) -> InvalidInput:
    return InvalidInput(
        "TWN-102", "The seed of okta cannot be used.", why + ".", "correct the seed."
    )
