"""Drive's search language: the `q` parameter."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

Row = dict[str, Any]
Test = Callable[[Row], bool]
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<string>'(?:\\.|[^'\\])*'|\x22(?:\\.|[^\x22\\])*\x22)"
    r"|(?P<op><=|>=|!=|=|<|>)|(?P<paren>[()])"
    r"|(?P<brace>[{}])|(?P<word>[A-Za-z_][A-Za-z0-9_.]*))",
)
_COMPARE: Final = ("=", "!=", "<", "<=", ">", ">=")
# Field: operators it takes.
_FIELDS: Final = {
    "name": ("contains", "=", "!="),
    "title": ("contains", "=", "!="),
    "fullText": ("contains",),
    "mimeType": ("contains", "=", "!="),
    "modifiedTime": _COMPARE,
    "modifiedDate": _COMPARE,
    "viewedByMeTime": _COMPARE,
    "lastViewedByMeDate": _COMPARE,
    "createdTime": _COMPARE,
    "createdDate": _COMPARE,
    "sharedWithMeTime": _COMPARE,
    "trashed": ("=", "!="),
    "starred": ("=", "!="),
    "parents": ("in",),
    "owners": ("in",),
    "writers": ("in",),
    "readers": ("in",),
    "sharedWithMe": ("=", "!="),
    "properties": ("has",),
    "appProperties": ("has",),
    "visibility": ("=", "!="),
    "shortcutDetails.targetId": ("=", "!="),
    "memberCount": _COMPARE,
    "organizerCount": _COMPARE,
    "hidden": ("=", "!="),
}
_TIMES: Final = {
    "modifiedDate": "modifiedTime",
    "lastViewedByMeDate": "viewedByMeTime",
    "createdDate": "createdTime",
}
_WORDS: Final = re.compile(r"\w+")


class BadQuery(ValueError):
    """The query cannot be run."""


@dataclass(frozen=True, slots=True)
class Context:
    """On whose behalf a query runs, and how file contents are read.

    Attributes:
        me: Mail address of the caller.
        root: Id that ``'root'`` stands for.
        text: Returns what full-text search sees of a file.
        hidden: Id that ``'appDataFolder'`` stands for.
    """

    me: str
    root: str
    text: Callable[[Row], str]
    hidden: str = ""


def compile_query(text: str, context: Context) -> Test:
    """Return a test for files.

    Raises:
        BadQuery: The text is not a query.
    """
    parser = _Parser(_tokens(text), context)
    test = parser.either()
    if parser.at != len(parser.tokens):
        raise BadQuery(text)
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if found is None:
            raise BadQuery(text)
        kind = str(found.lastgroup)
        value = found[kind]
        if kind == "string":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        out.append((kind, value))
        at = found.end()
    return out


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], context: Context) -> None:
        self.tokens = tokens
        self.context = context
        self.at = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.at += 1
        return token

    def word(self, text: str) -> bool:
        kind, value = self.peek()
        if kind == "word" and value.lower() == text:
            self.at += 1
            return True
        return False

    def either(self) -> Test:
        parts = [self.both()]
        while self.word("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def both(self) -> Test:
        parts = [self.single()]
        while self.word("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def single(self) -> Test:
        if self.word("not"):
            inner = self.single()
            return lambda row: not inner(row)
        if self.peek() == ("paren", "("):
            self.at += 1
            inner = self.either()
            if self.take() != ("paren", ")"):
                raise BadQuery(")")
            return inner
        return self.term()

    def term(self) -> Test:
        kind, value = self.take()
        if kind == "string":
            return self.membership(value)
        if kind != "word" or value not in _FIELDS:
            raise BadQuery(value)
        field = value
        kind, operator = self.take()
        operator = operator.lower()
        if field in ("sharedWithMe", "starred", "trashed") and kind in ("end", "paren"):
            self.at -= 1
            return self.boolean(field, "=", True)
        if operator not in _FIELDS[field]:
            if operator in ("and", "or") and field == "sharedWithMe":
                self.at -= 1
                return self.boolean(field, "=", True)
            raise BadQuery(operator)
        if operator == "has":
            return self.having(field)
        kind, value = self.take()
        if field in ("trashed", "starred", "sharedWithMe", "hidden"):
            if kind != "word" or value.lower() not in ("true", "false"):
                raise BadQuery(value)
            return self.boolean(field, operator, value.lower() == "true")
        if kind != "string":
            raise BadQuery(value)
        return self.compare(field, operator, value)

    def membership(self, value: str) -> Test:
        if not self.word("in"):
            raise BadQuery(value)
        kind, field = self.take()
        if kind != "word" or "in" not in _FIELDS.get(field, ()):
            raise BadQuery(field)
        if field == "parents":
            known = {"root": self.context.root, "appDataFolder": self.context.hidden}
            wanted = known.get(value, value)
            return lambda row: wanted in (row.get("parents") or ())
        mail = self.context.me if value == "me" else value
        if field == "owners":
            return lambda row: any(p["role"] == "owner" for p in _held(row, mail))
        strong = ("owner", "organizer", "fileOrganizer", "writer")
        if field == "writers":
            return lambda row: any(p["role"] in strong for p in _held(row, mail))
        return lambda row: bool(_held(row, mail))

    def boolean(self, field: str, operator: str, value: bool) -> Test:
        wanted = value is (operator == "=")
        if field == "sharedWithMe":
            me = self.context.me
            return lambda row: (_shared(row, me)) is wanted
        return lambda row: bool(row.get(field)) is wanted

    def having(self, field: str) -> Test:
        if self.take() != ("brace", "{"):
            raise BadQuery("{")
        pair: dict[str, str] = {}
        while self.peek() != ("brace", "}"):
            if self.word("and"):
                continue
            _, key = self.take()
            _, operator = self.take()
            kind, value = self.take()
            if key not in ("key", "value", "visibility") or operator != "=" or kind != "string":
                raise BadQuery(key)
            pair[key] = value
        self.at += 1
        name, wanted = pair.get("key", ""), pair.get("value")
        return lambda row: name in (row.get(field) or {}) and wanted in (None, row[field][name])

    def compare(self, field: str, operator: str, value: str) -> Test:
        if _FIELDS[field] == _COMPARE and "Count" not in field:
            return _timed(_TIMES.get(field, field), operator, value)
        if field == "fullText":
            return _full_text(value, self.context)
        if field in ("name", "title") and operator == "contains":
            return _prefixed(value)
        if operator == "contains":
            return lambda row: str(row.get(field, "")).startswith(value)
        equal = operator == "="
        if field in ("name", "title"):
            low = value.lower()
            return lambda row: (str(row["name"]).lower() == low) is equal
        if field == "shortcutDetails.targetId":
            return lambda row: (
                ((row.get("shortcutDetails") or {}).get("targetId") == value) is equal
            )
        return lambda row: (str(row.get(field, "")) == value) is equal


def _held(row: Row, mail: str) -> list[Row]:
    low = mail.lower()
    return [p for p in row["permissions"] if str(p.get("emailAddress", "")).lower() == low]


def _shared(row: Row, me: str) -> bool:
    held = _held(row, me)
    return bool(held) and all(p["role"] != "owner" for p in held)


def _prefixed(value: str) -> Test:
    """Match `name contains`: the words of a name begin with it."""
    low = value.lower()

    def test(row: Row) -> bool:
        name = str(row["name"]).lower()
        starts = [0, *(found.start() for found in _WORDS.finditer(name))]
        return any(name.startswith(low, start) for start in starts)

    return test


def _full_text(value: str, context: Context) -> Test:
    phrase = re.fullmatch(r'"(.*)"', value)
    words = _WORDS.findall((phrase[1] if phrase else value).lower())

    def test(row: Row) -> bool:
        text = f"{row['name']} {row.get('description', '')} {context.text(row)}".lower()
        tokens = _WORDS.findall(text)
        if phrase:
            return " ".join(words) in " ".join(tokens)
        have = set(tokens)
        return all(word in have for word in words)

    return test


def moment(text: str) -> datetime | None:
    """Read an RFC 3339 time; without zone it is UTC."""
    try:
        parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _timed(field: str, operator: str, value: str) -> Test:
    limit = moment(value)
    if limit is None:
        raise BadQuery(value)

    def test(row: Row) -> bool:
        when = moment(str(row.get(field) or ""))
        if when is None:
            return False
        return {
            "=": when == limit,
            "!=": when != limit,
            "<": when < limit,
            "<=": when <= limit,
            ">": when > limit,
            ">=": when >= limit,
        }[operator]

    return test
