"""Users: profile rules, the lifecycle machine, links that follow the state."""

from collections.abc import Iterable
from typing import Any, Final

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta import events
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import action, link, mint, stamp
from unlit.twins.services.okta.paging import page
from unlit.twins.services.okta.scim import FilterError, parse

STATUSES: Final = (
    "STAGED",
    "PROVISIONED",
    "ACTIVE",
    "RECOVERY",
    "PASSWORD_EXPIRED",
    "LOCKED_OUT",
    "SUSPENDED",
    "DEPROVISIONED",
)
_TYPES: Final[dict[str, Any]] = {
    "string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list,
}  # fmt: skip
_BASE: Final = {"firstName": None, "lastName": None, "mobilePhone": None, "secondEmail": None}
_LINKS: Final[dict[str, tuple[str, ...]]] = {
    "STAGED": ("activate",),
    "PROVISIONED": ("suspend", "resetPassword", "reactivate", "resetFactors"),
    "ACTIVE": (
        "suspend",
        "resetPassword",
        "forgotPassword",
        "expirePassword",
        "changeRecoveryQuestion",
        "resetFactors",
        "changePassword",
    ),
    "RECOVERY": ("suspend", "resetPassword", "resetFactors"),
    "PASSWORD_EXPIRED": ("suspend", "resetPassword", "resetFactors"),
    "LOCKED_OUT": ("unlock", "resetPassword", "resetFactors"),
    "SUSPENDED": ("unsuspend",),
    "DEPROVISIONED": ("activate", "delete"),
}
_PATHS: Final = {
    "resetPassword": "lifecycle/reset_password",
    "resetFactors": "lifecycle/reset_factors",
    "forgotPassword": "credentials/forgot_password",
    "expirePassword": "lifecycle/expire_password",
    "changeRecoveryQuestion": "credentials/change_recovery_question",
    "changePassword": "credentials/change_password",
}


# --- state
def find(world: World, key: str) -> dict[str, Any] | None:
    """Return a user by id, login, or the part of a login before the ``@``."""
    users = world.table("okta.users")
    row = users.get(key)
    if row is None:
        found = world.table("okta.users_by_login").get(key.casefold())
        row = users.get(found) if found is not None else None
    if row is None and key and "@" not in key and not key.startswith("00u"):
        prefix = key.casefold() + "@"
        logins = world.table("okta.users_by_login")
        short = next((uid for login, uid in logins.items() if login.startswith(prefix)), None)
        row = users.get(short) if short is not None else None
    return row  # type: ignore[no-any-return] # rows are JSON


def user_of(call: Exchange, key: str | None = None) -> dict[str, Any]:
    """Return the user that the path names; ``me`` is the caller."""
    if key is None:
        key = call.params.get("id") or call.params.get("userId") or call.params["userIdOrLogin"]
    row = find(call.world, call.actor.id if key == "me" else key)
    if row is None:
        raise missing(key, "User")
    return row


