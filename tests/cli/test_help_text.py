"""Help flows to the terminal's width, whatever width its source was wrapped at."""

import io
from collections.abc import Iterator
from itertools import pairwise

import pytest
from rich.console import Console

from unlit.cli.help_text import flowed
from unlit.cli.main import COMMANDS, build_app


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("One line\nand its rest.", "One line and its rest."),
        ("One paragraph.\n\nAnother\none.", "One paragraph.\n\nAnother one."),
        ("A list:\n- one\n- two\n  goes on", "A list:\n- one\n- two\n  goes on"),
        ("Steps:\n1. first\n2. second", "Steps:\n1. first\n2. second"),
        ("", ""),
    ],
)
def test_lines_of_a_paragraph_are_joined_and_lists_are_not(text: str, shown: str) -> None:
    assert flowed(text) == shown


def pages() -> Iterator[tuple[str, str]]:
    app = build_app()
    for command in COMMANDS:
        waiting = [[command.name]]
        while waiting:
            words = waiting.pop()
            output = io.StringIO()
            console = Console(file=output, width=80, force_terminal=False, color_system=None)
            app.help_print(words, console=console)
            yield " ".join(words), output.getvalue()
            found = app.parse_commands(words)[1][-1]
            names = [name for name in found if not name.startswith("-")]
            waiting += [[*words, name] for name in names] if len(words) == 1 else []


@pytest.mark.slow
def test_every_help_fits_a_terminal_and_flows() -> None:
    seen = 0
    for name, text in pages():
        seen += 1
        lines = [line.rstrip() for line in text.splitlines()]
        assert max(map(len, lines)) <= 80, name
        assert "[default: False]" not in text, name
        for line, after in pairwise(lines):
            words = after.split()
            short = line and not line.startswith(("│", "╭", "╰", "-", " ")) and len(line) < 60
            goes_on = words and after[:1].islower() and short
            assert not goes_on, f"{name}: {line!r} is broken before {after!r}"
    assert seen > len(COMMANDS)
