"""The published specification of Attractor lines, row by row: shapes, attributes, edges, gates."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from typing_extensions import override

from unlit.core.errors import InvalidInput
from unlit.line.graphs.choices import choices_of, chosen
from unlit.line.graphs.conditions import condition_error, dialect_of
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.fidelity import MODES, mode_of, preamble, thread_of
from unlit.line.graphs.graph import TYPE_OF_SHAPE, Node
from unlit.line.graphs.lint import errors, lint
from unlit.line.graphs.routing import Outcome, holds
from unlit.line.graphs.scripted import ScriptedHandler, plain_step
from unlit.line.graphs.stylesheet import styled
from unlit.line.graphs.traverse import Trace, traverse

GOOD = 'condition="outcome=success"'


def wrap(body: str, graph: str = "") -> str:
    return f"digraph G {{ {graph} s [shape=Mdiamond] x [shape=Msquare] {body} }}"


async def trace(text: str, script: dict[str, Any] | None = None) -> Trace:
    return await traverse(parse_dot(text), ScriptedHandler(script), plain_step)


class Seen(ScriptedHandler):
    """Keeps what each node was told, and how long was waited."""

    def __init__(self, script: Mapping[str, Any] | None = None) -> None:
        super().__init__(script)
        self.contexts: dict[str, Mapping[str, Any]] = {}
        self.pauses: list[float] = []

    @override
    async def execute(
        self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
    ) -> Outcome:
        self.contexts[visit] = context
        return await super().execute(node, prompt, context, visit)

    @override
    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.mark.parametrize(
    ("shape", "type_"),
    [
        ("Mdiamond", "start"), ("Msquare", "exit"), ("box", "codergen"), ("hexagon", "wait.human"),
        ("diamond", "conditional"), ("component", "parallel"), ("tripleoctagon", "parallel.fan_in"),
        ("parallelogram", "tool"), ("house", "stack.manager_loop"), ("unheard_of", "codergen"),
    ],
)  # fmt: skip
def test_a_shape_says_what_executes_a_node(shape: str, type_: str) -> None:
    assert Node("n", {"shape": shape}).type == type_
    assert set(TYPE_OF_SHAPE.values()) >= {type_} - {"codergen"}


@pytest.mark.parametrize(
    ("attributes", "type_"),
    [
        ({"shape": "box", "type": "wait.human"}, "wait.human"),
        ({"shape": "parallelogram", "type": "never_registered"}, "tool"),
        ({"type": "agent"}, "codergen"),
        ({"handler": "fan_out"}, "parallel"),
        ({}, "codergen"),
    ],
)
def test_a_known_type_goes_before_the_shape_and_an_unknown_one_does_not(
    attributes: dict[str, str], type_: str
) -> None:
    assert Node("n", attributes).type == type_


async def test_graph_attributes_are_in_the_context() -> None:
    handler = Seen()
    text = wrap("s -> a -> x", 'graph [goal="G", label="L"] rankdir=LR')
    await traverse(parse_dot(text), handler, plain_step)
    told = handler.contexts["a#1"]
    assert (told["graph.goal"], told["graph.label"], told["graph.rankdir"]) == ("G", "L", "LR")
    assert told["current_node"] == "a"


async def test_a_node_sees_what_the_one_before_it_set() -> None:
    handler = Seen({"a": {"set": {"found": "7"}}})
    await traverse(parse_dot(wrap("s -> a -> b -> x")), handler, plain_step)
    assert handler.contexts["b#1"]["found"] == "7"
    assert handler.contexts["b#1"]["last_stage"] == "a"


@pytest.mark.parametrize(
    ("edges", "outcome", "to"),
    [
        # 1 a condition that holds wins over weight, label and suggestion
        (f"a -> b [weight=9] a -> c [{GOOD}]", {"label": "b", "next": "b"}, "c"),
        # among conditions that hold: weight, then name
        (f"a -> b [{GOOD}] a -> c [{GOOD}, weight=1]", {}, "c"),
        ('a -> c [condition="outcome=success"] a -> b [condition="outcome!=fail"]', {}, "b"),
        # 2 the preferred label, whatever its accelerator
        ('a -> b [label="[F] Fix", weight=9] a -> c [label="A) Go"]', {"label": "go"}, "c"),
        ('a -> b [weight=9] a -> c [label="N - Next"]', {"label": "  NEXT "}, "c"),
        # 3 suggested nodes, in the order suggested
        ("a -> b [weight=9] a -> c", {"next": ["z", "c", "b"]}, "c"),
        # 4 weight, 5 name
        ("a -> b a -> c [weight=2]", {}, "c"),
        ("a -> c a -> b", {}, "b"),
        # none holds and none is free: the best of all
        ('a -> c [condition="context.k=1"] a -> b [condition="context.k=2"]', {}, "b"),
    ],
)  # fmt: skip
async def test_edges_are_chosen_in_five_steps(edges: str, outcome: dict[str, Any], to: str) -> None:
    found = await trace(wrap(f"s -> a {edges} b -> x c -> x b -> c [weight=-1]"), {"a": outcome})
    assert found.visits[1].to == to


async def test_a_failure_takes_its_edge_then_its_targets_then_ends_the_line() -> None:
    edge = 'a -> f [condition="outcome=fail"] a -> x f -> x b -> x'
    failed: dict[str, Any] = {"a": "fail"}
    assert (await trace(wrap(f"a [retry_target=b] s -> a {edge}"), failed)).visits[1].to == "f"
    own = 'a [retry_target=b, fallback_retry_target=f] s -> a a -> x [condition="outcome=success"]'
    assert (await trace(wrap(f"{own} b -> x f -> x"), failed)).visits[1].to == "b"
    fallback = own.replace("retry_target=b", "retry_target=gone", 1)
    assert (await trace(wrap(f"{fallback} f -> x"), failed)).visits[1].to == "f"
    only = 's -> a a -> x [condition="outcome=success"]'
    ended = await trace(wrap(only), {"a": "fail"})
    assert (ended.status, ended.nodes) == ("fail", ("s", "a"))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("", True), ("outcome=success", True), ("outcome!=success", False),
        ("outcome = success", True),
        ("outcome=success && context.tests=true", True), ("tests=true", True), ("tests", True),
        ("context.missing", False), ("context.missing=", None), ("context.missing!=x", True),
        ("preferred_label=Fix", True), ("preferred_label=fix", False), ("context.name=a b", True),
        ("outcome=success && ", True), ("context.count=3", True), ('context.name="a b"', True),
        # dialects
        ("outcome==success", True), ("outcome=fail || tests=true", True), ("!missing", True),
        ("not (outcome=fail or tests=false)", True), ("context.count >= 3", True),
        ("context.count < 3", False), ("name contains b", True), ("name matches ^a", True),
        ("outcome=succeeded", True), ("outcome=failed", False), ("name > 3", False),
    ],
)  # fmt: skip
def test_conditions(condition: str, expected: bool | None) -> None:
    known = {"tests": True, "name": "a b", "context.count": 3}
    if expected is None:
        assert condition_error(condition) is not None
        return
    assert condition_error(condition) is None
    assert holds(condition, Outcome("success", "Fix"), known) is expected


@pytest.mark.parametrize(
    "condition", ["a = = b", "= b", "a &&& b", "(a", "a b", "a=b)", "&& a", "a || "]
)
def test_what_is_no_condition_is_said(condition: str) -> None:
    assert condition_error(condition) is not None


def test_dialects_in_conditions_are_warned_of_and_published_ones_are_not() -> None:
    assert dialect_of("a=b && c!=d") == ()
    assert dialect_of("a==b or not c") == ("==", "or", "not")
    graph = parse_dot(wrap('s -> x [condition="outcome=success || a=b"]'))
    assert errors(graph) == ()
    assert [f.rule for f in lint(graph)] == ["condition_dialect"]


async def test_a_goal_gate_tries_its_own_targets_then_the_graphs() -> None:
    fails = {"a": ["fail", "success"]}
    own = "a [goal_gate=true, fallback_retry_target=b] s -> a a -> c c -> x b -> a"
    found = await trace(wrap(own.replace("s -> a", "s -> a a -> c [weight=1]")), fails)
    assert found.status == "success"
    graph = await trace(wrap("a [goal_gate=true] s -> a -> c -> x b -> a",
                             "fallback_retry_target=b"), fails)  # fmt: skip
    assert graph.nodes == ("s", "a", "c", "b", "a", "c", "x")
    partial = await trace(wrap("a [goal_gate=true] s -> a -> x"), {"a": "partial_success"})
    assert partial.status == "success"
    never = await trace(wrap("a [goal_gate=true] s -> b -> x b -> a [weight=-1] a -> x"), {})
    assert never.status == "success"


async def test_retries_are_counted_paused_and_reset() -> None:
    handler = Seen({"a": ["retry", "retry", "success"]})
    found = await traverse(
        parse_dot(wrap("a [max_retries=2] s -> a -> b -> x")), handler, plain_step
    )
    assert found.status == "success"
    assert handler.contexts["a#3"]["internal.retry_count.a"] == 2
    assert "internal.retry_count.a" not in handler.contexts["b#1"]
    assert 0.1 <= handler.pauses[0] <= 0.3
    assert 0.2 <= handler.pauses[1] <= 0.6
    once = await trace(wrap('s -> a a -> x [condition="outcome=success"]'), {"a": "retry"})
    assert (once.status, once.visits[-1].status) == ("fail", "fail")


async def test_a_skipped_node_leaves_the_outcome_as_it_was() -> None:
    body = 's -> a -> b b -> x [condition="outcome=partial_success"] b -> c c -> x'
    found = await trace(wrap(body), {"a": "partial_success", "b": "skipped"})
    assert found.visits[2].to == "x"


async def test_an_edge_may_begin_the_line_anew() -> None:
    handler = Seen({"a": [{"set": {"k": "1"}}, {}], "b": ["fail", "success"]})
    body = (
        'b [goal_gate=true] s -> a -> b b -> a [condition="outcome=fail", loop_restart=true] b -> x'
    )
    found = await traverse(parse_dot(wrap(body)), handler, plain_step)
    assert found.status == "success"
    assert handler.contexts["b#1"]["k"] == "1"
    assert "k" not in handler.contexts["a#2"]


SIDE = "s -> p p -> a p -> b p -> c a -> j b -> j c -> j j -> x j [shape=tripleoctagon]"


@pytest.mark.parametrize(
    ("policy", "script", "status"),
    [
        ("", {}, "success"),
        ("", {"a": "fail"}, "partial_success"),
        ("join_policy=wait_all", {"a": "fail", "b": "fail", "c": "fail"}, "partial_success"),
        ("join_policy=first_success", {"a": "fail", "b": "fail"}, "success"),
        ("join_policy=first_success", {"a": "fail", "b": "fail", "c": "fail"}, "fail"),
        ("join_policy=k_of_n, k=2", {"a": "fail"}, "success"),
        ("join_policy=k_of_n, k=2", {"a": "fail", "b": "fail"}, "fail"),
        ("join_policy=quorum, quorum=0.6", {"a": "fail"}, "success"),
        ("join_policy=quorum, quorum=0.7", {"a": "fail"}, "fail"),
        ("error_policy=ignore", {"a": "fail"}, "success"),
        ("max_parallel=1", {"b": "fail"}, "partial_success"),
    ],
)
async def test_branches_join_by_policy(policy: str, script: dict[str, Any], status: str) -> None:
    found = await trace(wrap(f"p [shape=component, {policy}] {SIDE}"), script)
    assert next(visit.status for visit in found.visits if visit.node == "p") == status
    assert (
        found.nodes[-2:] == ("j", "x")
        if status != "fail" or script.keys() != {"a", "b", "c"}
        else True
    )


async def test_a_branch_knows_nothing_of_another_and_the_line_only_the_results() -> None:
    handler = Seen({"a": {"set": {"own": "a"}}, "b": ["success"]})
    body = f"p [shape=component, max_parallel=1] {SIDE.replace('a -> j', 'a -> d -> j')}"
    found = await traverse(parse_dot(wrap(body)), handler, plain_step)
    assert handler.contexts["d#1"]["own"] == "a"
    assert "own" not in handler.contexts["b#1"]
    assert "own" not in found.context
    assert [row["id"] for row in found.context["parallel.results"]] == ["a", "b", "c"]
    assert found.context["parallel.fan_in.best_id"] == "a"


async def test_a_first_failure_cancels_the_others_when_asked_to() -> None:
    class Slow(ScriptedHandler):
        cancelled = False

        @override
        async def execute(
            self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
        ) -> Outcome:
            if node.id == "b":
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    self.cancelled = True
                    raise
            return await super().execute(node, prompt, context, visit)

    handler = Slow({"a": "fail"})
    body = f"p [shape=component, error_policy=fail_fast] {SIDE}"
    found = await asyncio.wait_for(traverse(parse_dot(wrap(body)), handler, plain_step), 60)
    assert handler.cancelled
    assert {"id": "b", "outcome": "skipped"} in found.context["parallel.results"]


async def test_steps_of_branches_have_names_that_do_not_depend_on_who_is_first() -> None:
    async def names(first: str) -> list[str]:
        found: list[str] = []
        gate = asyncio.Event()

        class Ordered(ScriptedHandler):
            @override
            async def execute(
                self, node: Node, prompt: str, context: Mapping[str, Any], visit: str
            ) -> Outcome:
                if node.id.startswith(first):
                    gate.set()
                elif node.id != "s":
                    await gate.wait()
                return await super().execute(node, prompt, context, visit)

        async def step(
            name: str, action: Callable[[], Awaitable[dict[str, Any]]]
        ) -> dict[str, Any]:
            found.append(name)
            return await action()

        body = "p [shape=component] s -> p p -> a1 p -> b1 a1 -> q -> a2 b1 -> q a2 -> x"
        nested = body.replace("a1 -> q -> a2", "a1 -> a3 -> q q -> a2")
        await asyncio.wait_for(traverse(parse_dot(wrap(nested)), Ordered(), step), 60)
        return sorted(found)

    assert await names("a") == await names("b")
    assert "beside/p#1/0/node/a1#1" in await names("a")


async def test_branches_that_go_back_before_their_fan_out_end_all_the_same() -> None:
    body = (
        "p [shape=component] a [retry_target=p] b [retry_target=p] c [retry_target=p] "
        's -> p -> {a b c} a -> j [condition="outcome=success"] b -> j '
        "c -> j j -> x j [shape=tripleoctagon]"
    )
    found = await asyncio.wait_for(trace(wrap(body), dict.fromkeys("abc", "fail")), 60)
    assert found.status == "fail"


def test_a_gates_answers_come_from_its_edges() -> None:
    graph = parse_dot(wrap('g [shape=hexagon] s -> g g -> x [label="[A] Approve"] '
                           'g -> f [label="F) Fix it"] g -> r [label="R - Reject"] g -> t '
                           "f -> x r -> x t -> x"))  # fmt: skip
    assert [(c.key, c.label, c.target) for c in choices_of(graph, "g")] == [
        ("A", "Approve", "x"), ("F", "Fix it", "f"), ("R", "Reject", "r"), ("T", "t", "t"),
    ]  # fmt: skip
    for said, target in [("a", "x"), ("[F]", "f"), ("fix it", "f"), ("r", "r"), ("t", "t"),
                         ("[A] Approve", "x"), ("maybe", None)]:  # fmt: skip
        found = chosen(graph, "g", said)
        assert (found.target if found else None) == target


async def test_a_line_that_waits_says_so_and_its_last_step_is_the_waiting() -> None:
    names: list[str] = []

    async def step(name: str, action: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        names.append(name)
        return await action()

    body = "p [shape=component] g [shape=hexagon] s -> p p -> g p -> b -> x g -> x"
    graph = parse_dot(wrap(body))
    found = await traverse(graph, ScriptedHandler({"g": "waiting"}), step)
    assert found.status == "waiting"
    assert names == ["beside/p#1/1/node/b#1", "waits/g+p"]


@pytest.mark.parametrize(
    ("edge", "node", "graph", "mode"),
    [
        ("fidelity=truncate", "fidelity=full", "default_fidelity=compact", "truncate"),
        ("", "fidelity=full", "default_fidelity=truncate", "full"),
        ("", "", 'default_fidelity="summary:low"', "summary:low"),
        ("", "", "", "compact"),
        ("fidelity=most", "", "", "compact"),
    ],
)
def test_fidelity_is_the_edges_the_nodes_the_graphs_or_compact(
    edge: str, node: str, graph: str, mode: str
) -> None:
    line = parse_dot(wrap(f"a [{node}] s -> a [{edge}] a -> x", graph))
    assert mode_of(line, line.nodes["a"], line.outgoing("s")[0]) == mode


def test_a_thread_is_the_nodes_the_edges_the_graphs_its_subgraphs_or_its_predecessors() -> None:
    line = parse_dot(wrap('a [thread_id=t1] subgraph cluster_c { label="Loop B" b } c '
                          "s -> a -> b b -> c [thread_id=t2] c -> d -> x"))  # fmt: skip
    by = {edge.target: edge for edge in line.edges}
    found = {name: thread_of(line, line.nodes[name], by[name]) for name in "abcd"}
    assert found == {"a": "t1", "b": "loop-b", "c": "t2", "d": "c"}


def test_each_fidelity_carries_what_it_says_within_its_budget() -> None:
    line = parse_dot(wrap("s -> x", 'goal="Make it"'))
    past = [
        {"node": f"n{n}", "status": "success", "thread": "t" if n % 2 else "u",
         "asked": f"question {n} " + "?" * 300, "said": f"answer {n}"}
        for n in range(60)
    ]  # fmt: skip
    told = {mode: preamble(line, mode, "t", past, {"k": "v", "internal.x": 1}) for mode in MODES}
    assert told["truncate"] == "Goal: Make it"
    assert all(text.startswith("Goal: Make it") for text in told.values())
    assert "k: v" in told["compact"]
    assert "internal" not in "".join(told.values())
    assert "question 59" in told["summary:high"]
    assert "question" not in told["summary:medium"]
    assert "n58" not in told["full"]
    assert told["summary:low"].count("\n- ") == 3
    assert len(told["truncate"]) < len(told["summary:low"]) < len(told["summary:medium"])
    assert len(told["summary:medium"]) < len(told["compact"]) < len(told["summary:high"])
    assert max(len(text) for text in told.values()) < 20_000


async def test_what_a_node_is_told_of_the_past_is_by_its_fidelity() -> None:
    handler = Seen({"a": {"set": {"last_response": "did a"}}})
    body = "b [fidelity=truncate] s -> a -> b -> c -> x"
    await traverse(parse_dot(wrap(body, "goal=G")), handler, plain_step)
    assert handler.contexts["b#1"]["internal.preamble"] == "Goal: G"
    assert "- a: success (did a)" in handler.contexts["c#1"]["internal.preamble"]


@pytest.mark.parametrize(
    "sheet",
    [
        "* { llm_model: a } box { llm_model: b } .k { llm_model: c } #n { llm_model: d }",
        "#n { model = 'd' } .k { model = c; } box { model = b; } * { model = a; }",
        "/* best */ #n, #m { llm_model: d; llm_provider: p; } * { llm_model: a; }",
    ],
)
def test_a_stylesheets_more_specific_rule_wins(sheet: str) -> None:
    graph = parse_dot(wrap('n [class="k"] s -> n -> x', f'model_stylesheet="{sheet}"'))
    assert styled(graph).nodes["n"].attributes["llm_model"] == "d"


@pytest.mark.parametrize(
    ("body", "rule", "level"),
    [
        ("s -> x g [goal_gate=true] s -> g g -> x", "goal_gate_has_retry", "warning"),
        ("a [retry_target=no] s -> a -> x", "retry_target_exists", "warning"),
        ("a [fidelity=half] s -> a -> x", "fidelity_valid", "warning"),
        ("s -> x [fidelity=half]", "fidelity_valid", "warning"),
        ("a [type=own] s -> a -> x", "type_known", "warning"),
        ("s -> a -> x", "prompt_on_llm_nodes", "warning"),
        ("g [shape=hexagon, label=G] s -> g s -> x", "human_choices", "warning"),
        ('s -> x [condition="= 3"]', "condition_syntax", "error"),
        ("a [label=A] s -> x", "reachability", "error"),
        ("s -> x x -> s", "start_no_incoming", "error"),
    ],
)
def test_lint_rules(body: str, rule: str, level: str) -> None:
    assert (rule, level) in {(f.rule, f.level) for f in lint(parse_dot(wrap(body)))}


async def test_a_line_with_an_error_is_refused() -> None:
    with pytest.raises(InvalidInput, match="LIN-074"):
        await trace("digraph { s [shape=Mdiamond] }")


SMOKE = """digraph test_pipeline {
    graph [goal="Create a hello world script"]
    start [shape=Mdiamond]
    plan [shape=box, prompt="Plan how to: $goal"]
    implement [shape=box, prompt="Write it", goal_gate=true]
    review [shape=box, prompt="Review it"]
    done [shape=Msquare]
    start -> plan
    plan -> implement
    implement -> review [condition="outcome=success"]
    implement -> plan [condition="outcome=fail", label="Retry"]
    review -> done [condition="outcome=success"]
    review -> implement [condition="outcome=fail", label="Fix"]
}"""


async def test_the_published_smoke_line() -> None:
    graph = parse_dot(SMOKE)
    assert (len(graph.nodes), len(graph.edges), errors(graph)) == (5, 6, ())
    found = await trace(SMOKE, {"implement": ["fail", "success"], "review": ["fail", "success"]})
    assert found.nodes == (
        "start", "plan", "implement", "plan", "implement", "review", "implement", "review", "done",
    )  # fmt: skip
    assert found.status == "success"
