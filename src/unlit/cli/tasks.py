"""`unlit tasks`: what agents do besides building, from templates that anybody can change."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.line.rules.tasks import Finding, Task
    from unlit.line.tasking import Artefact

app = cyclopts.App(name="tasks", help="Plan, look for bugs and weaknesses: list, show, edit, run.")

Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]
Flag = cyclopts.Parameter(negative=())
Folder = Annotated[Path, cyclopts.Parameter("--repository")]
HERE = Path()


@app.command(name="list")
def list_tasks(*, repository: Folder = HERE, as_json: Json = False) -> int:
    """List the templates: the shipped ones, and those in tasks/ of the repository.

    Args:
        repository: The repository's folder.
        as_json: Print JSON.
    """
    from unlit.cli.context_tables import put_table
    from unlit.line.tasking import load_tasks

    found = load_tasks(repository).values()
    rows = [[one.name, one.produces, "own" if one.own else "shipped", one.title] for one in found]
    if as_json:
        keys = ("name", "produces", "from", "title")
        tasks = [dict(zip(keys, row, strict=True)) for row in rows]
        sys.stdout.write(json.dumps({"schema": "unlit.tasks/1", "tasks": tasks}) + "\n")
    else:
        put_table(["task", "produces", "from", "what"], rows, wrapped=True)
    return 0


@app.command
def show(name: str, *, repository: Folder = HERE) -> int:
    """Print all that an agent is told.

    Args:
        name: The task.
        repository: The repository's folder.
    """
    from unlit.line.rules.tasks import task_brief
    from unlit.line.tasking import load_tasks, named_task

    sys.stdout.write(task_brief(named_task(load_tasks(repository), name)))
    return 0


@app.command
def edit(name: str, *, repository: Folder = HERE) -> int:
    """Copy a shipped template into tasks/ of the repository, where it can be changed.

    Args:
        name: The task; a new name starts from `plan`.
        repository: The repository's folder.
    """
    from unlit.line.rules.tasks import parse_task
    from unlit.line.tasking import shipped_text

    path = repository / "tasks" / f"{name}.md"
    if not path.exists():
        text = shipped_text(name)
        if text is None:
            text = (shipped_text("plan") or "").replace("name: plan", f"name: {name}", 1)
        parse_task(text, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{path}\n")
    return 0


@app.command
def run(  # noqa: PLR0913 # one flag each
    name: str,
    *,
    about: tuple[str, ...] = (),
    agent: str | None = None,
    out: Path | None = None,
    drafts: Path | None = None,
    to: str = "",
    repository: Folder = HERE,
    turn_s: float = 1800,
    as_json: Json = False,
) -> int:
    """Let an agent do a task in a fence; it changes nothing but its artefact.

    Args:
        name: The task.
        about: What it is about: URLs or keys of sources; their text is quoted, not obeyed.
        agent: Who does it; default the first in unlit.toml.
        out: Folder for the artefact; default: print it.
        drafts: Folder for one draft spec of each finding.
        to: Findings: a source that gets an issue for each. A document: the ticket that gets it.
        repository: The repository's folder.
        turn_s: Most seconds.
        as_json: Print JSON.

    Returns:
        0; 1 when something was found.
    """
    from unlit.line.tasking import load_tasks, named_task

    task = named_task(load_tasks(repository), name)
    quoted = _quoted(repository, about)
    made = asyncio.run(_run(repository.resolve(), task, agent, quoted, turn_s))
    written = _write(task, made, out, drafts) + _send(task, made, to, repository)
    for line in made.dropped:
        sys.stderr.write(f"dropped: {line}\n")
    if made.also_changed:
        sys.stderr.write(f"not kept: {', '.join(made.also_changed)}\n")
    if as_json:
        form = {
            "schema": "unlit.task/1", "task": made.task, "artefact": made.name,
            "digest": made.digest, "text": made.text if not made.findings else None,
            "findings": [one.to_json() for one in made.findings],
            "dropped": list(made.dropped), "written": written,
        }  # fmt: skip
        sys.stdout.write(json.dumps(form, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in written) or _text(task, made))
    return 1 if made.findings else 0


async def _run(
    repository: Path,
    task: "Task",
    agent: str | None,
    quoted: tuple[str, frozenset[str]],
    turn_s: float,
) -> "Artefact":
    from unlit.line.tasking import run_task
    from unlit.wiring.build import open_factory

    async with open_factory(repository) as handle:
        request = handle.request(repository / "specs" / "none.md")
        with tempfile.TemporaryDirectory(prefix="unlit-task-") as folder:
            return await run_task(
                handle.services, task, agent or handle.factory.agents[0],
                base=repository, policy=request.policy, folder=Path(folder),
                context=quoted[0], taint=quoted[1], turn_s=turn_s,
            )  # fmt: skip


def _quoted(repository: Path, about: tuple[str, ...]) -> tuple[str, frozenset[str]]:
    if not about:
        return "", frozenset()
    from unlit.context.rules.quoting import brief
    from unlit.context.rules.snapshot import pin
    from unlit.wiring.sources import open_library

    with open_library(repository) as library:
        items = [one for text in about for one in library.read(library.owner(text), comments=True)]
    snapshot = pin(items)
    bodies = {item.ref: item.body for item in items}
    return brief(snapshot, [(one, bodies[one.ref]) for one in snapshot.entries]), snapshot.taint


def _text(task: "Task", made: "Artefact") -> str:
    from unlit.context.rules.quoting import visible
    from unlit.line.rules.tasks import findings_markdown

    is_list = task.produces == "findings"
    return visible(findings_markdown(task, made.findings) if is_list else made.text)


def _write(task: "Task", made: "Artefact", out: Path | None, drafts: Path | None) -> list[str]:
    written = []
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / made.name).write_text(made.text, encoding="utf-8")
        written.append(str(out / made.name))
        if task.produces == "findings":
            page = out / f"{task.name}.md"
            page.write_text(_text(task, made), encoding="utf-8")
            written.append(str(page))
    for number, finding in enumerate(made.findings if drafts is not None else (), 1):
        assert drafts is not None  # noqa: S101 # for the type checker
        drafts.mkdir(parents=True, exist_ok=True)
        path = drafts / f"{task.name}-{number}.md"
        path.write_text(_draft(finding), encoding="utf-8")
        written.append(str(path))
    return written


def _draft(finding: "Finding") -> str:
    from unlit.intent.rules.imports.detect import import_issue
    from unlit.intent.rules.render import render_spec

    demand = finding.title[:1].lower() + finding.title[1:].rstrip(".")
    wanted = f"## Requirements\n\n- The program shall not let this happen: {demand}."
    issue = {"title": finding.title, "body": f"{finding.body}\n\n{wanted}"}
    return render_spec(import_issue(issue).spec)


def _send(task: "Task", made: "Artefact", to: str, repository: Path) -> list[str]:
    if not to:
        return []
    from unlit.context.changes import Comment, Create
    from unlit.wiring.build import person
    from unlit.wiring.settings import read_settings
    from unlit.wiring.sources import open_library

    who = person(read_settings())
    with open_library(repository) as library:
        if task.produces == "findings":
            made_refs = [
                library.write(to, Create("", one.title, one.body), person=who)
                for one in made.findings
            ]
            return [f"{ref.source}:{ref.key}" for ref in made_refs]
        ref = library.owner(to)
        library.write(ref.source, Comment(ref, made.text), person=who)
        *_, last = library.read(ref, comments=True)
        same = " ".join(last.body.split()) == " ".join(made.text.split())
        return [f"{ref.source}:{ref.key}" + ("" if same else "  (the source changed its form)")]
