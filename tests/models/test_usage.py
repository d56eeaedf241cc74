"""Usage is read off every vendor's answers, streamed or not; what is not told is not invented."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unlit.models.calls import ASSUMED_OUTPUT, quota_body, read_call
from unlit.models.eventstream import KIND, frame
from unlit.models.model import ModelUsage
from unlit.models.prices import price
from unlit.models.usage import model_format, read_usage, usage_reader


def sse(*events: object) -> bytes:
    return b"".join(b"event: x\ndata: " + json.dumps(e).encode() + b"\n\n" for e in events)


ANTHROPIC = {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 3}
CASES = [
    (
        "/v1/messages",
        {"model": "claude-sonnet-4-5", "usage": {**ANTHROPIC, "output_tokens": 7}},
        (18, 7, 5, 3),
    ),
    (
        "/v1/chat/completions",
        {
            "model": "gpt-4o",
            "usage": {
                "prompt_tokens": 12,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 2},
            },
        },
        (12, 4, 2, 0),
    ),
    (
        "/v1/responses",
        {
            "model": "gpt-4o",
            "usage": {
                "input_tokens": 9,
                "output_tokens": 8,
                "input_tokens_details": {"cached_tokens": 1},
            },
        },
        (9, 8, 1, 0),
    ),
    (
        "/v1beta/models/gemini-2.5-pro:generateContent",
        {
            "modelVersion": "gemini-2.5-pro",
            "usageMetadata": {
                "promptTokenCount": 20,
                "candidatesTokenCount": 5,
                "thoughtsTokenCount": 6,
                "cachedContentTokenCount": 2,
            },
        },
        (20, 11, 2, 0),
    ),
]


@pytest.mark.parametrize(("path", "body", "wanted"), CASES)
def test_a_whole_answer_is_read(path: str, body: object, wanted: tuple[int, ...]) -> None:
    used = read_usage("any.host", path, json.dumps(body).encode())
    assert used is not None
    assert (
        used.input_tokens,
        used.output_tokens,
        used.cache_read_tokens,
        used.cache_write_tokens,
    ) == wanted
    assert used.cost_usd is not None
    assert used.cost_usd > 0


STREAMS = [
    (
        "/v1/messages",
        sse(
            {
                "type": "message_start",
                "message": {
                    "model": "claude-sonnet-4-5",
                    "usage": {**ANTHROPIC, "output_tokens": 1},
                },
            },
            {"type": "content_block_delta", "delta": {"text": '"usage": {"output_tokens": 999}'}},
            {"type": "message_delta", "usage": {"output_tokens": 42}},
        ),
        (18, 42),
    ),
    (
        "/v1/chat/completions",
        sse(
            {"model": "gpt-4o", "choices": [{"delta": {"content": "x"}}], "usage": None},
            {"model": "gpt-4o", "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        )
        + b"data: [DONE]\n\n",
        (3, 2),
    ),
    (
        "/v1/responses",
        sse(
            {"type": "response.created", "response": {"model": "gpt-4o", "usage": None}},
            {
                "type": "response.completed",
                "response": {"model": "gpt-4o", "usage": {"input_tokens": 3, "output_tokens": 2}},
            },
        ),
        (3, 2),
    ),
    (
        "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
        sse(
            {"usageMetadata": {"promptTokenCount": 3}, "modelVersion": "gemini-2.5-pro"},
            {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}},
        ),
        (3, 2),
    ),
]


@pytest.mark.parametrize(("path", "stream", "wanted"), STREAMS)
@pytest.mark.parametrize("cut", [1, 7, 100_000])
def test_a_stream_is_read_however_it_is_cut(
    path: str, stream: bytes, wanted: tuple[int, int], cut: int
) -> None:
    reader = usage_reader("any.host", path)
    assert reader is not None
    reader.begin(200, [(b"content-type", b"text/event-stream; charset=utf-8")])
    for start in range(0, len(stream), cut):
        reader.feed(stream[start : start + cut])
    used = reader.finish()
    assert used is not None
    assert (used.input_tokens, used.output_tokens) == wanted


def test_an_answer_without_usage_has_an_unknown_cost() -> None:
    used = read_usage("any.host", "/v1/chat/completions", b'{"model": "gpt-4o"}')
    assert used is not None
    assert used.cost_usd is None


def test_a_refused_call_has_no_usage() -> None:
    reader = usage_reader("any.host", "/v1/messages")
    assert reader is not None
    reader.begin(429, [])
    assert reader.finish() is None


def test_other_paths_are_no_model_calls() -> None:
    assert model_format("/v1/models") is None
    assert model_format("/v1/messages/count_tokens") is None
    assert read_usage("any.host", "/v1/files", b"{}") is None


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_answer_is_read_without_breaking(body: bytes) -> None:
    for path, _, _ in CASES:
        for streamed in (False, True):
            read_usage("any.host", path, body, streamed=streamed)


def test_an_unknown_model_has_no_price() -> None:
    assert price(ModelUsage("anthropic", "nobody-knows-this", 1, 1)) is None
    assert price(ModelUsage("anthropic", "", 1, 1)) is None


@pytest.mark.parametrize(
    ("path", "body", "wanted"),
    [
        ("/v1/messages", {"model": "claude-sonnet-4-5", "max_tokens": 9}, ("claude-sonnet-4-5", 9)),
        ("/v1/chat/completions", {"model": "gpt-4o", "max_completion_tokens": 8}, ("gpt-4o", 8)),
        ("/v1/responses", {"model": "gpt-4o", "max_output_tokens": 7}, ("gpt-4o", 7)),
        ("/v1/responses", {"model": "gpt-4o", "input": "x"}, ("gpt-4o", None)),
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            {"generationConfig": {"maxOutputTokens": 6}, "model": "ignored"},
            ("gemini-2.5-pro", 6),
        ),
        ("/v1/messages", {"model": 3, "max_tokens": "many"}, ("", None)),
    ],
)
def test_what_a_call_asks_for_is_read(
    path: str, body: object, wanted: tuple[str, int | None]
) -> None:
    call = read_call(path, json.dumps(body).encode())
    assert call is not None
    assert (call.model, call.max_tokens) == wanted


def test_the_worst_case_of_a_call_counts_its_limit() -> None:
    limited = read_call("/v1/messages", b'{"model":"claude-sonnet-4-5","max_tokens":1000}')
    open_ended = read_call("/v1/messages", b'{"model":"claude-sonnet-4-5"}')
    assert limited is not None
    assert open_ended is not None
    low, high = limited.worst_usd(), open_ended.worst_usd()
    assert low is not None
    assert high is not None
    assert Decimal("0.015") <= low < Decimal("0.016")
    assert high > Decimal(ASSUMED_OUTPUT) * 15 / 1_000_000


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_request_is_read_without_breaking(body: bytes) -> None:
    for path, _, _ in CASES:
        assert read_call(path, body) is not None
    assert read_call("/other", body) is None


def test_used_up_money_is_said_in_the_vendors_words() -> None:
    assert quota_body("/v1/messages", "no")["error"]["type"] == "billing_error"
    assert quota_body("/v1/responses", "no")["error"]["code"] == "insufficient_quota"
    gemini = quota_body("/v1beta/models/x:generateContent", "no")
    assert gemini["error"]["status"] == "RESOURCE_EXHAUSTED"


BEDROCK = {"inputTokens": 10, "outputTokens": 7, "cacheReadInputTokens": 5,
           "cacheWriteInputTokens": 3}  # fmt: skip
CONVERSE = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"


def test_bedrock_is_read_whole_and_frame_by_frame() -> None:
    whole = read_usage("b", CONVERSE, json.dumps({"output": {}, "usage": BEDROCK}).encode())
    reader = usage_reader("b", f"{CONVERSE}-stream")
    assert reader is not None
    reader.begin(200, [(b"Content-Type", KIND.encode())])
    data = frame("messageStart", {"role": "assistant"}) + frame("metadata", {"usage": BEDROCK})
    for piece in (data[:5], data[5:90], data[90:-3], data[-3:]):
        reader.feed(piece)
    streamed = reader.finish()
    assert whole == streamed
    assert whole is not None
    assert (whole.provider, whole.model) == (
        "aws",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    )
    assert (whole.input_tokens, whole.output_tokens) == (18, 7)
    assert (whole.cache_read_tokens, whole.cache_write_tokens) == (5, 3)
    assert whole.cost_usd is not None


@given(st.binary(max_size=200))
def test_what_is_no_frame_is_no_usage(data: bytes) -> None:
    reader = usage_reader("b", f"{CONVERSE}-stream")
    assert reader is not None
    reader.begin(200, [(b"content-type", KIND.encode())])
    reader.feed(data)
    found = reader.finish()
    assert found is not None
    assert found.cost_usd is None


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("acme.openai.azure.com", "azure"),
        ("acme.services.ai.azure.com", "azure"),
        ("openrouter.ai", "openrouter"),
        ("notopenrouter.ai", "openai"),
        ("models.example.com", "openai"),
    ],
)
def test_who_sells_a_call_is_known_by_its_host(host: str, provider: str) -> None:
    path = "/openai/deployments/gpt-4o/chat/completions"
    body = {"model": "gpt-4o", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    usage = read_usage(host, path, json.dumps(body).encode())
    assert usage is not None
    assert usage.provider == provider
    call = read_call(path, b'{"model": "gpt-4o", "max_tokens": 5}', host)
    assert call is not None
    assert (call.provider, call.max_tokens) == (provider, 5)


def test_a_bedrock_call_says_its_limit() -> None:
    call = read_call(CONVERSE, b'{"inferenceConfig": {"maxTokens": 9}}')
    assert call is not None
    assert (call.provider, call.max_tokens) == ("aws", 9)
    assert call.model.endswith("v1:0")
    assert call.worst_usd() is not None
    assert quota_body(CONVERSE, "no")["__type"] == "ServiceQuotaExceededException"


@pytest.mark.parametrize(
    ("words", "tokens"),
    [("🦄" * 500, 4 * 500), ("x9q" * 1000, 3 * 1000), ("plain words " * 100, 12 * 100)],
)
def test_no_prompt_can_have_more_tokens_than_are_held_for_it(words: str, tokens: int) -> None:
    body = json.dumps({"model": "claude-sonnet-4-5", "messages": [words]}, ensure_ascii=False)
    call = read_call("/v1/messages", body.encode())
    assert call is not None
    assert tokens <= call.input_tokens < tokens + 100


def test_what_a_request_points_to_or_keeps_is_held_as_well() -> None:
    def held(body: str) -> int:
        call = read_call("/v1/messages", body.encode())
        assert call is not None
        return call.input_tokens

    plain = held('{"model":"m","x":"                      "}')
    assert held('{"model":"m","x":[{"type":"image_url"}]}') > plain + 4_000
    assert held('{"model":"m","previous_response_id": "r"}') > plain + 300_000
    once = held('{"model":"m","cache_control":{"ttl":"5m"}}')
    assert once > plain
    assert held('{"model":"m","cache_control":{"ttl":"1h"}}') > once
    assert held('{"model":"m","tools":[]}') > 500
