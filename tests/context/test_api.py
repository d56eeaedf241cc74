"""How connectors talk: patient where it helps, clear where it does not."""

import pytest

from unlit.context.api import Api
from unlit.context.fakes import FakeFetch, json_reply
from unlit.context.ports import Call, Reply
from unlit.core.errors import UnlitError


def _api(*replies: Reply) -> tuple[Api, FakeFetch]:
    waiting = list(replies)
    fetch = FakeFetch(lambda call: waiting.pop(0))
    return Api(fetch, "https://tracker.example/api/", "tracker"), fetch


def test_it_waits_as_long_as_the_service_says() -> None:
    api, fetch = _api(json_reply({}, 429, retry_after="7"), json_reply({"a": 1}))
    assert api.get("/x") == {"a": 1}
    assert fetch.waited == [7.0]


def test_a_write_that_may_have_happened_is_not_repeated() -> None:
    api, fetch = _api(json_reply({"message": "upstream"}, 503))
    with pytest.raises(UnlitError, match="upstream"):
        api.send("POST", "/x", {})
    assert len(fetch.calls) == 1


def test_a_write_that_was_refused_for_its_rate_is_repeated() -> None:
    api, fetch = _api(json_reply({}, 429), json_reply({"id": 1}, 201))
    assert api.send("POST", "/x", {}) == {"id": 1}
    assert len(fetch.calls) == 2


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (json_reply({"message": "Bad credentials"}, 401), "CTX-201", "Bad credentials"),
        (json_reply({"errorMessages": ["No permission"]}, 403), "CTX-202", "No permission"),
        (Reply(200, {}, b"<html>Sign in</html>"), "CTX-204", "HTML"),
        (Reply(200, {}, b'[{"id": 1}, {"i'), "CTX-204", "not JSON"),
        (
            json_reply({"errors": {"summary": "is required"}}, 400),
            "CTX-206",
            "summary: is required",
        ),
    ],
)
def test_each_refusal_is_one_clear_error_in_the_services_own_words(
    reply: Reply, code: str, words: str
) -> None:
    api, _ = _api(reply)
    with pytest.raises(UnlitError) as caught:
        api.get("/x")
    assert caught.value.code == code
    assert words in caught.value.what


def test_a_service_that_never_stops_limiting_is_named() -> None:
    api, fetch = _api(*[json_reply({}, 429)] * 4)
    with pytest.raises(UnlitError) as caught:
        api.get("/x")
    assert caught.value.code == "CTX-203"
    assert len(fetch.waited) == 3


def test_what_is_gone_is_nothing_when_read_and_an_error_when_written() -> None:
    api, _ = _api(json_reply({}, 404), json_reply({"message": "Not Found"}, 404))
    assert api.get("/x") is None
    with pytest.raises(UnlitError, match="Not Found"):
        api.send("PATCH", "/x", {})


def test_pages_are_followed_by_the_link_header() -> None:
    following = '<https://tracker.example/api/x?page=2>; rel="next", <…>; rel="last"'
    api, fetch = _api(json_reply([1, 2], link=following), json_reply([3]))
    assert list(api.pages("/x")) == [1, 2, 3]
    assert fetch.calls[1] == Call("GET", "https://tracker.example/api/x?page=2", {}, None, {})
