import pytest

from unlit.core.errors import InvalidInput
from unlit.models.twin.model import Ask, Tool
from unlit.models.twin.rules import answer, choose, parse_script

SHELL = Tool("shell", {"properties": {"command": {"type": "array"}}, "required": ["command"]})
BASH = Tool(
    "Bash",
    {
        "properties": {"command": {"type": "string"}, "description": {"type": "string"}},
        "required": ["command", "description"],
    },
)


def ask(turn: int = 0, text: str = "hello", tools: tuple[Tool, ...] = ()) -> Ask:
    return Ask("chat", "gpt-5", text, turn, tools=tools)


def test_the_nth_turn_answers_the_nth_request_and_then_it_is_over() -> None:
    script = parse_script({"turns": ["one", "two"], "otherwise": "over"})
    assert [choose(script, ask(turn)).say for turn in range(3)] == ["one", "two", "over"]


def test_the_first_part_that_fits_answers() -> None:
    script = parse_script(
        {
            "parts": [
                {"when": {"contains": "LESSON", "model": "gpt-*"}, "turns": ["knows"]},
                {"when": {"tools": True}, "turns": ["works"]},
                {"when": {"lacks": "x"}, "turns": ["talks"]},
            ]
        }
    )
    assert choose(script, ask(text="a LESSON")).say == "knows"
    assert choose(script, ask(tools=(BASH,))).say == "works"
    assert choose(script, ask()).say == "talks"
    assert choose(script, ask(text="x")).say == "Done."


def test_a_command_fits_the_tool_that_the_client_offers() -> None:
    (turn,) = parse_script({"turns": [{"bash": "ls"}]}).parts[0].turns
    assert answer(turn, ask(tools=(SHELL,))).calls[0].arguments == {
        "command": ["bash", "-lc", "ls"]
    }
    assert answer(turn, ask(tools=(BASH,))).calls[0].arguments == {
        "command": "ls",
        "description": "scripted step",
    }
    assert answer(turn, ask()).text == "```bash\nls\n```"


def test_a_file_is_written_by_shell_when_there_is_no_other_way() -> None:
    (turn,) = (
        parse_script({"turns": [{"write": {"path": "a/b.py", "text": "x = 1\n"}}]}).parts[0].turns
    )
    command = answer(turn, ask(tools=(BASH,))).calls[0].arguments["command"]
    assert command == "mkdir -p a && cat > a/b.py <<'END_OF_FILE'\nx = 1\nEND_OF_FILE"
    assert "<<<<<<< SEARCH\n=======\nx = 1\n>>>>>>> REPLACE" in answer(turn, ask()).text


def test_the_same_request_gets_the_same_reply_and_bill() -> None:
    (turn,) = parse_script({"turns": [{"bash": "ls", "say": "look"}]}).parts[0].turns
    assert answer(turn, ask(tools=(BASH,))) == answer(turn, ask(tools=(BASH,)))
    assert answer(turn, ask()).id != answer(turn, ask(text="other")).id


@pytest.mark.parametrize(
    "table",
    [
        None,
        [],
        {"turn": []},
        {"turns": [3]},
        {"turns": [{"bsh": "ls"}]},
        {"parts": "x"},
        {"turns": [{"do": [{"bash": "a", "write": {}}]}]},
        {"turns": [{"fault": {"state": 3}}]},
        {"parts": [{"when": {"has": 1}, "turns": []}]},
    ],
)
def test_a_script_with_an_unknown_word_is_refused(table: object) -> None:
    with pytest.raises(InvalidInput, match="MOD-201"):
        parse_script(table)
