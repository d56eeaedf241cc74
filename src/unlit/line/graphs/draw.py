"""Draw a line as SVG or as plain text, without a layout program. Pure."""

from html import escape
from typing import Final

from unlit.line.graphs.graph import Edge, Graph, Node

_WIDTH: Final = 168
_HEIGHT: Final = 44
_GAP_X: Final = 40
_GAP_Y: Final = 56
_MARGIN: Final = 24
_MARKS: Final = {
    "start": "▶",
    "exit": "■",
    "codergen": "✎",
    "wait.human": "☺",
    "conditional": "◇",
    "parallel": "⇉",
    "parallel.fan_in": "⇇",
    "tool": "$",
    "stack.manager_loop": "↻",
}


def draw_text(graph: Graph) -> str:
    """Return the line as text, one node a paragraph."""
    lines = [graph.name or "line"]
    if graph.goal:
        lines.append(f"goal: {graph.goal}")
    for node in _ordered(graph):
        lines.append(f"{_MARKS.get(node.type, '•')} {node.id} ({node.type}) {node.label}")
        lines += [
            f"    → {edge.target}{_caption(edge, '  [{}]')}" for edge in graph.outgoing(node.id)
        ]
    return "\n".join(lines) + "\n"


def draw_svg(graph: Graph) -> str:
    """Return the line as a self-contained SVG, in rows from the start."""
    rows = _rows(graph)
    places = {
        name: (
            _MARGIN + column * (_WIDTH + _GAP_X),
            _MARGIN + row * (_HEIGHT + _GAP_Y),
        )
        for row, names in enumerate(rows)
        for column, name in enumerate(names)
    }
    most = max((len(names) for names in rows), default=1)
    width = 2 * _MARGIN + most * (_WIDTH + _GAP_X)
    height = 2 * _MARGIN + len(rows) * (_HEIGHT + _GAP_Y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(graph.name or 'line')}</title>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>',
    ]
    parts += [_edge(edge, places) for edge in graph.edges if edge.target in places]
    parts += [_node(graph.nodes[name], place) for name, place in places.items()]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _node(node: Node, place: tuple[int, int]) -> str:
    x, y = place
    radius = 20 if node.type in ("start", "exit") else 6
    fill = "#fff4d6" if node.flag("goal_gate") else "#f6f7f9"
    label = escape(node.label[:24])
    return (
        f'<g><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="{radius}" '
        f'fill="{fill}" stroke="#334"/><text x="{x + _WIDTH // 2}" y="{y + 19}" '
        f'text-anchor="middle" fill="#112">{label}</text><text x="{x + _WIDTH // 2}" '
        f'y="{y + 35}" text-anchor="middle" fill="#556" font-size="10">'
        f"{_MARKS.get(node.type, '•')} {escape(node.type)}</text></g>"
    )


def _edge(edge: Edge, places: dict[str, tuple[int, int]]) -> str:
    x1, y1 = places[edge.source]
    x2, y2 = places[edge.target]
    if y2 > y1:
        sx, sy, tx, ty = x1 + _WIDTH // 2, y1 + _HEIGHT, x2 + _WIDTH // 2, y2
        path = f"M{sx} {sy} C{sx} {sy + 28} {tx} {ty - 28} {tx} {ty}"
    else:  # back up, along the right side
        sx, sy, tx, ty = x1 + _WIDTH, y1 + _HEIGHT // 2, x2 + _WIDTH, y2 + _HEIGHT // 2
        path = f"M{sx} {sy} C{sx + 34} {sy} {tx + 34} {ty} {tx} {ty}"
    caption = escape(_caption(edge, "{}"))
    text = (
        f'<text x="{(sx + tx) // 2 + 4}" y="{(sy + ty) // 2}" fill="#445" font-size="10">'
        f"{caption}</text>"
        if caption
        else ""
    )
    return f'<path d="{path}" fill="none" stroke="#667" marker-end="url(#a)"/>{text}'


def _caption(edge: Edge, form: str) -> str:
    said = " ".join(part for part in (edge.label, edge.condition) if part)
    return form.format(said) if said else ""


def _rows(graph: Graph) -> list[list[str]]:
    start = graph.start()
    rows: list[list[str]] = []
    seen: set[str] = set()
    row = [start.id] if start else []
    while row:
        rows.append(row)
        seen.update(row)
        following = dict.fromkeys(
            edge.target
            for name in row
            for edge in graph.outgoing(name)
            if edge.target in graph.nodes and edge.target not in seen
        )
        row = list(following)
    rest = [name for name in graph.nodes if name not in seen]
    return [*rows, rest] if rest else rows


def _ordered(graph: Graph) -> list[Node]:
    return [graph.nodes[name] for row in _rows(graph) for name in row]
