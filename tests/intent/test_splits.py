"""Generated inputs tell programs apart that read one sentence differently, whatever the kind."""

import runpy
from collections.abc import Callable
from pathlib import Path

from unlit.intent import Spec, parse_spec
from unlit.intent.rules.inputs import probes

CASES = Path(__file__).parents[1] / "fixtures" / "intent-splits" / "cases.py"
#: what `unlit intent ask` tries unless told otherwise
INPUTS = 120

Case = tuple[str, str, list[tuple[str, str]], tuple[Callable[..., str], ...]]


def cases() -> list[Case]:
    found: list[Case] = runpy.run_path(str(CASES))["CASES"]
    return found


def spec_of(name: str, sentence: str, examples: list[tuple[str, str]]) -> Spec:
    shown = "\n\n".join(f"Example:\n- Input: {a}\n- Outcome: prints `{b}`" for a, b in examples)
    return parse_spec(
        f"---\nid: {name}\ntitle: {name}\nowner: corpus@example.com\n---\n\n# {name}\n\n"
        f"## Intent\n\nPeople need it.\n\n## Criteria\n\n### AC-1 One\n\n{sentence}\n\n{shown}\n"
    )


def said(program: Callable[..., str], args: tuple[str, ...]) -> str | None:
    """What a program prints; None when it fails."""
    try:
        return program(*args)
    except Exception:  # the programs are small and do not check what they are given
        return None


def test_nine_of_ten_kinds_are_split_by_an_input_that_both_readings_answer() -> None:
    missed = []
    for name, sentence, examples, programs in cases():
        made = probes(spec_of(name, sentence, examples), limit=INPUTS)
        for probe, (_, outcome) in zip(made, examples, strict=False):
            assert {said(program, probe.input.args) for program in programs} == {outcome}
        answers = [{said(program, probe.input.args) for program in programs} for probe in made]
        if not any(len(found - {None}) > 1 for found in answers):
            missed.append(name)
    assert len(cases()) >= 45
    assert len(missed) <= len(cases()) // 10, missed


def test_inputs_are_the_same_each_time_and_none_stands_twice() -> None:
    for name, sentence, examples, _ in cases()[:10]:
        spec = spec_of(name, sentence, examples)
        made = probes(spec, limit=INPUTS)
        assert made == probes(spec, limit=INPUTS)
        assert len({probe.input for probe in made}) == len(made)


def test_a_small_number_is_not_blown_up_into_one_that_a_program_counts_to() -> None:
    spec = spec_of("n", "When a number is given, the tool shall print it.", [("`3`", "3")])
    numbers = [probe.input.args[0] for probe in probes(spec, limit=400) if probe.input.args]
    assert max(int(text) for text in numbers if text.isdigit()) < 1_000_000
