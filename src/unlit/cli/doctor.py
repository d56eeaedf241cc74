"""`unlit doctor`: what works on this machine, what does not, and what would change that."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts

app = cyclopts.App(name="doctor", help="Say what works on this machine.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]

_KEYS: Final = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEX_API_KEY", "GEMINI_API_KEY")
_CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class _Finding:
    """One line; `needed` ones decide the exit code."""

    area: str
    name: str
    works: bool
    sentence: str
    remedy: str = ""
    needed: bool = False


@app.default
def doctor(*, as_json: Json = False) -> int:
    """Try what the factory needs and say what works, what does not and what would change that.

    Exit code: 0 when the full fence can be made here, else 1.

    Args:
        as_json: Print JSON.
    """
    found = [one for look in _LOOKS for one in look()]
    ready = all(one.works for one in found if one.needed)
    if as_json:
        rows = [
            {
                "area": one.area,
                "name": one.name,
                "works": one.works,
                "sentence": one.sentence,
                "remedy": one.remedy or None,
            }
            for one in found
        ]
        document = {"schema": "unlit.doctor/1", "ready": ready, "findings": rows}
        sys.stdout.write(json.dumps(document) + "\n")
        return 0 if ready else 1
    area = ""
    for one in found:
        if one.area != area:
            area = one.area
            sys.stdout.write(f"{area}\n")
        mark = "yes" if one.works else "NO " if one.needed else "no "
        sys.stdout.write(f"  {mark} {one.name:16} {one.sentence}\n")
        if not one.works and one.remedy:
            sys.stdout.write(f"      {'':16} Do: {one.remedy}\n")
    last = "The full fence can be made here." if ready else "The full fence can NOT be made here."
    sys.stdout.write(f"{last}\n")
    return 0 if ready else 1


def _machine() -> Iterator[_Finding]:
    from unlit.fence.machine import NEEDED, capabilities

    for one in capabilities().entries:
        yield _Finding("fence", one.name, one.works, one.sentence, one.remedy, one.name in NEEDED)


def _agents() -> Iterator[_Finding]:
    from unlit.harness.options import AgentOptions
    from unlit.harness.registry import known_agents, make_agent

    options = AgentOptions(tools=_state() / "agents", path=_environment().get("PATH", ""))
    for name in known_agents():
        facts = make_agent(name, options).facts
        if facts.needs:
            remedy = f"unlit agents install {name}"
            yield _Finding("agents", name, False, f"{facts.title} is not installed.", remedy)
            continue
        place = f" in {facts.path[0]}" if facts.path else ""
        yield _Finding("agents", name, True, f"{facts.title}{place}.")


def _keys() -> Iterator[_Finding]:
    env = _environment()
    for name in _KEYS:
        if env.get(name):
            yield _Finding("keys", name, True, "Set; an agent sees a placeholder in its stead.")
        else:
            yield _Finding("keys", name, False, "Not set.", f"export {name}=…, or name its source")


def _database() -> Iterator[_Finding]:
    import sqlite3

    yield _Finding("database", "sqlite", True, f"SQLite {sqlite3.sqlite_version}.")
    from unlit.wiring.settings import read_settings

    url = read_settings().text("database_url") or ""
    if url.startswith("postgres"):
        yield _postgres(url)
    else:
        sentence = "Not used; set database_url for several workers."
        yield _Finding("database", "postgresql", False, sentence)


def _postgres(url: str) -> _Finding:
    from unlit.core.errors import UnlitError
    from unlit.record.store import Store

    try:
        Store.open(url).close()
    except UnlitError as error:
        return _Finding("database", "postgresql", False, error.what, error.remedy)
    except Exception as error:  # whatever the driver raises: the database did not answer
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return _Finding("database", "postgresql", False, said, "correct database_url.")
    return _Finding("database", "postgresql", True, "The configured database answers.")


def _browser() -> Iterator[_Finding]:
    if importlib.util.find_spec("playwright") is None:
        sentence = "Playwright is not installed: `ui` steps are not exercised."
        yield _Finding("browser", "playwright", False, sentence, "pip install 'unlit[browser]'")
        return
    found = _chromium()
    if found is None:
        sentence = "No Chromium was found: `ui` steps are not exercised."
        yield _Finding("browser", "chromium", False, sentence, "playwright install chromium")
    else:
        yield _Finding("browser", "chromium", True, f"Chromium at {found}.")


def _chromium() -> Path | None:
    for name in _CHROMIUM:
        if at := shutil.which(name):
            return Path(at)
    env = _environment()
    base = env.get("PLAYWRIGHT_BROWSERS_PATH") or str(Path.home() / ".cache" / "ms-playwright")
    found = sorted(Path(base).glob("chromium*/*/*chrom*"))
    return next((one for one in found if one.is_file()), None)


def _tools() -> Iterator[_Finding]:
    wanted = {"git": "the workspace's history", "uv": "Python products", "npm": "Node products"}
    for name, purpose in wanted.items():
        at = shutil.which(name)
        said = f"{name} at {at}." if at else f"{name} is missing; needed for {purpose}."
        yield _Finding("tools", name, at is not None, said, "" if at else f"install {name}")


def _state() -> Path:
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    return state_home(settings.env, settings.path("state_home"))


def _environment() -> Mapping[str, Any]:
    from unlit.wiring.settings import read_settings

    return read_settings().env


_LOOKS: Final[tuple[Callable[[], Iterator[_Finding]], ...]] = (
    _machine,
    _agents,
    _keys,
    _database,
    _browser,
    _tools,
)
