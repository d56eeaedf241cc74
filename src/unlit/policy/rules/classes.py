"""One of each kind of host, port and method that the rules of a policy can tell apart."""

from collections.abc import Iterable, Sequence
from typing import Final

from unlit.policy.model import Rule
from unlit.policy.rules.globs import host_matches
from unlit.policy.rules.table import Row

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_SOME_PORT: Final = 49_151
_SOME_METHOD: Final = "PURGE"


def some_hosts(globs: Iterable[str]) -> list[str]:
    """Return one host of each class that the globs can tell apart."""
    every = set(globs)
    exact = {glob for glob in every if "*" not in glob}
    suffixes = {glob[2:] for glob in every if glob.startswith("*.")}
    found = sorted(exact)
    for suffix in ("", *sorted(suffixes)):
        found.append(_fresh(suffix, exact, suffixes))
    return found


def _fresh(suffix: str, exact: set[str], suffixes: set[str]) -> str:
    deeper = [other for other in suffixes if other != suffix and other.endswith(suffix)]
    for number in range(10_000):
        label = "a" if number == 0 else f"a{number}"
        host = f"{label}.{suffix}" if suffix else label
        if host not in exact and not any(host_matches(f"*.{other}", host) for other in deeper):
            return host
    raise ValueError("no host is left")  # more exact names than a policy can hold


def some_ports(rules: Iterable[Rule]) -> list[int]:
    """Return one port of each class."""
    named = {port for rule in rules for port in rule.ports} | {443, 80}
    return [*sorted(named, key=lambda port: (port != 443, port != 80, port)), _SOME_PORT]


def some_methods(rules: Iterable[Rule]) -> list[str]:
    """Return one method of each class."""
    named = {method for rule in rules for method in rule.methods}
    return [*_METHODS, *sorted(named - {*_METHODS}), _SOME_METHOD]


def first_row(rows: Sequence[Row], matched: frozenset[str]) -> Row | None:
    """Return the row that decides about a path that matches exactly these globs."""
    for row in rows:
        rule = row.rule
        if rule.paths and not matched.intersection(rule.paths):
            continue
        if rule.within and not matched.intersection(rule.within):
            continue
        return row
    return None
