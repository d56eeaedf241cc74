"""The trie finds what a linear search by pattern finds, literals before parameters."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from unlit.twins.kit.router import Match, NoMatch, Route, Router

PART = st.sampled_from(["a", "b", "{x}", "{y}", "c"])
TEMPLATES = st.lists(st.lists(PART, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8,
                     unique_by=lambda text: re.sub(r"\{.\}", "{}", text))  # fmt: skip
PATHS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4).map("/".join)


def never(call: Any) -> Any:
    raise AssertionError


def linear(templates: list[str], path: str) -> set[str]:
    return {t for t in templates if re.fullmatch(re.sub(r"\{.\}", "[^/]+", t), path)}


@given(TEMPLATES, PATHS)
def test_the_trie_agrees_with_a_linear_search(templates: list[str], path: str) -> None:
    router = Router(tuple(Route("GET", "/" + t, never, t) for t in templates))
    found = router.match("GET", "/" + path)
    fitting = linear(templates, path)
    assert isinstance(found, Match) is bool(fitting)
    if isinstance(found, Match):
        assert found.route.op in fitting
        first = found.route.op.split("/")[0]
        if any(t.split("/")[0] == path.split("/")[0] for t in fitting):
            assert first == path.split("/")[0]


def test_verbs_rests_and_other_methods() -> None:
    router = Router(
        (
            Route("POST", "/v4/sheets/{id}/values/{range}:append", never, "append"),
            Route("GET", "/v4/sheets/{id}/values/{range}", never, "get"),
            Route("GET", "/files/{path+}", never, "file"),
            Route("GET", "/users/me", never, "me"),
            Route("PUT", "/users/{id}", never, "put"),
        )
    )
    append = router.match("POST", "/v4/sheets/1/values/A1%3AB2:append")
    assert isinstance(append, Match)
    assert append.params == {"id": "1", "range": "A1:B2"}
    assert isinstance(router.match("POST", "/v4/sheets/1/values/A1%3AB2%3Aappend"), Match)
    rest = router.match("GET", "/files/a/b%2Fc")
    assert isinstance(rest, Match)
    assert rest.params == {"path": "a/b/c"}
    put = router.match("PUT", "/users/me")
    assert isinstance(put, Match)
    assert put.params == {"id": "me"}
    assert router.match("DELETE", "/users/me") == NoMatch(("GET", "PUT"))
    assert router.match("GET", "/nowhere") == NoMatch()


def test_a_later_route_replaces_an_equal_one() -> None:
    router = Router((Route("GET", "/a/{x}", never, "old"),))
    router.add(Route("GET", "/a/{y}", never, "new"))
    assert [route.op for route in router] == ["new"]
    router.add(Route("GET", "/a/{z}", never, "kept out"), replace=False)
    assert [route.op for route in router] == ["new"]
