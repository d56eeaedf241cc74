"""`unlit lines list | lint | draw | trace | answer | compare`: lines as graph files."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

from unlit.wiring.finding import find_repository

if TYPE_CHECKING:
    from unlit.cli.interruption import Interruption
    from unlit.line.compare import Comparison, Plan
    from unlit.line.graphs.graph import Graph
    from unlit.line.graphs.lint import Finding

app = cyclopts.App(
    name="lines", help="Lines as graph files: list, lint, draw, trace, answer, compare."
)

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]


@app.command(name="list")
def list_lines(*, repository: Path | None = None, as_json: Json = False) -> int:
    """List the lines that `unlit run --line NAME` knows here.

    Args:
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    from unlit.line.graph_flow import BUILT_IN

    folder = find_repository(repository or Path()) / "lines"
    rows = [
        {"name": path.stem, "file": str(path), "goal": _read(path).goal}
        for place in (BUILT_IN, folder)
        for path in sorted(place.glob("*.dot"))
    ]
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.lines/1", "lines": rows}) + "\n")
        return 0
    for row in rows:
        sys.stdout.write(f"{row['name']:16} {row['file']}  {row['goal']}\n")
    return 0


@app.command
def lint(file: Path, *, as_json: Json = False) -> int:
    """Check a line; dialects of other runners are accepted and named.

    Exit code: 0 no error; 1 an error: the line would not be executed.

    Args:
        file: A DOT file.
        as_json: Print JSON.
    """
    from unlit.line.graphs.lint import lint as check

    graph = _read(file)
    found = (*check(graph), *_of_children(graph, file))
    if as_json:
        plain = [finding.to_json() for finding in found]
        sys.stdout.write(json.dumps({"schema": "unlit.line_lint/1", "findings": plain}) + "\n")
    else:
        for finding in found:
            sys.stdout.write(
                f"{file}:{finding.line}: {finding.level} {finding.rule}: {finding.message}\n"
            )
        count = f"{len(graph.nodes)} nodes, {len(graph.edges)} edges"
        sys.stdout.write(f"{count}, {len(found)} findings\n")
    return 1 if any(finding.level == "error" for finding in found) else 0


@app.command
def draw(file: Path, *, svg: Path | None = None) -> int:
    """Draw a line as text, or as a picture.

    Args:
        file: A DOT file, or `default`.
        svg: Write an SVG here instead.
    """
    from unlit.line.graph_flow import find_line
    from unlit.line.graphs.draw import draw_svg, draw_text

    path = file if file.is_file() else find_line(str(file), find_repository(Path()))
    graph = _read(path)
    if svg is None:
        sys.stdout.write(draw_text(graph))
        return 0
    svg.write_text(draw_svg(graph), encoding="utf-8")
    sys.stdout.write(f"{svg}\n")
    return 0


@app.command
def trace(file: Path, *, script: Path | None = None, as_json: Json = False) -> int:
    """Walk a line without a model; outcomes come from a script, success otherwise.

    Exit code: 0 the exit was reached; 1 the line failed.

    Args:
        file: A DOT file.
        script: YAML or JSON: node to outcome or list of outcomes, one a visit; an outcome is a
            status or {status, label, next, set}.
        as_json: Print JSON.
    """
    from unlit.line.graphs.children import children_of
    from unlit.line.graphs.dot import parse_dot
    from unlit.line.graphs.scripted import ScriptedHandler, plain_step
    from unlit.line.graphs.traverse import traverse

    graph = _read(file)
    texts = children_of(graph, file.parent)
    children = {key: parse_dot(text, key) for key, text in texts.items()}
    handler = ScriptedHandler(_script(script), children)
    walked = asyncio.run(traverse(graph, handler, plain_step))
    if as_json:
        visits = [{"node": v.node, "status": v.status, "to": v.to} for v in walked.visits]
        plain = {"status": walked.status, "reason": walked.reason, "visits": visits}
        sys.stdout.write(json.dumps({"schema": "unlit.trace/1", **plain}) + "\n")
    else:
        for visit in walked.visits:
            sys.stdout.write(f"{visit.node:24} {visit.status:16} → {visit.to or 'end'}\n")
        sys.stdout.write(f"{walked.status}{': ' + walked.reason if walked.reason else ''}\n")
    return 0 if walked.status == "success" else 1


@app.command
def answer(
    run: str,
    choice: str = "",
    *,
    reason: str = "",
    person: str | None = None,
    repository: Path | None = None,
    as_json: Json = False,
) -> int:
    """Answer a run that waits at a human gate of its line; `unlit resume RUN` goes on.

    Without a choice, the answers are shown.

    Exit code: 0 answered, or shown; 3 there is no such answer, or the run waits at no such gate.

    Args:
        run: The run, the start of its id, or ``last``.
        choice: The answer: its key, its label, or the node it leads to.
        reason: Why, in a few words; kept with the answer.
        person: Who answers; default the setting `person`, else the user's name.
        repository: Folder of the repository; default this one.
        as_json: Print JSON.
    """
    from unlit.line.answering import answer_gate, waiting_gate
    from unlit.wiring.desk import open_office

    office = open_office(repository, {"person": person}, run=run)
    found = office.store.find_run(run)
    gate = waiting_gate(found)
    plain = {"schema": "unlit.gate/1", "run": found.id, "gate": gate.name, "question": gate.label}
    if choice:
        taken = answer_gate(office.store, office.desk.clock, found, (choice, office.person, reason))
        plain["answer"] = taken.label
        words = (
            f"{gate.name}: {taken.label}. `unlit resume {found.id}` goes on with {taken.target}."
        )
    else:
        words = f"{gate.name}: {gate.label}\n" + "\n".join(
            f"  [{one.key}] {one.label} → {one.target}" for one in gate.choices
        )
    shown = {**plain, "choices": [[one.key, one.label, one.target] for one in gate.choices]}
    sys.stdout.write((json.dumps(shown) if as_json else words) + "\n")
    return 0


