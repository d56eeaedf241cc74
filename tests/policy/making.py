"""Random policies and requests over a small world, so that rules meet requests often."""

from hypothesis import strategies as st

from unlit.core.canonical import digest_bytes
from unlit.policy.model import Effect, Policy, Request, Rule, Scheme
from unlit.policy.rules.table import Table

HOSTS = ["a.test", "b.test", "x.a.test", "y.x.a.test", "other.example"]
HOST_GLOBS = [*HOSTS, "*.test", "*.a.test", "*"]
PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/b", "/ab", "/a/x/b", "/a/x/y/b", "/v1/admin"]
PATH_GLOBS = [*PATHS, "/*", "/**", "/a/*", "/a/**", "/*/b", "/a/*/b", "/a*", "/a**", "/*/b/**"]
METHODS = ["GET", "POST", "DELETE"]
PORTS = [443, 80, 8443]
EFFECTS: list[Effect] = ["allow", "allow", "forbid"]
SCHEMES: list[Scheme] = ["https", "http"]


def some(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


@st.composite
def rules(draw: st.DrawFn, number: int) -> Rule:
    effect: Effect = draw(st.sampled_from(EFFECTS))
    return Rule(
        name=f"{effect}[{number}]",
        effect=effect,
        roles=draw(st.sampled_from([("coder",), ("product",), ("coder", "product")])),
        host=draw(st.sampled_from(HOST_GLOBS)),
        ports=draw(st.sampled_from([(443,), (443, 80), (8443,), ()])),
        schemes=draw(st.sampled_from([("https",), ("https", "http")])),
        methods=draw(some(METHODS)),
        paths=draw(some(PATH_GLOBS)),
        within=draw(st.sampled_from([(), (), ("/a/**",), ("/*", "/a/*/b")])),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    made = tuple(draw(rules(number)) for number in range(draw(st.integers(0, 5))))
    return of_rules(made)


def of_rules(made: tuple[Rule, ...]) -> Policy:
    return Policy(
        source="random",
        rules=made,
        credentials={},
        file_rules={},
        role_limits={},
        budgets={},
        tests=(),
        warnings=(),
        digest=digest_bytes(repr(made).encode()),
        table=Table(made),
    )


@st.composite
def requests(draw: st.DrawFn) -> Request:
    return Request(
        role=draw(st.sampled_from(["coder", "product"])),
        scheme=draw(st.sampled_from(SCHEMES)),
        host=draw(st.sampled_from(HOSTS)),
        port=draw(st.sampled_from(PORTS)),
        method=draw(st.sampled_from(METHODS)),
        path=draw(st.sampled_from(PATHS)),
    )
