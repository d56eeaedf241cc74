"""A policy in Cedar, for people and tools that speak it; a test keeps both engines in agreement.

Cedar's ``like`` has one star that crosses slashes. A glob whose single stars must not cross them is
written with the number of slashes, or segment by segment, so that the meaning is exact; a glob that
cannot be written exactly is refused.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.policy.model import Policy, Request, Rule

SCHEMA: Final = """\
entity Role;
entity Network;
action "request" appliesTo {
  principal: [Role],
  resource: [Network],
  context: {
    scheme: String, host: String, port: Long, method: String,
    path: String, slashes: Long, segments: Segments,
  },
};
"""


def to_cedar(policy: Policy) -> str:
    """Write all rules as Cedar policies.

    Raises:
        InvalidInput: A path glob cannot be said exactly in Cedar.
    """
    return "\n".join(_policies(policy))


def cedar_request(request: Request) -> dict[str, Any]:
    """Return a request in the form that the Cedar policies expect."""
    segments = request.path.split("/")[1:]
    return {
        "principal": f"Role::{json.dumps(request.role)}",
        "action": 'Action::"request"',
        "resource": 'Network::"outside"',
        "context": {
            "scheme": request.scheme,
            "host": request.host,
            "port": request.port,
            "method": request.method,
            "path": request.path,
            "slashes": request.path.count("/"),
            "segments": {f"s{number}": text for number, text in enumerate(segments)},
        },
    }


def _policies(policy: Policy) -> Iterator[str]:
    for rule in policy.rules:
        for number, role in enumerate(rule.roles):
            yield _policy(policy, rule, role, number)


def _policy(policy: Policy, rule: Rule, role: str, number: int) -> str:
    notes: Mapping[str, str | None] = {
        "id": f"{rule.name} {rule.host} {number}",
        "at": f"{policy.source}:{rule.at}",
        "credential": rule.credential,
        "twin": rule.twin,
        "because": rule.because or None,
    }
    marks = "".join(f"@{key}({_text(value)})\n" for key, value in notes.items() if value)
    effect = "permit" if rule.effect == "allow" else "forbid"
    conditions = " &&\n  ".join(_conditions(policy, rule)) or "true"
    scope = f'principal == Role::{_text(role)}, action == Action::"request", resource'
    return f"{marks}{effect} ({scope})\nwhen {{\n  {conditions}\n}};\n"


def _conditions(policy: Policy, rule: Rule) -> Iterator[str]:
    if rule.host.startswith("*."):
        yield f"context.host like {_pattern(rule.host)}"
    elif rule.host != "*":
        yield f"context.host == {_text(rule.host)}"
    yield _any(f"context.scheme == {_text(scheme)}" for scheme in rule.schemes)
    if rule.ports:
        yield _any(f"context.port == {port}" for port in rule.ports)
    if rule.methods:
        yield _any(f"context.method == {_text(method)}" for method in rule.methods)
    for globs in (rule.paths, rule.within):
        if globs:
            yield _any(_path(policy, rule, glob) for glob in globs)


def _any(terms: Iterator[str]) -> str:
    return "(" + " || ".join(terms) + ")"


def _path(policy: Policy, rule: Rule, glob: str) -> str:
    singles = glob.replace("**", "").count("*")
    if "*" not in glob:
        return f"context.path == {_text(glob)}"
    if not singles:
        return f"context.path like {_pattern(glob.replace('**', '*'))}"
    if "**" not in glob:
        count = glob.count("/")
        return f"(context.path like {_pattern(glob)} && context.slashes == {count})"
    if glob.count("**") == 1 and glob.endswith("**"):
        return _by_segment(glob)
    what = f"{policy.source}:{rule.at}: {glob!r} cannot be written exactly in Cedar."
    why = "Cedar has one star, which crosses slashes"
    remedy = "Keep ** at the end when the glob also has single stars."
    raise InvalidInput("POL-150", what, why, remedy)


def _by_segment(glob: str) -> str:
    *whole, last = glob[:-2].split("/")[1:]
    terms = [f"context.segments has s{len(whole)}"]
    for number, segment in enumerate(whole):
        terms.append(f"context.segments.s{number} like {_pattern(segment)}")
    terms.append(f"context.segments.s{len(whole)} like {_pattern(last + '*')}")
    return "(" + " && ".join(terms) + ")"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _pattern(glob: str) -> str:
    return json.dumps(glob)
