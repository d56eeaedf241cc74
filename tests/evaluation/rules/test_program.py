"""The program of a command is never one of its inputs."""

import pytest

from unlit.evaluation.rules.program import program_words


@pytest.mark.parametrize(
    ("command", "count"),
    [
        ("sh x.sh a.csv", 2),
        ("bash -eu x.sh a.csv", 3),
        ("python3.11 -W error -m tool a.csv", 5),
        ("/usr/bin/python3 tool.py a.csv", 2),
        ("python -c print() a.csv", 3),
        ("node --require ./hook.cjs app.js a.csv", 4),
        ("deno run --allow-read app.ts a.csv", 4),
        ("java -cp lib:app -jar app.jar a.csv", 5),
        ("env LANG=C sh x.sh a.csv", 4),
        ("uv run python tool.py a.csv", 4),
        ("timeout 5 ./tool a.csv", 3),
        ("./tool a.csv", 1),
        ("tool", 1),
        ("sh", 1),
        ("sh -", 2),
        ("", 0),
    ],
)
def test_where_the_arguments_begin(command: str, count: int) -> None:
    assert program_words(command.split()) == count
