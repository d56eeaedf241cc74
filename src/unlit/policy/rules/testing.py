"""Policy tests: requests written in the policy file with the answers their author expects."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from unlit.core.errors import InvalidInput
from unlit.policy.model import Decision, Policy, PolicyTest, Request
from unlit.policy.rules.table import decide

_METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,31}")


@dataclass(frozen=True, slots=True)
class Tried:
    """One policy test and what the rules said."""

    test: PolicyTest
    decision: Decision

    @property
    def passed(self) -> bool:
        """Whether the answer was the expected one."""
        wanted = self.test.expect
        if wanted in ("upstream", "twin"):
            return self.decision.outcome == wanted
        return self.decision.allowed == (wanted == "allow")


def parse_url(role: str, method: str, url: str) -> Request:
    """Read a request as people write it.

    Raises:
        InvalidInput: It is no URL that policy decides on.
    """
    remedy = "Write it as: GET https://api.example.com/path"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput("POL-108", f"{url!r} is no URL.", str(error), remedy) from error
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https") or not parts.hostname or not _METHOD.fullmatch(method):
        why = "policy decides on a method and an http or https URL"
        raise InvalidInput("POL-108", f"{method} {url!r} is no request.", why, remedy)
    usual = 443 if scheme == "https" else 80
    return Request(role, scheme, parts.hostname, port or usual, method, parts.path or "/")


def run_tests(policy: Policy) -> tuple[Tried, ...]:
    """Try every test of a policy.

    Raises:
        InvalidInput: A test's request cannot be read; the message names its line and column.
    """
    return tuple(_try(policy, test) for test in policy.tests)


def _try(policy: Policy, test: PolicyTest) -> Tried:
    method, _, url = test.request.partition(" ")
    try:
        request = parse_url(test.role, method, url.strip())
    except InvalidInput as error:
        what = f"{policy.source}:{test.at}: {error.what}"
        raise InvalidInput(error.code, what, error.why, error.remedy) from error
    return Tried(test, decide(policy, request))
