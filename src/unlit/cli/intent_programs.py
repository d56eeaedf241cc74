"""`unlit intent ask` and `from-code`: what needs programs to run, each in a fence."""

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import cyclopts

from unlit.core.errors import UsageError

if TYPE_CHECKING:
    from unlit.intent.ask import Answerer, Asked, Runner
    from unlit.intent.model import Spec
    from unlit.intent.rules.divergence import Question, Reading
    from unlit.intent.rules.examples import Input, Observed
    from unlit.line.readings import Made

Flag = cyclopts.Parameter(negative=())
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
_TEXT: Final = 400_000
_TESTS: Final = 60
_TEST: Final = re.compile(r"^test_.*\.py$|_test\.py$|\.(?:test|spec)\.[cm]?[jt]sx?$")
NOT_STARTED: Final = (126, 127)
"""What a shell says of a command that is not there or may not run."""


def ask(  # noqa: PLR0913 # one parameter for each flag
    spec: Path,
    *,
    agent: tuple[str, ...] = (),
    samples: int = 2,
    tree: tuple[str, ...] = (),
    run: str | None = None,
    seeds: Path | None = None,
    repository: Path = Path(),
    inputs: int = 120,
    questions: int = 5,
    write: Annotated[bool, Flag] = False,
    as_json: Json = False,
) -> int:
    """Find the inputs on which programs written from a spec differ, and ask what is wanted.

    Args:
        spec: The spec; its examples must have inputs that can be typed in.
        agent: Who writes readings, each in a fence; give two or more (scripted:DIR needs no key).
        samples: Readings of each agent.
        tree: Existing readings, FAMILY=FOLDER; an existing program counts as one.
        run: How a program starts; default: `[product].run` of unlit.toml.
        seeds: YAML file with what lies in the twins' worlds before each input, by service.
        repository: The factory's repository.
        inputs: How many inputs to try.
        questions: How many questions at most.
        write: Ask on standard input and put each answer into the spec as an example.
        as_json: Print JSON.

    Returns:
        0 when all readings agree or every question was answered, else 1; with one program, 1 when
        it breaks an example.
    """
    from unlit.cli.spec_text import read_text, write_text

    text = read_text(spec)
    order = _Order(agent, samples, tree, run, repository, _seeds(seeds))
    asked = asyncio.run(_ask(spec, text, order, inputs, questions, write))
    if write and asked.text != text:
        write_text(spec, asked.text)
    if as_json:
        sys.stdout.write(json.dumps(asked.to_json()) + "\n")
    else:
        sys.stdout.write(_report(asked, write))
    alone_and_wrong = asked.readings == 1 and bool(asked.dropped)
    return 1 if asked.still_open or alone_and_wrong else 0


class _Order:
    """What the flags say about where readings come from."""

    def __init__(
        self,
        agents: tuple[str, ...],
        samples: int,
        trees: tuple[str, ...],
        run: str | None,
        repository: Path,
        seeds: Mapping[str, Any],
    ) -> None:
        self.seeds = seeds
        self.agents = agents
        self.samples = samples
        self.run = run
        self.repository = repository.resolve()
        self.trees = [_tree(entry) for entry in trees]
        if not agents and not trees:
            raise UsageError(
                "INT-122", "Nobody has read the spec.", "Questions come from readings that differ.",
                "Give --agent NAME (twice or more) or --tree FAMILY=FOLDER.",
            )  # fmt: skip


