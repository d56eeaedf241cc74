"""Task templates: what an agent is asked besides building, and what its artefact must look like."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import yaml

from unlit.core.errors import InvalidInput

SEVERITIES: Final = ("high", "medium", "low")
_HEAD: Final = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.S)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,60}\Z")
_KEYS: Final = frozenset({"name", "title", "produces", "artefact", "sections"})
_FORM: Final = """\
Write `{artefact}` in the top folder: a JSON list. Each finding is an object with
`title` (one sentence), `severity` (high, medium or low), `file` (path in this repository), `line`
(a number), `what` (what goes wrong, and for whom), `evidence` (the input, command or path of calls
that shows it) and `fix` (what to do). An empty list is a good answer if there is nothing."""
_DOCUMENT: Final = """\
Write `{artefact}` in the top folder: Markdown with exactly these headings, in this order:
{sections}."""


@dataclass(frozen=True, slots=True)
class Task:
    """One template.

    Attributes:
        produces: ``document`` or ``findings``.
        artefact: The file that the agent writes.
        sections: Headings that a document must have.
        own: Whether it is the repository's, not the shipped one.
    """

    name: str
    title: str
    produces: str
    artefact: str
    text: str
    sections: tuple[str, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a task found, with its place in the code."""

    title: str
    severity: str
    file: str
    line: int
    what: str
    evidence: str = ""
    fix: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)

    @property
    def body(self) -> str:
        """The finding as the text of an issue or a draft."""
        parts = [self.what, f"Where: `{self.file}:{self.line}`"]
        parts += [f"Evidence: {self.evidence}"] if self.evidence else []
        parts += [f"What to do: {self.fix}"] if self.fix else []
        return "\n\n".join(parts)


def parse_task(text: str, where: str, *, own: bool = False) -> Task:
    """Read a template: front matter, then what the agent is told.

    Raises:
        InvalidInput: It is no template.
    """
    found = _HEAD.match(text.replace("\r\n", "\n"))
    try:
        head = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError as error:
        raise _wrong(where, f"its front matter is no YAML: {error}") from error
    if found is None or not isinstance(head, dict):
        raise _wrong(where, "it has no front matter between two lines of ---")
    if unknown := sorted(set(map(str, head)) - _KEYS):
        raise _wrong(where, f"it says {unknown[0]!r}, and knows {', '.join(sorted(_KEYS))}")
    task = Task(
        name=str(head.get("name") or ""),
        title=str(head.get("title") or ""),
        produces=str(head.get("produces") or ""),
        artefact=str(head.get("artefact") or ""),
        text=found[2].strip(),
        sections=tuple(str(one) for one in head.get("sections") or ()),
        own=own,
    )
    if not _NAME.match(task.name) or not task.title or not task.text:
        raise _wrong(where, "it needs a name in small letters, a title and a text")
    if task.produces not in ("document", "findings"):
        raise _wrong(where, "`produces` is document or findings")
    if not _FILE.match(task.artefact):
        raise _wrong(where, "`artefact` is the name of a file, without folders")
    return task


def _wrong(where: str, why: str) -> InvalidInput:
    return InvalidInput(
        "LIN-141", f"{where} is no task.", f"{why}.", "compare it with `unlit tasks show plan`."
    )


def task_brief(task: Task, context: str = "") -> str:
    """Return all that the agent is told."""
    if task.produces == "findings":
        form = _FORM.format(artefact=task.artefact)
    else:
        heads = ", ".join(f"`## {one}`" for one in task.sections) or "any"
        form = _DOCUMENT.format(artefact=task.artefact, sections=heads)
    parts = [f"# Task: {task.title}", task.text, f"## What to leave behind\n\n{form}"]
    if context:
        parts.append(f"## Context\n\n{context.strip()}")
    return "\n\n".join(parts) + "\n"


def read_document(task: Task, text: str) -> str:
    """Check a document against its template.

    Raises:
        InvalidInput: A heading is missing or has nothing below it.
    """
    for section in task.sections:
        found = re.search(rf"^##\s+{re.escape(section)}\s*$(.*?)(?=^##\s|\Z)", text, re.M | re.S)
        if found is None or not found[1].strip():
            raise _bad(task, f"there is nothing under `## {section}`")
    return text


def read_findings(
    task: Task, text: str, lines: Mapping[str, int]
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Read findings and hold each against the code.

    Args:
        task: The template.
        text: What the agent wrote.
        lines: The number of lines of each file of the repository.

    Returns:
        The findings, gravest first, and a sentence for each that was dropped: a place that does
        not exist shows nothing.

    Raises:
        InvalidInput: It is not a list of findings.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise _bad(task, f"it is no JSON: {error}") from error
    if not isinstance(raw, list):
        raise _bad(task, "it is no list")
    kept, dropped = [], []
    for number, one in enumerate(raw, 1):
        finding = _finding(task, one, number)
        if not 1 <= finding.line <= lines.get(finding.file, 0):
            place = f"{finding.file}:{finding.line}"
            dropped.append(f"{finding.title}: there is no {place}")
        else:
            kept.append(finding)
    unique = {(one.title, one.file, one.line): one for one in kept}
    order = sorted(unique.values(), key=lambda one: (SEVERITIES.index(one.severity), one.file))
    return tuple(order), tuple(dropped)


def _finding(task: Task, one: Any, number: int) -> Finding:
    if not isinstance(one, dict):
        raise _bad(task, f"finding {number} is no object")
    missing = [key for key in ("title", "severity", "file", "line", "what") if not one.get(key)]
    if missing:
        raise _bad(task, f"finding {number} has no {missing[0]}")
    if one["severity"] not in SEVERITIES or not isinstance(one["line"], int):
        raise _bad(task, f"finding {number} has a severity or a line of another kind")
    texts = {key: str(one.get(key) or "") for key in ("title", "file", "what", "evidence", "fix")}
    texts["file"] = texts["file"].removeprefix("./")
    return Finding(severity=str(one["severity"]), line=one["line"], **texts)


def _bad(task: Task, why: str) -> InvalidInput:
    return InvalidInput(
        "LIN-142",
        f"The artefact {task.artefact} of {task.name} does not have its form.",
        f"{why}.",
        "run the task again, with another agent or a clearer template.",
    )


def findings_markdown(task: Task, found: Sequence[Finding]) -> str:
    """Render findings for people."""
    lines = [f"# {task.title}: {len(found)} found", ""]
    for one in found:
        lines += [f"## {one.title}", "", f"Severity: {one.severity}", "", one.body, ""]
    return "\n".join(lines).rstrip() + "\n"
