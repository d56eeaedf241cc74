from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unlit.core.errors import InvalidInput, UnlitError
from unlit.line.graphs.conditions import condition_error
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.draw import draw_svg, draw_text
from unlit.line.graphs.lint import errors, lint
from unlit.line.graphs.routing import (
    Outcome,
    accelerator,
    duration_s,
    holds,
    normal_label,
)
from unlit.line.graphs.scripted import ScriptedHandler, plain_step
from unlit.line.graphs.stylesheet import styled
from unlit.line.graphs.traverse import Trace, traverse

BRANCH = """
digraph Branch {
    graph [goal="Ship it"]   // a comment
    rankdir=LR
    node [shape=box, timeout="900s"]
    start [shape=Mdiamond] exit [shape=Msquare]
    plan [label="Plan", prompt="Plan: $goal"]
    implement [label="Implement"]; validate [label="Validate", goal_gate=true, retry_target=plan]
    gate [shape=diamond]
    start -> plan -> implement -> validate -> gate
    gate -> exit [label="Yes", condition="outcome=success"]
    gate -> implement [label="No", condition="outcome!=success"]
}
"""


async def trace(text: str, script: dict[str, Any] | None = None) -> Trace:
    return await traverse(parse_dot(text), ScriptedHandler(script), plain_step)


def wrap(body: str) -> str:
    head = "s [shape=Mdiamond] x [shape=Msquare] "
    return f"digraph G {{ {head}{body} }}"


async def test_a_line_is_walked_from_start_to_exit() -> None:
    found = await trace(BRANCH)
    assert found.nodes == ("start", "plan", "implement", "validate", "gate", "exit")
    assert found.status == "success"


async def test_a_failure_goes_round_until_it_is_mended() -> None:
    found = await trace(BRANCH, {"validate": ["fail", "success"]})
    assert found.nodes == (
        "start", "plan", "implement", "validate",
        "plan", "implement", "validate", "gate", "exit",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["outcome", "ship", "intent", "access", "ship/ben", "outcome@c1"])
async def test_no_node_asks_a_person_under_the_name_of_a_gate(name: str) -> None:
    body = f's -> "{name}" -> x "{name}" [shape=hexagon, label="Good?"]'
    assert [found.rule for found in errors(parse_dot(wrap(body)))] == ["human_name"]
    with pytest.raises(InvalidInput, match="LIN-074"):
        await trace(wrap(body))
    fine = body.replace(f'"{name}"', '"shipping"')
    assert not errors(parse_dot(wrap(fine)))
    assert not errors(parse_dot(wrap(body.replace("shape=hexagon", "type=tool"))))


async def test_the_goal_is_filled_into_prompts() -> None:
    handler = ScriptedHandler()
    await traverse(parse_dot(BRANCH), handler, plain_step)
    assert ("plan#1", "Plan: Ship it") in handler.prompts


@pytest.mark.parametrize(
    ("edges", "outcome", "to"),
    [
        ("a -> b [weight=1] a -> c [weight=5]", {}, "c"),
        ("a -> c a -> b", {}, "b"),
        ('a -> b [label="[Y] Yes"] a -> c [label="No"]', {"label": "no"}, "c"),
        ('a -> b [label="[Y] Yes"] a -> c [label="No"]', {"label": "yes"}, "b"),
        ("a -> b [weight=9] a -> c", {"next": "c"}, "c"),
        ('a -> b [weight=9] a -> c [condition="outcome=success"]', {}, "c"),
        ('a -> b a -> c [condition="context.ready=true"]', {"set": {"ready": True}}, "c"),
        ('a -> b a -> c [condition="outcome=success && ready!=true"]', {}, "c"),
        ('a -> b a -> c [condition="outcome=fail"]', {"status": "fail"}, "c"),
        ("a -> b", {"status": "fail"}, "b"),
    ],
)
async def test_the_way_on_is_chosen_in_the_published_order(
    edges: str, outcome: dict[str, Any], to: str
) -> None:
    body = f"a [label=A] b [label=B] c [label=C] s -> a {edges} b -> x c -> x b -> c [weight=-1]"
    found = await trace(wrap(body), {"a": {"status": "success", **outcome}})
    assert found.visits[1].to == to


