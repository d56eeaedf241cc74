"""The smallest policy that lets through what was asked for; a person edits and signs it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from unlit.policy.model import Request

_MOST_PATHS: Final = 8
_IDENTIFIER: Final = re.compile(
    r"\d+|[0-9a-fA-F]{8,}|[0-9a-fA-F-]{32,36}|[A-Za-z0-9_-]*\d[A-Za-z0-9_-]{7,}"
)
_VERSION: Final = re.compile(r"v\d+([a-z]+\d*)?")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One allow rule, not accepted by anybody."""

    role: str
    host: str
    port: int
    scheme: str
    methods: tuple[str, ...]
    paths: tuple[str, ...]
    requests: int

    def toml(self) -> str:
        """Render the rule for the policy file."""
        times = "once" if self.requests == 1 else f"{self.requests} times"
        lines = ["[[allow]]", f"# asked for {times}; proposed, not accepted"]
        lines += [f'role = "{self.role}"', f'host = "{self.host}"']
        if self.scheme == "http":
            lines.append('scheme = "http"')
        if self.port != (443 if self.scheme == "https" else 80):
            lines.append(f"ports = [{self.port}]")
        lines.append("methods = [" + ", ".join(f'"{method}"' for method in self.methods) + "]")
        lines.append("paths = [" + ", ".join(f'"{path}"' for path in self.paths) + "]")
        return "\n".join(lines) + "\n"


def propose(requests: Iterable[Request]) -> tuple[Proposal, ...]:
    """Group requests into the fewest rules that name host, methods and paths.

    Path parts that look like identifiers become stars; a host with many different paths keeps their
    common beginning.
    """
    groups: dict[tuple[str, str, int, str], list[Request]] = {}
    for request in requests:
        key = (request.role, request.host, request.port, request.scheme)
        groups.setdefault(key, []).append(request)
    return tuple(_group(key, members) for key, members in sorted(groups.items()))


def _group(key: tuple[str, str, int, str], members: list[Request]) -> Proposal:
    role, host, port, scheme = key
    methods = tuple(sorted({member.method for member in members}))
    paths = sorted({template(member.path) for member in members})
    if len(paths) > _MOST_PATHS:
        paths = [_common(paths)]
    return Proposal(role, host, port, scheme, methods, tuple(paths), len(members))


def template(path: str) -> str:
    """Replace the parts of a path that look like identifiers by a star."""
    parts = path.split("/")
    return "/".join("*" if _is_identifier(part) else part.replace("*", "") for part in parts)


def _is_identifier(part: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(part)) and not _VERSION.fullmatch(part)


def _common(paths: list[str]) -> str:
    first, last = paths[0].split("/"), paths[-1].split("/")
    shared = []
    for left, right in zip(first, last, strict=False):
        if left != right:
            break
        shared.append(left)
    return "/".join(shared) + "/**"
