"""The compiler of vendor contracts."""

import json
import zlib
from typing import Any

from unlit.twins.kit.openapi import Compiler


def test_a_schema_that_contains_itself_without_a_name_compiles() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "parent": {"allOf": [{"$ref": "#/components/schemas/Node"}], "description": "Above."},
        },
    }
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    compiler = Compiler("one 1.0")
    compiler.add(
        {
            "paths": {"/nodes": {"get": {"responses": {"200": answer}}}},
            "components": {"schemas": {"Node": node}},
        }
    )
    packed = json.loads(zlib.decompress(compiler.packed()))
    (route,) = packed["routes"]
    properties = packed["schemas"][route[6]]["p"]
    assert set(properties) == {"name", "parent"}
    assert set(packed["schemas"][properties["parent"]]["p"]) == {"name", "parent"}
