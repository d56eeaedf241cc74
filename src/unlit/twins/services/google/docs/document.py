"""A document in one world: its tabs, segments and revision."""

from typing import Any

from unlit.twins.kit.world import World
from unlit.twins.services.google.docs import units
from unlit.twins.services.google.docs.units import Units

Row = dict[str, Any]


def create(world: World, ident: str, title: str) -> Row:
    """Add an empty document."""
    row: Row = {
        "id": ident,
        "title": title,
        "revision": revision(world),
        "tabs": (tab("t.0", "Tab 1"),),
    }
    return dict(world.table("google.documents").put(ident, row))


def tab(ident: str, title: str, **more: Any) -> Row:
    """Return the row of an empty tab."""
    return {
        "id": ident,
        "title": title,
        "parent": None,
        "body": units.blank(),
        "headers": {},
        "footers": {},
        "footnotes": {},
        "lists": {},
        "named": (),
        "objects": {},
        "positioned": {},
        "style": None,
        "styles": None,
        **more,
    }


def revision(world: World) -> str:
    """Return a fresh opaque revision id."""
    return "A" + str(world.text("google.revision", 60)) + "=="


def text(world: World, ident: str) -> str:
    """Return a document's text, all tabs."""
    row = world.table("google.documents").get(ident)
    if row is None:
        return ""
    return "".join(units.plain_text(body(tab)) for tab in row["tabs"])


def body(row: Row) -> Units:
    """Return the body of a tab."""
    found: Units = row["body"]
    return found
