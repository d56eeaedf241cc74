import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.models.twin.app import ModelTwin
from unlit.models.twin.rules import parse_script
from unlit.models.twin.server import ModelTwinServer, load_script

SCRIPT: dict[str, Any] = {
    "turns": [
        {"say": "I look.", "bash": "ls -la"},
        {"fault": {"status": 429, "retry_after_s": 2}, "say": "Back again."},
        {"fault": {"cut": True}, "say": "A long sentence that is cut in the middle " * 20},
        {"fault": {"garbage": True}},
    ]
}
TOOL = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}


@pytest.fixture
async def server(socket_enabled: None) -> AsyncIterator[ModelTwinServer]:
    started = await ModelTwinServer.start(ModelTwin(parse_script(SCRIPT)))
    yield started
    await started.close()


@pytest.fixture
async def client(server: ModelTwinServer) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": "Bearer fake-key"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers) as client:
        yield client


def chat(turns: int = 0, **more: Any) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Do it."}]
    messages += [{"role": "assistant", "content": "…"}] * turns
    tools = [{"type": "function", "function": {"name": "bash", "parameters": TOOL}}]
    return {"model": "gpt-5", "messages": messages, "tools": tools, **more}


HI = [{"role": "user", "content": "Do it."}]
SHAPE = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": []}}}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"messages": HI, "output_format": "json"}),
        ("/v1/messages", {"messages": ["Do it."]}),
        ("/v1/messages/count_tokens", {"messages": 7}),
        ("/v1/chat/completions", {"messages": HI, "response_format": "json"}),
        ("/v1/chat/completions", {"messages": HI, "response_format": SHAPE}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "\ud800"}]}),
        ("/v1/responses", {"input": "Do it.", "text": "json"}),
        ("/v1beta/models/gemini-x:generateContent", {"contents": [], "generationConfig": "json"}),
        ("/model/claude/converse", {"messages": ["Do it."]}),
    ],
)
async def test_what_is_no_request_is_refused_in_the_vendors_words(
    client: httpx2.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    answer = await client.post(path, content=json.dumps(body))
    assert answer.status_code == 400
    assert "form that it should have" in answer.text
    nobody = await client.post(path, content=json.dumps(body), headers={"authorization": ""})
    assert nobody.status_code == 401


async def test_json_that_is_too_deep_is_no_request(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/messages", content="[" * 200_000)
    assert answer.status_code == 404


async def test_all_four_formats_call_the_shell(client: httpx2.AsyncClient) -> None:
    user = {"role": "user", "content": "Do it."}
    anthropic = await client.post(
        "/v1/messages",
        json={
            "model": "claude",
            "max_tokens": 10,
            "messages": [user],
            "tools": [{"name": "bash", "input_schema": TOOL}],
        },
    )
    assert anthropic.json()["content"][1]["input"] == {"command": "ls -la"}
    assert anthropic.json()["stop_reason"] == "tool_use"
    completed = await client.post("/v1/chat/completions", json=chat())
    call = completed.json()["choices"][0]["message"]["tool_calls"][0]["function"]
    assert json.loads(call["arguments"]) == {"command": "ls -la"}
    responded = await client.post(
        "/v1/responses",
        json={
            "model": "gpt-5",
            "input": "Do it.",
            "tools": [{"type": "function", "name": "bash", "parameters": TOOL}],
        },
    )
    kinds = [item["type"] for item in responded.json()["output"]]
    assert kinds == ["message", "function_call"]
    generated = await client.post(
        "/v1beta/models/gemini-2.5-pro:generateContent",
        json={
            "contents": [{"role": "user", "parts": [{"text": "Do it."}]}],
            "tools": [{"functionDeclarations": [{"name": "bash", "parameters": TOOL}]}],
        },
    )
    parts = generated.json()["candidates"][0]["content"]["parts"]
    assert parts[1]["functionCall"]["args"] == {"command": "ls -la"}


async def test_a_rate_limit_is_played_once_and_in_the_vendors_form(
    client: httpx2.AsyncClient,
) -> None:
    first = await client.post("/v1/chat/completions", json=chat(1))
    assert (first.status_code, first.headers["retry-after"]) == (429, "2")
    assert first.json()["error"]["code"] == "rate_limit_exceeded"
    second = await client.post("/v1/chat/completions", json=chat(1))
    assert second.json()["choices"][0]["message"]["content"] == "Back again."


async def test_a_stream_can_end_in_the_middle(client: httpx2.AsyncClient) -> None:
    cut = await client.post("/v1/chat/completions", json=chat(2, stream=True))
    assert b"[DONE]" not in cut.content
    whole = await client.post("/v1/chat/completions", json=chat(2, stream=True))
    assert whole.content.endswith(b"data: [DONE]\n\n")


async def test_garbage_is_no_json(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json=chat(3))
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


async def test_without_a_key_nothing_is_answered(server: ModelTwinServer) -> None:
    async with httpx2.AsyncClient(base_url=server.url) as nobody:
        answer = await nobody.post("/v1/messages", json={})
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"


async def test_an_unknown_path_or_body_is_not_found(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v2/what", json={})).status_code == 404
    assert (await client.post("/v1/messages", content=b"{")).status_code == 404
    assert (await client.get("/v1/models")).json()["data"][0]["id"] == "scripted"


async def test_a_taken_address_is_said_plainly(server: ModelTwinServer) -> None:
    with pytest.raises(OutsideFailed, match="MOD-203"):
        await ModelTwinServer.start(ModelTwin(parse_script({})), server.address)


def test_a_script_file_that_is_missing_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="MOD-202"):
        load_script(tmp_path / "none.yaml")
