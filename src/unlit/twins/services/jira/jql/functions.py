"""JQL functions: each gives the values that stand in its place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from unlit.twins.services.jira.jql import dates
from unlit.twins.services.jira.jql.model import Call, JqlError
from unlit.twins.services.jira.model import Row
from unlit.twins.services.jira.site import Site


@dataclass(frozen=True, slots=True)
class Asking:
    """On whose behalf, and when, a query runs."""

    site: Site
    me: str | None
    now: float


@dataclass(frozen=True, slots=True)
class _Function:
    make: Callable[[Asking, tuple[str, ...]], list[Any]]
    fewest: int = 0
    most: int = 0


def evaluate(call: Call, asking: Asking) -> list[Any]:
    """Return the values of a function.

    Raises:
        JqlError: There is no such function, or its arguments do not fit.
    """
    step = call.args[0] if call.args else None
    when = dates.bound(call.name, step, asking.now)
    if when is not None:
        return [when]
    function = _FUNCTIONS.get(call.name.lower())
    if function is None:
        raise JqlError(f"Unable to find JQL function '{call.name}({', '.join(call.args)})'.")
    count = len(call.args)
    if not function.fewest <= count <= function.most:
        wanted = str(function.fewest)
        if function.fewest != function.most:
            wanted = f"{function.fewest} to {function.most}"
        raise JqlError(
            f"Function '{call.name}' expected '{wanted}' arguments but received '{count}'."
        )
    return function.make(asking, call.args)


def _me(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    return [asking.me] if asking.me else []


def _group(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    group = next(
        (g for g in asking.site.table("groups").values() if args[0] in (g["name"], g["groupId"])),
        None,
    )
    if group is None:
        raise JqlError(
            f"Function 'membersOf' can not generate a list of usernames for group "
            f"'{args[0]}'; the group does not exist."
        )
    return list(group["members"])


def _linked(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    site = asking.site
    issue = site.find_issue(args[0])
    if issue is None:
        raise JqlError(f"Issue '{args[0]}' could not be found in function 'linkedIssues'.")
    wanted = args[1].lower() if len(args) > 1 else None
    out: list[Any] = []
    for ident in site.table("linked").get(issue["id"]) or ():
        link = site.table("links")[ident]
        kind = site.table("linktypes")[link["type"]]
        outward = link["inward"] == issue["id"]
        word = kind["outward" if outward else "inward"].lower()
        if wanted in (None, word, kind["name"].lower()):
            out.append(link["outward"] if outward else link["inward"])
    return out


def _versions(released: bool) -> Callable[[Asking, tuple[str, ...]], list[Any]]:
    def make(asking: Asking, args: tuple[str, ...]) -> list[Any]:
        projects = {p["id"] for name in args if (p := asking.site.project(name))}
        return [
            row["id"]
            for row in asking.site.table("versions").values()
            if bool(row["released"]) is released
            and not row["archived"]
            and (not args or row["project"] in projects)
        ]

    return make


def _version_at(released: bool, last: bool) -> Callable[[Asking, tuple[str, ...]], list[Any]]:
    """The latest or earliest version of a project, by release date, then by order."""

    def make(asking: Asking, args: tuple[str, ...]) -> list[Any]:
        found = _versions(released)(asking, args)
        table = asking.site.table("versions")
        dates_of = {key: str(table[key].get("releaseDate") or "9999") for key in found}
        ranked = sorted(found, key=lambda key: (dates_of[key], int(key)))
        return ranked[-1:] if last else ranked[:1]

    return make


def _components_led(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    user = asking.site.user(args[0]) if args else None
    lead = user["accountId"] if user else asking.me
    return [c["id"] for c in asking.site.table("components").values() if c.get("lead") == lead]


def _with_role(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    role = asking.site.named("roles", args[0])
    if role is None:
        raise JqlError(
            f"Function 'projectsWhereUserHasRole' can not generate a list of projects for role "
            f"'{args[0]}'; the role does not exist."
        )
    user = asking.site.user(args[1]) if len(args) > 1 else None
    who = user["accountId"] if user else asking.me
    return [
        p["id"]
        for p in asking.site.table("projects").values()
        if who in p["roles"].get(str(role["id"]), ())
    ]


def _with_permission(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    """Permissions are all or nothing here: who is known has every one."""
    return [p["id"] for p in asking.site.table("projects").values()] if asking.me else []


def _children(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    site, out = asking.site, list[Any]()
    issue = site.find_issue(args[0])
    if issue is None:
        raise JqlError(f"An issue with key '{args[0]}' does not exist for field 'key'.")
    waiting = [issue["id"]]
    while waiting:
        below = [x for x in site.table("children").get(waiting.pop()) or () if x not in out]
        out += below
        waiting += below
    return out


def _sprints(state: str) -> Callable[[Asking, tuple[str, ...]], list[Any]]:
    return lambda asking, args: [
        row["id"] for row in asking.site.table("sprints").values() if row["state"] == state
    ]


def _types(subtask: bool) -> Callable[[Asking, tuple[str, ...]], list[Any]]:
    return lambda asking, args: [
        row["id"]
        for row in asking.site.table("issuetypes").values()
        if bool(row.get("subtask")) is subtask
    ]


def _where(test: Callable[[Row, Asking], bool]) -> Callable[[Asking, tuple[str, ...]], list[Any]]:
    return lambda asking, args: [
        row["id"] for row in asking.site.table("issues").values() if test(row, asking)
    ]


def _led(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    user = asking.site.user(args[0]) if args else None
    lead = user["accountId"] if user else asking.me
    return [p["id"] for p in asking.site.table("projects").values() if p.get("lead") == lead]


def _updated_by(asking: Asking, args: tuple[str, ...]) -> list[Any]:
    user = asking.site.user(args[0])
    if user is None:
        return []
    bounds = [dates.read(text, asking.now) for text in args[1:]]
    low = bounds[0] if bounds and bounds[0] is not None else float("-inf")
    high = bounds[1] if len(bounds) > 1 and bounds[1] is not None else float("inf")
    out: list[Any] = []
    for issue in asking.site.table("issues").values():
        moments = [
            e["created"]
            for e in asking.site.table("changelogs").get(issue["id"]) or ()
            if e["author"] == user["accountId"]
        ]
        if issue["creator"] == user["accountId"]:
            moments.append(issue["created"])
        if any(low <= moment <= high for moment in moments):
            out.append(issue["id"])
    return out


_FUNCTIONS: Final[dict[str, _Function]] = {
    "currentuser": _Function(_me),
    "currentlogin": _Function(lambda asking, args: [asking.now - 3600]),
    "lastlogin": _Function(lambda asking, args: [asking.now - 86400]),
    "now": _Function(lambda asking, args: [asking.now]),
    "membersof": _Function(_group, 1, 1),
    "linkedissues": _Function(_linked, 1, 2),
    "linkedissue": _Function(_linked, 1, 2),
    "releasedversions": _Function(_versions(True), 0, 100),
    "unreleasedversions": _Function(_versions(False), 0, 100),
    "opensprints": _Function(_sprints("active")),
    "closedsprints": _Function(_sprints("closed")),
    "futuresprints": _Function(_sprints("future")),
    "standardissuetypes": _Function(_types(False)),
    "subtaskissuetypes": _Function(_types(True)),
    "watchedissues": _Function(_where(lambda row, asking: asking.me in row["watchers"])),
    "votedissues": _Function(_where(lambda row, asking: asking.me in row["votes"])),
    "issuehistory": _Function(_where(lambda row, asking: row.get("viewed") is not None)),
    "latestreleasedversion": _Function(_version_at(released=True, last=True), 1, 1),
    "earliestunreleasedversion": _Function(_version_at(released=False, last=False), 1, 1),
    "componentsleadbyuser": _Function(_components_led, 0, 1),
    "projectswhereuserhasrole": _Function(_with_role, 1, 2),
    "projectswhereuserhaspermission": _Function(_with_permission, 1, 2),
    "portfoliochildissuesof": _Function(_children, 1, 1),
    "projectsleadbyuser": _Function(_led, 0, 1),
    "updatedby": _Function(_updated_by, 1, 3),
}
NAMES: Final = tuple(_FUNCTIONS)
