"""Settings: one table, read once; flag over `UNLIT_*` over file over default."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    name: str
    kind: type[str] | type[int] | type[Path]
    default: str | int | Path | None
    help: str


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("state_home", Path, None, "Folder of all state; default $XDG_STATE_HOME/unlit."),
    Setting("vault", Path, None, "Folder of holdout scenarios; must lie outside the repository."),
    Setting(
        "database_url", str, None, "PostgreSQL URL of the record; default SQLite in the state."
    ),
    Setting(
        "backend", str, "full", "What fences are made of: full; landlock, container hold less."
    ),
    Setting("parallel", int, 2, "Trajectories run side by side."),
    Setting("max_candidates", int, 3, "Candidates a run may make before it gives up."),
    Setting("max_trajectories", int, 200, "Most trajectories per partition and candidate."),
    Setting("log_level", str, "warning", "debug, info, warning or error; logs go to stderr."),
    Setting("person", str, None, "Who decides at gates; default the user name."),
)


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it came from: flag, env, file or default."""

    setting: Setting
    value: str | int | Path | None
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one process, frozen."""

    values: Mapping[str, Value]
    env: Mapping[str, str]

    def text(self, name: str) -> str | None:
        """Return a text setting, or `None` if it is not set."""
        value = self.values[name].value
        return None if value is None else str(value)

    def number(self, name: str) -> int:
        """Return a whole-number setting."""
        value = self.values[name].value
        if not isinstance(value, int):
            raise ValueError(f"{name} is not a number setting")
        return value

    def path(self, name: str) -> Path | None:
        """Return a path setting, expanded, or `None` if it is not set."""
        value = self.values[name].value
        return None if value is None else Path(str(value))


def settings_file(env: Mapping[str, str]) -> Path:
    """Return the path of the user's settings file; it need not exist."""
    if named := env.get("UNLIT_SETTINGS"):
        return Path(named)
    base = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME", "/")) / ".config")
    return Path(base) / "unlit" / "settings.toml"


def read_settings(
    env: Mapping[str, str] | None = None, flags: Mapping[str, str | int | Path | None] | None = None
) -> Settings:
    """Read every setting once.

    Args:
        env: Environment; default the process's own.
        flags: Values given on the command line; `None` means not given.

    Raises:
        InvalidInput: An unknown key in the file, or a value that is not of its kind.
    """
    env = dict(os.environ) if env is None else env  # noqa: TID251 # the one place that reads it
    flags = flags or {}
    path = settings_file(env)
    from_file = _read_file(path)
    values = {}
    for setting in SETTINGS:
        values[setting.name] = _pick(setting, flags, env, from_file, path)
    return Settings(values, dict(env))


def _pick(
    setting: Setting,
    flags: Mapping[str, str | int | Path | None],
    env: Mapping[str, str],
    from_file: Mapping[str, object],
    path: Path,
) -> Value:
    if flags.get(setting.name) is not None:
        return Value(setting, _parse(setting, flags[setting.name], "flag"), "flag")
    variable = f"UNLIT_{setting.name.upper()}"
    if variable in env:
        return Value(setting, _parse(setting, env[variable], variable), f"env {variable}")
    if setting.name in from_file:
        return Value(setting, _parse(setting, from_file[setting.name], str(path)), f"file {path}")
    return Value(setting, setting.default, "default")


def _read_file(path: Path) -> Mapping[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidInput(
            "CLI-011",
            f"Settings file {path} cannot be read: {error.strerror}.",
            "settings are read before anything else.",
            "make it readable, or remove it.",
        ) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            "CLI-012",
            f"Settings file {path} is not TOML: {error}.",
            "a half-understood setting is worse than none.",
            "correct the line named.",
        ) from error
    known = {setting.name for setting in SETTINGS}
    for key in table:
        if key not in known:
            raise InvalidInput(
                "CLI-013",
                f"Unknown setting {key!r} in {path}.",
                "unknown keys are refused, so that a typo cannot pass for a setting.",
                f"use one of: {', '.join(sorted(known))}.",
            )
    return table


def _parse(setting: Setting, raw: object, origin: str) -> str | int | Path:
    if setting.kind is int:
        try:
            number = int(str(raw))
        except ValueError:
            number = -1
        if number < 1 or isinstance(raw, bool):
            raise InvalidInput(
                "CLI-014",
                f"Setting {setting.name} from {origin} is {raw!r}.",
                "it takes a whole number of at least 1.",
                f"for example {setting.default}.",
            )
        return number
    if setting.kind is Path:
        return Path(str(raw)).expanduser()
    return str(raw)
