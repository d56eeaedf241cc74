"""Small, plausible defects in Python source, by syntax. Pure.

Each mutant changes one place. Those that compile to the same code as the original are dropped:
nothing could notice them.
"""

import ast
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

_COMPARE: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
_BINARY: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planted:
    """One defect: the whole text of the changed file.

    Attributes:
        anchor: First line of the statement that was changed; 0 when that is not known.
    """

    file: str
    line: int
    what: str
    text: str
    anchor: int = 0

    @property
    def name(self) -> str:
        """``FILE:LINE what``."""
        return f"{self.file}:{self.line} {self.what}"


def plant(text: str, file: str) -> Iterator[Planted]:
    """Yield every mutant of one file; nothing for a file that does not parse."""
    try:
        tree = ast.parse(text)
        original = compile(tree, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return
    seen = {_essence(original)}
    frozen = pickle.dumps(tree)
    skipped, anchors = _docstrings(tree), _anchors(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in skipped or not hasattr(node, "lineno"):
            continue
        for what, change in _changes(node):
            mutated = pickle.loads(frozen)  # noqa: S301 # our own tree, much quicker than deepcopy
            target = _nth(mutated, number)
            change(target, mutated)
            made = _rendered(mutated, file, seen)
            if made is not None:
                yield Planted(file, node.lineno, what, made, anchors.get(id(node), 0))


def _anchors(tree: ast.AST) -> dict[int, int]:
    """Return, for each node, the first line of the innermost statement around it."""
    found: dict[int, int] = {}

    def visit(node: ast.AST, line: int) -> None:
        line = node.lineno if isinstance(node, ast.stmt) else line
        found[id(node)] = line
        for child in ast.iter_child_nodes(node):
            visit(child, line)

    visit(tree, 0)
    return found


def _nth(tree: ast.AST, number: int) -> Any:
    for n, node in enumerate(ast.walk(tree)):
        if n == number:
            return node
    raise ValueError("the trees differ")  # a copy keeps the order of walk


def _rendered(tree: ast.AST, file: str, seen: set[Any]) -> str | None:
    try:
        ast.fix_missing_locations(tree)
        text = ast.unparse(tree)
        essence = _essence(compile(text, file, "exec", dont_inherit=True))
    except (SyntaxError, ValueError, RecursionError, TypeError):
        return None
    if essence in seen:
        return None
    seen.add(essence)
    return text + "\n"


def _essence(code: CodeType) -> Any:
    """Return what decides how code behaves: instructions, constants and names; not its lines."""
    constants = tuple(
        _essence(item) if isinstance(item, CodeType) else (type(item).__name__, repr(item))
        for item in code.co_consts
    )
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_flags)


def _docstrings(tree: ast.AST) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                found |= {id(value), id(body[0])}
    return found


def _changes(node: ast.AST) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.stmt):
        yield from _statements(node)
    else:
        yield from _operators(node)


def _operators(node: ast.AST) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.Compare):
        for other in _COMPARE.get(type(node.ops[0]), ()):
            yield f"{_op(node.ops[0])} becomes {_op(other())}", _set_compare(other)
    elif isinstance(node, ast.BoolOp):
        swapped = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{_op(node.op)} becomes {_op(swapped())}", _set_op(swapped)
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        other_op = _BINARY[type(node.op)]
        yield f"{_op(node.op)} becomes {_op(other_op())}", _set_op(other_op)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not is left out", _drop_not


def _statements(node: ast.stmt) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.If | ast.While):
        yield "condition is negated", _negate
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "returns nothing", _return_none
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
        yield "call is left out", _pass
    elif isinstance(node, ast.AugAssign | ast.Raise | ast.Break | ast.Continue):
        yield f"{type(node).__name__.lower()} is left out", _pass


def _constants(node: ast.Constant) -> Iterator[tuple[str, Any]]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} becomes {not value}", _set_value(not value)
    elif isinstance(value, int | float):
        yield f"{value} becomes {value + 1}", _set_value(value + 1)
    elif isinstance(value, str) and value:
        yield "text is changed", _set_value("XX" + value)


def _op(operator: ast.AST) -> str:
    return type(operator).__name__


def _set_compare(other: type[ast.cmpop]) -> Any:
    def change(node: Any, tree: ast.AST) -> None:
        node.ops[0] = other()

    return change


def _set_op(other: Any) -> Any:
    def change(node: Any, tree: ast.AST) -> None:
        node.op = other()

    return change


def _set_value(value: Any) -> Any:
    def change(node: Any, tree: ast.AST) -> None:
        node.value = value
        node.kind = None

    return change


def _drop_not(node: Any, tree: ast.AST) -> None:
    _replace(tree, node, node.operand)


def _negate(node: Any, tree: ast.AST) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _return_none(node: Any, tree: ast.AST) -> None:
    node.value = ast.Constant(None)


def _pass(node: Any, tree: ast.AST) -> None:
    _replace(tree, node, ast.Pass())


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
                return
            if isinstance(value, list) and any(item is old for item in value):
                setattr(parent, field, [new if item is old else item for item in value])
                return
