"""A tiny twin, the one in the room's README, for tests of the kit."""

from typing import Any, ClassVar

from typing_extensions import override

from unlit.twins.kit.http import Reply
from unlit.twins.kit.router import Route, Router
from unlit.twins.kit.seeds import expand
from unlit.twins.kit.twin import Exchange, Twin, VendorError
from unlit.twins.kit.world import World


class Notes(Twin):
    name = "notes"
    services = ("notes",)
    hosts: ClassVar[dict[str, tuple[str, ...]]] = {"notes": ("api.notes.example",)}

    def __init__(self) -> None:
        self.router = Router(
            (
                Route("POST", "/notes", create, "notes.create"),
                Route("GET", "/notes", listing, "notes.list"),
                Route("GET", "/notes/{id}", read, "notes.get"),
            )
        )

    @override
    def seed(self, world: World, spec: Any) -> None:
        for entry in expand(spec.get("notes")):
            add(world, entry["text"])

    @override
    def collections(self, world: World) -> dict[str, list[dict[str, Any]]]:
        return {"notes.notes": list(world.table("notes.notes").values())}


def add(world: World, text: str) -> dict[str, Any]:
    key = world.text("note", 8)
    row = {"id": key, "text": text, "at": world.clock.tick()}
    world.table("notes.notes").put(key, row)
    return row


def create(call: Exchange) -> Reply:
    return Reply(201, add(call.world, call.json()["text"]))


def listing(call: Exchange) -> Reply:
    return Reply(200, list(call.table("notes").values()))


def read(call: Exchange) -> Reply:
    row = call.table("notes").get(call.params["id"])
    if row is None:
        raise VendorError(404, "note_not_found", "No such note")
    return Reply(200, row)


twin = Notes()
