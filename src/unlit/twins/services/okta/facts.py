"""Believing recorded reads: what existed before a recording began."""

import json
from email.utils import parsedate
from typing import Any

from unlit.twins.kit.crud import Crud
from unlit.twins.kit.http import Request
from unlit.twins.kit.resources import is_parameter, place
from unlit.twins.kit.router import Match
from unlit.twins.kit.twin import Exchange, Twin
from unlit.twins.kit.world import World
from unlit.twins.model import Fact
from unlit.twins.services.okta import authservers, presets, wrapping
from unlit.twins.services.okta.org import mint, since

REALMS = "2025-12"  # every user has one, and a link to reset factors, since then


def believe(twin: Twin, crud: Crud, world: World, facts: list[Fact]) -> None:
    """Put what facts show into the world's tables, ids as they are."""
    _date(world, facts)
    for fact in facts:
        if fact.path.startswith("/api/v1/authorizationServers/default"):
            _default_server(world, fact)
        if _hand(world, fact):
            _known(world, fact.path)
            continue
        found = twin.router.match("GET", fact.path)
        if isinstance(found, Match):
            _known(world, fact.path)
            _place(crud, world, fact, found)


def _date(world: World, facts: list[Fact]) -> None:
    """Take the day of the reads: it says which of Okta's releases the organisation had."""
    meta = world.table("okta.meta")
    days = [parsedate(str(fact.headers.get("date", ""))) for fact in facts]
    known = [day for day in days if day is not None]
    if known:
        year, month, day = min(known)[:3]
        meta.put("as_of", f"{year:04d}-{month:02d}-{day:02d}")
        if since(world, REALMS) and not meta.get("realm"):
            meta.put("realm", mint(world, "guo"))
    for fact in facts:
        if fact.path.endswith("/okta-organization") and isinstance(fact.response, dict):
            meta.put("pipeline", fact.response.get("pipeline"))


def _place(crud: Crud, world: World, fact: Fact, found: Match) -> None:
    operation = crud.maker.contract.by_route.get(("GET", found.route.template))
    if operation is None:
        return
    where = place(crud.maker.contract, operation)
    path, body = crud.path(where.kind, found.params), fact.response
    inside = wrapping.rows_name(crud.maker.contract, operation)
    if (
        where.role == "collection"
        and inside
        and isinstance(body, dict)
        and isinstance(body.get(inside), list)
    ):
        body = body[inside]
    if where.role == "collection" and isinstance(body, list):
        presets.withdraw(world, path, fact.query)
        for row in body:
            if isinstance(row, dict):
                crud.table(world, path).put(_key(row), row)
    elif where.role == "item" and isinstance(body, dict):
        crud.table(world, path).put(fact.path.rstrip("/").rsplit("/", 1)[-1], body)
    elif where.role in ("document", "collection"):
        crud.documents(world).put(fact.path.rstrip("/"), body)


def _default_server(world: World, fact: Fact) -> None:
    """Let ``default`` mean the recorded server."""
    body = fact.response
    if fact.path.count("/") == 4 and isinstance(body, dict) and isinstance(body.get("id"), str):
        world.table(authservers.TABLE).drop(world.table("okta.meta").get("auth_server"))
        world.table(authservers.TABLE).put(body["id"], body)
        world.table("okta.meta").put("auth_server", body["id"])


def _key(row: dict[str, Any]) -> str:
    for name in ("id", "kid", "name", "label"):
        if isinstance(row.get(name), str):
            return str(row[name])
    return json.dumps(row, sort_keys=True)[:64]


def _known(world: World, path: str) -> None:
    for part in path.split("/"):
        if part and not is_parameter(part):
            world.table("okta.known").put(part, True)


def _hand(world: World, fact: Fact) -> bool:
    """Take over users and groups, which are kept by hand; return whether it was such a fact."""
    parts = fact.path.strip("/").split("/")
    rows = fact.response if isinstance(fact.response, list) else [fact.response]
    rows = [row for row in rows if isinstance(row, dict) and "profile" in row and "id" in row]
    if parts[:2] != ["api", "v1"] or len(parts) < 3:
        return False
    if parts[2] == "users" and len(parts) <= 4:
        for row in rows:
            _user(world, row)
        return True
    if parts[2] == "groups" and (len(parts) == 3 or (len(parts) == 4 and parts[3] != "rules")):
        for row in rows:
            _group(world, row)
        return True
    if parts[2] == "groups" and len(parts) == 5 and parts[4] == "users":
        for row in rows:
            _user(world, row)
            world.table(f"okta.members:{parts[3]}").put(row["id"], row.get("created"))
        return True
    return False


def _user(world: World, row: dict[str, Any]) -> None:
    kept = {key: value for key, value in row.items() if key not in ("_links", "_embedded")}
    kept.setdefault("status", "ACTIVE")
    kept.setdefault("type", {"id": world.table("okta.meta").get("user_type")})
    kept.setdefault("credentials", {"provider": {"type": "OKTA", "name": "OKTA"}})
    world.table("okta.users").put(row["id"], kept)
    login = str(row["profile"].get("login") or row["id"]).casefold()
    world.table("okta.users_by_login").put(login, row["id"])


def _group(world: World, row: dict[str, Any]) -> None:
    kept = {key: value for key, value in row.items() if key not in ("_links", "_embedded")}
    groups = world.table("okta.groups")
    for key, old in list(groups.items()):
        if kept.get("type") == "BUILT_IN" and old["profile"]["name"] == kept["profile"].get("name"):
            groups.drop(key)
    groups.put(row["id"], kept)


__all__ = ["Exchange", "Request", "believe"]
