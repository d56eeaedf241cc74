"""Who was told of: by a fact, by a request up to then, or by nobody."""

from typing import Any

from unlit.twins.fidelity.recording import Interaction
from unlit.twins.fidelity.told import untold


def row(path: str, request: Any, response: Any) -> Interaction:
    return Interaction(
        service="jira", cassette="c", order=0, method="GET", path=path, query=(),
        request_headers={}, request=request, status=200, response_headers={}, response=response,
        has_auth=True, source="",
    )  # fmt: skip


def test_only_what_neither_a_fact_nor_a_request_told_is_untold() -> None:
    ada = {"displayName": 'Ada "A" Person', "emailAddress": "ada@example.com"}
    rows = [
        row("/myself", None, ada),  # given
        row("/issue/1", None, {"fields": {"creator": ada}}),
        row("/issue/2", None, {"fields": {"creator": {"displayName": "Grace"}}}),
        row("/user", {"displayName": "Grace"}, {"displayName": "Grace"}),
        row("/issue/2", None, [{"reporter": {"displayName": "Grace"}}]),
        row("/issue/3", None, {"reporter": {"displayName": ""}, "summary": "Somebody"}),
    ]
    assert untold(rows, {0}) == {2}
    assert untold(rows, set()) == {0, 1, 2}
