"""The front matter of a spec: strict YAML with the line of each key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from unlit.intent.model import RISKS, Finding, Span

KEYS: Final = ("id", "title", "owner", "uses", "risk", "product", "budget", "origin")
PRODUCT_KEYS: Final = ("kind", "build", "test", "run", "port", "env")
KINDS: Final = ("cli", "http", "web", "library")
MAX_DEPTH: Final = 10
BUDGET_KEYS: Final = ("run_usd", "day_usd", "person_usd")


@dataclass(frozen=True, slots=True)
class Front:
    """The front matter's values, where each key stands, and where the body starts."""

    values: Mapping[str, Any]
    places: Mapping[str, int]
    body_line: int
    problems: tuple[Finding, ...] = field(default=())


def _error(code: str, line: int, message: str, reason: str, column: int = 1) -> Finding:
    return Finding(code, "error", Span(line, column), message, reason)


def read_front(lines: Sequence[str]) -> Front:
    """Read the block between the first two ``---`` lines."""
    if not any(line.strip() for line in lines):
        reason = "A spec starts with `---`, `id:`, `title:` and `owner:`."
        return Front({}, {}, 1, (_error("INT-101", 1, "The file is empty.", reason),))
    if not lines or lines[0].rstrip() != "---":
        problem = _error(
            "INT-101",
            1,
            "The spec has no front matter.",
            "The first line must be `---`, then `id:`, `title:` and `owner:`.",
        )
        return Front({}, {}, 1, (problem,))
    end = next((n for n in range(1, len(lines)) if lines[n].rstrip() == "---"), None)
    if end is None:
        problem = _error(
            "INT-101", 1, "The front matter is not closed.", "A second line `---` ends it."
        )
        return Front({}, {}, 1, (problem,))
    text = "\n".join(lines[1:end])
    try:
        danger = _danger(text)
        node = None if danger else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 2
        reason = str(getattr(error, "problem", None) or type(error).__name__)
        problem = _error(
            "INT-102",
            line,
            "The front matter is not YAML.",
            reason,
            mark.column + 1 if mark else 1,
        )
        return Front({}, {}, end + 1, (problem,))
    if danger:
        return Front({}, {}, end + 1, (danger,))
    if node is None:
        return Front({}, {}, end + 1, ())
    if not isinstance(node, yaml.MappingNode):
        problem = _error(
            "INT-102",
            2,
            "The front matter is not a table of keys.",
            "Each line has the form `key: value`.",
        )
        return Front({}, {}, end + 1, (problem,))
    return _checked(node, end + 1)


def _checked(node: yaml.MappingNode, body_line: int) -> Front:
    places: dict[str, int] = {}
    problems: list[Finding] = []
    for key, _ in node.value:
        name, line = str(key.value), key.start_mark.line + 2
        if name in places:
            problems.append(
                _error("INT-103", line, f"`{name}` stands twice.", "A key has one value.")
            )
        places[name] = line
        if name not in KEYS:
            problems.append(
                _error(
                    "INT-103",
                    line,
                    f"`{name}` is not a key of a spec.",
                    f"Known keys: {', '.join(KEYS)}.",
                )
            )
    values = _construct(node, problems)
    if values is not None:
        problems += _shapes(values, places)
    if problems and values is not None:
        # what does not fit must not reach the digest, which holds JSON only
        values = {key: value for key, value in values.items() if key not in ("product", "budget")}
    return Front(values or {}, places, body_line, tuple(problems))


def _construct(node: yaml.MappingNode, problems: list[Finding]) -> dict[str, Any] | None:
    loader = yaml.SafeLoader("")
    try:
        values = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        problems.append(_error("INT-102", 2, "The front matter is not YAML.", str(error)))
        return None
    finally:
        loader.dispose()
    return values if isinstance(values, dict) else {}


def _absent(key: str, line: int) -> Finding:
    reason = "A spec has an id, a title and an owner."
    return _error("INT-104", line, f"The spec has no `{key}`.", reason)


