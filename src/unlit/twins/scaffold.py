"""Scaffolding a twin from an OpenAPI document: a package that works, and grows by hand."""

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from unlit.core.errors import InvalidInput
from unlit.twins.kit.openapi import Compiler

_NAME: Final = re.compile(r"^[a-z][a-z0-9_]*$")
_INIT: Final = '''"""{title} {version} as a twin: by convention, until rules by hand replace it."""

from pathlib import Path

from unlit.twins.kit.http import Reply
from unlit.twins.kit.open_twin import OpenTwin
from unlit.twins.kit.router import Route
from unlit.twins.kit.twin import Exchange


def health(call: Exchange) -> Reply:
    """An example of a rule by hand; it replaces the route of the contract, if there is one."""
    return Reply(200, {{"status": "ok"}})


twin = OpenTwin("{name}", Path(__file__).with_name("contract.bin"), hosts={hosts}{base})
twin.router.add(Route("GET", "/_{name}/health", health, "{name}.health", open=True))
'''
_TEST: Final = '''"""The twin answers, keeps what is written, and refuses what is not there."""

from pathlib import Path

from unlit.twins.kit.http import Request
from unlit.twins.universe import Universe

HERE = str(Path(__file__).parent)


def test_health() -> None:
    universe = Universe([HERE])
    world = universe.create_world()
    token = universe.tokens(world)["{name}"]
    headers = {{"x-twin-world": world, "authorization": f"Bearer {{token}}"}}
    answered = universe.answer("{name}", Request("GET", "/_{name}/health", "", headers))
    assert answered.reply.status == 200
'''


def scaffold(name: str, document: Path, folder: Path) -> tuple[Path, int]:
    """Write the package of a new twin.

    Args:
        name: Its name.
        document: OpenAPI 3 or Swagger 2, JSON or YAML.
        folder: Where the package's folder is made.

    Returns:
        The package's folder and the number of routes.

    Raises:
        InvalidInput: The name or the document cannot be used, or the folder is there.
    """
    if not _NAME.match(name):
        raise _refused(
            f"The name {name!r} cannot be used.",
            "a name is lower-case letters, digits and underscores",
            "choose another name.",
        )
    target = folder / name
    if target.exists():
        raise _refused(
            f"{str(target)!r} is there already.",
            "nothing is written over",
            "choose another folder or name.",
        )
    content = _document(document)
    info = content.get("info") or {}
    title, version = str(info.get("title", name)), str(info.get("version", ""))
    compiler = Compiler(f"{title} {version}".strip())
    prefix = str(content.get("basePath") or _base(content)).rstrip("/")
    compiler.add(content, prefix)
    if not compiler.routes:
        raise _refused(
            f"{str(document)!r} describes no route.",
            "it has no paths",
            "name an OpenAPI 3 or Swagger 2 document.",
        )
    target.mkdir(parents=True)
    (target / "contract.bin").write_bytes(compiler.packed())
    quoted = title.replace('"', "'").replace("\\", "")
    hosts, base = repr(_hosts(content)), f", base={prefix!r}" if prefix else ""
    text = _INIT.format(title=quoted, version=version, name=name, hosts=hosts, base=base)
    (target / "__init__.py").write_text(text, encoding="utf-8")
    (target / f"test_{name}.py").write_text(_TEST.format(name=name), encoding="utf-8")
    return target, len(compiler.routes)


def _document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _refused(
            f"{str(path)!r} cannot be read.",
            " ".join(str(error).split())[:200],
            "name an OpenAPI document in JSON or YAML.",
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("paths"), dict):
        raise _refused(
            f"{str(path)!r} is no OpenAPI document.",
            "it has no `paths`",
            "name an OpenAPI 3 or Swagger 2 document.",
        )
    return content


def _base(content: dict[str, Any]) -> str:
    """Return the path that all URLs of the first server begin with."""
    servers = content.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    url = str(first.get("url", "")) if isinstance(first, dict) else ""
    path = re.sub(r"^[a-z]+://[^/]*", "", url).split("?")[0]
    return path if path.startswith("/") and "{" not in path else ""


def _hosts(content: dict[str, Any]) -> tuple[str, ...]:
    found = [str(content["host"])] if content.get("host") else []
    for server in content.get("servers") or ():
        url = str(server.get("url", "")) if isinstance(server, dict) else ""
        match = re.match(r"^https?://([A-Za-z0-9.-]+)", url)
        if match and "." in match[1]:
            found.append(match[1])
    return tuple(dict.fromkeys(found))


def _refused(what: str, why: str, remedy: str) -> InvalidInput:
    return InvalidInput("TWN-113", what, why + ".", remedy)
