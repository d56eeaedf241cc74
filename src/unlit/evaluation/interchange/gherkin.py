"""Gherkin features: the usual phrases become steps and checks; every other one is named."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from unlit.evaluation.interchange.imported import Builder, Imported, Terms

_WORD: Final = re.compile(r"(Given|When|Then|And|But|\*) +(.*)$")
_BLOCK: Final = re.compile(
    r"(Feature|Rule|Background|Scenario Outline|Scenario Template|Scenario|Example|Examples"
    r"|Scenarios): *(.*)$"
)


@dataclass(slots=True)
class _Line:
    text: str
    document: str | None = None
    number: int = 0
    table: list[list[str]] = field(default_factory=list)


@dataclass(slots=True)
class _Story:
    name: str
    tags: tuple[str, ...] = ()
    lines: list[_Line] = field(default_factory=list)
    examples: list[list[str]] = field(default_factory=list)


def from_gherkin(text: str, source: str, terms: Terms) -> list[Imported]:
    """Read one feature file; each scenario, and each row of an outline, is one of ours."""
    feature, background, stories = _read(text)
    found: list[Imported] = []
    for story in stories:
        for name, lines in _rows(story):
            builder = Builder()
            for line in [*background, *lines]:
                builder.place = f"{source}:{line.number}"
                _apply(line, builder)
            full = f"{feature}: {name}" if feature else name
            tagged = next((t for t in story.tags if t in ("visible", "validation", "sealed")), None)
            ours = replace(terms, partition=tagged) if tagged else terms
            found.append(builder.build(full, name, ours, source))
    return _distinct(found)


def _distinct(found: list[Imported]) -> list[Imported]:
    seen: dict[str, int] = {}
    result = []
    for imported in found:
        seen[imported.name] = seen.get(imported.name, 0) + 1
        count = seen[imported.name]
        if count > 1:
            table = {**imported.table, "id": f"{imported.name[:75]}-{count}"}
            imported = replace(imported, table=table)  # the same one, renamed
        result.append(imported)
    return result


def _read(text: str) -> tuple[str, list[_Line], list[_Story]]:
    feature, background, stories = "", _Story("background"), list[_Story]()
    current: _Story | None = None
    tags: tuple[str, ...] = ()
    in_examples, quoted = False, None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line[:3] in ('"""', "```"):
            quoted = _toggle(quoted, current)
            continue
        if quoted is not None:
            quoted.document = (quoted.document or "") + raw.strip("\n") + "\n"
            continue
        block = _BLOCK.match(line)
        if line.startswith("@"):
            tags = tuple(tag.lstrip("@") for tag in line.split())
        elif block and block[1] == "Feature":
            feature = block[2].strip()
        elif block and block[1] == "Background":
            current, in_examples = background, False
        elif block and block[1] in ("Examples", "Scenarios"):
            in_examples = True
        elif block and block[1] != "Rule":
            current, in_examples = _Story(block[2].strip() or "unnamed", tags), False
            stories.append(current)
            tags = ()
        elif current is not None and not line.startswith("#"):
            _add(current, line, number, in_examples)
    return feature, background.lines, stories


def _toggle(quoted: _Line | None, current: _Story | None) -> _Line | None:
    if quoted is not None or current is None or not current.lines:
        return None
    return current.lines[-1]


