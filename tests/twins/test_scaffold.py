"""A new twin from an OpenAPI document answers at once and keeps what is written."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from unlit.core.errors import InvalidInput
from unlit.twins.kit.http import Request
from unlit.twins.scaffold import scaffold
from unlit.twins.universe import Universe

PET = {"type": "object", "required": ["name"], "properties": {
    "id": {"type": "string", "readOnly": True}, "name": {"type": "string"},
    "kind": {"type": "string", "enum": ["cat", "dog"]}, "tags": {"type": "array", "items": {
        "type": "string"}}}}  # fmt: skip
JSON_PET = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://api.pets.example"}],
    "paths": {
        "/pets": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": {
                "type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}}}},
            "post": {"requestBody": JSON_PET, "responses": {"201": JSON_PET}},
        },
        "/pets/{petId}": {
            "get": {"responses": {"200": JSON_PET}},
            "put": {"requestBody": JSON_PET, "responses": {"200": JSON_PET}},
            "delete": {"responses": {"204": {}}},
        },
        "/pets/{petId}/wash": {"post": {"operationId": "wash", "responses": {"200": JSON_PET}}},
    },
    "components": {"schemas": {"Pet": PET}},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    document = tmp_path / "pets.json"
    document.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    found, count = scaffold("pets", document, tmp_path / "twins")
    assert count == 6
    return found


def test_the_scaffolded_twin_is_stateful_and_honest(folder: Path) -> None:
    universe = Universe([str(folder)])
    world = universe.create_world({"pets": {"/pets": [{"count": 2, "name": "pet {n}"}]}})

    def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        token = universe.tokens(world)["pets"]
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"host": "api.pets.example", "authorization": f"Bearer {token}"}
        answered = universe.answer("pets", Request(method, path, "", headers, data))
        raw = answered.reply.encoded()
        return answered.reply.status, json.loads(raw) if raw else None

    assert len(ask("GET", "/pets")[1]) == 2
    status, made = ask("POST", "/pets", {"name": "Tom", "kind": "cat"})
    assert (status, made["name"]) == (201, "Tom")
    assert ask("GET", f"/pets/{made['id']}") == (200, made)
    assert ask("PUT", f"/pets/{made['id']}", {"name": "Tim"})[1]["name"] == "Tim"
    assert "kind" not in ask("GET", f"/pets/{made['id']}")[1]
    assert ask("POST", "/pets", {"name": 3})[0] == 400
    assert ask("POST", f"/pets/{made['id']}/wash")[0] == 501
    assert ask("DELETE", f"/pets/{made['id']}")[0] == 204
    assert ask("GET", f"/pets/{made['id']}")[0] == 404
    assert ask("GET", "/_pets/health") == (200, {"status": "ok"})
    assert universe.service_for_host("api.pets.example") == "pets"


@pytest.mark.parametrize(
    ("name", "text"),
    [("Bad-Name", "{}"), ("pets", "{}"), ("pets", "{"), ("pets", '{"paths": {}}')],
)
def test_what_cannot_become_a_twin_is_refused(tmp_path: Path, name: str, text: str) -> None:
    document = tmp_path / "x.json"
    document.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="TWN-113"):
        scaffold(name, document, tmp_path / "out")
    assert not (tmp_path / "out" / name).exists()


BOOKING = {"type": "object", "required": ["id", "who"], "properties": {
    "id": {"type": "integer"}, "who": {"type": "string"}}}  # fmt: skip
WRAPPED = {"allOf": [{"type": "object", "properties": {"total": {"type": "integer"}}},
                     {"properties": {"data": {"type": "array", "items": BOOKING}}}]}  # fmt: skip
ODD = {
    "openapi": "3.1.0", "info": {"title": "Bookings", "version": "1"},
    "servers": [{"url": "https://api.bookings.example/v2"}],
    "paths": {
        "/bookings": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": WRAPPED}}}}},
            "post": {"requestBody": {"content": {"application/json": {"schema": BOOKING}}},
                     "responses": {"201": {"description": "no body"}}},
        },
        "/bookings/{bookingId}": {"get": {"responses": {"200": {
            "content": {"application/json": {"schema": BOOKING}}}}}},
    },
}  # fmt: skip


def test_wrapped_lists_chosen_ids_and_a_path_that_all_urls_begin_with(tmp_path: Path) -> None:
    document = tmp_path / "bookings.json"
    document.write_text(json.dumps(ODD), encoding="utf-8")
    folder, _ = scaffold("bookings", document, tmp_path / "twins")
    universe = Universe([str(folder)])
    universe.default = universe.create_world({"bookings": {"/bookings": [{"id": 1, "who": "a"}]}})

    def ask(method: str, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {universe.tokens(str(universe.default))['bookings']}"}
        data = b"" if body is None else json.dumps(body).encode()
        reply = universe.answer("bookings", Request(method, path, "", headers, data)).reply
        return reply.status, json.loads(reply.encoded())

    assert ask("POST", "/v2/bookings", {"id": 7, "who": "b"})[0] == 201
    rows = [{"id": 1, "who": "a"}, {"id": 7, "who": "b"}]
    assert ask("GET", "/v2/bookings") == (200, {"data": rows, "total": 2})
    assert ask("GET", "/bookings/7") == ask("GET", "/v2/bookings/7") == (200, rows[1])
    assert ask("GET", "/v2/nothing")[0] == 404


def test_ids_have_the_form_that_the_document_promises(tmp_path: Path) -> None:
    pet: dict[str, Any] = {**PET, "properties": {**PET["properties"]}}  # type: ignore[dict-item] # a table
    pet["properties"]["id"] = {"type": "string", "format": "uuid", "readOnly": True}
    document = tmp_path / "pets.json"
    text = json.dumps({**DOCUMENT, "components": {"schemas": {"Pet": pet}}})
    document.write_text(text, encoding="utf-8")
    universe = Universe([str(scaffold("uuids", document, tmp_path)[0])])
    world = universe.create_world()
    headers = {"authorization": f"Bearer {universe.tokens(world)['uuids']}"}
    ids = set()
    for _ in range(3):
        sent = Request("POST", "/pets", "", dict(headers), b'{"name": "Tom"}')
        made = json.loads(universe.answer("uuids", sent).reply.encoded())["id"]
        assert str(uuid.UUID(made)) == made
        ids.add(made)
    assert len(ids) == 3


def test_what_the_document_requires_is_required(folder: Path) -> None:
    universe = Universe([str(folder)])
    world = universe.create_world()
    headers = {"authorization": f"Bearer {universe.tokens(world)['pets']}"}
    for body, status in ((b"", 400), (b"{}", 400), (b'{"name": "Tom"}', 201)):
        sent = Request("POST", "/pets", "", dict(headers), body)
        assert universe.answer("pets", sent).reply.status == status
