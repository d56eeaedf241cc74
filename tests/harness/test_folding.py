"""Our own loop's folding of old turns, on the library's own messages."""

from itertools import pairwise
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from unlit.harness.loop.program import (
    KEPT,
    MOST_CHARACTERS,
    MOST_STORY,
    MOST_TURNS,
    Folding,
    weight,
)


def step(number: int, output: str, said: str = "") -> list[Any]:
    call = ToolCallPart("bash", {"command": f"run {number}"}, tool_call_id=f"call-{number}")
    parts = [TextPart(said), call] if said else [call]
    back = ToolReturnPart("bash", output, tool_call_id=f"call-{number}")
    return [ModelResponse(parts=parts), ModelRequest(parts=[back])]


async def lived(steps: int, output: str, **words: str) -> list[list[Any]]:
    """Return what each model call of a conversation reads, as the library carries it on."""
    folding = Folding()
    messages: list[Any] = [ModelRequest(parts=[UserPromptPart("The brief.")])]
    read = []
    for number in range(steps):
        messages = await folding.fold(messages)
        read.append(messages)
        messages = messages + step(number, output, words.get("said", ""))
        if number == 5 and "spoken" in words:
            messages[-1].parts.append(UserPromptPart(words["spoken"]))
    return read


def asked(messages: list[Any]) -> list[str]:
    return [
        str(part.content)
        for message in messages
        for part in message.parts
        if isinstance(part, UserPromptPart) and not str(part.content).startswith("What you did")
    ]


async def test_a_short_conversation_is_left_as_it_is() -> None:
    read = await lived(MOST_TURNS, "out")
    assert len(read[-1]) == 1 + 2 * (MOST_TURNS - 1)


@pytest.mark.parametrize("output", ["", "out", "x" * KEPT])
async def test_a_call_reads_no_more_however_many_turns_came_before(output: str) -> None:
    read = await lived(500, output, said="I look further.")
    assert max(len(messages) for messages in read) <= 1 + 2 * MOST_TURNS
    heaviest = max(sum(map(weight, messages)) for messages in read)
    assert heaviest <= MOST_CHARACTERS + MOST_STORY


async def test_what_was_asked_stays_word_for_word() -> None:
    read = await lived(200, "out", spoken="Use the word GREEN.")
    assert {tuple(asked(messages)) for messages in read[6:]} == {
        ("The brief.", "Use the word GREEN.")
    }


async def test_every_result_follows_its_call() -> None:
    for messages in await lived(120, "x" * KEPT):
        open_calls: set[str] = set()
        for message in messages:
            for part in message.parts:
                if isinstance(part, ToolCallPart):
                    open_calls.add(part.tool_call_id)
                elif isinstance(part, ToolReturnPart):
                    open_calls.remove(part.tool_call_id)
        assert not open_calls


async def test_the_beginning_stays_the_same_for_many_calls_so_that_it_stays_cached() -> None:
    read = await lived(240, "out")
    beginnings = [str(messages[0]) for messages in read]
    changes = sum(one != other for one, other in pairwise(beginnings))
    assert changes <= 240 // (MOST_TURNS - 12) + 1


async def test_the_story_tells_the_newest_with_its_result_and_says_what_it_leaves_out() -> None:
    read = await lived(500, "all is well " * 40, said="I look further. " * 20)
    (story,) = (
        str(part.content)
        for part in read[-1][0].parts
        if str(part.content).startswith("What you did")
    )
    assert "earlier things left out" in story
    assert story.count("run ") > story.count(" -> all is well") > 0
    assert len(story) <= MOST_STORY + 600
