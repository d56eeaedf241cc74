"""Compiles Jira's OpenAPI documents to the table that lies beside this module."""

import json
from pathlib import Path
from typing import Any

from unlit.twins.kit.openapi import Compiler


def compiled(folder: Path) -> bytes:
    """Return the contract of `platform-v3.json` (as v3 and v2) and `software-2022.json`."""
    platform = _flat(json.loads((folder / "platform-v3.json").read_text(encoding="utf-8")))
    software = _flat(json.loads((folder / "software-2022.json").read_text(encoding="utf-8")))
    version = platform["info"]["version"]
    compiler = Compiler(f"Jira Cloud platform {version}; Jira Software Cloud 2022")
    compiler.add(platform)
    second = {
        path.replace("/rest/api/3/", "/rest/api/2/"): item
        for path, item in platform["paths"].items()
        if path.startswith("/rest/api/3/")
    }
    compiler.add({**platform, "paths": second})
    compiler.add(software)
    return compiler.packed()


def _flat(value: Any) -> Any:
    """Replace an `allOf` of one reference by the reference: only a description stood beside it."""
    if isinstance(value, dict):
        parts = value.get("allOf")
        if isinstance(parts, list) and len(parts) == 1 and "$ref" in parts[0]:
            return {"$ref": parts[0]["$ref"]}
        return {key: _flat(item) for key, item in value.items()}
    return [_flat(item) for item in value] if isinstance(value, list) else value
