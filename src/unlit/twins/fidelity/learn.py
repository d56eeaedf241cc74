"""Learning shapes from recordings: keys, nulls, vendor's constants, links; never ids or names."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from unlit.twins.fidelity.asking import chosen, usual
from unlit.twins.kit.contract import Contract
from unlit.twins.kit.making import SERVERS
from unlit.twins.kit.resources import discriminator, place
from unlit.twins.kit.router import Match, Route, Router
from unlit.twins.kit.shapes import DROP, EACH, ELSE, FORCE, WHEN

_TIME: Final = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:?\d\d|Z)?$")
_ID: Final = re.compile(r"^[A-Za-z0-9_-]{14,}$")
_ALWAYS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """One real answer about one thing.

    Attributes:
        sent: What the request said of it; `None` for a read.
        params: Parameters of its path.
    """

    body: Any
    sent: Any
    params: Mapping[str, str]
    cassette: str


@dataclass(slots=True)
class Learner:
    """Collects samples and turns them into shapes.

    Attributes:
        contract: Routes of the vendor.
        words: Texts that the vendor's documents contain; only these may stay constants.
        by: Discriminators that the contract does not name.
        skip: Top-level keys of a kind that a rule by hand derives.
        paths: Words that may stand in URLs beside the contract's own parts; all by default.
    """

    contract: Contract
    words: frozenset[str]
    by: Mapping[str, str] = field(default_factory=dict)
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    paths: frozenset[str] | None = None
    _literals: frozenset[str] = frozenset()
    _router: Router = field(default_factory=Router)
    _made: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    _read: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    _links: dict[str, dict[str, list[Sample]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    _statuses: dict[str, Counter[tuple[str, int]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    _bodies: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    _lost: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self._literals = frozenset(
            part for o in self.contract.operations for part in o.template.split("/")
        )
        for operation in self.contract.operations:
            self._router.add(
                Route(operation.method, operation.template, _never, operation.op, extra=operation)
            )

    def see(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in recorded interactions (``method``, ``upath``, ``req_body``, ``resp_body`` …)."""
        for row in rows:
            found = self._router.match(row["method"], row["upath"] or "/")
            if isinstance(found, Match) and 200 <= (row["status"] or 0) < 300:
                self._see(found, row)

    def _see(self, found: Match, row: Mapping[str, Any]) -> None:
        where = place(self.contract, found.route.extra)
        self._statuses[where.kind][(f"{row['method']} {where.role}", row["status"])] += 1
        body, sent = row["resp_body"], row["req_body"]
        if where.role == "move":
            sent = None
        if row["method"] == "GET":
            sent = None
        if row["method"] == "POST" and where.role == "collection":
            into, what = (self._bodies, sent) if isinstance(sent, dict) else (self._lost, body)
            into[where.kind].append(what)
        items = body if isinstance(body, list) else [body]
        for item in items:
            if not isinstance(item, dict):
                continue
            sample = Sample(
                item, sent if isinstance(sent, dict) else None, found.params, row["cassette"]
            )
            status = item.get("status")
            if isinstance(status, str) and isinstance(item.get("_links"), dict):
                self._links[where.kind][status].append(sample)
            if where.role == "collection" and row["method"] == "POST" and sample.sent is not None:
                self._made[where.kind].append(sample)
            elif where.role in ("collection", "item", "document"):
                self._read[where.kind].append(sample)

    def document(self, source: str, date: str) -> dict[str, Any]:
        """Return all shapes."""
        kinds = {}
        for kind in sorted({*self._made, *self._read}):
            samples = self._made.get(kind) or []
            reads = self._read.get(kind) or []
            by = self.by.get(kind) or discriminator(self.contract, kind)
            groups: dict[str, list[Sample]] = defaultdict(list)
            for sample in [*samples, *(reads if len(samples) < 3 else ())]:
                if by and isinstance(sample.body.get(by), str):
                    groups[sample.body[by]].append(sample)
            everything = samples if len(samples) >= 3 else [*samples, *reads]
            kinds[kind] = {
                **({"by": by} if by else {}),
                "prefix": _prefix(everything),
                "variants": {
                    name: self._top(kind, group)
                    for name, group in sorted(groups.items())
                    if name in self.words
                },
                "any": self._top(kind, everything),
                "links": {
                    status: self._shape([(s.body["_links"], None, s) for s in found], "_links")
                    for status, found in sorted(self._links[kind].items())
                    if status in ("ACTIVE", "INACTIVE", "ENABLED", "DISABLED")
                },
                "statuses": _usual(self._statuses[kind]),
                "asked": usual(
                    chosen(self._bodies[kind], self._lost[kind], by, (*SERVERS, "system")),
                    self.words,
                ),
            }
        return {"source": source, "date": date, "kinds": kinds}

    def _top(self, kind: str, samples: list[Sample]) -> Any:
        shape = self._shape([(s.body, s.sent, s) for s in samples], "")
        skipped = self.skip.get(kind, ())
        if not isinstance(shape, dict):
            return {}
        return {key: value for key, value in shape.items() if key not in skipped}

    def _shape(self, found: list[tuple[Any, Any, Sample]], name: str) -> Any:
        tables = [(b, s, w) for b, s, w in found if isinstance(b, dict)]
        if tables and len(tables) * 2 >= len(found):
            return self._table(tables)
        pairs = [
            (inner, part, w)
            for b, s, w in found
            if isinstance(b, list) and isinstance(s, list) and len(b) == len(s)
            for inner, part in zip(b, s, strict=True)
            if isinstance(inner, dict) and isinstance(part, dict)
        ]
        if pairs:
            rest = [t for t in found if not isinstance(t[1], list)]
            other = self._leaf([(b, w) for b, _, w in rest], name) if rest else "$list"
            return {EACH: self._table(pairs), ELSE: other}
        unasked = [(b, w) for b, s, w in found if s is None]
        asked = [(b, s, w) for b, s, w in found if s is not None]
        same = sum(1 for b, s, _ in asked if b == s)
        blank = [b for b, sent, _ in asked if sent == ""]
        if blank and sum(b is None for b in blank) * 5 >= len(blank) * 4:
            return "$blank"
        if not unasked:
            if asked and same * 2 < len(asked):
                return {FORCE: self._leaf([(b, w) for b, _, w in asked], name)}
            return self._leaf([(b, w) for b, _, w in asked], name)
        return self._leaf(unasked, name)

    def _table(self, tables: list[tuple[Any, Any, Sample]]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        keys = dict.fromkeys(key for body, _, _ in tables for key in body)
        asked = dict.fromkeys(
            key for _, sent, _ in tables if isinstance(sent, dict) for key in sent
        )
        for key in keys:
            unasked = [t for t in tables if not (isinstance(t[1], dict) and key in t[1])]
            have = [t for t in unasked if key in t[0]]
            if key not in self.words and _ID.match(key) and re.search(r"\d", key):
                continue
            if unasked and len(have) < _ALWAYS * len(unasked):
                inside = self._inside(tables, key)
                if inside:
                    out[key] = {WHEN: inside}
                continue
            inner = [
                (body[key], sent.get(key) if isinstance(sent, dict) else None, sample)
                for body, sent, sample in tables
                if key in body
            ]
            if not unasked and not isinstance(inner[0][0], dict):
                continue
            out[key] = self._shape(inner, key)
        dropped = [
            key
            for key in asked
            if all(
                key not in body
                for body, sent, _ in tables
                if isinstance(sent, dict) and key in sent
            )
        ]
        if dropped:
            out[DROP] = sorted(dropped)
        return out

    def _inside(self, tables: list[tuple[Any, Any, Sample]], key: str) -> dict[str, Any]:
        """Return what the vendor adds to a table that is there only where one was sent."""
        sent = [
            (body[key], part[key], sample)
            for body, part, sample in tables
            if isinstance(part, dict)
            and isinstance(part.get(key), dict)
            and isinstance(body.get(key), dict)
        ]
        return self._table(sent) if sent else {}

    def _leaf(self, found: list[tuple[Any, Sample]], name: str) -> Any:
        lists = [value for value, _ in found if isinstance(value, list)]
        if lists and len(lists) * 2 >= len(found):
            return self._list(found, name)
        votes: Counter[str] = Counter()
        meaning: dict[str, Any] = {}
        for value, sample in found:
            leaf = self._classed(value, sample)
            votes[repr(leaf)] += 1
            meaning[repr(leaf)] = leaf
        return meaning[votes.most_common(1)[0][0]] if votes else "$null"

    def _list(self, found: list[tuple[Any, Sample]], name: str) -> Any:
        lists = [(value, sample) for value, sample in found if isinstance(value, list)]
        sizes = Counter(len(value) for value, _ in lists)
        size, votes = sizes.most_common(1)[0]
        if size == 0 or votes * 3 < len(lists) * 2 or size > 24:
            return "$list"
        same = [(value, sample) for value, sample in lists if len(value) == size]
        shapes = [
            self._shape([(value[n], None, sample) for value, sample in same], name)
            for n in range(size)
        ]
        return "$list" if any(shape == "$text" for shape in shapes) else shapes

    def _classed(self, value: Any, sample: Sample) -> Any:
        if value is None:
            return "$null"
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return value if abs(value) < 100_000 else 0
        if isinstance(value, dict):
            return "$table"
        if isinstance(value, list):
            return "$list"
        return self._text(str(value), sample)

    def _text(self, value: str, sample: Sample) -> str:
        own = sample.body.get("id") if isinstance(sample.body, dict) else None
        if value == "":
            return ""
        if _TIME.match(value):
            return "$now"
        if value == own:
            return "$id"
        for name, param in sample.params.items():
            if value == param:
                return f"$param:{name}"
        if value.startswith(("http://", "https://")):
            return self._url(value, own, sample)
        if value in self.words or value in self._literals:
            return f"$const:{value}" if value.startswith("$") else value
        if _ID.match(value) and re.search(r"\d", value):
            return f"$mint:{value[:3]}" if len(value) == 20 else "$mint:"
        return "$text"

    def _url(self, value: str, own: Any, sample: Sample) -> str:
        parts = urlsplit(value)
        known = {
            value: "{=" + name + "}"
            for name, value in {**sample.body, **(sample.sent or {})}.items()
            if isinstance(value, str) and _ID.match(value)
        }
        known |= {param: "{" + name + "}" for name, param in sample.params.items()}
        if isinstance(own, str):
            known[own] = "{id}"
        path, allowed = [], self.words if self.paths is None else self.paths
        for segment in parts.path.split("/"):
            if segment in known:
                path.append(known[segment])
            elif _ID.match(segment) and re.search(r"\d", segment):
                path.append("{~" + segment[:3] + "}")
            elif segment in self._literals or segment in allowed or not segment:
                path.append(segment)
            else:
                return "$url:/"
        return "$url:" + "/".join(path)


def _never(call: Any) -> Any:
    raise AssertionError("a route for looking up only")


def _prefix(samples: Iterable[Sample]) -> str:
    votes = Counter(
        str(sample.body["id"])[:3]
        for sample in samples
        if isinstance(sample.body.get("id"), str) and len(sample.body["id"]) == 20
    )
    return votes.most_common(1)[0][0] if votes else ""


def _usual(statuses: Counter[tuple[str, int]]) -> dict[str, int]:
    best: dict[str, tuple[int, int]] = {}
    for (what, status), count in statuses.items():
        if what not in best or count > best[what][0]:
            best[what] = (count, status)
    return {what: status for what, (_, status) in sorted(best.items())}
