"""Long lists of every connector that pages: read to their end, through 429, and never half kept.

Each row is what the vendor documents about its pages (contracts/*.yaml has the sources); a server
that holds the requests against the contract answers two full pages and a last one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.context.contract import FOLDER
from tests.context.served import Answer, Asked, Served, serving
from typing_extensions import override

from unlit.context.adapters.index import Index
from unlit.context.library import Library
from unlit.context.model import Item, Ref, Trust
from unlit.context.ports import Connector
from unlit.context.registry import CONNECTORS, connector_class
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError

SIZE = 3
PAGES = 3
Page = Callable[[int, list[Any], str], Answer]


@dataclass(frozen=True)
class Way:
    """How a vendor pages.

    Attributes:
        path: End of the path that is paged.
        row: One thing of the list, of a number.
        page: The answer for page N (from 0) with its rows; the last argument is the server.
        number: Which page a request asks for.
        project: The source's `project`.
    """

    path: str
    row: Callable[[int], Any]
    page: Page
    number: Callable[[Asked], int]
    project: str = ""
    last_is_empty: bool = False


def _more(number: int) -> str | None:
    return f"c{number + 1}" if number + 1 < PAGES else None


def _of(name: str) -> Callable[[Asked], int]:
    """The page that a cursor in the query names."""
    return lambda asked: int((asked.query.get(name) or "c0").removeprefix("c"))


def _in_body(asked: Asked) -> int:
    found = asked.body.get("start_cursor") or (asked.body.get("variables") or {}).get("a")
    found = found or (asked.body.get("params") or {}).get("cursor") or "c0"
    return int(str(found).removeprefix("c"))


def _linked(number: int, rows: list[Any], base: str) -> Answer:
    if number + 1 >= PAGES:
        return 200, rows
    link = f'<{base}/projects/1/issues?page={number + 1}&per_page=100>; rel="next"'
    return 200, rows, {"link": link}


def _sentry(number: int, rows: list[Any], base: str) -> Answer:
    said = "true" if number + 1 < PAGES else "false"
    link = f'<{base}/organizations/acme/issues/?cursor=c{number + 1}>; rel="next"; results="{said}"'
    return 200, rows, {"link": link}


def _key(number: int) -> dict[str, Any]:
    return {"id": str(number)}


WAYS: dict[str, Way] = {
    "bugsink": Way(
        "/issues/",
        lambda n: {"id": str(n), "calculated_type": f"E{n}"},
        lambda n, rows, base: (
            200,
            {"results": rows, "next": f"{base}/issues/?cursor={_more(n)}" if _more(n) else None},
        ),
        _of("cursor"),
        "1",
    ),
    "clickup": Way(
        "/list/l1/task",
        lambda n: {"id": str(n), "name": f"T{n}"},
        lambda n, rows, base: (200, {"tasks": rows, "last_page": n + 1 == PAGES}),
        lambda asked: int(asked.query["page"]),
        "l1",
    ),
    "confluence": Way(
        "/wiki/rest/api/search",
        lambda n: {"content": {"id": str(n)}},
        lambda n, rows, base: (
            200,
            {"results": rows, "_links": _next("/rest/api/search?cql=type%20=%20page&cursor=", n)},
        ),
        _of("cursor"),
        "SEC",
    ),
    "gitlab": Way(
        "/projects/1/issues",
        lambda n: {"iid": n},
        _linked,
        lambda asked: int(asked.query.get("page", "0")),
        "1",
    ),
    "linear": Way(
        "/graphql",
        lambda n: {"identifier": f"ENG-{n}"},
        lambda n, rows, base: (
            200,
            {
                "data": {
                    "issues": {
                        "nodes": rows,
                        "pageInfo": {"hasNextPage": bool(_more(n)), "endCursor": _more(n)},
                    }
                }
            },
        ),
        _in_body,
        "ENG",
    ),
    "notion": Way(
        "/search",
        _key,
        lambda n, rows, base: (
            200,
            {"results": rows, "has_more": bool(_more(n)), "next_cursor": _more(n)},
        ),
        _in_body,
    ),
    "posthog": Way(
        "/api/projects/1/insights/",
        _key,
        lambda n, rows, base: (
            200,
            {
                "results": rows,
                "next": f"{base}/api/projects/1/insights/?offset={n + 1}" if _more(n) else None,
            },
        ),
        lambda asked: int(asked.query.get("offset", "0")),
        "1",
    ),
    "rollbar": Way(
        "/items/",
        _key,
        lambda n, rows, base: (200, {"err": 0, "result": {"items": rows, "page": n + 1}}),
        lambda asked: int(asked.query["page"]) - 1,
        last_is_empty=True,
    ),
    "sentry": Way("/organizations/acme/issues/", _key, _sentry, _of("cursor"), "acme/app"),
    "shortcut": Way(
        "/search/stories",
        _key,
        lambda n, rows, base: (
            200,
            {
                "data": rows,
                "next": f"/api/v3/search/stories?query=x&next={_more(n)}" if _more(n) else None,
            },
        ),
        _of("next"),
    ),
}
NOT_PAGED = {
    "amplitude": "its lists come whole",
    "azure": "a query answers every id at once",
    "figma": "a project's files come whole",
    "plausible": "three reports, by name",
    "storybook": "one index",
    "telegram": "at most 100 updates, and reading on would delete them",
}
ELSEWHERE = {
    "docs": "test_google_docs.py (our twin)",
    "github": "test_github_twin.py (our twin)",
    "jira": "test_jira.py (our twin)",
    "mcp": "test_mcp.py",
    "roundup": "test_roundup.py (the real server)",
    "slack": "test_slack.py (our twin)",
}


def _next(path: str, number: int) -> dict[str, str]:
    return {"next": f"{path}{_more(number)}"} if _more(number) else {}


def _rows(way: Way, number: int) -> list[Any]:
    if way.last_is_empty and number + 1 >= PAGES:
        return []
    return [way.row(number * SIZE + at) for at in range(SIZE)]


Upset = Callable[[int, int], Answer | None]
"""Says what goes wrong with page N when it is asked for the Mth time."""


@contextmanager
def _reading(
    tmp_path: Path, kind: str, upset: Upset = lambda page, times: None
) -> Iterator[tuple[Connector, Served, list[str]]]:
    way, times = WAYS[kind], dict[int, int]()
    bases: list[str] = []

    def answer(asked: Asked) -> Answer:
        assert asked.path.endswith(way.path), asked.path
        number = way.number(asked)
        times[number] = times.get(number, 0) + 1
        wrong = upset(number, times[number])
        return wrong or way.page(number, _rows(way, number), bases[0])

    contract = kind if (FOLDER / f"{kind}.yaml").is_file() else ""
    with serving(tmp_path, answer, name=kind, contract=contract) as served:
        bases.append(served.api.base_url)
        made = connector_class(kind)(served.api, FakeClock(), name=kind, project=way.project)
        yield made, served, bases


def _keys(way: Way, kind: str) -> list[str]:
    prefix = "ENG-" if kind == "linear" else ""
    full = PAGES - 1 if way.last_is_empty else PAGES
    return [f"{prefix}{number}" for number in range(full * SIZE)]


def test_each_connector_pages_in_a_way_that_is_tested_or_has_no_pages() -> None:
    assert set(CONNECTORS) == set(WAYS) | set(NOT_PAGED) | set(ELSEWHERE)


@pytest.mark.parametrize("kind", sorted(WAYS))
def test_a_long_list_is_read_to_its_end_and_each_page_once(tmp_path: Path, kind: str) -> None:
    with _reading(tmp_path, kind) as (connector, served, _):
        assert [ref.key for ref in connector.search("")] == _keys(WAYS[kind], kind)
        assert len(served.asked) == PAGES


@pytest.mark.parametrize("kind", sorted(WAYS))
@pytest.mark.parametrize("status", [429, 503])
def test_a_page_that_is_refused_for_now_is_asked_for_again(
    tmp_path: Path, kind: str, status: int
) -> None:
    posts = kind in ("linear", "notion") and status == 503

    def upset(page: int, times: int) -> Answer | None:
        now = (status, {"message": "later"}, {"retry-after": "0"})
        return now if page == 1 and times < 3 else None

    with _reading(tmp_path, kind, upset) as (connector, served, _):
        if posts:  # a POST that may have been done is not repeated
            with pytest.raises(UnlitError, match="later"):
                list(connector.search(""))
            return
        assert [ref.key for ref in connector.search("")] == _keys(WAYS[kind], kind)
        assert len(served.asked) == PAGES + 2


@pytest.mark.parametrize("kind", sorted(WAYS))
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ((200, b'{"results": [{"id": "9"}, {"na'), "CTX-204"),
        ((200, b"<html><title>Sign in</title>"), "CTX-204"),
        ((401, {"message": "expired"}), "CTX-201"),
        ((403, {"message": "scope"}), "CTX-202"),
        ((200, {"renamed": []}), "CTX-205"),
        ((500, {"message": "oops"}), "CTX-206"),
    ],
    ids=["half", "HTML", "token", "scope", "renamed", "500"],
)
def test_what_was_read_before_a_bad_page_is_kept_and_nothing_of_it(
    tmp_path: Path, kind: str, wrong: Answer, code: str
) -> None:
    with _reading(tmp_path, kind, lambda page, times: wrong if page == 1 else None) as made:
        library = Library({kind: _Titles(made[0])}, Index(Path(":memory:")))
        (done,) = library.refresh([kind])
        assert done.problem is not None
        assert done.problem.code == code
        assert kind in done.problem.what
        assert done.seen == done.changed == SIZE
        found = {hit.ref.key for hit in library.search("kept", limit=50)}
        assert found == set(_keys(WAYS[kind], kind)[:SIZE])


@pytest.mark.parametrize("kind", sorted(WAYS))
def test_a_server_that_answers_every_page_with_the_first_is_found_out(
    tmp_path: Path, kind: str
) -> None:
    way = WAYS[kind]

    def answer(asked: Asked) -> Answer:
        base = served.api.base_url
        return way.page(0, _rows(way, 0), base)

    contract = kind if (FOLDER / f"{kind}.yaml").is_file() else ""
    with serving(tmp_path, answer, name=kind, contract=contract) as served:
        made = connector_class(kind)(served.api, FakeClock(), name=kind, project=way.project)
        with pytest.raises(UnlitError) as caught:
            list(made.search(""))
    assert caught.value.code == "CTX-217"
    assert len(served.asked) == 2


class _Titles:
    """A connector's list, with items that need no further call."""

    kind: ClassVar[str] = "thing"

    def __init__(self, connector: Connector) -> None:
        self.name = connector.name
        self._connector = connector

    def search(self, query: str) -> Iterator[Ref]:
        yield from self._connector.search(query)

    def fetch(self, ref: Ref) -> Item | None:
        return Item(ref, "1", f"kept {ref.key}", "", Trust.PUBLIC, FakeClock().now())

    def owns(self, text: str) -> Ref | None:
        return None


def test_what_is_deleted_while_a_list_is_read_leaves_the_index(tmp_path: Path) -> None:
    gone: set[str] = set()

    class Going(_Titles):
        @override
        def fetch(self, ref: Ref) -> Item | None:
            return None if ref.key in gone else super().fetch(ref)

    with _reading(tmp_path, "posthog") as made:
        library = Library({"posthog": Going(made[0])}, Index(Path(":memory:")))
        library.refresh(["posthog"])
        gone.add("4")
        (done,) = library.refresh(["posthog"])
        assert (done.seen, done.problem) == (PAGES * SIZE - 1, None)
        assert "4" not in {hit.ref.key for hit in library.search("kept", limit=50)}
