"""`unlit policy`: check, explain, test, compare and export a policy file."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import cyclopts

app = cyclopts.App(name="policy", help="Check, explain, test, compare and export a policy file.")
app.command(
    "unlit.cli.policy_trust:app", name="trust", help="Whose signatures under a policy count."
)
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
DEFAULT = Path("policy.toml")


@app.command
def check(file: Path = DEFAULT, *, as_json: Json = False) -> int:
    """Read a policy strictly, run its own tests and say what is too wide.

    Args:
        file: The policy.
        as_json: Print JSON.
    """
    from unlit.policy.files import read_policy
    from unlit.policy.rules.testing import run_tests
    from unlit.policy.signing import signature_of

    policy = read_policy(file)
    tried = run_tests(policy)
    failed = [one for one in tried if not one.passed]
    if as_json:
        _print(
            {
                "schema": "unlit.policy-check/1",
                "digest": policy.digest,
                "rules": len(policy.rules),
                "findings": [
                    {"code": f.code, "line": f.at.line, "column": f.at.column, "what": f.what}
                    for f in policy.warnings
                ],
                "tests": len(tried),
                "failed": [_failed(one) for one in failed],
                "signed_by": None if (made := signature_of(file)) is None else made.person,
            }
        )
        return 1 if failed else 0
    for finding in policy.warnings:
        sys.stdout.write(f"{file}:{finding}\n    {finding.remedy}\n")
    for one in failed:
        sys.stdout.write(f"{file}:{one.test.at} POL-107 {_sentence(one)}\n")
    counts = f"{_many(len(policy.rules), 'rule')}, {_many(len(policy.warnings), 'finding')}"
    sys.stdout.write(f"{counts}, {len(tried) - len(failed)} of {len(tried)} tests pass.\n")
    sys.stdout.write(f"{_signed_words(signature_of(file))}\n")
    return 1 if failed else 0


@app.command
def sign(
    file: Path = DEFAULT, *, reason: str = "", person: str | None = None, as_json: Json = False
) -> int:
    """Sign a policy as it is: whoever changes it later must sign again before it is used.

    Args:
        file: The policy.
        reason: Why it is right, in a few words.
        person: Who signs; default the setting `person`, else the user's name.
        as_json: Print JSON.
    """
    from unlit.core.system import SystemClock
    from unlit.policy.files import read_policy
    from unlit.policy.rules.testing import run_tests
    from unlit.policy.signing import sign_policy, signature_file
    from unlit.wiring.desk import person_of
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    failed = [one for one in run_tests(read_policy(file)) if not one.passed]
    if failed:
        sys.stdout.write("".join(f"{file}:{o.test.at} POL-107 {_sentence(o)}\n" for o in failed))
        return 1
    settings = read_settings(flags={"person": person})
    keys = state_home(settings.env, settings.path("state_home")) / "person-key"
    made = sign_policy(file, person_of(settings), reason, keys, SystemClock())
    if as_json:
        _print({"schema": "unlit.policy-signature/1", "file": str(signature_file(file)),
                "person": made.person, "key": made.key})  # fmt: skip
    else:
        sys.stdout.write(f"{_signed_words(made)} {signature_file(file)}\n")
    return 0


@app.command
def explain(
    role: str,
    method: str,
    url: str,
    *,
    policy: Annotated[Path, cyclopts.Parameter("--policy")] = DEFAULT,
    as_json: Json = False,
) -> int:
    """Say what a policy decides about one request, and which rule decides it.

    Args:
        role: coder, product, evaluator or deploy.
        method: HTTP method.
        url: The URL.
        policy: The policy.
        as_json: Print JSON.
    """
    from unlit.core.errors import UsageError
    from unlit.policy import decide
    from unlit.policy.files import read_policy
    from unlit.policy.model import ROLES
    from unlit.policy.rules.testing import parse_url

    if role not in ROLES:
        raise UsageError(
            "POL-163",
            f"{role!r} is no role.",
            f"roles are {', '.join(ROLES)}",
            "Write it as: unlit policy explain ROLE METHOD URL",
        )
    request = parse_url(role, method, url)
    decision = decide(read_policy(policy), request)
    if as_json:
        _print(
            {
                "schema": "unlit.policy-decision/1",
                "request": str(request),
                "role": role,
                "allowed": decision.allowed,
                "outcome": decision.outcome,
                "rule": decision.rule,
                "credential": decision.credential,
                "twin": decision.twin,
                "why": decision.why,
            }
        )
        return 0
    word = {"deny": "denied", "twin": "answered by a twin", "upstream": "allowed"}
    sys.stdout.write(f"{role} {request}: {word[decision.outcome]}\n")
    sys.stdout.write(f"  Rule: {decision.rule}: {decision.sentence}\n  Why:  {decision.why}\n")
    return 0


@app.command(name="test")
def run_tests_of(file: Path = DEFAULT, *, as_json: Json = False) -> int:
    """Run the tests that a policy file holds.

    Args:
        file: The policy.
        as_json: Print JSON.
    """
    from unlit.policy.files import read_policy
    from unlit.policy.rules.testing import run_tests

    tried = run_tests(read_policy(file))
    failed = [one for one in tried if not one.passed]
    if as_json:
        rows = {"tests": len(tried), "failed": [_failed(one) for one in failed]}
        _print({"schema": "unlit.policy-test/1", **rows})
    else:
        for one in tried:
            mark = "ok  " if one.passed else "FAIL"
            sys.stdout.write(f"{mark} {file}:{one.test.at} {_sentence(one)}\n")
        sys.stdout.write(f"{len(tried) - len(failed)} of {len(tried)} tests pass.\n")
    return 1 if failed else 0


@app.command
def diff(before: Path, after: Path, *, as_json: Json = False) -> int:
    """Say exactly what becomes allowed and refused, each with a shortest request that shows it.

    Ends with 1 if anything changes.

    Args:
        before: The policy now.
        after: The policy to come.
        as_json: Print JSON.
    """
    from unlit.policy.files import read_policy
    from unlit.policy.rules.diff import diff as compare

    found = compare(read_policy(before), read_policy(after))
    if as_json:
        _print(
            {
                "schema": "unlit.policy-diff/1",
                "changes": [
                    {
                        "kind": change.kind,
                        "role": change.witness.role,
                        "witness": str(change.witness),
                        "before": change.before.rule,
                        "after": change.after.rule,
                    }
                    for change in found.changes
                ],
                "settings": list(found.settings),
            }
        )
    else:
        for change in found.changes:
            sys.stdout.write(f"{change.sentence}\n    {change.after.why}\n")
        for setting in found.settings:
            sys.stdout.write(f"setting: {setting}\n")
        if found.is_empty:
            sys.stdout.write("The two policies mean the same.\n")
    return 0 if found.is_empty else 1


@app.command
def export(
    file: Path = DEFAULT,
    *,
    cedar: Annotated[bool, cyclopts.Parameter("--cedar", negative=())] = False,
    schema: Annotated[bool, cyclopts.Parameter("--schema", negative=())] = False,
) -> int:
    """Write a policy in another language.

    Args:
        file: The policy.
        cedar: As Cedar policies (the only form so far, and the default).
        schema: Cedar's schema instead.
    """
    from unlit.policy.files import read_policy
    from unlit.policy.rules.cedar import SCHEMA, to_cedar

    sys.stdout.write(SCHEMA if schema else to_cedar(read_policy(file)))
    return 0


@app.command
def propose(audit: Path, *, run: str | None = None) -> int:
    """Propose the smallest rules for what was denied; nothing is accepted by this.

    Args:
        audit: Folder of the audit log.
        run: Only denials of this run.
    """
    from unlit.policy.proposals import denied_requests
    from unlit.policy.rules.propose import propose as group

    proposals = group(denied_requests(audit, run))
    for proposal in proposals:
        sys.stdout.write(proposal.toml() + "\n")
    sys.stderr.write(
        f"{_many(len(proposals), 'rule')} proposed. Edit, `unlit policy diff`, sign.\n"
    )
    return 0


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _signed_words(signed: Any) -> str:
    if signed is None:
        return "Nobody signed it."
    return f"Signed by {signed.person}, {signed.at:%d %b %Y %H:%M} UTC: {signed.reason}"


def _failed(one: Any) -> dict[str, object]:
    return {
        "line": one.test.at.line,
        "request": one.test.request,
        "role": one.test.role,
        "expect": one.test.expect,
        "got": one.decision.outcome,
        "rule": one.decision.rule,
    }


def _sentence(one: Any) -> str:
    got = f"{one.decision.outcome} by {one.decision.rule}"
    return f"{one.test.role} {one.test.request}: expected {one.test.expect}, got {got}"


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
