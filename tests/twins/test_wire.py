"""The twins' own HTTP/1.1: every form of request that clients send, and some they should not."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from unlit.twins.heads import MOST
from unlit.twins.kit.http import Reply, Request
from unlit.twins.server import listen_on
from unlit.twins.wire import MAX_HEAD, Door, Sent

pytestmark = pytest.mark.usefixtures("socket_enabled")
Answer = tuple[int, dict[str, str], bytes]


class Echo:
    """Answers with what it was asked; paths that begin with /slow wait until released."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.seen: list[str] = []

    def respond(self, request: Request) -> Reply | asyncio.Future[Sent]:
        self.seen.append(request.raw_path)
        if request.raw_path.startswith(("/slow", "/half", "/nothing")):
            return asyncio.ensure_future(self._wait(request))
        if request.raw_path == "/broken":
            raise RuntimeError
        if request.raw_path == "/none":
            return Reply(204)
        if request.raw_path == "/big":
            return Reply(200, b"x" * 4_000_000)
        if request.raw_path == "/split":
            return Reply(200, {}, [("x-a", "one\r\nx-b: two")])
        return Reply(
            200,
            {
                "method": request.method, "path": request.raw_path, "query": request.raw_query,
                "size": len(request.body), "origin": request.origin,
            },
        )  # fmt: skip

    async def _wait(self, request: Request) -> Sent:
        if request.raw_path.startswith("/slow"):
            await self.release.wait()
        cut = {"/half": "half", "/nothing": "nothing"}.get(request.raw_path, "whole")
        return Sent(Reply(200, {"path": request.raw_path}), cut)