def _add(story: _Story, line: str, number: int, in_examples: bool) -> None:
    if line.startswith("|"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if in_examples:
            story.examples.append(cells)
        elif story.lines:
            story.lines[-1].table.append(cells)
        return
    word = _WORD.match(line)
    if word:
        story.lines.append(_Line(word[2].strip(), number=number))


def _rows(story: _Story) -> list[tuple[str, list[_Line]]]:
    if len(story.examples) < 2:
        return [(story.name, story.lines)]
    names, rows = story.examples[0], story.examples[1:]
    result = []
    for number, row in enumerate(rows, 1):
        values = dict(zip(names, row, strict=False))
        lines = [_Line(_fill(line.text, values), line.document and _fill(line.document, values),
                       line.number,
                       [[_fill(cell, values) for cell in cells] for cells in line.table])
                 for line in story.lines]  # fmt: skip
        result.append((f"{story.name} ({number})", lines))
    return result


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text


def _apply(line: _Line, builder: Builder) -> None:
    for pattern, action in _PHRASES:
        found = pattern.fullmatch(line.text.rstrip(".:"))
        if found:
            action(found.groups(), line, builder)
            return
    builder.refuse(line.text, {"document": line.document} if line.document else None)


Groups = Sequence[str]


def _file(groups: Groups, line: _Line, builder: Builder) -> None:
    builder.step("file", {"write": {groups[0]: line.document or ""}})


def _run(groups: Groups, line: _Line, builder: Builder) -> None:
    builder.step("cli", {"shell": groups[0]})


def _exit(groups: Groups, line: _Line, builder: Builder) -> None:
    builder.check("exit", int(groups[0]))


def _fails(groups: Groups, line: _Line, builder: Builder) -> None:
    builder.check("exit", {"not": 0})


def _passes(groups: Groups, line: _Line, builder: Builder) -> None:
    builder.check("exit", 0)


def _output(groups: Groups, line: _Line, builder: Builder) -> None:
    stream = {"stderr": "stderr", "error output": "stderr"}.get(groups[0] or "", "stdout")
    expected = groups[2] if groups[2] is not None else (line.document or "").rstrip("\n")
    negative = bool(groups[1])
    condition = "not_contains" if negative else "contains"
    builder.check(stream, {condition: expected.strip()})


def _request(groups: Groups, line: _Line, builder: Builder) -> None:
    params: dict[str, Any] = {groups[0].upper(): groups[1]}
    if line.document:
        try:
            params["json"] = json.loads(line.document)
        except ValueError:
            params["body"] = line.document
    elif line.table:
        params["json"] = {cells[0]: cells[1] for cells in line.table if len(cells) > 1}
    builder.step("http", params)


def _status(groups: Groups, line: _Line, builder: Builder) -> None:
    builder.check("status", int(groups[0]))


def _body(groups: Groups, line: _Line, builder: Builder) -> None:
    expected = groups[0] if groups[0] is not None else (line.document or "").strip()
    builder.check("body", {"contains": expected})


def _json(groups: Groups, line: _Line, builder: Builder) -> None:
    try:
        builder.check("body", {"json": json.loads(line.document or "")})
    except ValueError:
        builder.refuse(line.text, {"document": line.document})


_QUOTED: Final = r'["\'`]([^"\'`]*)["\'`]'
_PHRASES: Final[Sequence[tuple["re.Pattern[str]", Callable[[Groups, _Line, Builder], None]]]] = [
    (re.compile(pattern, re.IGNORECASE), action)
    for pattern, action in (
        (rf"(?:an? )?(?:empty )?file (?:named )?{_QUOTED}(?: with| containing| exists)?", _file),
        (r"(?:I |the user )?(?:successfully )?runs? [`\"'](.+)[`\"']", _run),
        (r"(?:the |its )?exit (?:status|code) (?:should be|is) (\d+)", _exit),
        (r"(?:it|the command) (?:should )?(?:fails?)", _fails),
        (r"(?:it|the command) (?:should )?(?:pass(?:es)?|succeeds?)", _passes),
        (r"(?:the )?(stdout|stderr|output|error output)(?: from .*)? (?:should )?(not )?"
         rf"(?:contains?|includes?)(?: exactly)?(?: {_QUOTED})?", _output),
        (r"(?:I |the (?:user|client) )?(?:sends?|makes?) an? (GET|POST|PUT|PATCH|DELETE|HEAD) "
         rf"(?:request )?to {_QUOTED}(?: with.*)?", _request),
        (r"(?:the )?(?:response )?(?:status|code)(?: code)? (?:should be|is) (\d{3})", _status),
        (rf"(?:the )?response (?:body )?(?:should )?contains?(?: {_QUOTED})?", _body),
        (r"(?:the )?(?:response|JSON)(?: body)? (?:should )?(?:be|match(?:es)?|contains?) "
         r"(?:the |following )*JSON", _json),
    )
]  # fmt: skip
