"""Where agents' programs are on this machine, and what a fence must show for them to run."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unlit.core.errors import OutsideFailed
from unlit.harness.model import ToolMount
from unlit.harness.recipes import Recipe

_ALWAYS_SHOWN = (Path("/usr"), Path("/bin"), Path("/lib"), Path("/lib64"), Path("/opt"))


@dataclass(frozen=True, slots=True)
class Program:
    """An agent's program: where it is and what it needs to be seen."""

    path: Path
    mounts: tuple[ToolMount, ...]


def find_program(command: str, name: str, tools: Path | None, path: str) -> Program | None:
    """Find a program: first where `unlit agents install` puts it, then on `path`."""
    for folder in _folders(name, tools):
        if (folder / command).exists():
            return Program(folder / command, tuple(_mounts(folder / command)))
    found = shutil.which(command, path=path) if path else None
    return None if found is None else Program(Path(found), tuple(_mounts(Path(found))))


def find_beside(
    workspace: Path, command: str, name: str, tools: Path | None, path: str
) -> Program | None:
    """Find a program for a fence of `workspace`; a word with a slash means a file of that folder.

    The folder itself is never shown a second time: in it, secrets that policy hides are plain. A
    program that lies there is named by its place inside, ``/work/...``.
    """
    if "/" in command and not Path(command).is_absolute():
        command = str(workspace / command)
    program = find_program(command, name, tools, path)
    if program is None:
        return None
    place = program.path.resolve()
    if not any(workspace.is_relative_to(_real(mount)) for mount in program.mounts):
        if not place.is_relative_to(workspace) or _package_folder(program.path) is not None:
            return program
    elif not place.is_relative_to(workspace):
        kept = [one for one in program.mounts if not workspace.is_relative_to(_real(one))]
        return Program(program.path, (*kept, ToolMount(str(place), str(program.path))))
    return Program(Path("/work") / place.relative_to(workspace), ())


def _real(mount: ToolMount) -> Path:
    return Path(mount.source).resolve()


def install(recipe: Recipe, tools: Path, version: str | None = None) -> Path:
    """Install an agent from its registry into a folder of its own.

    Args:
        recipe: Which agent, and the package it comes in.
        tools: Folder that holds a folder for each agent.
        version: Exactly this version of the agent's package; None is the registry's newest.

    Returns:
        The folder.

    Raises:
        OutsideFailed: The registry or the installer failed.
    """
    folder = tools / recipe.name
    tools.mkdir(parents=True, exist_ok=True)
    if recipe.index == "npm":
        folder.mkdir(exist_ok=True)
        words = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        _install([*words, *_at(recipe, version, "@")], recipe.name)
    else:
        if not (folder / "pyvenv.cfg").exists():
            _install(["uv", "venv", "--quiet", str(folder)], recipe.name)
        python = str(folder / "bin" / "python")
        _install(
            ["uv", "pip", "install", "--python", python, *_at(recipe, version, "==")], recipe.name
        )
    return folder


def _at(recipe: Recipe, version: str | None, sign: str) -> tuple[str, ...]:
    """Return what to ask the registry for: the recipe's packages, the first at `version`."""
    if version is None:
        return recipe.package
    first, *others = recipe.package
    name = re.split(r"[<>=!~]", first, maxsplit=1)[0]
    return (f"{name}{sign}{version}", *others)


def _install(words: Sequence[str], name: str) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=1200)  # noqa: S603 # ours
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise _not_installed(name, str(error)) from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise _not_installed(name, last[0])


def _not_installed(name: str, why: str) -> OutsideFailed:
    return OutsideFailed(
        "HAR-031",
        f"{name} could not be installed: {why}.",
        "it comes from its own package registry.",
        "install it by hand so that it is on PATH, then `unlit agents check`.",
    )


def _folders(name: str, tools: Path | None) -> tuple[Path, ...]:
    if tools is None:
        return ()
    return (tools / name / "bin", tools / name / "node_modules" / ".bin")


def _mounts(program: Path) -> list[ToolMount]:
    """Return what must be visible: the program's own tree and the interpreter of its venv."""
    roots: list[Path] = []
    for path in (program, program.resolve()):
        root = _root(path)
        if root is not None and root not in roots:
            roots.append(root)
    for root in tuple(roots):
        home = _venv_home(root)
        if home is not None and home not in roots:
            roots.append(home)
    return [
        ToolMount(str(root), str(root))
        for root in roots
        if not any(root.is_relative_to(shown) for shown in _ALWAYS_SHOWN)
    ]


def _root(program: Path) -> Path | None:
    packages = _package_folder(program)
    if packages is not None:
        return packages
    if Path.home().is_relative_to(program.parent):
        return program  # the file alone: beside it lies all that this user has
    return program.parent


def _package_folder(program: Path) -> Path | None:
    """Return the environment of Python or Node that a program is part of."""
    for folder in program.parents:
        if (folder / "pyvenv.cfg").exists() or folder.name == "node_modules":
            return folder
    return None


def _venv_home(root: Path) -> Path | None:
    config = root / "pyvenv.cfg"
    if not config.exists():
        return None
    for line in config.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip()).resolve().parent
    return None
