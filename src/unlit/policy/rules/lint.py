"""What is wrong, or too wide, in a policy that parses: each finding names its line and column."""

from collections.abc import Iterator

from unlit.policy.model import CredentialRule, Finding, Policy, Rule
from unlit.policy.rules.globs import host_matches, path_matches


def lint(policy: Policy) -> tuple[Finding, ...]:
    """Return all findings, in the order of the file; severe ones must stop a run."""
    findings = [*_credentials(policy), *_rules(policy), *_unused(policy)]
    return tuple(sorted(findings, key=lambda finding: (finding.at.line, finding.at.column)))


def _credentials(policy: Policy) -> Iterator[Finding]:
    for rule in policy.rules:
        if rule.credential is None:
            continue
        if policy.mode != "enforce":
            what = f"{rule.name} grants a credential, but the policy only watches ({policy.mode})."
            yield Finding("POL-126", rule.at, what, 'Set mode = "enforce".', severe=True)
        credential = policy.credentials.get(rule.credential)
        if credential is None:
            known = ", ".join(sorted(policy.credentials)) or "none"
            what = f"{rule.name} names the unknown credential {rule.credential!r}."
            yield Finding("POL-110", rule.at, what, f"Known: {known}.", severe=True)
            continue
        yield from _grant(rule, credential)


def _grant(rule: Rule, credential: CredentialRule) -> Iterator[Finding]:
    name = credential.name
    if rule.twin:
        what = f"{rule.name} sends the credential {name} to a twin."
        yield Finding("POL-111", rule.at, what, "Drop credential or twin.", severe=True)
    if "http" in rule.schemes:
        what = f"{rule.name} would send {name} unencrypted."
        yield Finding("POL-112", rule.at, what, 'Drop scheme = "http".', severe=True)
    if rule.host == "*" or rule.host.startswith("*."):
        what = f"{rule.name} grants {name} on the wildcard host {rule.host}."
        yield Finding("POL-113", rule.at, what, "Name the host.", severe=True)
    if not any(host_matches(host, rule.host) for host in credential.hosts):
        hosts = ", ".join(credential.hosts)
        what = f"{rule.name} grants {name} on {rule.host}, but {name} is only for {hosts}."
        yield Finding("POL-114", rule.at, what, "Correct one of the two.", severe=True)
    if not set(rule.ports) <= set(credential.ports):
        what = f"{rule.name} grants {name} on ports that {name} is not for."
        yield Finding("POL-114", rule.at, what, "Correct ports.", severe=True)
    if rule.methods == ("NONE",):
        what = f"{rule.name} grants {name} for methods that {name} is not for."
        yield Finding("POL-114", rule.at, what, "Correct methods.", severe=True)
    if not rule.paths:
        what = f"{rule.name} grants {name} on every path of {rule.host}."
        remedy = 'Add paths = ["…"]: a path that echoes its request shows the secret.'
        yield Finding("POL-120", rule.at, what, remedy)


def _rules(policy: Policy) -> Iterator[Finding]:
    allows = [rule for rule in policy.rules if rule.effect == "allow"]
    forbids = [rule for rule in policy.rules if rule.effect == "forbid"]
    for number, rule in enumerate(allows):
        if rule.host == "*":
            what = f"{rule.name} allows every host."
            yield Finding("POL-121", rule.at, what, "Name the hosts that are needed.")
        if not rule.twin and not rule.paths and not rule.methods and not rule.mirror:
            what = f"{rule.name} allows any method on any path of {rule.host}."
            yield Finding("POL-122", rule.at, what, "Add methods and paths.")
        blocker = next((other for other in forbids if covers(other, rule)), None)
        shadow = next((other for other in allows[:number] if covers(other, rule)), None)
        if blocker is not None:
            what = f"{rule.name} can never match: {blocker.name} ({blocker.at}) forbids all of it."
            yield Finding("POL-123", rule.at, what, "Remove one of the two.", severe=True)
        elif shadow is not None and shadow.at != rule.at:
            what = f"{rule.name} can never match: {shadow.name} ({shadow.at}) matches all of it."
            yield Finding("POL-124", rule.at, what, "Remove it, or move it up.", severe=True)


def _unused(policy: Policy) -> Iterator[Finding]:
    used = {rule.credential for rule in policy.rules}
    for credential in policy.credentials.values():
        if credential.name not in used:
            what = f"no rule grants the credential {credential.name}."
            yield Finding("POL-125", credential.at, what, "Grant it or remove it.")


def covers(wide: Rule, narrow: Rule) -> bool:
    """Say whether every request that `narrow` matches is surely matched by `wide`."""
    return (
        set(narrow.roles) <= set(wide.roles)
        and set(narrow.schemes) <= set(wide.schemes)
        and (not wide.ports or (bool(narrow.ports) and set(narrow.ports) <= set(wide.ports)))
        and (
            not wide.methods or (bool(narrow.methods) and set(narrow.methods) <= set(wide.methods))
        )
        and host_covers(wide.host, narrow.host)
        and _paths_cover(wide.paths, narrow.paths)
    )


def host_covers(wide: str, narrow: str) -> bool:
    """Say whether every host of glob `narrow` is one of glob `wide`."""
    if wide in ("*", narrow):
        return True
    if narrow.startswith("*."):
        return wide.startswith("*.") and narrow.endswith(wide[1:])
    return narrow != "*" and host_matches(wide, narrow)


def _paths_cover(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    if not wide or "/**" in wide:
        return True
    if not narrow:
        return False
    return all(any(_path_covers(w, n) for w in wide) for n in narrow)


def _path_covers(wide: str, narrow: str) -> bool:
    if wide == narrow:
        return True
    if "*" not in narrow:
        return path_matches(wide, narrow)
    return wide.endswith("**") and "*" not in wide[:-2] and narrow.startswith(wide[:-2])
