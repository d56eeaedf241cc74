from unlit.line.rules.progress import Tried, advise, is_stalled, repeats

FEW = (("AC-1", "few"), ("AC-2", "none"))
MOST = (("AC-1", "most"), ("AC-2", "none"))
AGENTS = ("cheap", "strong")


def test_the_first_agent_begins_and_the_others_stand_by() -> None:
    advice = advise(AGENTS, [])
    assert (advice.agent, advice.others, advice.why) == ("cheap", ("strong",), "")


def test_progress_keeps_the_agent() -> None:
    tried = [Tried("cheap", "t1", FEW), Tried("cheap", "t2", MOST)]
    assert not is_stalled(tried)
    assert advise(AGENTS, tried).agent == "cheap"


def test_a_stall_hands_over_to_the_stronger_agent() -> None:
    tried = [Tried("cheap", "t1", FEW), Tried("cheap", "t2", FEW)]
    advice = advise(AGENTS, tried)
    assert (advice.agent, advice.others, advice.why) == ("strong", ("cheap",), "stall")
    assert "changed nothing in the grading" in advice.remark


def test_turns_that_leave_nothing_are_a_stall() -> None:
    assert advise(AGENTS, [Tried("cheap"), Tried("cheap")]).agent == "strong"


def test_an_oscillation_is_named() -> None:
    tried = [Tried("cheap", "t1", FEW), Tried("cheap", "t2", MOST), Tried("cheap", "t1", FEW)]
    assert repeats(tried) == 1
    advice = advise(AGENTS, tried)
    assert (advice.agent, advice.why) == ("strong", "oscillation")
    assert advice.remark == "The last candidate is the same as candidate 1. Try a different way."


def test_with_one_agent_there_is_nobody_to_hand_over_to() -> None:
    advice = advise(("only",), [Tried("only"), Tried("only")])
    assert (advice.agent, advice.why) == ("only", "")
    assert advice.remark


def test_a_new_agent_is_given_its_own_turns() -> None:
    tried = [Tried("cheap", "a", FEW), Tried("cheap", "b", FEW), Tried("strong", "c", FEW)]
    assert advise(AGENTS, tried).agent == "strong"
    assert not is_stalled(tried)
