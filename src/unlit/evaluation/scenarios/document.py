"""YAML in, plain data out, with the line of every value; YAML 1.2 words only, no surprises.

`on` is a key and not true, `2026-03-01` is text and not a date, and aliases are refused, so that a
small file cannot unfold into a large one.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from unlit.evaluation.scenarios.model import Finding

MAX_BYTES: Final = 512 * 1024
MAX_DEPTH: Final = 40

_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: Final[Mapping[str, Any]] = {
    "": None, "null": None, "~": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, and the line on which each part begins."""

    value: Any
    lines: Mapping[Path, int]
    key_lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of `path`, or of its nearest parent."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return self.lines.get((), 1)

    def key_line(self, path: Path) -> int:
        """Return the line of the key at `path`, or of its value."""
        return self.key_lines.get(path) or self.line(path)


class _Refused(Exception):
    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


def read_document(text: str, file: str) -> Document | Finding:
    """Parse one YAML document.

    Returns:
        The document, or the one finding that made it unreadable.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return _unreadable(
            file, 1, f"The file is larger than {MAX_BYTES} bytes.", "split it into scenarios"
        )
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(text, Loader=loader)
        if node is None:
            return _unreadable(file, 1, "The file is empty.", "write a scenario or delete the file")
        lines: dict[Path, int] = {}
        key_lines: dict[Path, int] = {}
        value = _Reader(lines, key_lines).read(node, ())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or "it is not YAML"
        return _unreadable(file, line, f"The file cannot be read: {problem}.", "correct the YAML")
    except _Refused as refused:
        return _unreadable(file, refused.line, refused.message, refused.remedy)
    except (RecursionError, ValueError) as error:
        return _unreadable(
            file, 1, f"The file cannot be read: {type(error).__name__}.", "write it more simply"
        )
    return Document(value, lines, key_lines)


def _unreadable(file: str, line: int, message: str, remedy: str) -> Finding:
    return Finding("EVA-101", "error", file, line, message, remedy)


class _Reader:
    """Turns one node tree into data; sees each node once, so an alias shows itself."""

    def __init__(self, lines: dict[Path, int], key_lines: dict[Path, int]) -> None:
        self._lines = lines
        self._key_lines = key_lines
        self._seen: set[int] = set()

    def read(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        if id(node) in self._seen:
            raise _Refused(line, "An alias (`*name`) is used.", "write the value out")
        self._seen.add(id(node))
        if len(path) > MAX_DEPTH:
            raise _Refused(line, f"Values are nested deeper than {MAX_DEPTH}.", "flatten them")
        self._lines[path] = line
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, n)) for n, item in enumerate(node.value)]
        return _scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Refused(line, "A key is not a word.", "use text as key")
            key = str(key_node.value)
            if key in result:
                raise _Refused(line, f"The key `{key}` is given twice.", "keep one of them")
            here = (*path, key)
            self._key_lines[here] = line
            result[key] = self.read(value_node, here)
        return result


def _scalar(node: yaml.Node, line: int) -> Any:
    text = str(node.value)
    style = getattr(node, "style", None)
    if style not in (None, ""):
        return text
    if node.tag.startswith("!") or node.tag.startswith("tag:yaml.org,2002:python"):
        raise _Refused(line, f"The tag `{node.tag}` is used.", "write plain values only")
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
