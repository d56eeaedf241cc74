"""`unlit install`: files that let a coding agent hand work to the factory, or a service run it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import cyclopts

app = cyclopts.App(name="install", help="Let a coding agent hand work to the factory.")
Many = Annotated[list[str] | None, cyclopts.Parameter(negative=())]
Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@app.default
def install(
    *,
    agent: Many = None,
    service: Flag = False,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
    repository: Path | None = None,
) -> int:
    """Write skill files into the repository, or a systemd user unit for the console.

    Args:
        agent: claude, codex, gemini, opencode, or agents (AGENTS.md); may be repeated.
        service: Write ``~/.config/systemd/user/unlit-console.service`` for this repository.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.review.handover import skill_file
    from unlit.wiring.desk import find_repository

    folder = find_repository(repository or Path())
    written: list[str] = []
    for name in agent or ([] if service else ["agents"]):
        path, text = skill_file(name, _read(folder / skill_file(name)[0]))
        _write(folder / path, text)
        written.append(str(folder / path))
    if service:
        written.append(str(_service(folder)))
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.install/1", "written": written}) + "\n")
        return 0
    for line in written:
        sys.stdout.write(f"wrote    {line}\n")
    if service:
        sys.stdout.write("start it: systemctl --user enable --now unlit-console\n")
        sys.stdout.write("its URL:  journalctl --user -u unlit-console -n 1 -o cat\n")
    return 0


def _service(folder: Path) -> Path:
    from unlit.review.units import console_unit
    from unlit.wiring.settings import read_settings

    env = read_settings().env
    base = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "/")) / ".config")
    path = Path(base) / "systemd" / "user" / "unlit-console.service"
    _write(path, console_unit(Path(sys.executable).with_name("unlit"), folder))
    return path


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
