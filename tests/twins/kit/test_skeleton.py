"""What the contract alone and its examples say of answers: keys and links, never values."""

from typing import Any

from unlit.twins.fidelity import examples
from unlit.twins.fidelity.learn import Learner
from unlit.twins.kit.contract import Contract
from unlit.twins.kit.openapi import Compiler
from unlit.twins.kit.shapes import Filling, fill, over
from unlit.twins.kit.skeleton import Skeleton

THING = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "name": {"type": "string"},
        "madeAt": {"type": "string", "format": "date-time", "readOnly": True},
        "tags": {"type": "array", "nullable": True, "items": {"type": "string"}},
        "mode": {"type": "string", "enum": ["SLOW", "FAST"], "default": "SLOW"},
        "secret": {"type": "string", "writeOnly": True},
        "note": {"type": "string"},
        "settings": {
            "type": "object",
            "properties": {"loud": {"type": "boolean"}, "hint": {"type": "string"}},
        },
        "_links": {
            "type": "object",
            "properties": {
                "self": {"$ref": "#/components/schemas/Link"},
                "parts": {"$ref": "#/components/schemas/Link"},
                "shop": {"$ref": "#/components/schemas/Link"},
                "elsewhere": {"$ref": "#/components/schemas/Link"},
            },
        },
    },
}
LINK = {"type": "object", "properties": {"href": {"type": "string"}, "hints": {"type": "object"}}}
SHOWN = {
    "id": "abc12345678901234567",
    "name": "Ada's thing",
    "mode": "FAST",
    "count": 7,
    "settings": {"loud": True, "hint": "whisper"},
    "_links": {
        "self": {
            "href": "https://{yourDomain}/shops/shop0123456789abcdef/things/abc12345678901234567"
        }
    },
}
_BODY: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Thing"}}
_ANSWER = {"content": {"application/json": {**_BODY, "examples": {"One": {"value": SHOWN}}}}}
_ITEM = {"name": "thingId", "in": "path", "schema": {"type": "string"}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "t", "version": "1"},
    "components": {"schemas": {"Thing": THING, "Link": LINK}},
    "paths": {
        "/shops/{shopId}/things": {
            "post": {
                "operationId": "make",
                "requestBody": {"content": {"application/json": _BODY}},
                "responses": {"201": _ANSWER},
            }
        },
        "/shops/{shopId}/things/{thingId}": {
            "get": {"operationId": "see", "responses": {"200": _ANSWER}},
            "delete": {"operationId": "end", "responses": {"204": {}}},
        },
        "/shops/{shopId}/things/{thingId}/parts": {
            "get": {"operationId": "parts", "responses": {"200": {}}}
        },
    },
}
KIND = "/shops/{shopId}/things"


def _contract() -> Contract:
    compiler = Compiler("test")
    compiler.add(DOCUMENT)
    return Contract.unpack(compiler.packed())


def _shape(sent: Any, *, eager: bool = True) -> Any:
    contract = _contract()
    return Skeleton(contract, eager).shape(contract.by_route[("POST", KIND)], KIND, sent)


def test_habits_show_what_a_vendor_sends_unasked() -> None:
    """Read-only, nullable and defaulted keys are there; free texts and secrets are not."""
    shape = _shape({"name": "x", "settings": {"hint": "h"}})
    assert {"id", "name", "madeAt", "tags", "mode", "settings", "_links"} == set(shape)
    assert (shape["madeAt"], shape["tags"], shape["mode"]) == ("$now", "$list", "SLOW")


def test_a_table_is_completed_only_where_one_was_sent() -> None:
    """A nested flag stands beside what was sent, and no table is invented."""
    filling = Filling("i", {}, "https://x", "now", lambda prefix: "m")
    for sent in ({"name": "x", "settings": {"hint": "h"}}, {"name": "x"}):
        row = fill(_shape(sent), sent, filling)
        assert row.get("settings") == ({"loud": False, "hint": "h"} if "settings" in sent else None)
    unsent = fill(_shape({"name": "x", "settings": {}}), {"name": "y"}, filling)
    assert "settings" not in unsent


def test_links_lead_to_routes_of_the_contract_only() -> None:
    """A link whose target no route tells is left out."""
    links = _shape({})["_links"]
    assert set(links) == {"self", "parts", "shop"}
    assert links["parts"]["href"] == "$url:/shops/{shopId}/things/{id}/parts"
    assert links["shop"]["href"] == "$url:/shops/{shopId}"
    assert set(_shape({}, eager=False)["_links"]) == {"self"}


def test_examples_give_keys_and_no_text_of_theirs() -> None:
    """Of an example's answer the keys, links and enumerated words are learnt, nothing else."""
    contract = _contract()
    learner = Learner(contract, examples.words(DOCUMENT))
    rows = list(examples.interactions(DOCUMENT, contract))
    assert {row["upath"] for row in rows} == {
        KIND.replace("{shopId}", "shop0123456789abcdef"),
        "/shops/shop0123456789abcdef/things/abc12345678901234567",
    }
    learner.see(rows)
    text = repr(learner.document("", "")["kinds"])
    assert "'id': '$id'" in text
    assert "FAST" in text
    assert not [word for word in ("Ada", "whisper", "abc123", "shop0") if word in text]


def test_what_an_example_does_not_say_the_contract_does() -> None:
    """An unknown text or a list that varies does not hide what the contract knows."""
    base = {"mode": "SLOW", "tags": ["a"], "self": {"href": "$url:/x/{id}"}, "in": {"a": 1}}
    shape = {"mode": "$text", "tags": "$list", "self": {"href": "$url:/y/{~abc}"}, "in": {"b": 2}}
    assert over(base, shape) == {**base, "in": {"a": 1, "b": 2}}
    assert over(base, {"mode": "FAST"})["mode"] == "FAST"