def _named(key: str, value: object, line: int) -> Finding:
    """Say of a value what YAML took it for."""
    if isinstance(value, str):
        return _absent(key, line)
    kind = type(value).__name__.replace("bool", "yes or no").replace("int", "a number")
    said = {"list": "a list", "dict": "a table", "date": "a date", "float": "a number"}
    return _error(
        "INT-105", line, f"`{key}` is not text.",
        f"YAML reads it as {said.get(kind, kind)}; put it in quotes.",
    )  # fmt: skip


def _shapes(values: Mapping[str, Any], places: Mapping[str, int]) -> list[Finding]:
    problems = [
        _named(key, values[key], places[key])
        if key in places and values[key] is not None
        else _absent(key, places.get(key, 1))
        for key in ("id", "title", "owner")
        if not isinstance(values.get(key), str) or not values[key].strip()
    ]
    uses = values.get("uses", [])
    if not isinstance(uses, list) or not all(isinstance(name, str) for name in uses):
        problems.append(
            _error(
                "INT-105",
                places["uses"],
                "`uses` is not a list of services.",
                "Write it as `uses: [okta, slack]`.",
            )
        )
    risk = values.get("risk")
    if risk is not None and risk not in RISKS:
        problems.append(
            _error(
                "INT-105",
                places["risk"],
                f"`risk` is {risk!r}.",
                f"Known risks: {', '.join(RISKS)}.",
            )
        )
    if values.get("origin", "intended") not in ("intended", "observed"):
        problems.append(
            _error(
                "INT-105",
                places["origin"],
                f"`origin` is {values['origin']!r}.",
                "It is `intended` or `observed`.",
            )
        )
    for key, known in (("product", PRODUCT_KEYS), ("budget", BUDGET_KEYS)):
        problems += _table(values, places, key, known)
    return problems


_OPENS: Final = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSES: Final = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def _danger(text: str) -> Finding | None:
    """Find what could exhaust a reader: aliases that multiply, nesting without end."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        depth += isinstance(token, _OPENS) - isinstance(token, _CLOSES)
        line = token.start_mark.line + 2
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
            return _error(
                "INT-102",
                line,
                "The front matter has an anchor or an alias.",
                "Each value is written where it stands.",
            )
        if depth > MAX_DEPTH:
            return _error(
                "INT-102",
                line,
                f"The front matter is nested more than {MAX_DEPTH} deep.",
                "Its values are texts, lists and small tables.",
            )
    return None


def _table(
    values: Mapping[str, Any], places: Mapping[str, int], key: str, known: Sequence[str]
) -> list[Finding]:
    table = values.get(key, {})
    if not isinstance(table, dict):
        return [
            _error(
                "INT-105",
                places[key],
                f"`{key}` is not a table.",
                f"It has keys such as `{known[0]}`.",
            )
        ]
    found = []
    for name, value in table.items():
        if name not in known:
            found.append(
                _error(
                    "INT-103",
                    places[key],
                    f"`{key}.{name}` is not a key of a spec.",
                    f"Known keys: {', '.join(known)}.",
                )
            )
        elif not _fits(str(name), value):
            found.append(
                _error(
                    "INT-105",
                    places[key],
                    f"`{key}.{name}` is {value!r:.60}.",
                    _FORMS.get(str(name), "It is text."),
                )
            )
    return found


_FORMS: Final = {
    "kind": f"Known kinds: {', '.join(KINDS)}.",
    "port": "It is a number from 1 to 65535.",
    "env": "It is a table of texts.",
    "run_usd": "It is an amount in dollars.",
    "day_usd": "It is an amount in dollars.",
}


def _fits(name: str, value: Any) -> bool:
    if name == "kind":
        return value in KINDS
    if name == "port":
        return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535
    if name == "env":
        return isinstance(value, dict) and all(
            isinstance(part, str) for pair in value.items() for part in pair
        )
    if name in BUDGET_KEYS:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and 0 <= value < 1e12
    return isinstance(value, str)
