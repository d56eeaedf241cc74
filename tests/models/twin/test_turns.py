"""Which turn comes next, also where the client folded its old turns away."""

import pytest

from unlit.models.twin import anthropic, bedrock, chat, responses
from unlit.models.twin.model import Ask
from unlit.models.twin.rules import answer, choose, parse_script
from unlit.models.twin.turns import call_id, turns_held

SCRIPT = parse_script({"turns": [*({"bash": f"echo {n}"} for n in range(30)), "Done."]})
TOOL = {"type": "object", "properties": {"command": {"type": "string"}}}


def ask(form: str, name: str) -> Ask:
    if form == "anthropic":
        use = {"type": "tool_use", "id": name, "name": "bash", "input": {}}
        rows = [{"role": "user", "content": "Go on."}, {"role": "assistant", "content": [use]}]
        tools = [{"name": "bash", "input_schema": TOOL}]
        return anthropic.parse({"messages": rows, "tools": tools})
    if form == "chat":
        call = {"id": name, "function": {"name": "bash", "arguments": "{}"}}
        return chat.parse(
            {
                "messages": [{"role": "user"}, {"role": "assistant", "tool_calls": [call]}],
                "tools": [{"function": {"name": "bash", "parameters": TOOL}}],
            }
        )
    if form == "responses":
        item = {"type": "function_call", "call_id": name, "name": "bash", "arguments": "{}"}
        return responses.parse(
            {
                "input": [{"role": "user", "content": "Go on."}, item],
                "tools": [{"name": "bash", "parameters": TOOL}],
            }
        )
    made = {"toolUse": {"toolUseId": name, "name": "bash", "input": {}}}
    spec = {"toolSpec": {"name": "bash", "inputSchema": {"json": TOOL}}}
    rows = [{"role": "user", "content": []}, {"role": "assistant", "content": [made]}]
    return bedrock.parse({"messages": rows, "toolConfig": {"tools": [spec]}}, "m", stream=False)


@pytest.mark.parametrize("form", ["anthropic", "chat", "responses", "bedrock"])
def test_a_client_that_folded_its_old_turns_is_answered_with_the_next_one(form: str) -> None:
    first = ask(form, "call_of_another_server")
    assert (first.turn, choose(SCRIPT, first).acts[0].text) == (1, "echo 1")
    folded = ask(form, call_id(17, "0123456789abcdef0123", 0))
    assert choose(SCRIPT, folded).acts[0].text == "echo 18"
    (call,) = answer(choose(SCRIPT, folded), folded).calls
    assert choose(SCRIPT, ask(form, call.id)).acts[0].text == "echo 19"


def test_turns_without_calls_are_counted_on() -> None:
    assert turns_held([]) == 0
    assert turns_held([[], ["toolu_1"], []]) == 3
    assert turns_held([["call_t7_0a0"], [], ["x"]]) == 10
    assert turns_held([["call_t7_0a0", "call_t7_0a1"]]) == 8
