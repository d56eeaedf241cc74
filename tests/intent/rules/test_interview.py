"""From one sentence to a spec that is ready, and when it stops."""

from unlit.intent import parse_spec, ready
from unlit.intent.rules.interview import Ask, Interview, begin, next_question, reply

ANSWERS = {
    "owner": "a@example.com",
    "intent": "For people who wait.",
    "criterion": "",
    "boundary": "no: it cannot happen",
    "hint": "",
    "scope": "Import.",
    "metric": "Minutes waited.",
}


def hold(interview: Interview, answers: dict[str, str], limit: int = 60) -> list[Ask]:
    """Answer until the interview stops; the last state is in `hold.state`."""
    seen = []
    state = interview
    for _ in range(limit):
        ask = next_question(state)
        if ask is None:
            break
        seen.append(ask)
        state = reply(state, ask, answers.get(ask.key, answers.get(ask.kind, "")))
    states.append(state)
    return seen


states: list[Interview] = []


def test_one_sentence_and_answers_make_a_spec_that_is_ready() -> None:
    answers = ANSWERS | {
        "criterion:1": "When `sort NAMES` runs, the tool shall print the names sorted by code "
        "point, ascending.",
        "example:AC-1": "`sort b a` => prints `a b`",
    }
    asked = hold(begin("I want a tool that sorts names"), answers)
    spec = parse_spec(states[-1].text)
    assert ready(spec).ready
    assert spec.title == "Tool that sorts names"
    assert spec.owner == "a@example.com"
    assert spec.intent == "I want a tool that sorts names\n\nFor people who wait."
    assert spec.criteria[0].examples[0].outcome == "prints `a b`"
    assert spec.boundaries[0].behaviour == "not relevant: it cannot happen"
    assert spec.metric == "Minutes waited."
    assert [ask.kind for ask in asked[:4]] == ["owner", "intent", "criterion", "criterion"]
    assert len(asked) <= 20


def test_a_sentence_with_shall_is_the_first_criterion() -> None:
    spec = begin("When it runs, the tool shall print `ok`", owner="o").spec
    assert spec.criteria[0].text == "When it runs, the tool shall print `ok`."
    assert next_question(begin("It shall run", owner="o")).key == "intent"  # type: ignore[union-attr] # there is one


def test_an_open_word_is_asked_about_once_and_the_answer_replaces_the_sentence() -> None:
    start = begin("When it runs, the tool shall print the amount rounded", owner="o")
    answers = ANSWERS | {
        "intent": "x",
        "example:AC-1": "`2.4` => prints `2`",
        "hint": "When it runs, the tool shall print the amount rounded half up to whole euros.",
    }
    asked = hold(start, answers)
    hints = [ask for ask in asked if ask.kind == "hint"]
    assert len(hints) == 1
    assert "where exactly half goes" in hints[0].text
    assert "half up" in states[-1].spec.criteria[0].text
    left = hold(start, answers | {"hint": ""})
    assert len([ask for ask in left if ask.kind == "hint"]) == 1


def test_an_answer_that_does_not_fit_leaves_the_question_open() -> None:
    state = begin("When it runs, the tool shall print `ok`", owner="o")
    for _ in range(2):
        ask = next_question(state)
        assert ask is not None
        state = reply(state, ask, "x" if ask.kind == "intent" else "")
    ask = next_question(state)
    assert ask is not None
    assert ask.key == "example:AC-1"
    for unfit in ("", "no arrow", "=> only outcome"):
        assert next_question(reply(state, ask, unfit)) == ask
    criterion = Ask("criterion:2", "criterion", "", True)
    assert reply(state, criterion, "It prints") == state
    assert reply(state, criterion, "It shall end").spec.criteria[1].title == "End"


def test_an_interview_goes_on_from_its_text_and_keys() -> None:
    state = begin("A tool", owner="")
    ask = next_question(state)
    assert ask is not None
    state = reply(state, ask, "o@example.com")
    again = Interview(state.text, state.asked)
    assert next_question(again) == next_question(state)
    assert ask.to_json()["kind"] == "owner"
    assert not again.is_ready