def add(world: World, profile: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Put a new user into the directory without any check, and return it."""
    at = stamp(world)
    uid = fields.pop("id", None) or mint(world, "00u")
    row = {
        "id": uid,
        "status": "STAGED",
        "created": at,
        "activated": None,
        "statusChanged": None,
        "lastLogin": None,
        "lastUpdated": at,
        "passwordChanged": None,
        "realmId": world.table("okta.meta").get("realm"),
        "type": {"id": world.table("okta.meta").get("user_type")},
        "profile": {
            **_BASE,
            **{k: v for k, v in profile.items() if v is not None or k in _BASE},
        },
        "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
        **fields,
    }
    world.table("okta.users").put(uid, row)
    world.table("okta.users_by_login").put(str(profile["login"]).casefold(), uid)
    return row


def change(world: World, uid: str, **fields: Any) -> dict[str, Any]:
    """Change a user; the time of the change follows."""
    fields.setdefault("lastUpdated", stamp(world))
    return world.table("okta.users").patch(uid, **fields)  # type: ignore[no-any-return] # JSON


def enter(world: World, uid: str, status: str, **fields: Any) -> dict[str, Any]:
    """Move a user into a lifecycle state."""
    at = stamp(world)
    return change(world, uid, status=status, statusChanged=at, lastUpdated=at, **fields)


# --- what clients see
def shown(call: Exchange, row: dict[str, Any], *, full: bool = True) -> dict[str, Any]:
    """Render a user; a list shows only the link to itself."""
    path = f"/users/{row['id']}"
    out = {key: value for key, value in row.items() if not key.startswith("_")}
    if out.get("realmId") is None:
        out.pop("realmId", None)
    if not full:
        return {**out, "_links": {"self": link(call, path)}}
    links: dict[str, Any] = {}
    for name in _LINKS[row["status"]]:
        if name == "resetFactors" and "realmId" not in out:
            continue
        if name == "delete":
            links[name] = {"href": link(call, path)["href"], "method": "DELETE"}
        else:
            links[name] = action(call, f"{path}/{_PATHS.get(name, 'lifecycle/' + name)}")
    links["self"] = link(call, path)
    links["schema"] = link(call, f"/meta/schemas/user/{call.table('meta').get('user_schema')}")
    links["type"] = link(call, f"/meta/types/user/{row['type']['id']}")
    if row["status"] != "DEPROVISIONED":
        links["deactivate"] = action(call, f"{path}/lifecycle/deactivate")
    return {**out, "_links": links}


# --- rules of the profile
def checked_profile(
    call: Exchange, profile: Any, *, of: str | None = None, create: bool = True
) -> dict[str, Any]:
    """Return the profile, or raise what Okta answers for one that does not fit.

    Args:
        call: The call.
        profile: As sent.
        of: Id of the user whose profile it is.
        create: Whether required fields must be there.
    """
    if not isinstance(profile, dict):
        raise invalid("profile", "profile: The field cannot be left blank")
    known = call.table("meta").get("user_properties") or {}
    for name, value in profile.items():
        if name not in known:
            raise invalid(
                "profile", f"Property name '{name}' is not defined in profile for the user"
            )
        if isinstance(known[name], dict) and value is not None:
            _check_value(name, value, known[name])
    blank = [name for name in ("login", "email") if create and not profile.get(name)]
    if blank:
        raise invalid(blank[0], *(f"{name}: The field cannot be left blank" for name in blank))
    _check_names(call, profile, of)
    return dict(profile)


def _check_value(name: str, value: Any, rule: dict[str, Any]) -> None:
    """Refuse a value that the property's definition does not allow."""
    wanted = _TYPES.get(str(rule.get("type")))
    if wanted is not None and (
        not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)
    ):
        raise invalid(name, f"{name}: The field is of the wrong type, {rule['type']} is expected")
    if isinstance(value, str):
        if len(value) > int(rule.get("maxLength") or len(value)):
            raise invalid(name, f"{name}: The field is too long")
        if len(value) < int(rule.get("minLength") or 0):
            raise invalid(name, f"{name}: The field is too short")
    if rule.get("enum") and value not in rule["enum"]:
        raise invalid(name, f"{name}: The value is not one of those that are allowed")


def _check_names(call: Exchange, profile: dict[str, Any], of: str | None) -> None:
    email = profile.get("email")
    if email is not None and ("@" not in str(email) or " " in str(email)):
        raise invalid("email", "email: Does not match required pattern")
    login = profile.get("login")
    if login is not None:
        if "@" not in str(login):
            raise invalid("login", "login: Username must be in the form of an email address")
        taken = call.table("users_by_login").get(str(login).casefold())
        if taken is not None and taken != of:
            raise invalid(
                "login",
                "login: An object with this field already exists in the current organization",
            )


