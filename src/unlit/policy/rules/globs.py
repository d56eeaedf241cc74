"""The two kinds of pattern in a policy: host globs and path globs."""

import re
from functools import lru_cache

HOST_GLOB = re.compile(
    r"(\*|(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)"
)


@lru_cache(maxsize=4096)
def host_pattern(glob: str) -> re.Pattern[str]:
    """Compile a host glob: ``*`` is any host, ``*.x`` any host below x, else the host itself."""
    if glob == "*":
        return re.compile(r".+\Z", re.DOTALL)
    if glob.startswith("*."):
        return re.compile(r"(?:[^.]+\.)+" + re.escape(glob[2:]) + r"\Z")
    return re.compile(re.escape(glob) + r"\Z")


def path_pattern(glob: str) -> str:
    """Translate a path glob: ``*`` is any text without a slash, ``**`` any text at all."""
    parts = re.split(r"(\*\*|\*)", glob)
    return (
        "".join(
            ".*" if part == "**" else "[^/]*" if part == "*" else re.escape(part) for part in parts
        )
        + r"\Z"
    )


def host_matches(glob: str, host: str) -> bool:
    """Say whether `host` (lower case) is one of those the glob names."""
    return host_pattern(glob).match(host) is not None


@lru_cache(maxsize=4096)
def _compiled_path(glob: str) -> re.Pattern[str]:
    return re.compile(path_pattern(glob), re.DOTALL)


def path_matches(glob: str, path: str) -> bool:
    """Say whether `path` is one of those the glob names."""
    return _compiled_path(glob).match(path) is not None
