"""What other people's tools find, where they are installed: Schemathesis and Hypothesis.

Both only ever veto or note. Without them the pack says that they were not exercised.
"""

import asyncio
import importlib.util
import json
import re
import shutil
import sys
import tempfile
import xml.etree.ElementTree as ET  # written by the tool that we started
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import yaml

from unlit.evaluation.stage import Stage

DOCUMENTS: Final = ("/openapi.json", "/openapi.yaml", "/swagger.json", "/v3/api-docs",
                    "/api/openapi.json", "/docs/openapi.json")  # fmt: skip
_LOOK_S: Final = 20
_WAIT_S: Final = 120
_LIBRARY_S: Final = 120
_PLACE: Final = ".unlit-probe"
_STATUS: Final = re.compile(r"\[(5\d\d)\]")
_PYTHON: Final = "if [ -x /deps/venv/bin/python ]; then echo /deps/venv/bin/python; " \
    "else command -v python3 || command -v python; fi"  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tried:
    """What a tool did: rules by trial, how many things it tried, or why it did nothing.

    Attributes:
        found: Trial, rule, and a word for people that holds nothing of the scenario.
    """

    found: tuple[tuple[str, str, str], ...] = ()
    tried: int = 0
    not_exercised: str | None = None


def schemathesis() -> str | None:
    """Return the path of Schemathesis, or None."""
    beside = Path(sys.executable).with_name("schemathesis")
    return str(beside) if beside.exists() else shutil.which("schemathesis")


async def try_schemathesis(stage: Stage, document: str | None, seed: int = 1) -> Tried:
    """Let Schemathesis loose on a server that publishes what it accepts.

    Args:
        stage: With the server running.
        document: The OpenAPI document that it serves, if it serves one.
        seed: What Schemathesis draws from.
    """
    if document is None:
        return Tried(not_exercised="the product serves no OpenAPI document")
    tool = schemathesis()
    if tool is None:
        return Tried(not_exercised="Schemathesis is not installed")
    value = document_of(document)
    if value is None:
        return Tried(not_exercised="its OpenAPI document refers to other documents")
    forwarded = await stage.sandbox.forward(stage.launch.port or 0)
    try:
        with tempfile.TemporaryDirectory(prefix="unlit-schemathesis-") as folder:
            place = Path(folder)
            (place / "openapi.json").write_text(json.dumps(value), encoding="utf-8")
            origin = f"http://{forwarded.host}:{forwarded.port}"
            await _run(tool, place, origin, seed)
            report = place / "report.xml"
            text = report.read_text(encoding="utf-8") if report.exists() else ""
    finally:
        await forwarded.aclose()
    return read_report(text)


def is_openapi(text: str) -> bool:
    """Say whether a body is an OpenAPI document: many servers answer anything to any path."""
    if "openapi" not in text and "swagger" not in text:
        return False
    try:
        value = yaml.safe_load(text)  # JSON is YAML
    except (yaml.YAMLError, RecursionError, ValueError):
        return False
    return isinstance(value, dict) and bool({"openapi", "swagger"} & set(value))


def document_of(text: str) -> Any | None:
    """Return an OpenAPI document; None if it is none, or leads anywhere outside of itself."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if not isinstance(value, dict) or not {"openapi", "swagger"} & set(value):
        return None
    return value if all(ref.startswith("#") for ref in _references(value)) else None


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "$ref" or key == "externalValue":
                yield str(item)
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


async def _run(tool: str, place: Path, origin: str, seed: int) -> None:
    process = await asyncio.create_subprocess_exec(
        tool, "run", str(place / "openapi.json"), "--origin", origin, "--max-examples", "30",
        "--seed", str(seed), "--max-time", str(_LOOK_S), "--phases", "coverage,fuzzing",
        "--generation-database", "none", "--no-color", "--continue-on-failure",
        "--report-junit-path", str(place / "report.xml"),
        cwd=place, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "HOME": str(place), "TMPDIR": str(place)},
    )  # fmt: skip
    try:
        async with asyncio.timeout(_WAIT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def read_report(text: str) -> Tried:
    """Read Schemathesis' JUnit report: 5xx but "not implemented" vetoes, the rest is said."""
    try:
        cases = list(ET.fromstring(text).iter("testcase"))  # noqa: S314 # as above
    except ET.ParseError:
        return Tried(not_exercised="Schemathesis ended without a report")
    found: dict[tuple[str, str, str], None] = {}
    for case in cases:
        for failure in case.iter("failure"):
            said = failure.text or ""
            statuses = {int(status) for status in _STATUS.findall(said)} - {501, 505}
            if "Server error" in said and statuses:
                found["schemathesis", "server-error", str(case.get("name"))] = None
            for name in re.findall(r"^- ST\d+ (.+)$", said, re.MULTILINE):
                if name != "Server error":
                    found["schemathesis", "contract", name] = None
    return Tried(tuple(found), len(cases))


def _hypothesis() -> dict[str, bytes] | None:
    """Return the files of Hypothesis and what it needs, to be written into a fence."""
    files: dict[str, bytes] = {}
    for name in ("hypothesis", "_hypothesis_globals", "_hypothesis_ftz_detector",
                 "sortedcontainers", "attr", "attrs"):  # fmt: skip
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            if name in ("hypothesis", "sortedcontainers"):
                return None
            continue
        origin = Path(spec.origin)
        whole = spec.submodule_search_locations
        sources = [origin]
        if whole:
            sources = [f for f in origin.parent.rglob("*") if f.suffix in (".py", ".so")]
        root = origin.parent.parent if whole else origin.parent
        for path in sources:
            files[f"{_PLACE}/{path.relative_to(root).as_posix()}"] = path.read_bytes()
    return files


async def try_library(stage: Stage) -> Tried:
    """Call a Python library's public functions with what their hints allow, in its own fence."""
    files = _hypothesis()
    if files is None:
        return Tried(not_exercised="Hypothesis is not installed")
    probe = resources.files("unlit.evaluation.invariants").joinpath("library_probe.py")
    files[f"{_PLACE}/library_probe.py"] = probe.read_bytes()
    await stage.sandbox.write(files)
    script = f'exec "$({_PYTHON})" {_PLACE}/library_probe.py'
    env = {**stage.env, "PYTHONPATH": f"/work/{_PLACE}"}
    ended = await stage.sandbox.run(["sh", "-c", script], env=env, timeout_s=_LIBRARY_S)
    if ended.timed_out:
        return Tried((("hypothesis", "hang", ""),), 1)
    if ended.exit_code < 0 or ended.exit_code > 128:
        return Tried((("hypothesis", "crash", ""),), 1)
    return read_probe(ended.stdout.decode("utf-8", "replace"))


def read_probe(text: str) -> Tried:
    """Read what the probe printed last; what cannot be read says nothing."""
    try:
        report = json.loads(text.strip().splitlines()[-1])
        if "no_tool" in report:
            return Tried(not_exercised="the product's Python cannot load our Hypothesis")
        found = [
            ("hypothesis", str(e["rule"]), f"{e['function']} {e.get('error', '')}".strip())
            for e in report["found"]
        ]
        tried, names = int(report["tried"]), report["packages"]
    except (ValueError, KeyError, TypeError, IndexError):
        return Tried(not_exercised="the library cannot be called from Python")
    if not names and not found:
        return Tried(not_exercised="no Python package was found")
    return Tried(tuple(found), tried)
