"""Placeholders: found wherever they stand, replaced only in the declared place."""

import base64
import binascii
import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote

from unlit.fence.gateway.head import RequestHead
from unlit.policy.model import CredentialRule

_SHORTEST: Final = 8
_MUCH: Final = 2_048
_BASIC: Final = re.compile(rb"(?i:basic) +([A-Za-z0-9+/]+={0,2})")


class Search:
    """Looks for any of some texts: by one expression in little data, one by one in much."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        self.forms = sorted(set(forms), key=len, reverse=True)
        self.longest = max((len(form) for form in self.forms), default=0)
        self.pattern = re.compile(b"|".join(map(re.escape, self.forms)) or b"(?!)")

    def finds(self, data: bytes) -> bool:
        """Say whether one of them stands in `data`."""
        if len(data) < _MUCH:
            return self.pattern.search(data) is not None
        return any(form in data for form in self.forms)


class Watch:
    """Finds the placeholders of a session in any bytes, plain, reversed, in hex or base64."""

    def __init__(self, placeholders: Mapping[str, str]) -> None:
        self.names = dict(placeholders)
        texts = placeholders.values()
        self._search = Search(form for text in texts for form in spellings(text.encode("ascii")))
        self.longest = self._search.longest

    def finds(self, data: bytes) -> bool:
        """Say whether a placeholder stands in `data`."""
        return self._search.finds(data)

    def finds_in(self, head: RequestHead) -> bool:
        """Say whether a placeholder stands anywhere in a head."""
        if not self.longest:
            return False
        parts = [head.target, *(name + b": " + value for name, value in head.headers)]
        return self.finds(b"\n".join(parts))


def spellings(secret: bytes) -> list[bytes]:
    """Return the encodings under which a text is looked for, longest first."""
    text = secret.decode("utf-8", "replace")
    found = {secret, secret[::-1], secret.upper(), secret.lower(), secret.swapcase()}
    found |= {text.encode("utf-16-le"), text.encode("utf-16-be")}
    found |= {json.dumps(text)[1:-1].encode(), html.escape(text).encode()}
    found |= {binascii.hexlify(secret), binascii.hexlify(secret).upper()}
    found.add("".join(f"%{byte:02X}" for byte in secret).encode())
    found.add("".join(f"%{byte:02x}" for byte in secret).encode())
    found.add(quote(secret, safe="").encode())
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + secret)
        # the characters that depend on neighbours of the secret are left off at both ends
        start = (shift * 8 + 5) // 6
        end = (shift + len(secret)) * 8 // 6
        core = padded[start:end]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    for shift in range(5):
        coded = base64.b32encode(b"\0" * shift + secret).rstrip(b"=")
        core = coded[(shift * 8 + 4) // 5 : (shift + len(secret)) * 8 // 5]
        found |= {core, core.lower()}
    return sorted((form for form in found if len(form) >= _SHORTEST), key=len, reverse=True)


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


def _in_header(head: RequestHead, name: bytes, mark: bytes, secret: bytes) -> bool:
    places = [number for number, pair in enumerate(head.headers) if pair[0] == name]
    if len(places) != 1 or head.headers[places[0]][1].count(mark) != 1:
        return False
    value = head.headers[places[0]][1].replace(mark, secret)
    head.headers = [*head.headers]
    head.headers[places[0]] = (name, value)
    return True


def _in_basic(head: RequestHead, mark: bytes, secret: bytes) -> bool:
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
