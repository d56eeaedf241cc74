"""Placeholders: found wherever they stand, replaced only in the declared place."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from unlit.fence.gateway.head import RequestHead
from unlit.fence.gateway.spellings import spellings
from unlit.policy.model import CredentialRule

_PROBE: Final = 8
"""Python finds needles of this length by skipping; longer ones cost a preparation each time."""

_MUCH: Final = 512
_MOST_CLEAN: Final = 1024
_LONGEST_CLEAN: Final = 256
_MARKS: Final = (b"\0", b"\\", b"&", b"%", b"=")
"""Bytes that little data holds; what has one of them is looked for only where it stands."""

_KEYS: Final = frozenset(
    {
        b"authorization", b"x-api-key", b"api-key", b"apikey", b"x-goog-api-key", b"x-auth-token",
        b"private-token", b"job-token", b"x-access-token", b"x-amz-security-token",
        b"x-authorization", b"x-goog-iam-authorization-token", b"ocp-apim-subscription-key",
    }
)  # fmt: skip
_KEYS_IN_QUERY: Final = frozenset(
    {b"access_token", b"api_key", b"apikey", b"api-key", b"x-goog-api-key", b"private_token"}
)
_GOOGLE: Final = "googleapis.com"
_BASIC: Final = re.compile(rb"(?i:basic) +([A-Za-z0-9+/]+={0,2})")


class Search:
    """Looks for any of some texts of at least eight bytes, by how they begin."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        self.forms = sorted(set(forms), key=len, reverse=True)
        self.longest = max((len(form) for form in self.forms), default=0)
        self._by_start: dict[bytes, list[bytes]] = {}
        groups: dict[bytes, set[bytes]] = {}
        for form in self.forms:
            self._by_start.setdefault(form[:_PROBE], []).append(form)
            mark = next((mark for mark in _MARKS if mark in form), b"")
            groups.setdefault(mark, set()).add(form[:_PROBE])
        self._probes = tuple((mark, tuple(probes)) for mark, probes in groups.items())
        # whole texts would make an expression that takes seconds to compile
        self._starts = re.compile(b"|".join(map(re.escape, self._by_start)) or b"(?!)")

    def finds(self, data: bytes) -> bool:
        """Say whether one of them stands in `data`."""
        if len(data) < _MUCH:
            return self._next(data, 0) is not None
        for mark, probes in self._probes:
            if mark not in data:  # one byte is looked for many times faster than eight
                continue
            for probe in probes:
                if probe in data:
                    return any(form in data for form in self.forms)
        return False

    def mask(self, data: bytes) -> tuple[bytes, int]:
        """Return `data` with stars where they stand, and how many there were."""
        masked, at, count = bytearray(data), 0, 0
        while (place := self._next(data, at)) is not None:
            begin, at = place
            masked[begin:at] = b"*" * (at - begin)
            count += 1
        return bytes(masked), count

    def _next(self, data: bytes, at: int) -> tuple[int, int] | None:
        """Return where the next one begins and ends, the longest that begins there."""
        while (match := self._starts.search(data, at)) is not None:
            at = match.start()
            for form in self._by_start[match[0]]:
                if data.startswith(form, at):
                    return at, at + len(form)
            at += 1
        return None


class Watch:
    """Finds the placeholders of a session in any bytes, plain, reversed, in hex or base64."""

    def __init__(self, placeholders: Mapping[str, str]) -> None:
        self.names = dict(placeholders)
        texts = placeholders.values()
        self._search = Search(form for text in texts for form in spellings(text.encode("ascii")))
        self.longest = self._search.longest
        self._clean: set[tuple[bytes, bytes]] = set()

    def finds(self, data: bytes) -> bool:
        """Say whether a placeholder stands in `data`."""
        return self._search.finds(data)

    def finds_in(self, head: RequestHead) -> bool:
        """Say whether a placeholder stands anywhere in a head."""
        if not self.longest:
            return False
        clean = self._clean  # most fields come with every request
        unknown = [pair for pair in head.headers if pair not in clean]
        if self.finds(b"\n".join([head.target, *map(b": ".join, unknown)])):
            return True
        if len(clean) < _MOST_CLEAN:
            clean.update(pair for pair in unknown if len(pair[1]) <= _LONGEST_CLEAN)
        return False