@app.command
def compare(
    a: str,
    b: str,
    *,
    on: tuple[Path, ...],
    seeds: int = 6,
    go_on: Annotated[bool, cyclopts.Parameter("--go-on", negative=())] = False,
    repository: Path | None = None,
    as_json: Json = False,
) -> int:
    """Compare two ways to run the line: paired runs, differences with intervals.

    Comparing a way with itself is the null test: it should show no difference. Runs that failed on
    our side, or at a limit of money, are left out with their pair, and named. The runs wait at no
    gate afterwards.

    Exit code: 0 compared; 5 no pair of runs could be compared; 130 interrupted.

    Args:
        a: A line (`default`, FILE.dot), or changes such as `agent=codex,memory=off`.
        b: The other one.
        on: Specs; may be repeated.
        seeds: Runs per spec and variant; fewer than 6 pairs in all say nothing.
        go_on: Go on with the same comparison after it was interrupted: runs that the record has
            are not made again.
        repository: The repository; default the nearest one upwards from here.
        as_json: Print JSON.
    """
    from unlit.cli.interruption import Interruption
    from unlit.line.compare import Plan, parse_variant, seeds_of

    variants = (parse_variant(a), parse_variant(b))
    plan = Plan(variants, [spec.resolve() for spec in on], seeds_of(seeds), go_on)
    folder = find_repository(repository or Path())
    interruption = Interruption("`--go-on` goes on with this comparison.")
    return interruption.do(
        _compare(folder, plan, interruption), lambda found: _compared(found, as_json=as_json)
    )


def _compared(found: "Comparison", *, as_json: bool) -> int:
    code = 5 if found.left_out and not any(row.pairs for row in found.differences) else 0
    if as_json:
        sys.stdout.write(json.dumps(found.to_json()) + "\n")
        return code
    kind = "null test (A against itself)" if found.null else "A against B"
    sys.stdout.write(f"{kind}: A = {found.a}, B = {found.b}, {len(found.runs)} pairs\n")
    sys.stdout.write(f"{'':13} {'A':>10} {'B':>10} {'B − A':>10}  95 % interval\n")
    for row in found.differences:
        means = "".join(f" {_number(mean):>10}" for mean in (row.mean_a, row.mean_b))
        gap = "not known" if row.mean is None else f"{row.mean:+.4f}"
        interval = "" if row.low is None else f" [{row.low:+.4f}, {row.high:+.4f}]"
        p = "" if row.p is None else f" p {row.p:.3f}"
        told = "" if row.mean is None else f"  {row.sentence}"
        sys.stdout.write(f"{row.measure:13}{means} {gap:>10}{interval}{p}{told}\n")
    for run, why in found.left_out:
        sys.stdout.write(f"left out with its pair: {run}: {why}\n")
    return code


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4f}"


async def _compare(folder: Path, plan: "Plan", interruption: "Interruption") -> "Comparison":
    from unlit.line.compare import Watching, compare_variants
    from unlit.line.rules.paired import ENOUGH
    from unlit.line.service import Line
    from unlit.wiring.build import open_factory

    view = interruption.view()
    if (pairs := len(plan.pairs)) < ENOUGH:
        view.say(f"{pairs} of at least {ENOUGH} pairs: differences will have no interval")
    try:
        async with (
            open_factory(folder, listen=view.listen) as factory,
            interruption.pausing(factory.services),
            Line.open(factory.services, factory.durable_url) as line,
        ):
            watching = Watching(view.say, interruption.on)
            store = factory.services.store
            return await compare_variants(line, store, factory.request, plan, watching)
    finally:
        view.close()


def _of_children(graph: "Graph", file: Path) -> "list[Finding]":
    """Return what is wrong with the lines that managers of a line supervise."""
    from unlit.core.errors import InvalidInput
    from unlit.line.graphs.children import children_of
    from unlit.line.graphs.lint import Finding, errors

    if errors(graph):
        return []
    try:
        children_of(graph, file.parent)
    except InvalidInput as error:
        return [Finding("manager_child", "error", 1, error.what)]
    return []


def _read(path: Path) -> "Graph":
    from unlit.core.errors import InvalidInput
    from unlit.line.graphs.dot import parse_dot

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "LIN-077",
            f"The line {path} cannot be read: {error}.",
            "a line is a UTF-8 DOT file.",
            "name the file.",
        ) from error
    return parse_dot(text, str(path))


def _script(path: Path | None) -> dict[str, object]:
    import yaml

    from unlit.core.errors import InvalidInput

    if path is None:
        return {}
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        table = error
    if not isinstance(table, dict):
        raise InvalidInput(
            "LIN-078",
            f"The script {path} is not a table of outcomes.",
            "each key is a node, each value an outcome or a list of them.",
            "write for example `validate: [fail, success]`.",
        )
    return table
