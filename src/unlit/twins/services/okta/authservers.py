"""Authorisation servers: the default one, what every server has from the start, the alias."""

from typing import Any, Final

from unlit.twins.kit.router import Handler, Route
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World
from unlit.twins.services.okta.org import mint, stamp

KIND: Final = "/api/v1/authorizationServers"
TABLE: Final = "okta.at:" + KIND
# OpenID Connect Core 1.0, 5.1 and 5.4: claims by the scope that asks for them
CLAIMS: Final[dict[str, tuple[str, ...]]] = {
    "profile": (
        "middle_name", "zoneinfo", "website", "updated_at", "profile", "preferred_username",
        "picture", "nickname", "name", "locale", "given_name", "gender", "family_name",
        "birthdate",
    ),
    "phone": ("phone_number",),
    "email": ("email_verified", "email"),
    "address": ("address",),
}  # fmt: skip
_ALWAYS: Final = ("preferred_username", "name", "email")
SCOPES: Final = ("openid", "profile", "email", "address", "phone", "offline_access", "device_sso")


def prepare(world: World) -> None:
    """Put in the server called ``default``."""
    at, key = stamp(world), mint(world, "aus")
    world.table(TABLE).put(key, {
        "id": key, "name": "default",
        "description": "Default Authorization Server for your Applications",
        "audiences": ["api://default"], "issuerMode": "DYNAMIC", "status": "ACTIVE",
        "created": at, "lastUpdated": at, "default": True,
        "credentials": {"signing": {"rotationMode": "AUTO", "lastRotated": at,
                                    "kid": world.text("okta.kid", 43)}},
    })  # fmt: skip
    world.table("okta.meta").put("auth_server", key)
    furnish(world, key)


def furnish(world: World, server: str) -> None:
    """Give a server its system scopes and claims."""
    for name in SCOPES:
        key = mint(world, "scp")
        world.table(f"{TABLE}/{server}/scopes").put(key, {
            "id": key, "name": name, "displayName": name, "description": None, "system": True,
            "metadataPublish": "ALL_CLIENTS", "consent": "IMPLICIT", "optional": False,
            "apiResourceId": None, "default": False,
        })  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"name": name, "claimType": "IDENTITY", "valueType": "SYSTEM",
         "conditions": {"scopes": [scope]}, "alwaysIncludeInToken": name in _ALWAYS}
        for scope, names in CLAIMS.items() for name in names
    ]  # fmt: skip
    rows.append({
        "name": "sub", "claimType": "RESOURCE", "valueType": "EXPRESSION",
        "value": "(appuser != null) ? appuser.userName : app.clientId",
        "conditions": {"scopes": []}, "alwaysIncludeInToken": True,
    })  # fmt: skip
    for row in rows:
        key = mint(world, "ocl")
        world.table(f"{TABLE}/{server}/claims").put(
            key, {"id": key, "status": "ACTIVE", "system": True, "apiResourceId": None, **row}
        )


def settle(call: Exchange, row: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """Complete a server: its issuer, its links, and for a new one its scopes and claims."""
    if before is None:
        furnish(call.world, row["id"])
    origin = call.request.origin
    out = {**row, "issuer": f"{origin}/oauth2/{row['id']}"}
    if before is not None:
        out["created"] = before["created"]
        out["default"] = before.get("default", False)
    signing = {**((out.get("credentials") or {}).get("signing") or {})}
    signing.setdefault("kid", call.world.text("okta.kid", 43))
    signing.setdefault("rotationMode", "AUTO")
    signing.setdefault("lastRotated", out.get("created"))
    if signing["rotationMode"] != "AUTO":
        signing.pop("nextRotation", None)
    out["credentials"] = {"signing": signing}
    out["_links"] = links(call, out)
    return out


def links(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Return the links of a server, under the name it was asked by."""
    name = "default" if row.get("default") else row["id"]
    base = f"{call.request.origin}{KIND}/{name}"
    issuer = f"{call.request.origin}/oauth2/{name}"
    verb = "activate" if row.get("status") == "INACTIVE" else "deactivate"

    def link(path: str, *allow: str) -> dict[str, Any]:
        return {"href": base + path, "hints": {"allow": list(allow)}}

    return {
        "rotateKey": link("/credentials/lifecycle/keyRotate", "POST"),
        "metadata": [
            {"name": kind, "href": f"{issuer}/.well-known/{kind}", "hints": {"allow": ["GET"]}}
            for kind in ("oauth-authorization-server", "openid-configuration")
        ],
        "keys": link("/credentials/keys", "GET"),
        "claims": link("/claims", "GET", "POST"),
        "policies": link("/policies", "GET", "POST"),
        "self": link("", "GET", "DELETE", "PUT"),
        "scopes": link("/scopes", "GET", "POST"),
        verb: link(f"/lifecycle/{verb}", "POST"),
    }


def shown(call: Exchange, row: dict[str, Any]) -> dict[str, Any]:
    """Render a part of a server; preset ones get their links when they are asked for."""
    if "_links" in row:
        return row
    if "audiences" in row:
        name = "default" if row.get("default") else row["id"]
        return {**row, "issuer": f"{call.request.origin}/oauth2/{name}", "_links": links(call, row)}
    part = "claims" if "claimType" in row else "scopes"
    server = call.params.get("authServerId", "")
    at = f"{call.request.origin}{KIND}/{server}/{part}/{row['id']}"
    return {**row, "_links": {"self": {"href": at, "hints": {"allow": ["GET", "PUT", "DELETE"]}}}}


def aliased(handler: Handler) -> Handler:
    """Let ``default`` in a path stand for the default server."""

    def answer(call: Exchange) -> Any:
        for name in ("authServerId", "authorizationServerId"):
            if call.params.get(name) == "default":
                found = call.table("meta").get("auth_server")
                if found is not None:
                    call.params[name] = str(found)
        reply = handler(call)
        if isinstance(reply.body, dict) and "id" in reply.body:
            reply.body = shown(call, reply.body)
        elif isinstance(reply.body, list):
            reply.body = [
                shown(call, row) if isinstance(row, dict) and "id" in row else row
                for row in reply.body
            ]
        return reply

    return answer


def routes(generic: tuple[Route, ...]) -> tuple[Route, ...]:
    """Return the contract's routes of authorisation servers, with the alias."""
    return tuple(
        Route(
            route.method, route.template, aliased(route.handler), route.op,
            tier="hand" if route.template.count("/") <= 6 else "contract",
            scopes=route.scopes, extra=route.extra,
        )
        for route in generic
        if route.template.startswith(KIND)
    )  # fmt: skip