def inject(head: RequestHead, rule: CredentialRule, placeholder: str, secret: str) -> bool:
    """Put the secret where the placeholder stands in the declared place; say whether it did."""
    mark, value = placeholder.encode("ascii"), secret.encode("ascii")
    place = rule.inject.place
    if place == "header":
        return _in_header(head, rule.inject.name.encode("ascii"), mark, value)
    if place == "basic":
        return _in_basic(head, mark, value)
    if place == "query":
        return _in_query(head, rule.inject.name, placeholder, secret)
    return False


def only_ours(head: RequestHead, rule: CredentialRule, watch: Watch) -> str:
    """Name another key in a request that must use ours; take off what holds a placeholder only.

    Else a program could bring somebody's own key beside the placeholder, and what it uploads would
    land in that account.
    """
    place, name = rule.inject.place, rule.inject.name.encode("ascii")
    if place == "sign":
        return ""
    ours = b"authorization" if place == "basic" else name.lower() if place == "header" else b""
    others = [pair for pair in head.headers if pair[0] in _KEYS and pair[0] != ours]
    for field, value in others:
        if value and not watch.finds(value):
            return field.decode("latin1")
    if others:
        head.headers = [pair for pair in head.headers if pair not in others]
    if head.query is None:
        return ""
    return _other_in_query(head, name if place == "query" else b"")


def _other_in_query(head: RequestHead, own: bytes) -> str:
    count = 0
    for part in re.split(rb"[&;]", head.query or b""):
        raw = part.partition(b"=")[0]
        field = unquote_to_bytes(raw.replace(b"+", b" ")).strip().lower()
        is_key = field in _KEYS_IN_QUERY or (field == b"key" and head.host.endswith(_GOOGLE))
        if own and field == own.lower():
            count += 1
            is_key = raw != own or count > 1  # ours stands there once, in its one spelling
        if is_key:
            return field.decode("latin1")
    return ""


def _in_header(head: RequestHead, name: bytes, mark: bytes, secret: bytes) -> bool:
    places = [number for number, pair in enumerate(head.headers) if pair[0] == name]
    if len(places) != 1 or head.headers[places[0]][1].count(mark) != 1:
        return False
    value = head.headers[places[0]][1].replace(mark, secret)
    head.headers = [*head.headers]
    head.headers[places[0]] = (name, value)
    return True


def _in_basic(head: RequestHead, mark: bytes, secret: bytes) -> bool:
    if sum(name == b"authorization" for name, _ in head.headers) != 1:
        return False
    for number, (name, value) in enumerate(head.headers):
        match = _BASIC.fullmatch(value) if name == b"authorization" else None
        if match is None:
            continue
        try:
            pair = base64.b64decode(match.group(1), validate=True)
        except binascii.Error:
            return False
        if pair.count(mark) != 1:
            return False
        replaced = base64.b64encode(pair.replace(mark, secret))
        head.headers[number] = (name, b"Basic " + replaced)
        return True
    return False


def _in_query(head: RequestHead, name: str, placeholder: str, secret: str) -> bool:
    if head.query is None:
        return False
    parts = head.query.split(b"&")
    wanted = f"{name}={placeholder}".encode("ascii")
    same = [part for part in parts if part.partition(b"=")[0] == name.encode("ascii")]
    if same != [wanted]:
        return False
    parts[parts.index(wanted)] = f"{name}={quote(secret, safe='')}".encode("ascii")
    head.query = b"&".join(parts)
    return True


def inject_json(data: bytes, field: str, placeholder: str, secret: str) -> bytes | None:
    """Put the secret into a JSON body; `None` if the placeholder is not in that field alone."""
    mark = placeholder.encode("ascii")
    if not placeholder or data.count(mark) != 1:
        return None
    value = _json_field(data, field)
    if value is None or placeholder not in value:
        return None
    edited = data.replace(mark, json.dumps(secret)[1:-1].encode("ascii"))
    # the one place in the text must be the field: it might be spelled by escapes there, and stand
    # in plain letters somewhere else
    return edited if _json_field(edited, field) == value.replace(placeholder, secret) else None


def _json_field(data: bytes, field: str) -> str | None:
    try:
        value = json.loads(data)
        for part in field.split("."):
            value = value[part]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return value if isinstance(value, str) else None
