"""Whether a rule is ever the one that decides, found exactly, with a request that shows it."""

from unlit.policy.model import Policy, Request, Rule
from unlit.policy.rules.automaton import TooComplex, shortest
from unlit.policy.rules.classes import first_row, some_hosts, some_methods, some_ports
from unlit.policy.rules.globs import host_matches
from unlit.policy.rules.table import Row, Table


def reaching(policy: Policy, rule: Rule) -> Request | None:
    """Return a shortest request that `rule` decides, or `None` if none exists."""
    table = policy.table if policy.table is not None else Table(policy.rules)
    hosts = [h for h in some_hosts(r.host for r in policy.rules) if host_matches(rule.host, h)]
    ports = [p for p in some_ports(policy.rules) if not rule.ports or p in rule.ports]
    methods = [m for m in some_methods(policy.rules) if not rule.methods or m in rule.methods]
    for role in rule.roles:
        for host in hosts:
            for scheme in rule.schemes:
                for port in ports:
                    rows = table.rows(role, scheme, host, port)
                    for method in methods:
                        path = _path(rows, rule, method)
                        if path is not None:
                            return Request(role, scheme, host, port, method, path)
    return None


def taker(policy: Policy, rule: Rule) -> Rule | None:
    """Return the rule that takes the requests which `rule` was written for."""
    alone = reaching_alone(rule)
    if alone is None:
        return None
    table = policy.table if policy.table is not None else Table(policy.rules)
    for row in table.rows(alone.role, alone.scheme, alone.host, alone.port):
        if row.fits(alone.method, alone.path):
            return row.rule
    return None


def reaching_alone(rule: Rule) -> Request | None:
    """Return a request that the rule would decide if it stood alone."""
    table = Table([rule])
    (host, *_) = [h for h in some_hosts([rule.host]) if host_matches(rule.host, h)]
    port = rule.ports[0] if rule.ports else 443
    method = rule.methods[0] if rule.methods else "GET"
    path = _path(table.rows(rule.roles[0], rule.schemes[0], host, port), rule, method)
    if path is None:
        return None
    return Request(rule.roles[0], rule.schemes[0], host, port, method, path)


def outside(narrow: tuple[str, ...], wide: tuple[str, ...]) -> str | None:
    """Return a shortest path that one of the globs `narrow` matches and none of `wide` does."""
    globs = sorted({*narrow, *wide})

    def differs(matched: frozenset[str]) -> bool:
        return bool(matched.intersection(narrow)) and not matched.intersection(wide)

    try:
        return shortest(globs, differs)
    except TooComplex:
        return None  # not decidable at this size: say nothing against the rule


def _path(rows: tuple[Row, ...], rule: Rule, method: str) -> str | None:
    fitting = [row for row in rows if not row.methods or method in row.methods]
    globs = sorted({g for row in fitting for g in (*row.rule.paths, *row.rule.within)})

    def decides(matched: frozenset[str]) -> bool:
        row = first_row(fitting, matched)
        return row is not None and row.rule is rule

    try:
        return shortest(globs, decides)
    except TooComplex:
        return "/"  # not decidable at this size: say nothing against the rule
