"""Which package registries this machine uses, so that a policy can say `mirror = "pypi"`."""

import configparser
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from unlit.policy.rules.parse import PUBLIC_MIRRORS

_PYPI_FILES: Final = "https://files.pythonhosted.org/"
_PYPI_VARIABLES: Final = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "PIP_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
)
_NPM_VARIABLES: Final = ("npm_config_registry", "NPM_CONFIG_REGISTRY")


def machine_mirrors(env: Mapping[str, str], etc: Path = Path("/etc")) -> dict[str, str]:
    """Return base URLs per mirror name, from the environment and the tools' own files.

    Args:
        env: The environment whose `HOME` and variables count.
        etc: Folder of machine-wide files.

    Returns:
        For each known mirror its base URLs, with spaces between; never a user name or password.
    """
    home = Path(env.get("HOME", "/"))
    pypi = [*_from_env(env, _PYPI_VARIABLES), *_pip(env, home, etc), *_uv(env, home, etc)]
    npm = [*_from_env(env, _NPM_VARIABLES), *_npmrc(home / ".npmrc"), *_npmrc(etc / "npmrc")]
    return {
        "pypi": " ".join(dict.fromkeys([*_usable(pypi), _PYPI_FILES]))
        if _usable(pypi)
        else PUBLIC_MIRRORS["pypi"],
        "npm": " ".join(_usable(npm)[:1]) or PUBLIC_MIRRORS["npm"],
    }


def _from_env(env: Mapping[str, str], names: tuple[str, ...]) -> list[str]:
    words = [word for name in names for word in env.get(name, "").split()]
    return [word.split("=", 1)[1] if re.match(r"[\w-]+=", word) else word for word in words]


def _pip(env: Mapping[str, str], home: Path, etc: Path) -> list[str]:
    files = [
        etc / "pip.conf",
        Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf",
        home / ".pip" / "pip.conf",
    ]
    if named := env.get("PIP_CONFIG_FILE"):
        files.append(Path(named))
    found: list[str] = []
    for file in files:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(_text(file))
        except configparser.Error:
            continue
        for section in ("install", "global"):
            for key in ("index-url", "extra-index-url"):
                found.extend(parser.get(section, key, fallback="").split())
    return found


def _uv(env: Mapping[str, str], home: Path, etc: Path) -> list[str]:
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    files = [etc / "uv" / "uv.toml", config / "uv" / "uv.toml"]
    found: list[str] = []
    for file in files:
        try:
            data: dict[str, Any] = tomllib.loads(_text(file))
        except tomllib.TOMLDecodeError:
            continue
        pip = data.get("pip") if isinstance(data.get("pip"), dict) else {}
        for holder in (data, pip):
            url = holder.get("index-url") if isinstance(holder, dict) else None
            found.extend([url] if isinstance(url, str) else [])
        indexes = data.get("index")
        for index in indexes if isinstance(indexes, list) else []:
            url = index.get("url") if isinstance(index, dict) else None
            found.extend([url] if isinstance(url, str) else [])
    return found


def _npmrc(file: Path) -> list[str]:
    return re.findall(r"(?m)^\s*registry\s*=\s*[\"']?(\S+?)[\"']?\s*$", _text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _usable(urls: list[str]) -> list[str]:
    found = []
    for url in urls:
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.hostname:
            path = parts.path or "/"
            found.append(f"{parts.scheme}://{parts.hostname}{port}{path}")
    return list(dict.fromkeys(found))
