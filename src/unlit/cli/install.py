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
    serve: str | None = None,
    query: str | None = None,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
    repository: Path | None = None,
) -> int:
    """Write skill files into the repository, or systemd user units for console and tracker.

    Args:
        agent: claude, codex, gemini, opencode, cursor, copilot, or agents (AGENTS.md); may be
            repeated.
        service: Write ``~/.config/systemd/user/unlit-console.service`` for this repository.
        serve: A source of unlit.toml: write ``unlit-serve.service``, which watches it.
        query: Which of its tickets, with --serve.
        as_json: Print JSON.
        repository: Folder of the repository; default this one.
    """
    from unlit.review.handover import skill_file
    from unlit.wiring.finding import find_repository

    folder = find_repository(repository or Path())
    written: list[str] = []
    for name in agent or ([] if service or serve else ["agents"]):
        path, text = skill_file(name, _read(folder / skill_file(name)[0]))
        _write(folder / path, text)
        written.append(str(folder / path))
    if service:
        written.append(str(_service(folder)))
    if serve is not None:
        written.append(str(_serve(folder, serve, query)))
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.install/1", "written": written}) + "\n")
        return 0
    for line in written:
        sys.stdout.write(f"wrote    {line}\n")
    if service:
        sys.stdout.write("start it: systemctl --user enable --now unlit-console\n")
        sys.stdout.write("its URL:  journalctl --user -u unlit-console -n 1 -o cat\n")
    if serve is not None:
        sys.stdout.write(f"put its credentials into {_config() / 'unlit' / 'environment'}\n")
        sys.stdout.write("start it: systemctl --user enable --now unlit-serve\n")
    return 0


def _config() -> Path:
    from unlit.wiring.settings import read_settings

    env = read_settings().env
    return Path(env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "/")) / ".config"))


def _serve(folder: Path, source: str, query: str | None) -> Path:
    from unlit.core.errors import UsageError
    from unlit.review.units import serve_unit

    if not query:
        raise UsageError(
            "REV-052",
            "The service is not written: no --query says which tickets it watches.",
            "a query is in the tracker's own words.",
            "for example --query 'labels = unlit-ready'.",
        )
    path = _config() / "systemd" / "user" / "unlit-serve.service"
    program = Path(sys.executable).with_name("unlit")
    _write(path, serve_unit(program, folder, source, query, _config() / "unlit" / "environment"))
    return path


def _service(folder: Path) -> Path:
    from unlit.review.units import console_unit

    path = _config() / "systemd" / "user" / "unlit-console.service"
    _write(path, console_unit(Path(sys.executable).with_name("unlit"), folder))
    return path


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
