"""Clients that ask for JSON of a shape get it, in every vendor's words."""

import json
from typing import Any

import jsonschema
import pytest

from unlit.models.twin import anthropic, chat, gemini, responses
from unlit.models.twin.model import Ask
from unlit.models.twin.rules import choose, parse_script
from unlit.models.twin.shapes import smallest

SCHEMAS: tuple[dict[str, Any], ...] = (
    {"type": "object", "properties": {"why": {"type": "string"}, "score": {"type": "integer"}},
     "required": ["why", "score"]},
    {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
    {"$defs": {"n": {"type": "number", "minimum": 3}}, "properties": {"n": {"$ref": "#/$defs/n"}},
     "required": ["n"], "type": "object"},
    {"anyOf": [{"type": "null"}, {"type": "string"}]},
    {"type": ["boolean", "null"]},
    {"allOf": [{"type": "string"}, {"minLength": 12}]},
)  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_smallest_value_is_one_the_schema_accepts(schema: dict[str, Any]) -> None:
    jsonschema.validate(smallest(schema), schema)


def test_a_schema_that_never_ends_is_cut_off() -> None:
    schema = {"type": "object", "properties": {"more": {"$ref": "#"}}, "required": ["more"]}
    assert json.dumps(smallest(schema)).count("more") < 30


MORE = [f"more{number}" for number in range(8)]
NODE: dict[str, Any] = {
    "type": "object", "required": MORE, "properties": {key: {"$ref": "#"} for key in MORE},
}  # fmt: skip
LARGE: dict[str, Any] = {
    "tree": NODE,
    "lists": {"type": "array", "minItems": 1000, "items": {"$ref": "#"}},
    "items": {"type": "array", "minItems": 10**10},
    "text": {"type": "string", "minLength": 10**13},
    "endless": {"type": "array", "minItems": float("inf"), "items": {"minLength": float("inf")}},
    "vendor": {"type": "ARRAY", "minItems": "99999999999", "items": {"type": "STRING"}},
    "const": {"type": "array", "minItems": 1000, "items": {"const": "x" * 400_000}},
    "key": {"required": ["k" * 400_000], "properties": {"k" * 400_000: {"$ref": "#"}}},
    "wide": {"required": ["p", *map(str, range(100_000))], "properties": {"p": {"$ref": "#"}}},
    "parts": {"required": ["p"], "properties": {"p": {"$ref": "#"}}, "allOf": [{}] * 100_000},
}  # fmt: skip


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", LARGE)
def test_no_schema_makes_an_answer_that_fills_the_memory(name: str) -> None:
    assert len(json.dumps(smallest(LARGE[name]))) < 3_000_000


def test_what_is_asked_for_in_reason_is_given_in_full() -> None:
    schema = {"type": "array", "minItems": 900, "items": {"type": "string", "minLength": 900}}
    jsonschema.validate(smallest(schema), schema)
    assert smallest({"type": "ARRAY", "minItems": "2", "items": {"type": "INTEGER"}}) == [0, 0]
    assert smallest({"required": ["any"], "properties": {"any": True}}) == {"any": "scripted"}


@pytest.mark.parametrize(
    "ask",
    [
        gemini.parse({"contents": [{"parts": [{"text": "Do it."}]}], "generationConfig": {
            "responseMimeType": "application/json", "responseJsonSchema": SCHEMAS[0]}},
            "gemini-x", stream=False),
        chat.parse({"messages": [{"role": "user", "content": "Do it."}], "response_format": {
            "type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMAS[0]}}}),
        responses.parse({"input": "Do it.", "text": {"format": {
            "type": "json_schema", "name": "x", "schema": SCHEMAS[0]}}}),
        anthropic.parse({"messages": [{"role": "user", "content": "Do it."}], "output_format": {
            "type": "json_schema", "schema": SCHEMAS[0]}}),
    ],
    ids=["gemini", "chat", "responses", "anthropic"],
)  # fmt: skip
def test_prose_does_not_answer_an_ask_for_a_shape(ask: Ask) -> None:
    prose = parse_script({"turns": ["I do it."]})
    jsonschema.validate(json.loads(choose(prose, ask).say), SCHEMAS[0])
    written = parse_script({"turns": ['{"why": "it is small", "score": 1}']})
    assert json.loads(choose(written, ask).say)["score"] == 1
    fails = parse_script({"turns": [{"fault": {"status": 503}}]})
    assert choose(fails, ask).fault is not None
