"""A manager watches a child line: looks, conditions, words, limits; and a fan-in that is judged."""

from pathlib import Path
from typing import Any

import pytest

from unlit.cli.lines import lint as check
from unlit.cli.lines import trace as walk
from unlit.core.errors import InvalidInput
from unlit.line.graphs.children import children_of
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.lint import lint
from unlit.line.graphs.manager import beside, plan_of
from unlit.line.graphs.scripted import ScriptedHandler, plain_step
from unlit.line.graphs.traverse import Trace, traverse

CHILD = """digraph child { s [shape=Mdiamond] x [shape=Msquare]
    plan [label=Plan] write [label=Write] review [label=Review]
    s -> plan -> write -> review
    review -> x [condition="outcome=success"] review -> write [condition="outcome=fail"] }"""


def parent(manager: str = "", graph: str = 'stack.child_dotfile="child.dot"') -> str:
    return f"""digraph parent {{ graph [{graph}] s [shape=Mdiamond] x [shape=Msquare]
        manage [shape=house, label="Keep at it"{manager}] bad [label=Bad]
        s -> manage
        manage -> x [condition="outcome=success"] manage -> bad [condition="outcome=fail"]
        bad -> x }}"""


async def walked(
    manager: str = "", script: dict[str, Any] | None = None, child: str = CHILD
) -> tuple[Trace, ScriptedHandler]:
    handler = ScriptedHandler(script, {"child.dot": parse_dot(child)})
    return await traverse(parse_dot(parent(manager)), handler, plain_step), handler


async def test_a_manager_succeeds_when_its_child_does() -> None:
    found, _ = await walked()
    assert found.nodes == (
        "s", "manage.s", "manage.plan", "manage.write", "manage.review", "manage.x", "manage", "x",
    )  # fmt: skip
    assert found.context["stack.child.status"] == "completed"
    assert found.context["stack.child.outcome"] == "success"
    assert found.outcomes["manage"] == "success"


async def test_a_manager_fails_when_its_child_does() -> None:
    child = CHILD.replace('review -> write [condition="outcome=fail"]', "")
    found, _ = await walked("", {"review": "fail"}, child)
    assert found.nodes[-3:] == ("manage", "bad", "x")
    assert found.context["stack.child.status"] == "failed"
    assert found.context["stack.child.last_status"] == "fail"


async def test_a_stop_condition_ends_the_watch_and_gives_the_child_up() -> None:
    found, handler = await walked(
        ', manager.stop_condition="context.stack.child.active_stage=review"',
        {"review": "fail"},
    )
    assert found.outcomes["manage"] == "success"
    assert found.context["stack.child.status"] == "running"
    assert "manage.review" not in found.nodes
    assert found.nodes[-2:] == ("manage", "x")
    assert [visit for visit, _ in handler.prompts][:2] == ["manage~plan#1", "manage~write#1"]


async def test_more_looks_than_allowed_are_a_failure() -> None:
    found, _ = await walked(", manager.max_cycles=3", {"review": "fail"})
    assert found.outcomes["manage"] == "fail"
    assert found.nodes[-3:] == ("manage", "bad", "x")


async def test_a_manager_that_does_not_start_its_child_waits_for_its_condition() -> None:
    found, handler = await walked(", stack.child_autostart=false, manager.max_cycles=2")
    assert (found.outcomes["manage"], found.context["stack.child.status"]) == (
        "fail", "not_started",
    )  # fmt: skip
    assert [visit for visit, _ in handler.prompts] == ["bad#1"]


async def test_a_manager_speaks_when_a_stage_failed_and_not_at_every_look() -> None:
    script = {"review": ["fail", "fail", "success"]}
    found, handler = await walked(', manager.actions="observe,steer,wait"', script)
    assert found.outcomes["manage"] == "success"
    assert handler.said
    assert set(handler.said) == {"Keep at it"}
    assert len(handler.said) < 4
    assert (await walked("", script))[1].said == []


