"""Find how an existing repository is built, tested and started, from its manifests alone."""

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from unlit.line.rules.servers import find_server

MANIFESTS: Final = (
    "pyproject.toml",
    "uv.lock",
    "requirements.txt",
    "requirements-dev.txt",
    "setup.py",
    "setup.cfg",
    "pytest.ini",
    "tox.ini",
    "package.json",
    "package-lock.json",
    "Makefile",
    "go.mod",
)
"""Names of the files whose text `find_commands` wants, relative to the repository."""

_USUAL: Final = ("main", "app", "cli", "server", "index", "run")
_VENV: Final = "uv venv --quiet /deps/venv && uv pip install --quiet --python /deps/venv"


@dataclass(frozen=True, slots=True)
class Commands:
    """What was found; `None` where nothing was.

    `reasons` holds one sentence for each command found, naming the file it rests on.
    """

    kind: str = "library"
    build: str | None = None
    test: str | None = None
    run: str | None = None
    env: Mapping[str, str] | None = None
    reasons: tuple[str, ...] = ()
    port: int | None = None


def find_commands(
    texts: Mapping[str, str],
    folders: frozenset[str],
    files: frozenset[str],
    sources: Mapping[str, str] | None = None,
) -> Commands:
    """Find build, test and run commands.

    Args:
        texts: Text of each of `MANIFESTS` that exists.
        folders: Names of the folders at the top of the repository.
        files: Paths of the repository's files, relative, with ``/``.
        sources: Text of source files and scripts near the top, by path.

    Returns:
        The commands; a guess is never made from file contents that cannot be parsed.
    """
    sources = sources or {}
    found = _of_language(texts, folders, files)
    if found.run is None and not texts:
        found = _script(found, files, sources)
    server = find_server(found.run, texts.get("package.json", ""), sources)
    if server is None:
        return found
    where = f", port {server.port}" if server.port else ""
    reasons = (*found.reasons, f"kind: {server.source}, which listens{where}")
    return replace(found, kind="http", port=server.port, reasons=reasons)


def _of_language(
    texts: Mapping[str, str], folders: frozenset[str], files: frozenset[str]
) -> Commands:
    if any(name in texts for name in ("pyproject.toml", "setup.py", "requirements.txt")):
        return _python(texts, folders, files)
    if "package.json" in texts:
        return _node(texts, files)
    if "go.mod" in texts:
        return Commands(test="go test ./...", reasons=("test: go.mod",))
    if "Makefile" in texts and _has_target(texts["Makefile"], "test"):
        return Commands(test="make test", reasons=("test: target `test` of the Makefile",))
    if any(path.endswith(".py") and "/" not in path for path in files):
        return _python(texts, folders, files)
    run, why = _usual(files, ".sh", "sh")
    return Commands("cli", run=run, reasons=(f"run: {why}",)) if run else Commands()


def _script(found: Commands, files: frozenset[str], sources: Mapping[str, str]) -> Commands:
    """Take the one script at the top that says what runs it, and the script that tests it."""
    scripts = [path for path in sorted(files)
               if "/" not in path and sources.get(path, "").startswith("#!")]  # fmt: skip
    tests = [path for path in scripts if re.fullmatch(r"(run[-_])?tests?(\.sh)?", path)]
    programs = [path for path in scripts if path not in tests]
    if len(programs) != 1:
        return found
    reasons = [f"run: {programs[0]}, the one script here"]
    test = f"./{tests[0]}" if tests else found.test
    if tests:
        reasons.append(f"test: {tests[0]}")
    return Commands("cli", test=test, run=f"./{programs[0]}", reasons=tuple(reasons))


def _python(texts: Mapping[str, str], folders: frozenset[str], files: frozenset[str]) -> Commands:
    project = _toml(texts.get("pyproject.toml", ""))
    has_tests = bool(folders & {"tests", "test"})
    pytest = _uses_pytest(texts, files)
    reasons = []
    build = _python_build(texts, project, pytest=pytest and has_tests)
    if build is not None:
        source = "uv.lock" if "uv.lock" in texts else _first(texts)
        reasons.append(f"build: {source}")
    test = None
    if has_tests:
        folder = "tests" if "tests" in folders else "test"
        top = " -t ." if f"{folder}/__init__.py" in files else ""  # only a package has a parent
        test = "python -m pytest -q" if pytest else f"python -m unittest discover -s {folder}{top}"
        reasons.append(f"test: folder {folder}/" + (", which uses pytest" if pytest else ""))
    run, why = _python_run(project, files)
    if run is not None:
        reasons.append(f"run: {why}")
    env = {"PYTHONPATH": "src" if "src" in folders else "."}
    if build is None:
        # no environment of its own, so the system's Python, which has no other name everywhere
        test, run = (None if c is None else re.sub(r"^python ", "python3 ", c) for c in (test, run))
    return Commands("cli" if run else "library", build, test, run, env, tuple(reasons))