def shown_credentials(call: Exchange, sent: Any, profile: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of credentials; the secret parts are never shown."""
    sent = sent if isinstance(sent, dict) else {}
    out: dict[str, Any] = {}
    password = sent.get("password")
    if isinstance(password, dict) and (password.get("value") or password.get("hash")):
        value = password.get("value")
        if value is not None and len(str(value)) < 8:
            raise failure(
                "E0000001",
                "password: Password requirements were not met. Password requirements: at least 8 "
                "characters, a lowercase letter, an uppercase letter, a number, no parts of your "
                "username.",
                about="password",
            )
        out["password"] = {}
        out["emails"] = [{"value": profile["email"], "status": "VERIFIED", "type": "PRIMARY"}]
    elif isinstance(password, dict) and password.get("hook"):
        out["password"] = {"hook": password["hook"]}
    question = sent.get("recovery_question")
    if isinstance(question, dict) and question.get("question"):
        out["recovery_question"] = {"question": question["question"]}
    provider = sent.get("provider") or {}
    kind = provider.get("type", "OKTA")
    out["provider"] = {"type": kind, "name": provider.get("name") or kind}
    return out


# --- routes
def create(call: Exchange) -> Reply:
    """``POST /api/v1/users``."""
    body = call.json()
    if not isinstance(body, dict):
        raise failure("E0000003")
    profile = checked_profile(call, body.get("profile"))
    credentials = shown_credentials(call, body.get("credentials"), profile)
    fields: dict[str, Any] = {"credentials": credentials}
    if isinstance(body.get("type"), dict) and body["type"].get("id"):
        fields["type"] = {"id": body["type"]["id"]}
    if body.get("realmId"):
        fields["realmId"] = body["realmId"]
    for gid in body.get("groupIds") or ():
        if gid not in call.table("groups"):
            raise missing(str(gid), "UserGroup")
    row = add(call.world, profile, **fields)
    uid = row["id"]
    remember_password(call.world, uid, body.get("credentials"))
    for gid in body.get("groupIds") or ():
        call.world.table(f"okta.members:{gid}").put(uid, row["created"])
    if (call.request.arg("activate") or "true").lower() != "false":
        row = activated(call.world, uid)
        if call.request.arg("nextlogin") == "changePassword" or (
            call.request.arg("nextLogin") == "changePassword"
        ):
            row = enter(call.world, uid, "PASSWORD_EXPIRED")
    events.record(call, "user.lifecycle.create", events.user_target(row))
    if row["status"] != "STAGED":
        events.record(call, "user.lifecycle.activate", events.user_target(row))
    return Reply(200, shown(call, row))


def remember_password(world: World, uid: str, sent: Any) -> None:
    """Keep a password for signing in; it is never shown."""
    password = sent.get("password") if isinstance(sent, dict) else None
    value = password.get("value") if isinstance(password, dict) else None
    if value:
        world.table("okta.passwords").put(uid, value)
    question = sent.get("recovery_question") if isinstance(sent, dict) else None
    if isinstance(question, dict) and question.get("answer"):
        world.table("okta.answers").put(uid, question["answer"])


def activated(world: World, uid: str) -> dict[str, Any]:
    """Activate a user: with a password ``ACTIVE``, otherwise ``PROVISIONED``."""
    row = world.table("okta.users")[uid]
    at = stamp(world)
    has_password = "password" in row["credentials"] or row["credentials"]["provider"]["type"] in (
        "FEDERATION",
        "SOCIAL",
    )
    status = "ACTIVE" if has_password else "PROVISIONED"
    fields: dict[str, Any] = {"activated": at}
    if "password" in row["credentials"]:
        fields["passwordChanged"] = row["passwordChanged"] or at
    return enter(world, uid, status, **fields)


def get(call: Exchange) -> Reply:
    """``GET /api/v1/users/{id}``."""
    return Reply(200, shown(call, user_of(call)))


def _expression(call: Exchange, name: str) -> Any:
    text = call.request.arg(name)
    if text is None or not text.strip():
        return None
    try:
        return parse(text)
    except FilterError as error:
        raise failure("E0000031", f"Invalid {name} criteria: {error}") from error


def listed(call: Exchange) -> Reply:
    """``GET /api/v1/users``: all but the deprovisioned, or what `q`, `filter`, `search` say."""
    rows: Iterable[dict[str, Any]] = call.table("users").values()
    query = call.request.arg("q")
    search, chosen = _expression(call, "search"), _expression(call, "filter")
    if search is not None:
        rows = [row for row in rows if search(row)]
        rows = _sorted(call, rows)
    elif chosen is not None:
        rows = [row for row in rows if chosen(row)]
    else:
        rows = (row for row in rows if row["status"] != "DEPROVISIONED")
    if query:
        rows = [row for row in rows if _starts(row["profile"], query.casefold())]
    usual = 10 if query and call.request.arg("limit") is None else 200
    return page(call, rows, lambda row: shown(call, row, full=False), usual=usual)


def _starts(profile: dict[str, Any], text: str) -> bool:
    return any(
        str(profile.get(name) or "").casefold().startswith(text)
        for name in ("firstName", "lastName", "email", "login")
    )


def _sorted(call: Exchange, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    name = call.request.arg("sortBy")
    if not name:
        return rows
    down = (call.request.arg("sortOrder") or "asc").lower() in ("desc", "descending")

    def key(row: dict[str, Any]) -> str:
        value: Any = row
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return "" if value is None else str(value).casefold()

    return sorted(rows, key=key, reverse=down)


def update(call: Exchange) -> Reply:
    """``POST /api/v1/users/{id}`` changes what is sent; ``PUT`` replaces the profile."""
    row, body = user_of(call), call.json()
    if not isinstance(body, dict):
        raise failure("E0000003")
    if row["status"] == "DEPROVISIONED":
        raise failure("E0000038")
    partial = call.request.method == "POST"
    sent = body.get("profile")
    profile = row["profile"]
    if sent is not None or not partial:
        sent = checked_profile(call, sent, of=row["id"], create=not partial)
        profile = {**profile, **sent} if partial else {**_BASE, **sent}
    fields: dict[str, Any] = {"profile": profile}
    if isinstance(body.get("credentials"), dict):
        remember_password(call.world, row["id"], body["credentials"])
        fresh = shown_credentials(call, body["credentials"], profile)
        fields["credentials"] = {**row["credentials"], **fresh}
        if "password" in fresh:
            fields["passwordChanged"] = stamp(call.world)
            if row["status"] in ("RECOVERY", "PASSWORD_EXPIRED"):
                fields |= {"status": "ACTIVE", "statusChanged": stamp(call.world)}
    old = str(row["profile"]["login"]).casefold()
    if str(profile["login"]).casefold() != old:
        call.table("users_by_login").drop(old)
        call.table("users_by_login").put(str(profile["login"]).casefold(), row["id"])
    row = change(call.world, row["id"], **fields)
    events.record(call, "user.account.update_profile", events.user_target(row))
    return Reply(200, shown(call, row))


def delete(call: Exchange) -> Reply:
    """``DELETE /api/v1/users/{id}``: deprovisions first, and removes what is deprovisioned."""
    row = user_of(call)
    if row["status"] != "DEPROVISIONED":
        deprovision(call, row)
        return Reply(204)
    remove(call.world, row["id"])
    events.record(call, "user.lifecycle.delete.completed", events.user_target(row))
    return Reply(204)


def remove(world: World, uid: str) -> None:
    """Take a user out of the directory and out of every group and app."""
    row = world.table("okta.users").drop(uid)
    world.table("okta.users_by_login").drop(str(row["profile"]["login"]).casefold())
    for name in list(world.tables):
        if name.startswith(("okta.members:", "okta.assigned:", "okta.factors:")):
            if name.endswith(uid):
                world.tables.pop(name)
            else:
                world.table(name).drop(uid)


def deprovision(call: Exchange, row: dict[str, Any]) -> None:
    """Deactivate a user and take them out of groups and apps."""
    uid = row["id"]
    enter(call.world, uid, "DEPROVISIONED")
    for name in list(call.world.tables):
        if name.startswith(("okta.members:", "okta.assigned:")):
            call.world.table(name).drop(uid)
    events.record(call, "user.lifecycle.deactivate", events.user_target(row))


ROUTES: Final = (
    Route("POST", "/api/v1/users", create, "createUser", scopes=("okta.users.manage",)),
    Route("GET", "/api/v1/users", listed, "listUsers", scopes=("okta.users.read",)),
    Route("GET", "/api/v1/users/{id}", get, "getUser", scopes=("okta.users.read",)),
    Route("POST", "/api/v1/users/{id}", update, "updateUser", scopes=("okta.users.manage",)),
    Route("PUT", "/api/v1/users/{id}", update, "replaceUser", scopes=("okta.users.manage",)),
    Route("DELETE", "/api/v1/users/{id}", delete, "deleteUser", scopes=("okta.users.manage",)),
)  # fmt: skip