async def test_a_child_may_have_a_manager_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "child.dot").write_text(parent(graph='stack.child_dotfile="deep.dot"'))
    (tmp_path / "sub" / "deep.dot").write_text(CHILD)
    line = parse_dot(parent(graph='stack.child_dotfile="sub/child.dot"'))
    texts = children_of(line, tmp_path)
    assert set(texts) == {"sub/child.dot", "sub/deep.dot"}
    handler = ScriptedHandler(None, {key: parse_dot(text) for key, text in texts.items()})
    found = await traverse(line, handler, plain_step)
    assert found.status == "success"
    assert [v for v, _ in handler.prompts] == [
        "manage~manage~plan#1", "manage~manage~write#1", "manage~manage~review#1",
    ]  # fmt: skip


async def test_a_line_that_supervises_itself_ends_as_a_failure() -> None:
    handler = ScriptedHandler(None, {"child.dot": parse_dot(parent())})
    found = await traverse(parse_dot(parent()), handler, plain_step)
    deepest = [visit for visit in found.visits if visit.node.endswith("manage.bad")]
    assert len(deepest) == 1
    assert found.status == "success"  # its way on after a failure leads to the exit


@pytest.mark.parametrize(
    ("manager", "graph", "rule"),
    [
        ("", "", "manager_child"),
        (', manager.poll_interval="soon"', 'stack.child_dotfile="c"', "manager_interval"),
        (', manager.stop_condition="a ="', 'stack.child_dotfile="c"', "condition_syntax"),
        (', manager.actions="observe,dance"', 'stack.child_dotfile="c"', "manager_actions"),
        (', manager.actions="wait"', 'stack.child_dotfile="c"', "manager_actions"),
        ("", 'stack.child_dotfile="c", stack.child_workdir="/x"', "manager_child"),
    ],
)
def test_lint_finds_what_a_manager_lacks(manager: str, graph: str, rule: str) -> None:
    found = lint(parse_dot(parent(manager, graph or "goal=none")))
    assert rule in {finding.rule for finding in found}


def test_a_missing_or_wrong_child_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="LIN-085"):
        children_of(parse_dot(parent()), tmp_path)
    (tmp_path / "child.dot").write_text("digraph c { a -> b }")
    with pytest.raises(InvalidInput, match=r"LIN-085.*start"):
        children_of(parse_dot(parent()), tmp_path)


def test_the_command_checks_a_line_with_its_children(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "top.dot").write_text(parent())
    assert check(tmp_path / "top.dot") == 1
    assert "child.dot cannot be executed" in capsys.readouterr().out
    (tmp_path / "child.dot").write_text(CHILD)
    assert check(tmp_path / "top.dot") == 0
    assert walk(tmp_path / "top.dot") == 0
    assert "manage.review" in capsys.readouterr().out


async def test_a_child_that_nobody_read_is_told() -> None:
    with pytest.raises(InvalidInput, match="LIN-084"):
        await traverse(parse_dot(parent()), ScriptedHandler(), plain_step)


def test_the_published_defaults_hold() -> None:
    line = parse_dot(parent())
    plan = plan_of(line, line.nodes["manage"])
    assert (plan.poll_s, plan.most, plan.stop, plan.starts) == (45, 1000, "", True)
    assert plan.actions == {"observe", "wait"}
    assert beside("sub/child.dot", "../other.dot") == "other.dot"


FAN = """digraph fan { s [shape=Mdiamond] x [shape=Msquare] p [shape=component]
    j [shape=tripleoctagon, prompt="Which is best?"] a [label=A] b [label=B] c [label=C]
    s -> p -> {a b c} a -> j b -> j c -> j j -> x }"""


@pytest.mark.parametrize(
    ("script", "best", "asked"),
    [
        ({"j": {"next": "c"}}, "c", True),
        ({"j": {"next": "nobody"}}, "a", True),
        ({"j": {"status": "fail", "next": "c"}}, "a", True),
        ({"a": "fail", "b": "fail"}, "c", False),
        ({"c": "fail", "j": {"next": "c"}}, "a", True),
        ({"b": "partial_success", "j": {"next": "b"}}, "a", True),
    ],
)
async def test_a_model_judges_only_among_branches_that_are_level(
    script: dict[str, Any], best: str, asked: bool
) -> None:
    handler = ScriptedHandler(script)
    found = await traverse(parse_dot(FAN), handler, plain_step)
    assert found.context["parallel.fan_in.best_id"] == best
    assert ("j#1" in [visit for visit, _ in handler.prompts]) == asked