def _python_build(texts: Mapping[str, str], project: dict[str, Any], *, pytest: bool) -> str | None:
    if "uv.lock" in texts:
        return "uv sync --frozen --no-install-project --compile-bytecode"
    wanted = []
    if project.get("project", {}).get("dependencies"):
        wanted.append("-r pyproject.toml")
    wanted += [
        f"-r {name}" for name in ("requirements.txt", "requirements-dev.txt") if name in texts
    ]
    if pytest:
        wanted.append("pytest")
    return f"{_VENV} {' '.join(wanted)}" if wanted else None


def _python_run(project: dict[str, Any], files: frozenset[str]) -> tuple[str | None, str]:
    scripts = project.get("project", {}).get("scripts", {})
    for name, target in sorted(scripts.items()) if isinstance(scripts, dict) else ():
        module, _, function = str(target).partition(":")
        package = module.split(".", maxsplit=1)[0]
        if _module_file(f"{package}/__main__.py", files):
            return f"python -m {package}", f"script {name} of pyproject.toml"
        if function:
            call = f"import sys; from {module} import {function}; sys.exit({function}())"
            return f"python -c '{call}'", f"script {name} of pyproject.toml"
    for path in sorted(files):
        parts = path.removeprefix("src/").split("/")
        if len(parts) == 2 and parts[1] == "__main__.py" and parts[0] not in ("tests", "test"):
            return f"python -m {parts[0]}", path
    return _usual(files, ".py", "python")


def _usual(files: frozenset[str], suffix: str, interpreter: str) -> tuple[str | None, str]:
    """Return how the file of a usual name at the top is started, if there is one."""
    for name in _USUAL:
        if f"{name}{suffix}" in files:
            return f"{interpreter} {name}{suffix}", f"{name}{suffix}"
    return None, ""


def _node(texts: Mapping[str, str], files: frozenset[str]) -> Commands:
    try:
        import json

        package = json.loads(texts["package.json"])
        scripts = package.get("scripts") or {}
    except (ValueError, AttributeError):
        return Commands()
    reasons = []
    test = "npm test" if "test" in scripts else None
    if test:
        reasons.append("test: script `test` of package.json")
    run = "npm start" if "start" in scripts else None
    if run:
        reasons.append("run: script `start` of package.json")
    elif binary := _node_binary(package.get("bin")):
        run = f"node {binary}"
        reasons.append("run: `bin` of package.json")
    else:
        run, why = next((one for one in (_usual(files, s, "node") for s in (".js", ".mjs", ".cjs"))
                         if one[0]), (None, ""))  # fmt: skip
        reasons += [f"run: {why}"] if run else []
    build = None
    if "package-lock.json" in texts:
        build = "cp package.json package-lock.json /deps && npm ci --prefix /deps --ignore-scripts"
        reasons.append("build: package-lock.json")
    env = {"NODE_PATH": "/deps/node_modules"}
    return Commands("cli" if run else "library", build, test, run, env, tuple(reasons))


def _node_binary(declared: object) -> str | None:
    """Return the file of a package's first command; a path out of the package is none."""
    named = next(iter(declared.values()), None) if isinstance(declared, dict) else declared
    if not isinstance(named, str) or named.startswith("/") or ".." in named.split("/"):
        return None
    return shlex.quote(named.removeprefix("./"))


def _uses_pytest(texts: Mapping[str, str], files: frozenset[str]) -> bool:
    if any("pytest" in texts.get(name, "") for name in MANIFESTS):
        return True
    return any(path.rsplit("/", 1)[-1] == "conftest.py" for path in files)


def _module_file(path: str, files: frozenset[str]) -> bool:
    return path in files or f"src/{path}" in files


def _first(texts: Mapping[str, str]) -> str:
    return next(
        name for name in ("pyproject.toml", "requirements.txt", "setup.py") if name in texts
    )


def _has_target(makefile: str, target: str) -> bool:
    return any(line.startswith(f"{target}:") for line in makefile.splitlines())


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
