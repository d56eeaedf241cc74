"""The parts of a product, read from its lock files: CycloneDX 1.6.

Only lock files are read: a manifest says what was wanted, a lock file what was taken. A tree
without one gives a list that says it is incomplete, never an empty list that looks complete.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from unlit.ship.model import Shipment


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One package at one version, from one kind of registry."""

    kind: str
    name: str
    version: str
    sha256: str | None = None

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:{self.kind}/{quote(self.name, safe='/')}@{quote(self.version)}"


def read_parts(name: str, text: str) -> tuple[Part, ...]:
    """Read one lock file; what cannot be read gives nothing.

    Args:
        name: Its file name, which says its format.
        text: Its content.
    """
    reader = _READERS.get(name) or (_requirements if _is_requirements(name) else None)
    if reader is None:
        return ()
    try:
        return tuple(sorted(set(reader(text))))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def is_lock_file(name: str) -> bool:
    """Whether `read_parts` knows this file name."""
    return name in _READERS or _is_requirements(name)


def bill(
    locks: Mapping[str, tuple[Part, ...]], shipment: Shipment, repository: str
) -> dict[str, Any]:
    """Return the bill of materials.

    Args:
        locks: Path of each lock file to its parts.
        shipment: What was shipped.
        repository: Name of the product's repository.
    """
    parts = sorted({part for found in locks.values() for part in found})
    complete = bool(locks) and all(locks.values())
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": shipment.commit,
                "name": repository,
                "version": shipment.tag,
            },
            "properties": [{"name": "unlit:lock-file", "value": path} for path in sorted(locks)],
        },
        "components": [_component(part) for part in parts],
        "compositions": [
            {
                "aggregate": "complete" if complete else "incomplete",
                "assemblies": [shipment.commit],
            }
        ],
    }


def _component(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
    }
    if part.sha256 and re.fullmatch(r"[0-9a-fA-F]{64}", part.sha256):
        found["hashes"] = [{"alg": f"SHA-{256}", "content": part.sha256}]
    return found


def _toml_packages(text: str, kind: str) -> list[Part]:
    parts = []
    for package in tomllib.loads(text).get("package", ()):
        source = package.get("source")
        if isinstance(source, Mapping) and {"virtual", "editable", "directory"} & set(source):
            continue
        if package.get("version"):
            parts.append(Part(kind, package["name"], str(package["version"]), _toml_hash(package)))
    return parts


def _toml_hash(package: Mapping[str, Any]) -> str | None:
    sdist = package.get("sdist")
    stated = sdist.get("hash") if isinstance(sdist, Mapping) else package.get("checksum")
    return str(stated).removeprefix("sha256:") if stated else None


def _npm(text: str) -> list[Part]:
    parts = []
    for path, package in json.loads(text).get("packages", {}).items():
        name = package.get("name") or path.rpartition("node_modules/")[2]
        if path and name and package.get("version"):
            parts.append(Part("npm", name, package["version"]))
    return parts


def _requirements(text: str) -> list[Part]:
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
    return [Part("pypi", name, version) for name, version in found]


def _go(text: str) -> list[Part]:
    found = re.findall(r"^(\S+) (v[^\s/]+) h1:", text, re.MULTILINE)
    return [Part("golang", name, version) for name, version in found]


def _is_requirements(name: str) -> bool:
    return re.fullmatch(r"requirements[\w.-]*\.txt", name) is not None


_READERS: Final[Mapping[str, Callable[[str], list[Part]]]] = {
    "uv.lock": lambda text: _toml_packages(text, "pypi"),
    "poetry.lock": lambda text: _toml_packages(text, "pypi"),
    "Cargo.lock": lambda text: _toml_packages(text, "cargo"),
    "package-lock.json": _npm,
    "go.sum": _go,
}
