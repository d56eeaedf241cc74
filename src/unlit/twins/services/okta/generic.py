"""Okta's manners for the routes that the contract alone describes, and facts that are believed."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from unlit.twins.kit.contract import Contract
from unlit.twins.kit.crud import Crud
from unlit.twins.kit.http import Reply
from unlit.twins.kit.making import Maker
from unlit.twins.kit.shapes import Shapes
from unlit.twins.kit.twin import Exchange, VendorError
from unlit.twins.kit.world import World
from unlit.twins.services.okta import (
    apps,
    authservers,
    hooks,
    policies,
    presets,
    resourcesets,
    settling,
    wrapping,
)
from unlit.twins.services.okta.errors import failure, invalid, missing
from unlit.twins.services.okta.org import href, mint, stamp
from unlit.twins.services.okta.paging import page
from unlit.twins.services.okta.scim import FilterError, parse

PACKAGE: Final = "unlit.twins.services.okta"
_NOUNS: Final = {
    "NetworkZone": "NetworkZone",
    "IdentityProvider": "IdpTrust",
    "Application": "AppInstance",
    "IamRole": "CustomRole",
    "BehaviorRule": "BehaviorSettings",
    "CAPTCHAInstance": "Captcha",
    "PushProvider": "PushProviderConfigEntity",
    "User": "User",
    "Group": "UserGroup",
    "ProfileMapping": "ProfileMapping",
}


# recorded creates of these lack what the contract requires
_ASK_LESS: Final = frozenset({apps.KIND, "/api/v1/email-servers"})


class Manners:
    """How Okta mints, refuses and pages."""

    def mint(self, world: World, prefix: str) -> str:
        """Return an id of twenty characters."""
        return mint(world, (prefix + "twn")[:3])

    def number(self, world: World, kind: str) -> int:
        """Return the next number of the kind."""
        return world.number(f"{kind}#id")

    def stamp(self, world: World) -> str:
        """Return the next instant."""
        return stamp(world)

    def missing(self, key: str, kind: str) -> VendorError:
        """E0000007, with the name that Okta's own code has for the kind."""
        return missing(key, _NOUNS.get(kind, kind))

    def invalid(self, problems: list[tuple[str, str]]) -> VendorError:
        """E0000003 for a value of another type or an unknown word, E0000001 otherwise."""
        if any(kind in ("type", "enum") for _, kind in problems):
            return failure("E0000003")
        return invalid(
            problems[0][0], *(f"{at}: The field cannot be left blank" for at, _ in problems)
        )

    def unsupported(self, op: str) -> VendorError:
        """E0000060: said loudly, never an invented success."""
        return failure("E0000060", f"The twin does not do {op}.")

    def page(self, call: Exchange, rows: Iterable[Any]) -> Reply:
        """Filter by `filter`, `search`, `q`, and parameters named like a property."""
        shown = apps.embedded(call) if call.request.raw_path == apps.KIND else None
        reply = page(
            call, _chosen(call, rows), shown or (lambda row: row), usual=200, most=200, key=_cursor
        )
        return wrapping.wrapped(call, reply, rows)

    def settle(self, call: Exchange, kind: str, row: dict[str, Any]) -> dict[str, Any]:
        """Let ``activate`` or ``deactivate`` stand in the links, as the status has it."""
        if kind == apps.KIND:
            return apps.settle(call, row, call.world.table(f"okta.at:{kind}").get(row["id"]))
        if kind == authservers.KIND:
            return authservers.settle(call, row, call.world.table(authservers.TABLE).get(row["id"]))
        if call.request.method == "POST" and row.get("system") is True and call.request.body:
            row = {**row, "system": False}  # only Okta makes what it calls its own
        rule = settling.RULES.get(kind)
        if rule is not None:
            row = rule(call, row)
        if kind in policies.ORDERED and row.get("status") is None:
            row = {**row, "status": "ACTIVE"}
        if kind in policies.ORDERED and "priority" in row:
            path = "/".join(
                call.params.get(part[1:-1], part) if part.startswith("{") else part
                for part in kind.split("/")
            )
            row = policies.placed(call, call.world.table(f"okta.at:{path}"), row)
        if kind == policies.POLICIES and call.request.method == "POST" and not call.params:
            presets.catch_all(call.world, str(row["id"]), str(row.get("type")))
        if kind == resourcesets.KIND:
            row = resourcesets.settle(call, row)
        if kind == hooks.KIND:
            row = hooks.settle(call, row)
        return _turned(row)

    def exists(self, call: Exchange, kind: str, key: str) -> bool:
        """Whether users, groups or apps, which are done by hand, have the key."""
        table = {"/api/v1/users": "users", "/api/v1/groups": "groups"}.get(kind)
        if table == "users":
            return (
                key == "me"
                or key in call.table("users")
                or (key.casefold() in call.table("users_by_login"))
            )
        return table is not None and key in call.table(table)


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose links have the move that its status allows."""
    links = row.get("_links")
    if not isinstance(links, dict) or row.get("status") not in ("ACTIVE", "INACTIVE"):
        return row
    now, other = ("deactivate", "activate")
    if row["status"] == "INACTIVE":
        now, other = other, now
    if other not in links:
        return row
    link = links[other]
    target = str(link.get("href", "")).rsplit("/", 1)[0] + "/" + now
    renamed = {
        (now if name == other else name): ({**link, "href": target} if name == other else value)
        for name, value in links.items()
    }
    return {**row, "_links": renamed}


def _cursor(row: Any) -> str:
    return str(row.get("id") or row.get("name") or "") if isinstance(row, dict) else str(row)


def _chosen(call: Exchange, rows: Iterable[Any]) -> Iterator[Any]:
    tests = []
    for name in ("filter", "search"):
        text = call.request.arg(name)
        assigned = apps.assigned(call, text) if text else None
        if assigned is not None:
            tests.append(assigned)
        elif text:
            try:
                tests.append(parse(text))
            except FilterError as error:
                raise failure("E0000031", f"Invalid {name} criteria: {error}") from error
    query = (call.request.arg("q") or "").casefold()
    exact = {k: v for k, v in call.request.query if k in ("type", "status", "sourceId", "targetId")}
    if call.request.raw_path == policies.POLICIES:
        rows = sorted(rows, key=lambda row: int(row.get("priority") or 0))
    for row in rows:
        if not isinstance(row, dict) or not all(test(row) for test in tests):
            continue
        if query and not any(
            str(row.get(name) or "").casefold().startswith(query) for name in ("name", "label")
        ):
            continue
        if all(str(row.get(k, v)) == v for k, v in exact.items()):
            yield row


def kernel() -> Crud:
    """Return the kernel over Okta's contract."""
    contract, shapes = Contract.load(PACKAGE), Shapes.load(PACKAGE)
    maker = Maker(contract, shapes, Manners(), eager=True, strict=True, but_for=_ASK_LESS)
    return Crud("okta", maker)


__all__ = ["Manners", "href", "kernel"]