class Talk:
    """One connection to the door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self, *, body: bool = True) -> Answer:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
        size = int(headers.get("content-length", 0)) if body else 0
        return int(first.split()[1]), headers, await self.reader.readexactly(size)

    def say(self, text: bytes) -> None:
        self.writer.write(text)

    async def ended(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 30)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 # what is waited for sets no event
            await asyncio.sleep(0.01)


class Place:
    def __init__(self, echo: Echo, door: Door, port: int) -> None:
        self.echo, self.door, self.port = echo, door, port

    async def talk(self) -> Talk:
        return Talk(*await asyncio.open_connection("127.0.0.1", self.port))


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    echo = Echo()
    door = Door(echo.respond)
    listener, shown = listen_on("127.0.0.1:0")
    await door.listen(listener)
    yield Place(echo, door, int(shown.rsplit(":", 1)[1]))
    await door.close()


async def test_a_connection_serves_many_requests_in_any_chunks(place: Place) -> None:
    talk, body = await place.talk(), b""
    for text in (
        b"GET /a?x=1&y HTTP/1.1\r\nHost: h:1\r\n\r\n",
        b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n",
    ):
        for at in range(0, len(text), 3):
            talk.say(text[at : at + 3])
            await talk.writer.drain()
            await asyncio.sleep(0)
        status, headers, body = await talk.answer()
        assert status == 200
        assert headers["content-type"] == "application/json;charset=utf-8"
        assert "date" in headers
    assert b'"path":"/b"' in body
    assert place.echo.seen == ["/a", "/b"]


async def test_pipelined_requests_are_answered_in_order_behind_a_slow_one(place: Place) -> None:
    talk = await place.talk()
    many = [b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % number for number in range(100)]
    talk.say(b"GET /first HTTP/1.1\r\n\r\nGET /slow HTTP/1.1\r\n\r\n" + b"".join(many))
    assert b"/first" in (await talk.answer())[2]
    await asyncio.sleep(0.05)
    assert place.echo.seen == ["/first", "/slow"]
    place.echo.release.set()
    paths = [(await talk.answer())[2] for _ in range(101)]
    assert b"/slow" in paths[0]
    assert [b'"/%d"' % n in paths[n + 1] for n in range(100)] == [True] * 100


async def test_chunked_and_large_bodies(place: Place) -> None:
    talk = await place.talk()
    head = b"POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    talk.say(head + b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nTrailer: x\r\n\r\n")
    assert b'"size":11' in (await talk.answer())[2]
    talk.say(b"POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n" + b"z" * 5_000_000)
    assert b'"size":5000000' in (await talk.answer())[2]


async def test_expect_continue_is_invited(place: Place) -> None:
    talk = await place.talk()
    talk.say(b"POST /e HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert (await talk.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    talk.say(b"ok")
    assert b'"size":2' in (await talk.answer())[2]


async def test_head_has_the_length_but_no_body(place: Place) -> None:
    talk = await place.talk()
    talk.say(b"HEAD /h HTTP/1.1\r\nHost: h\r\n\r\nGET /none HTTP/1.1\r\nHost: h\r\n\r\n")
    status, headers, _ = await talk.answer(body=False)
    assert status == 200
    assert int(headers["content-length"]) > 10
    status, headers, _ = await talk.answer()
    assert status == 204
    assert "content-length" not in headers


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"GET /x HTTP/1.0\r\n\r\n", False),
        (b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n", False),
        (b"GET /x HTTP/1.1\r\n\r\n", True),
    ],
)
async def test_connections_are_kept_or_closed_as_asked(
    place: Place, text: bytes, kept: bool
) -> None:
    talk = await place.talk()
    talk.say(text)
    _, headers, _ = await talk.answer()
    if kept:
        talk.say(text)
        assert (await talk.answer())[0] == 200
    else:
        assert headers["connection"] == "close"
        assert await talk.ended() == b""


async def test_an_application_that_fails_is_500_and_the_connection_goes_on(place: Place) -> None:
    talk = await place.talk()
    talk.say(b"GET /broken HTTP/1.1\r\nHost: h\r\n\r\nGET /on HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (await talk.answer())[0] == 500
    assert b"/on" in (await talk.answer())[2]


async def test_a_whole_url_as_target(place: Place) -> None:
    talk = await place.talk()
    talk.say(b"GET http://slack.com/api/x?y=1 HTTP/1.1\r\nHost: slack.com\r\n\r\n")
    body = (await talk.answer())[2]
    assert b'"path":"/api/x"' in body
    assert b'"query":"y=1"' in body


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 40_000 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
    ],
)
async def test_what_is_no_request_is_refused_and_closed(
    place: Place, text: bytes, status: int
) -> None:
    talk = await place.talk()
    talk.say(text)
    found, headers, _ = await talk.answer()
    assert found == status
    assert headers["connection"] == "close"
    assert place.echo.seen == []


async def test_an_answer_cannot_add_headers(place: Place) -> None:
    talk = await place.talk()
    talk.say(b"GET /split HTTP/1.1\r\nHost: h\r\n\r\n")
    _, headers, _ = await talk.answer()
    assert "x-b" not in headers


async def test_an_upgrade_nobody_takes_is_answered_plainly(place: Place) -> None:
    talk = await place.talk()
    talk.say(
        b"GET /u HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
    )
    assert (await talk.answer())[0] == 200
    talk.say(b"GET /again HTTP/1.1\r\nHost: h\r\n\r\n")
    assert b"/again" in (await talk.answer())[2]


@pytest.mark.parametrize(("path", "left"), [(b"/half", 8), (b"/nothing", 0)])
async def test_answers_are_cut_on_purpose(place: Place, path: bytes, left: int) -> None:
    talk = await place.talk()
    talk.say(b"GET " + path + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    head = await talk.reader.readuntil(b"\r\n\r\n")
    assert b"Content-Length: 1" in head
    assert len(await talk.ended()) == left


async def test_a_client_that_closes_its_side_is_still_answered(place: Place) -> None:
    talk = await place.talk()
    talk.say(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /after HTTP/1.1\r\nHost: h\r\n\r\n")
    talk.writer.write_eof()
    await asyncio.sleep(0.05)
    place.echo.release.set()
    assert b"/slow" in (await talk.answer())[2]
    assert b"/after" in (await talk.answer())[2]
    assert await talk.ended() == b""


async def test_a_client_that_does_not_read_holds_only_itself_up(place: Place) -> None:
    greedy, other = await place.talk(), await place.talk()
    greedy.say(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n" * 60)
    for _ in range(20):
        other.say(b"GET /o HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await other.answer())[0] == 200
    answered = place.echo.seen.count("/big")
    assert answered < 60
    sizes = [len((await greedy.answer())[2]) for _ in range(60)]
    assert sizes == [4_000_000] * 60


async def test_idle_connections_and_half_said_requests_end(place: Place) -> None:
    idle, slow = await place.talk(), await place.talk()
    idle.say(b"GET /i HTTP/1.1\r\nHost: h\r\n\r\n")
    assert (await idle.answer())[0] == 200
    slow.say(b"GET /s HTTP/1.1\r\nHos")
    await until(lambda: len(place.door.open) == 2)
    await asyncio.sleep(0.05)
    place.door.ticks += 1000
    for connection in tuple(place.door.open):
        connection.sweep()
    assert await idle.ended() == b""
    assert (await slow.answer())[0] == 408


async def test_closing_lets_a_running_answer_end(place: Place) -> None:
    busy, idle = await place.talk(), await place.talk()
    busy.say(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
    await until(lambda: place.echo.seen == ["/slow"])
    closing = asyncio.ensure_future(place.door.close())
    assert await idle.ended() == b""
    place.echo.release.set()
    assert b"/slow" in (await busy.answer())[2]
    await closing


async def test_closing_cuts_what_does_not_end(place: Place) -> None:
    busy = await place.talk()
    busy.say(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
    await until(lambda: place.echo.seen == ["/slow"])
    await place.door.close()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await busy.answer()


POST = b"POST /p?q=1 HTTP/1.1\r\nHost: h:1\r\nContent-Length: %d\r\n\r\n"


async def test_a_head_said_again_is_understood_as_the_first_time(place: Place) -> None:
    talk = await place.talk()
    answers = []
    for body in (b"12345", b"abcde", b"12345"):
        talk.say(POST % 5 + body)
        answers.append((await talk.answer())[2])
    assert len(place.door.heads) == 1
    assert answers[0] == answers[1] == answers[2]
    assert b'"query":"q=1"' in answers[0]
    assert b'"origin":"http://h:1"' in answers[0]
    other = await place.talk()
    other.say(POST % 5 + b"67890")
    assert (await other.answer())[2] == answers[0]


async def test_a_known_head_whose_body_comes_late_or_with_more_behind_it(place: Place) -> None:
    talk = await place.talk()
    talk.say(POST % 4 + b"body")
    await talk.answer()
    for part in (POST % 4, b"bo", b"dy"):
        talk.say(part)
        await talk.writer.drain()
        await asyncio.sleep(0.01)
    assert b'"size":4' in (await talk.answer())[2]
    talk.say(3 * (POST % 4 + b"body") + b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
    assert [b'"size":4' in (await talk.answer())[2] for _ in range(3)] == [True] * 3
    assert b'"path":"/x"' in (await talk.answer())[2]


async def test_a_known_head_waits_behind_a_slow_answer(place: Place) -> None:
    talk = await place.talk()
    talk.say(POST % 1 + b"x")
    await talk.answer()
    talk.say(b"GET /slow HTTP/1.1\r\n\r\n")
    await until(lambda: place.echo.seen[-1] == "/slow")
    talk.say(POST % 1 + b"y")
    await asyncio.sleep(0.05)
    assert place.echo.seen[-1] == "/slow"
    place.echo.release.set()
    assert b"/slow" in (await talk.answer())[2]
    assert b'"path":"/p"' in (await talk.answer())[2]


async def test_what_is_not_plain_is_parsed_each_time(place: Place) -> None:
    for head, body in (
        (b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n0\r\n\r\n"),
        (b"GET /u HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", b""),
        (b"GET /long HTTP/1.1\r\nx-long: " + b"y" * 5000 + b"\r\n\r\n", b""),
        (b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b""),
    ):
        talk = await place.talk()
        for _ in range(2):
            talk.say(head + body)
            assert (await talk.answer())[0] == 200
        talk.writer.close()
    assert not place.door.heads


async def test_a_known_head_that_asks_for_the_end_still_gets_it(place: Place) -> None:
    for _ in range(2):
        talk = await place.talk()
        talk.say(b"GET /e HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert (await talk.answer())[1]["connection"] == "close"
        assert await talk.ended() == b""
    assert len(place.door.heads) == 1


async def test_heads_are_forgotten_before_they_are_many(place: Place) -> None:
    talk = await place.talk()
    for number in range(MOST + 5):
        talk.say(b"GET /%d HTTP/1.1\r\n\r\n" % number)
        await talk.answer()
    assert len(place.door.heads) == 5
