"""What is wrong, or too wide, in a policy that parses: each finding names its line and column."""

from collections.abc import Iterator

from unlit.policy.model import CredentialRule, Finding, Policy, Rule
from unlit.policy.rules.globs import host_matches
from unlit.policy.rules.reach import outside, reaching, taker


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
    wider = _wider(rule, credential)
    if wider:
        what = f"{rule.name} grants {name} for {wider}, but {name} is only for "
        what += ", ".join((*credential.methods, *credential.paths)) + "."
        yield Finding("POL-115", rule.at, what, "Narrow the rule or widen the credential.", True)
    if not rule.paths:
        what = f"{rule.name} grants {name} on every path of {rule.host}."
        remedy = 'Add paths = ["…"]: a path that echoes its request shows the secret.'
        yield Finding("POL-120", rule.at, what, remedy)


def _wider(rule: Rule, credential: CredentialRule) -> str:
    extra = [method for method in rule.asked_methods if method not in credential.methods]
    if credential.methods and extra:
        return extra[0]
    if rule.within and (path := outside(rule.paths, rule.within)) is not None:
        return path
    return ""


def _rules(policy: Policy) -> Iterator[Finding]:
    for rule in policy.rules:
        if rule.effect == "allow":
            yield from _width(rule)
        if reaching(policy, rule) is None:
            yield _never(policy, rule)


def _width(rule: Rule) -> Iterator[Finding]:
    if rule.host == "*":
        what = f"{rule.name} allows every host."
        yield Finding("POL-121", rule.at, what, "Name the hosts that are needed.")
    if not rule.twin and not rule.paths and not rule.methods and not rule.mirror:
        what = f"{rule.name} allows any method on any path of {rule.host}."
        yield Finding("POL-122", rule.at, what, "Add methods and paths.")


def _never(policy: Policy, rule: Rule) -> Finding:
    other = taker(policy, rule)
    if other is None:
        what = f"{rule.name} can never match: no request fits it."
        return Finding("POL-124", rule.at, what, "Correct its paths.", severe=True)
    code = "POL-123" if other.effect == "forbid" else "POL-124"
    verb = "forbids" if other.effect == "forbid" else "takes"
    what = f"{rule.name} can never match: {other.name} ({other.at}) {verb} what it is for."
    remedy = "Remove one of the two, or move this one up."
    return Finding(code, rule.at, what, remedy, severe=True)


def _unused(policy: Policy) -> Iterator[Finding]:
    used = {rule.credential for rule in policy.rules}
    for credential in policy.credentials.values():
        if credential.name not in used:
            what = f"no rule grants the credential {credential.name}."
            yield Finding("POL-125", credential.at, what, "Grant it or remove it.")
