"""What belongs to the organisation as a whole: ids, times, URLs."""

from typing import Any, Final

from unlit.twins.kit.seeds import iso
from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import World

SUFFIX: Final = "5d7"
API: Final = "/api/v1"


def mint(world: World, prefix: str) -> str:
    """Return a fresh id: three letters that say the kind, then seventeen of the org."""
    return prefix + world.text("okta." + prefix, 17 - len(SUFFIX)) + SUFFIX


def stamp(world: World) -> str:
    """Return the next instant as Okta writes it; whole seconds, as the directory keeps them."""
    return (iso(world.clock.tick()) or "")[:19] + ".000Z"


def href(call: Exchange, path: str) -> str:
    """Return the absolute URL of a path under ``/api/v1``."""
    return f"{call.request.origin}{API}{path}"


def scopes_for(method: str, scope: str) -> tuple[str, ...]:
    """Return what a token needs to read or manage `scope`; nothing where there is none."""
    return (f"okta.{scope}.{'read' if method == 'GET' else 'manage'}",) if scope else ()


def link(call: Exchange, path: str, *allow: str) -> dict[str, Any]:
    """Return a HAL link, with hints of the methods it takes."""
    out: dict[str, Any] = {"href": href(call, path)}
    if allow:
        out["hints"] = {"allow": list(allow)}
    return out


def action(call: Exchange, path: str) -> dict[str, Any]:
    """Return a HAL link of an action that is POSTed."""
    return {"href": href(call, path), "method": "POST"}


def since(world: World, day: str, *, otherwise: bool = True) -> bool:
    """Whether the organisation has what Okta brought out on `day`; `otherwise` when undated.

    Facts are dated: an organisation that was read in March answers as it did in March.
    """
    as_of = world.table("okta.meta").get("as_of")
    return otherwise if as_of is None else str(as_of) >= day


def is_classic(world: World) -> bool:
    """Whether the organisation runs the Classic Engine, which has no sign-on policies for apps."""
    return bool(world.table("okta.meta").get("pipeline") == "v1")


def org_id(world: World) -> str:
    """Return the organisation's own id."""
    meta = world.table("okta.meta")
    found = meta.get("org")
    return str(found if found is not None else meta.put("org", mint(world, "00o")))