async def test_retries_are_counted_and_partial_success_is_allowed() -> None:
    body = "a [label=A, max_retries=2{}] s -> a -> x"
    assert (await trace(wrap(body.format("")), {"a": ["retry", "retry", "success"]})).status == (
        "success"
    )
    elsewhere = (
        "a [label=A, max_retries=1, retry_target=b] b [label=B] s -> a "
        'a -> x [condition="outcome=success"] b -> x'
    )
    failed = await trace(wrap(elsewhere), {"a": "retry"})
    assert failed.nodes == ("s", "a", "b", "x")
    partial = await trace(wrap(body.format(", allow_partial=true")), {"a": "retry"})
    assert partial.visits[1].status == "partial_success"


async def test_an_open_goal_gate_keeps_the_line_from_its_exit() -> None:
    body = "a [label=A, goal_gate=true{}] b [label=B] s -> a -> b -> x"
    open_gate = {"a": ["fail", "success"]}
    found = await trace(wrap(body.format(", retry_target=a")), {"a": ["fail", "success"]})
    assert found.nodes == ("s", "a", "a", "b", "x")
    by_graph = (
        f"digraph G {{ retry_target=a s [shape=Mdiamond] x [shape=Msquare] {body.format('')} }}"
    )
    assert (await trace(by_graph, open_gate)).nodes == ("s", "a", "b", "a", "b", "x")
    lost = await trace(wrap(body.format("")), {"a": "fail"})
    assert (lost.status, lost.reason) == ("fail", "a goal gate is open and has no target")


async def test_branches_run_apart_and_meet_again() -> None:
    body = (
        "p [shape=component{}] a [label=A] b [label=B] j [shape=tripleoctagon] "
        "s -> p p -> a p -> b a -> j b -> j j -> x"
    )
    found = await trace(wrap(body.format("")), {"a": "fail"})
    assert set(found.nodes) == {"s", "p", "a", "b", "j", "x"}
    assert found.nodes[-2:] == ("j", "x")
    assert found.context["parallel.fan_in.best_id"] == "b"
    first = await trace(wrap(body.format(", join_policy=first_success")), {"a": "fail"})
    assert next(visit for visit in first.visits if visit.node == "p").status == "success"


async def test_a_goal_gate_inside_a_branch_counts() -> None:
    body = (
        "p [shape=component] a [label=A, goal_gate=true, retry_target=p] b [label=B] "
        "j [shape=tripleoctagon] s -> p p -> a p -> b a -> j b -> j j -> x"
    )
    found = await trace(wrap(body), {"a": ["fail", "success"]})
    assert found.nodes.count("a") == 2
    assert found.status == "success"


async def test_the_graph_says_how_often_nodes_are_tried() -> None:
    text = "digraph { default_max_retry=2 s [shape=Mdiamond] x [shape=Msquare] s -> a -> x }"
    assert (await trace(text, {"a": ["retry", "retry", "success"]})).status == "success"


async def test_a_line_without_end_is_stopped() -> None:
    found = await trace(wrap("a [label=A] b [label=B] s -> a -> b -> a a -> x [weight=-1]"))
    assert found.status == "fail"
    assert "more than 1000" in found.reason


def test_a_stylesheet_sets_models_by_specificity() -> None:
    text = (
        'digraph G { model_stylesheet="* { llm_model: a; } .code { llm_model: b; }'
        ' #r { llm_model: c; reasoning_effort: high; }"\n'
        "s [shape=Mdiamond] x [shape=Msquare] p [label=P] i [label=I, class=code] "
        'r [label=R, class="code,hard"] o [label=O, llm_model=own] '
        'subgraph cluster_1 { label="Code" z [label=Z] } s -> p -> i -> r -> o -> z -> x }'
    )
    nodes = styled(parse_dot(text)).nodes
    models = [nodes[name].attributes["llm_model"] for name in "piroz"]
    assert models == ["a", "b", "c", "own", "b"]


