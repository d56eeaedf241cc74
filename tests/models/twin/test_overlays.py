from pathlib import Path

from unlit.models.twin.model import Ask, Tool
from unlit.models.twin.overlays import script_of
from unlit.models.twin.rules import answer, choose

BASH = Tool("bash", {"properties": {"command": {"type": "string"}}})


def overlays(root: Path) -> Path:
    for number in (1, 2):
        (root / str(number)).mkdir()
        (root / str(number) / "a.txt").write_text(f"{number}\n")
    return root


def test_each_candidate_is_known_by_its_number(tmp_path: Path) -> None:
    script = script_of(overlays(tmp_path))
    ask = Ask("chat", "m", "# Task\n\nThis is candidate 2.\n", 0, tools=(BASH,))
    assert "\n2\nEND_OF_FILE" in answer(choose(script, ask), ask).calls[0].arguments["command"]


def test_a_client_without_tools_gets_edits_whatever_examples_it_sends(tmp_path: Path) -> None:
    script = script_of(overlays(tmp_path))
    first = Ask("chat", "m", "an example\nThis is candidate 1.", 4)
    text = answer(choose(script, first), first).text
    assert "SEARCH\n=======\n1\n>>>>>>> REPLACE" in text
    again = Ask("chat", "m", f"an example\nThis is candidate 1.\n{text}", 5)
    assert choose(script, again).say == "Done."
