"""DOT as people and other runners write it: read with warnings, and executed."""

import pytest

from unlit.core.errors import InvalidInput
from unlit.line.graphs.dot import parse_dot
from unlit.line.graphs.draw import draw_svg
from unlit.line.graphs.lint import errors, lint
from unlit.line.graphs.scripted import ScriptedHandler, plain_step
from unlit.line.graphs.traverse import traverse

ENDS = "s [shape=Mdiamond] x [shape=Msquare]"

DIALECTS = {
    "a strict graph": f"strict digraph {{ {ENDS} s -> a -> x }}",
    "keywords in capitals": f"DiGraph G {{ {ENDS} NODE [shape=box] Edge [weight=1] s -> a -> x }}",
    "quoted ids": 'digraph "my line" { "the start" [shape="Mdiamond"] "x y" [shape="Msquare"] '
    '"the start" -> "a step" -> "x y" }',
    "hyphens in ids": f"digraph {{ {ENDS} s -> write-code -> x }}",
    "single quotes": f"digraph {{ {ENDS} a [label='It''s', prompt='do it'] s -> a -> x }}",
    "HTML labels": f"digraph {{ {ENDS} a [label=<<b>Bold</b><br/>and &amp; more>] s -> a -> x }}",
    "no commas": f'digraph {{ {ENDS} a [label="A" prompt="do" timeout=900s] s -> a -> x }}',
    "semicolons between attributes": f"digraph {{ {ENDS} a [label=A; prompt=P;]; s -> a -> x; }}",
    "colons for equals": f'digraph {{ {ENDS} a [label: "A", prompt: "P"] s -> a -> x }}',
    "values without quotes": f"digraph {{ {ENDS} a [llm_model=claude-opus-4.6, fidelity="
    "summary:high, color=#ff0000, tool_command=./run.sh] s -> a -> x [condition=outcome=success] }",
    "texts put together": f'digraph {{ {ENDS} a [prompt="one " + "two" + " three"] s -> a -> x }}',
    "ports": f"digraph {{ {ENDS} s:e -> a:n:w -> x:w }}",
    "groups of nodes": f"digraph {{ {ENDS} s -> {{a b}} -> x }}",
    "groups with names": f"digraph {{ {ENDS} subgraph cluster_1 {{ a; b }} s -> a a -> b "
    "subgraph two { c } -> x b -> c }",
    "comments of all kinds": f"# first\n// second\n/* third\n */ digraph {{ {ENDS}\n# fourth\n"
    's -> a // "fifth"\n a -> x /* -> y */ }',
    "Windows line ends": f"digraph {{\r\n {ENDS}\r\n s -> a\r\n a -> x\r\n}}\r\n",
    "a byte order mark": f"\N{ZERO WIDTH NO-BREAK SPACE}digraph {{ {ENDS} s -> a -> x }}",
    "a Markdown fence": f"```dot\ndigraph {{ {ENDS} s -> a -> x }}\n```\n",
    "names that say the ends": "digraph { node [shape=box] Start -> a -> End }",
    "other shapes for the ends": "digraph { s [shape=circle] x [shape=doublecircle] s -> a -> x }",
    "other types": f"digraph {{ {ENDS} a [type=agent] t [type=command, command=ls] "
    "s -> a -> t -> x }",
    "unknown attributes": f'digraph {{ {ENDS} a [x-own.key="v", fontname="Arial", bare] '
    "s -> a -> x }",
    "text over lines": f'digraph {{ {ENDS} a [prompt="one\ntwo \\\nthree\\lfour"] s -> a -> x }}',
    "an empty statement": f"digraph {{ ;; {ENDS}; s -> a -> x;;; }}",
    "defaults after the fact": f"digraph {{ {ENDS} s -> a; node [timeout=9s]; a [label=A]; "
    "a -> x }",
    "non-ASCII": f'digraph {{ {ENDS} prüfen [label="Prüfe 検証 ✓"] s -> prüfen -> x }}',
}  # fmt: skip


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS.keys())
async def test_a_dialect_is_read_drawn_and_executed(text: str) -> None:
    graph = parse_dot(text)
    assert errors(graph) == ()
    lint(graph)
    assert draw_svg(graph).startswith("<svg")
    found = await traverse(graph, ScriptedHandler(), plain_step)
    assert found.status == "success"
    assert len(found.nodes) >= 3


@pytest.mark.parametrize(
    "name",
    ["a strict graph", "hyphens in ids", "single quotes", "HTML labels", "no commas", "ports",
     "colons for equals", "values without quotes", "groups of nodes", "other shapes for the ends",
     "names that say the ends", "other types"],
)  # fmt: skip
def test_a_dialect_is_warned_of(name: str) -> None:
    assert "dialect" in {finding.rule for finding in lint(parse_dot(DIALECTS[name]))}


def test_what_is_read_is_what_was_meant() -> None:
    html = parse_dot(DIALECTS["HTML labels"]).nodes["a"]
    assert html.label == "Bold\nand & more"
    plain = parse_dot(DIALECTS["values without quotes"])
    assert plain.nodes["a"].attributes == {
        "llm_model": "claude-opus-4.6", "fidelity": "summary:high", "color": "#ff0000",
        "tool_command": "./run.sh",
    }  # fmt: skip
    assert plain.outgoing("a")[0].condition == "outcome=success"
    assert parse_dot(DIALECTS["texts put together"]).nodes["a"].attributes["prompt"] == (
        "one two three"
    )
    lines = parse_dot(DIALECTS["text over lines"]).nodes["a"].attributes["prompt"]
    assert lines == "one\ntwo three\nfour"
    group = parse_dot(DIALECTS["groups of nodes"])
    assert [(edge.source, edge.target) for edge in group.edges] == [
        ("s", "a"), ("s", "b"), ("a", "x"), ("b", "x"),
    ]  # fmt: skip


def test_a_subgraphs_class_counts_for_nodes_before_its_label_too() -> None:
    group = 'subgraph cluster_a { a b -> c label="Hard Part" }'
    text = f"digraph {{ {ENDS} {group} s -> a -> b c -> x }}"
    nodes = parse_dot(text).nodes
    assert {name: nodes[name].classes for name in "abc"} == dict.fromkeys("abc", ("hard-part",))
    assert nodes["s"].classes == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("graph { a -- b }", 1),
        ("digraph {\n a -- b }", 2),
        ("digraph {\n\n a [label=] }", 3),
        ('digraph {\n a [label="open }', 2),
        ("digraph { a [label=<b> }", 1),
        ("digraph { /* open }", 1),
        ("digraph { a -> }", 1),
        ("```dot\ndigraph {\n a -> }\n```", 3),
        ("digraph { } digraph { }", 1),
        ("digraph { a [ }", 1),
        ("", 1),
    ],
)
def test_what_cannot_be_read_names_its_line(text: str, line: int) -> None:
    with pytest.raises(InvalidInput, match=rf"LIN-071 line.dot:{line}:"):
        parse_dot(text)