def test_scopes_give_defaults_and_classes() -> None:
    text = (
        'digraph G { node [timeout="9s"] a subgraph cluster_x { label = "Loop A" '
        'node [thread_id="t"] b c [timeout="1s"] } d }'
    )
    nodes = parse_dot(text).nodes
    assert nodes["b"].attributes == {"timeout": "9s", "thread_id": "t"}
    assert nodes["c"].attributes["timeout"] == "1s"
    assert nodes["b"].classes == ("loop-a",)
    assert nodes["d"].attributes == {"timeout": "9s"}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("digraph { a -> b }", "start_node"),
        ("digraph { s [shape=Mdiamond] s -> a }", "terminal_node"),
        (wrap("a [label=A] s -> x"), "reachability"),
        (wrap("a [label=A] s -> a -> s a -> x"), "start_no_incoming"),
        (wrap("s -> x x -> s"), "exit_no_outgoing"),
        (wrap('s -> x [condition="a || = b"]'), "condition_syntax"),
        ('digraph { model_stylesheet="* {" s [shape=Mdiamond] x [shape=Msquare] s -> x }',
         "stylesheet_syntax"),
    ],
)  # fmt: skip
def test_what_cannot_be_executed_is_an_error(text: str, rule: str) -> None:
    assert rule in {finding.rule for finding in errors(parse_dot(text))}


def test_what_looks_wrong_is_a_warning() -> None:
    graph = parse_dot(
        wrap("a [type=magic, fidelity=most, goal_gate=true, retry_target=q] "
             "t [shape=parallelogram] c [shape=cylinder label=C tool_command=ls] "
             "s -> a -> t -> c -> x")
    )  # fmt: skip
    assert errors(graph) == ()
    assert {finding.rule for finding in lint(graph)} == {
        "type_known", "fidelity_valid", "retry_target_exists",
        "tool_command", "dialect", "prompt_on_llm_nodes",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "graph G {}", "digraph {", "digraph { a -- b }", "digraph { a [x=] }", "digraph {} x",
     'digraph { a [b="c }', "digraph { -> b }", "digraph { a [= }"],
)  # fmt: skip
def test_broken_syntax_names_the_line(text: str) -> None:
    with pytest.raises(InvalidInput, match="LIN-071"):
        parse_dot(text)


@given(st.text(alphabet='digraph{}[]->=;,"ab \n\\/#*', max_size=60))
def test_no_text_makes_the_reader_fail_otherwise(text: str) -> None:
    try:
        graph = parse_dot("digraph {" + text + "}")
    except UnlitError:
        return
    lint(graph)
    draw_svg(graph)
    draw_text(graph)


@given(st.text(max_size=30))
def test_conditions_never_raise(text: str) -> None:
    condition_error(text)
    assert holds(text, Outcome("success"), {}) in (True, False)


def test_small_words() -> None:
    assert [accelerator(text) for text in ("[y] Yes", "N) No", "M - Maybe", "later")] == [
        "Y", "N", "M", "L",
    ]  # fmt: skip
    assert normal_label(" [Y] Yes, deploy ") == "yes, deploy"
    assert [duration_s(text) for text in ("900s", "15m", "250ms", "3")] == [900, 900, 0.25, 3]
    with pytest.raises(InvalidInput, match="LIN-072"):
        duration_s("soon")


def test_a_drawing_names_every_node() -> None:
    graph = parse_dot(BRANCH)
    svg, text = draw_svg(graph), draw_text(graph)
    for node in graph.nodes.values():
        assert node.label in svg
        assert node.id in text
