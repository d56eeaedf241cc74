import json
from typing import Any

import pytest

from unlit.harness.outputs import READERS, read_line, read_lines

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "claude": [
        {"type": "system", "subtype": "init", "model": "claude-sonnet-4-5"},
        {
            "type": "assistant",
            "message": {
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "name": "Bash", "input": {"command": "ls"}},
                ]
            },
        },
        {"type": "result", "is_error": False, "result": "Finished.", "usage": {"input_tokens": 3}},
    ],
    "codex": [
        {"type": "thread.started"},
        {"type": "item.started", "item": {"type": "command_execution", "command": "ls"}},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "Finished."}},
        {"type": "turn.completed", "usage": {"input_tokens": 3}},
    ],
    "gemini": [
        {"type": "init", "model": "gemini-2.5-pro"},
        {"type": "tool_use", "tool_name": "run_shell_command", "parameters": {"command": "ls"}},
        {"type": "message", "role": "assistant", "content": "Finished."},
        {"type": "result", "status": "success", "stats": {"input_tokens": 3}},
    ],
    "opencode": [
        {"type": "step_start", "part": {}},
        {"type": "tool_use", "part": {"tool": "bash", "state": {"input": {"command": "ls"}}}},
        {"type": "text", "part": {"text": "Finished."}},
        {"type": "step_finish", "part": {"tokens": {"input": 3}}},
    ],
    "goose": [
        {
            "type": "message",
            "message": {
                "role": "assistant",
                "content": [
                    {
                        "type": "toolRequest",
                        "toolCall": {"value": {"name": "shell", "arguments": {"command": "ls"}}},
                    }
                ],
            },
        },
        {"type": "message", "message": {"role": "user", "content": [{"type": "toolResponse"}]}},
        {
            "type": "message",
            "message": {"role": "assistant", "content": [{"type": "text", "text": "Finished."}]},
        },
        {"type": "complete", "total_tokens": 5, "input_tokens": 3, "output_tokens": 2},
    ],
    "own": [
        {"kind": "started", "text": "scripted"},
        {"kind": "tool", "text": "bash ls"},
        {"kind": "text", "text": "Finished."},
        {"kind": "usage", "data": {"usage": {"input_tokens": 3}}},
    ],
}


def lines(values: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def test_every_reader_has_a_sample() -> None:
    assert set(SAMPLES) == set(READERS)


@pytest.mark.parametrize("reader", sorted(SAMPLES))
def test_an_agents_lines_become_events(reader: str) -> None:
    read = read_lines(reader, b"a banner\n" + lines(SAMPLES[reader]))
    assert read.last == "Finished."
    assert [event.kind for event in read.events].count("tool") == 1
    assert read.events[0].kind == ("tool" if reader == "goose" else "started")  # it greets nobody
    assert read.reported["usage"]
    assert read.failed == ""


@pytest.mark.parametrize("reader", sorted(SAMPLES))
@pytest.mark.parametrize("line", [b"", b"garbage", b"{", b"[]", b"{}", b'{"type": 3}', b"\xff\xfe"])
def test_garbage_is_not_understood_and_raises_nothing(reader: str, line: bytes) -> None:
    assert read_line(reader, line) == []
    assert read_lines(reader, line).understood == 0


def test_what_an_agent_says_went_wrong_is_kept() -> None:
    failed = {"type": "result", "is_error": True, "result": "API Error: 529 overloaded"}
    assert read_lines("claude", lines([failed])).failed == "API Error: 529 overloaded"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "Ran into this error: Rate limit exceeded: slow down."},
        {"type": "error", "kind": "authentication", "message": "Ran into this error: 401"},
    ],
)
def test_goose_says_a_failed_model_call_as_its_own_words(block: dict[str, Any]) -> None:
    message = {"type": "message", "message": {"role": "assistant", "content": [block]}}
    read = read_lines("goose", lines([message, {"type": "complete"}]))
    assert read.failed.startswith("Ran into this error")
