"""A policy file's text to a `Policy`: strict TOML, nothing guessed, everything with its place."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, cast

from unlit.core.canonical import digest_bytes
from unlit.policy.model import (
    ROLES,
    Budget,
    ExposureRules,
    FileRules,
    Policy,
    PolicyTest,
    Position,
    RoleLimits,
    Rule,
    Scheme,
)
from unlit.policy.rules.credentials import bound_by_credential, read_credential
from unlit.policy.rules.globs import HOST_GLOB
from unlit.policy.rules.lint import lint
from unlit.policy.rules.positions import Positions
from unlit.policy.rules.reading import Section, refuse
from unlit.policy.rules.table import Table

Mirrors = Mapping[str, str]
"""Mirror name to the base URL it stands for on this machine."""

PUBLIC_MIRRORS: Final[Mirrors] = {
    "pypi": "https://pypi.org/simple https://files.pythonhosted.org/",
    "npm": "https://registry.npmjs.org/",
}
READ_METHODS: Final = ("GET", "HEAD")
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,31}")
_TOOL: Final = re.compile(r"[A-Za-z0-9_.*/:-]{1,128}")
_PATH: Final = re.compile(r"/[!-~]*")
_URL: Final = re.compile(r"(https?)://([^/:@?#]+)(?::(\d+))?(/[^?#]*)?")
_LONGEST_TEXT: Final = 1_000_000


def parse_policy(
    text: str, source: str = "policy.toml", *, mirrors: Mirrors = PUBLIC_MIRRORS
) -> Policy:
    """Parse and check a policy.

    Args:
        text: The file.
        source: Name used in messages.
        mirrors: Base URLs (several with spaces between) that the word `mirror` stands for.

    Raises:
        InvalidInput: The text is not the format; the message names line and column.
    """
    top = _toml(text, source)
    version = top.raw("version")
    if version != 1:
        top.fail("version", f"version is {version!r}, not 1.", "Begin with: version = 1", "POL-104")
    mode = top.one_of("mode", ("enforce", "shadow", "learn"), "enforce")
    on_deny = top.one_of("on_deny", ("403", "reset"), "403")
    credentials = {n: read_credential(n, s) for n, s in top.named("credential").items()}
    rules: list[Rule] = []
    for number, section in enumerate(top.tables("allow"), 1):
        rules.extend(_allow(section, number, mirrors))
    for number, section in enumerate(top.tables("forbid"), 1):
        rules.append(_forbid(section, number))
    rules = [bound_by_credential(rule, credentials) for rule in rules]
    policy = Policy(
        source=source,
        rules=tuple(rules),
        credentials=credentials,
        file_rules={_role(s): _files(s) for s in top.named("files").values()},
        role_limits={_role(s): _limits(s) for s in top.named("limits").values()},
        budgets={_role(s): _budget(s) for s in top.named("budget").values()},
        tests=tuple(_test(s) for s in top.tables("test")),
        warnings=(),
        digest=digest_bytes(text.encode()),
        mode=cast(Literal["enforce", "shadow", "learn"], mode),
        on_deny=cast(Literal["403", "reset"], on_deny),
        table=Table(rules),
        exposure=_exposure(top.table("exposure")),
    )
    top.done()
    findings = lint(policy)
    for finding in findings:
        if finding.severe:
            refuse(source, finding.at, finding.what, finding.remedy, finding.code)
    return replace(policy, warnings=findings)


def _exposure(section: Section | None) -> ExposureRules:
    if section is None:
        return ExposureRules()
    meets = section.one_of("meets", ("refuse", "note"), "refuse")
    closed = tuple(host.lower() for host in section.texts("closed"))
    section.done()
    return ExposureRules(closed, cast(Literal["refuse", "note"], meets))


def _toml(text: str, source: str) -> Section:
    if len(text) > _LONGEST_TEXT:
        size = f"{len(text):,} characters"
        refuse(source, Position(1, 1), f"the file has {size}.", "Split the policy.", "POL-100")
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = re.search(r"line (\d+), column (\d+)", message)
        line, column = found.groups() if found else (text.count("\n") + 1, 1)
        what = re.sub(r" \(at .*\)$", "", message)
        where = Position(int(line), int(column))
        refuse(source, where, f"not TOML: {what}.", "Correct the syntax.", "POL-100")
    except RecursionError:
        refuse(source, Position(1, 1), "nested too deeply.", "Flatten it.", "POL-100")
    return Section(source, Positions(text), (), value)


def _role(section: Section) -> str:
    role = str(section.path[-1])
    if role not in ROLES:
        section.fail(None, f"unknown role {role!r}.", f"Use one of: {', '.join(ROLES)}.", "POL-105")
    return role


def _roles(section: Section) -> tuple[str, ...]:
    roles = section.texts("role", single=True)
    if not roles:
        section.fail(None, "the rule names no role.", 'Add role = "coder".', "POL-103")
    for role in roles:
        if role not in ROLES:
            known = ", ".join(ROLES)
            section.fail("role", f"unknown role {role!r}.", f"Use one of: {known}.", "POL-105")
    return roles


def _methods(section: Section, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    methods = section.texts("methods") or default
    for method in methods:
        if not _METHOD.fullmatch(method):
            section.fail("methods", f"{method!r} is no method.", 'Write methods = ["GET"].')
    return methods


def _paths(section: Section) -> tuple[str, ...]:
    paths = section.texts("paths")
    for path in paths:
        if not _PATH.fullmatch(path) or "?" in path or "#" in path:
            what = f"{path!r} is no path glob: it begins with / and has no query."
            section.fail("paths", what, 'Write paths = ["/v1/messages"] or ["/api/**"].')
        if "***" in path:
            section.fail("paths", f"{path!r} has three stars.", "Use * or **.")
    return paths


def _host(section: Section) -> str:
    host = section.needed("host")
    if host != host.lower() or not HOST_GLOB.fullmatch(host) or len(host) > 253:
        what = f"{host!r} is no host: lower case, no scheme, no port, at most a leading '*.'."
        section.fail("host", what, 'Write host = "api.example.com" and ports = [443].')
    return host


def _tools(section: Section) -> tuple[str, ...]:
    tools = section.texts("tools")
    for tool in tools:
        if not _TOOL.fullmatch(tool):
            section.fail("tools", f"{tool!r} is no tool glob.", 'Write tools = ["read_*"].')
    return tools


def _budget_of(section: Section) -> Budget:
    usd = section.raw("usd")
    amount: str | None = None
    if usd is not None:
        amount = _dollars(section, usd)
    return Budget(section.whole("calls"), section.number("megabytes"), amount)


def _dollars(section: Section, usd: object) -> str:
    try:
        amount = Decimal(str(usd)) if not isinstance(usd, bool) else Decimal(-1)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        section.fail("usd", f"usd must be dollars, not {usd!r}.", "Write usd = 5 or 0.50.")
    return str(amount)


def _allow(section: Section, number: int, mirrors: Mirrors) -> list[Rule]:
    mirror, twin = section.text("mirror"), section.text("twin")
    if mirror is not None:
        return _mirror(section, number, mirror, mirrors)
    schemes: tuple[Scheme, ...] = ("https", "http") if twin else ("https",)
    scheme = section.text("scheme")
    if scheme is not None:
        if scheme not in ("http", "https"):
            section.fail("scheme", f"scheme {scheme!r} is not known.", "Use http or https.")
        schemes = (cast(Scheme, scheme),)
    usual = (443, 80) if twin else (80,) if schemes == ("http",) else (443,)
    rule = Rule(
        name=section.text("name") or f"allow[{number}]",
        effect="allow",
        roles=_roles(section),
        host=_host(section),
        ports=section.ports(usual),
        schemes=schemes,
        methods=_methods(section),
        paths=_paths(section),
        credential=section.text("credential"),
        twin=twin,
        allow_private=section.flag("allow_private"),
        encoded_slash=section.flag("encoded_slash"),
        ws=section.flag("ws"),
        h2=section.flag("h2"),
        max_body_mb=section.number("max_body_mb"),
        timeout_s=section.number("timeout_s"),
        tools=_tools(section),
        budget=_budget_of(section),
        because=section.text("because") or "",
        at=section.at,
    )
    section.done()
    return [rule]


def _mirror(section: Section, number: int, mirror: str, mirrors: Mirrors) -> list[Rule]:
    if mirror not in mirrors:
        known = ", ".join(sorted(mirrors))
        section.fail("mirror", f"mirror {mirror!r} is not known.", f"Use one of: {known}.")
    name = section.text("name") or f"allow[{number}]"
    roles, because, budget = _roles(section), section.text("because") or "", _budget_of(section)
    section.done()
    rules = []
    for url in dict.fromkeys(mirrors[mirror].split()):
        match = _URL.fullmatch(url)
        if match is None:
            section.fail("mirror", f"{mirror} is set to {url!r} here, no URL.", "Correct it.")
        scheme, host, port, _ = match.groups()
        rules.append(
            Rule(
                name=name,
                effect="allow",
                roles=roles,
                host=host.lower(),
                ports=(int(port) if port else 443 if scheme == "https" else 80,),
                schemes=(cast(Scheme, scheme),),
                methods=READ_METHODS,
                mirror=mirror,
                allow_private=True,
                encoded_slash=True,
                budget=budget,
                because=because,
                at=section.at,
            )
        )
    unique = {(rule.host, rule.ports, rule.schemes): rule for rule in rules}
    return list(unique.values())


def _forbid(section: Section, number: int) -> Rule:
    rule = Rule(
        name=section.text("name") or f"forbid[{number}]",
        effect="forbid",
        roles=_roles(section) if section.raw("role") is not None else ROLES,
        host=_host(section),
        ports=section.ports(()),
        schemes=("https", "http"),
        methods=_methods(section),
        paths=_paths(section),
        because=section.text("because") or "",
        at=section.at,
    )
    section.done()
    return rule


def _files(section: Section) -> FileRules:
    rules = FileRules(
        write=section.texts("write") or (".",),
        read=section.texts("read"),
        hide=section.texts("hide"),
        read_only=section.texts("read_only"),
    )
    section.done()
    return rules


def _limits(section: Section) -> RoleLimits:
    limits = RoleLimits(
        wall_s=section.number("wall_s"),
        cpu_s=section.number("cpu_s"),
        memory_mb=section.whole("memory_mb"),
        disk_mb=section.whole("disk_mb"),
        processes=section.whole("processes"),
        open_files=section.whole("open_files"),
        file_mb=section.whole("file_mb"),
        requests_per_s=section.number("requests_per_s"),
        requests_burst=section.number("requests_burst"),
        connections=section.whole("connections"),
    )
    section.done()
    return limits


def _budget(section: Section) -> Budget:
    budget = _budget_of(section)
    section.done()
    return budget


def _test(section: Section) -> PolicyTest:
    test = PolicyTest(
        role=section.needed("role"),
        request=section.needed("request"),
        expect=section.one_of("expect", ("allow", "deny", "twin", "upstream"), "deny"),
        at=section.at,
    )
    if section.raw("expect") is None:
        section.fail(None, "the test says no expect.", 'Add expect = "deny".', "POL-103")
    if test.role not in ROLES:
        known = ", ".join(ROLES)
        section.fail("role", f"unknown role {test.role!r}.", f"Use one of: {known}.", "POL-105")
    section.done()
    return test