def _seeds(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        found = error
    if not isinstance(found, dict):
        raise UsageError(
            "INT-124", f"{path} holds no seeds.", "It is a YAML mapping from services to things.",
            "Say for instance slack: {channels: [{name: security}]}",
        )  # fmt: skip
    return found


def _tree(entry: str) -> tuple[str, Path]:
    family, equals, folder = entry.partition("=")
    if not equals or not Path(folder).is_dir():
        raise UsageError(
            "INT-123", f"{entry!r} is not FAMILY=FOLDER with a folder that exists.",
            "A reading is a program's folder and the family of its author.",
            "Say for instance --tree people=../old-tool",
        )  # fmt: skip
    return family, Path(folder).resolve()


async def _ask(
    path: Path, text: str, order: _Order, inputs: int, limit: int, write: bool
) -> "Asked":
    from unlit.intent.ask import ask as converse
    from unlit.intent.rules.divergence import Reading
    from unlit.line.adapters.twin_worlds import twin_worlds
    from unlit.line.programs import Programs
    from unlit.line.readings import Plan, write_readings
    from unlit.policy import load_policy
    from unlit.wiring.build import open_factory

    async with open_factory(order.repository) as handle:
        request = handle.request(path, agents=order.agents or None)
        product = replace(request.product, run=order.run or request.product.run)
        with tempfile.TemporaryDirectory(prefix="unlit-readings-") as folder:
            plan = Plan(
                handle.services.specs.read(path), product, request.policy, order.repository,
                Path(folder),
            )  # fmt: skip
            made = await write_readings(handle.services, plan, order.agents, samples=order.samples)
            _complain(made)
            trees: dict[str, Path] = {m.reading.name: m.tree for m in made if m.tree}
            readings = [entry.reading for entry in made if entry.tree]
            for number, (family, tree) in enumerate(order.trees, 1):
                readings.append(Reading(f"{family}/{tree.name}-{number}", family))
                trees[readings[-1].name] = tree
            names = load_policy(request.policy).twins("product")
            async with twin_worlds(names, order.seeds) as worlds:
                programs = Programs(handle.services, product, request.policy, trees, worlds)
                return await converse(
                    text, path, readings, _told(programs.run), _answerer() if write else None,
                    program=Path(programs.command[-1]).name, limit=limit, inputs=inputs,
                )  # fmt: skip


def _told(run: "Runner") -> "Runner":
    """Say on standard error which reading is run, since many inputs take a while."""

    async def told(reading: "Reading", inputs: "Sequence[Input]") -> "Mapping[Input, Observed]":
        sys.stderr.write(f"{reading.name}: {len(inputs)} inputs\n")
        sys.stderr.flush()
        return await run(reading, inputs)

    return told


def _complain(made: "tuple[Made, ...]") -> None:
    for entry in made:
        if entry.why_not:
            sys.stderr.write(f"{entry.reading.name}: no reading, {entry.why_not}\n")


def _answerer() -> "Answerer":
    from unlit.intent.ask import Answer

    def answer(question: "Question") -> "Answer | None":
        sys.stderr.write(_question(question))
        sys.stderr.write("Number, an outcome in your own words, or nothing to leave it open: ")
        sys.stderr.flush()
        said = sys.stdin.readline().strip()
        if not said:
            return None
        if said.isdigit() and 1 <= int(said) <= len(question.choices):
            return Answer(choice=int(said) - 1)
        return Answer(outcome=said)

    return answer


def _question(question: "Question") -> str:
    lines = [f"\n{question.criterion}: with the input {question.input}, what shall happen?"]
    for number, choice in enumerate(question.choices, 1):
        who = ", ".join(choice.readings)
        lines.append(f"  {number}. {_flat(str(choice.observed))}   [{who}]")
    return "\n".join(lines) + "\n"


def _flat(text: str) -> str:
    """Keep what a program printed on one line, written as an example of a spec writes it."""
    return text.replace("\n", "\\n")


def _report(asked: "Asked", answered: bool) -> str:
    lines = [f"{asked.readings} readings of {asked.families} families, {asked.probes} inputs"]
    if asked.readings > 1 and asked.families == 1:
        lines.append("One family only: where they agree, that says little; add another agent.")
    lines += [
        f"{entry.reading} breaks {entry.criterion} ({entry.input}): {_flat(entry.what)}"
        for entry in asked.dropped
    ]
    keep = asked.readings - len({entry.reading for entry in asked.dropped})
    if asked.readings > 1 and not asked.questions and not keep:
        lines.append(
            "No reading keeps the spec's examples, so nothing was compared. Mend the example that "
            "is wrong, or ask again."
        )
    elif asked.readings > 1 and not asked.questions and keep == 1:
        lines.append("One reading alone keeps the spec's examples: nothing to compare it with.")
    elif asked.readings == 1:
        lines.append("One program: compared with the examples of the spec only.")
    elif not asked.questions:
        lines.append("All readings do the same with every input: nothing to ask.")
    elif not answered:
        lines += [_question(question).rstrip("\n") for question in asked.questions]
    else:
        lines.append(f"{len(asked.questions)} asked, {asked.changed} changed the spec")
    if asked.before is not None:
        said = f"Effective interpretations (1 is none but one): {asked.before.interpretations:.2f}"
        if asked.after is not None and answered:
            said += f", now {asked.after.interpretations:.2f}"
        lines.append(said)
    return "\n".join(lines) + "\n"


def from_code(
    folder: Path,
    *,
    out: Path | None = None,
    owner: str = "",
    run: str | None = None,
    observe: tuple[str, ...] = (),
    as_json: Json = False,
) -> int:
    """Draft a spec of what a program does: help, tests, OpenAPI, runs. Observed, not intended.

    Args:
        folder: The program's repository.
        out: Where to write the draft; default: print it.
        owner: Who is to say which of it is intended.
        run: How the program starts; default: `[product].run`, or found out.
        observe: Arguments of further runs to observe, each one text.
        as_json: Print the parsed form.
    """
    from unlit.cli.intent_import import write_new
    from unlit.intent.rules.render import render_spec

    spec = asyncio.run(_observe(folder.resolve(), owner, run, observe))
    text = render_spec(spec)
    if out is not None:
        write_new(out, text)
        sys.stderr.write(f"{out}: {len(spec.criteria)} observed criteria, not intended yet\n")
    elif not as_json:
        sys.stdout.write(text)
    if as_json:
        sys.stdout.write(json.dumps(spec.to_json()) + "\n")
    return 0


async def _observe(folder: Path, owner: str, run: str | None, observe: tuple[str, ...]) -> "Spec":
    import shlex

    from unlit.intent.rules.divergence import Reading
    from unlit.intent.rules.examples import Input, Observed
    from unlit.intent.rules.observed import Run, Seen, first_inputs, observed_spec
    from unlit.line.programs import Programs
    from unlit.wiring.build import open_factory

    async with open_factory(folder) as handle:
        request = handle.request(folder / "specs" / "none.md")
        product = replace(request.product, run=run or request.product.run)
        seen: dict[Input, Observed] = {}
        program = handle.factory.name
        help_text = ""
        if product.run:
            programs = Programs(handle.services, product, request.policy, {"existing": folder})
            reading: Reading = Reading("existing", "existing")
            program = _program(programs.command, handle.factory.name)
            wanted = [Input(tuple(shlex.split(entry))) for entry in observe]
            first = await programs.run(reading, [Input(("--help",))])
            (helped,) = first.values()
            if helped.exit_code in NOT_STARTED and not helped.stdout.strip():
                _not_started(product.run, helped)
            else:
                seen |= first
                help_text = helped.stdout
                named = re.search(r"\busage:\s+([\w.-]+)(?=\s)", help_text, re.I)
                program = named[1] if named and program == handle.factory.name else program
                left = [made for made in (*first_inputs(help_text), *wanted) if made not in seen]
                seen |= await programs.run(reading, left)
        else:
            sys.stderr.write("no way to start the program is known: give --run to observe it\n")
        return observed_spec(
            Seen(
                name=handle.factory.name,
                program=program,
                readme=_first_text(folder, ("README.md", "README.rst", "README")),
                help=help_text,
                tests=_tests(folder),
                openapi=_openapi(folder),
                runs=[Run(made, observed) for made, observed in seen.items()],
            ),
            owner=owner,
        )


def _program(command: Sequence[str], name: str) -> str:
    """Return what people call the program that a command starts."""
    if "-c" in command:
        return name
    if "-m" in command[:-1]:
        return command[command.index("-m") + 1]
    return Path(command[-1]).stem


def _not_started(run: str, seen: "Observed") -> None:
    why = seen.stderr.strip().split("\n")[-1]
    sys.stderr.write(f"`{run}` did not start ({why or f'exit code {seen.exit_code}'}): ")
    sys.stderr.write("no run was observed; give --run\n")


def _first_text(folder: Path, names: tuple[str, ...]) -> str:
    for name in names:
        path = folder / name
        if path.is_file() and path.stat().st_size < _TEXT:
            return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _tests(folder: Path) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in sorted(path for path in folder.rglob("*") if _TEST.search(path.name)):
        inside = path.relative_to(folder)
        if any(part.startswith(".") or part == "node_modules" for part in inside.parts):
            continue
        if len(found) == _TESTS:
            break
        if not path.is_symlink() and path.stat().st_size < _TEXT:
            found[str(inside)] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _openapi(folder: Path) -> Mapping[str, Any] | None:
    import yaml

    for name in (
        "openapi.json",
        "openapi.yaml",
        "openapi.yml",
        "swagger.json",
        "docs/openapi.yaml",
    ):
        path = folder / name
        if not path.is_file() or path.stat().st_size > 20 * _TEXT:
            continue
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            continue
        if isinstance(document, dict):
            return document
    return None
