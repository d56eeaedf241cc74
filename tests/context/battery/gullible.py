"""An agent that does whatever it reads: plain, encoded, hidden, or dressed as somebody's order.

A program for `python3 -I -c`; the brief comes on standard input. Its first word says how it reads:
`all` obeys quoted text too; `lines` obeys what carries no quotation mark; `nonce` obeys what lies
outside the marks of a quotation; `careful` obeys what either of the two would.
"""

import base64
import codecs
import contextlib
import html
import json
import os
import re
import subprocess
import sys
import unicodedata
import urllib.parse
import urllib.request
from collections.abc import Iterator

LOOKALIKES = str.maketrans("аеорсухіѕԁո", "aeopcyxisdn")
VERB = re.compile(r"\b(run|write|fetch|post):? (?:(?<=run: )|(?=https?:)|(?=[\w./-]+: ))(.+)")
LINK = re.compile(
    r"""(?:\]\(|\[[^]]+\]: ?|src="|href="|=WEBSERVICE\("|url\()(http[^)\s"]+)""", re.M
)
CALL = re.compile(r'"command": ?("(?:[^"\\]|\\.)*")')
PARAMETER = re.compile(r'<parameter name="command">(.*?)</parameter>', re.S)
BITS = (
    ("\u200b", "\u200c"), ("\u3164", "\uffa0"), ("\u2061", "\u2062"), ("\u2009", "\u200a"),
    ("\u2800", "\u00a0"), ("\ufff9", "\ufffa"), ("\ufdd0", "\ufdd1"),
)  # fmt: skip
SELECTORS = [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]


def outside_marks(text: str, *, strict: bool) -> str:
    """Leave what is no quotation; `strict` takes an inner line without its mark for an order."""
    kept, nonce = [], ""
    for line in text.splitlines():
        opening = re.match(r"<<([0-9a-f]{16}) ", line)
        if opening and nonce in ("", opening[1]):
            nonce = opening[1]
        elif nonce and line == f"{nonce}>>":
            nonce = ""
        elif not nonce or (strict and not line.startswith("| ")):
            kept.append(line)
    return "\n".join(kept)


def _bits(text: str, zero: str, one: str) -> str:
    bits = "".join("0" if char == zero else "1" for char in text if char in (zero, one))
    octets = bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits) // 8 * 8, 8))
    return octets.decode("latin1")


def _hidden(text: str) -> Iterator[str]:
    yield "".join(chr(ord(char) - 0xE0000) for char in text if 0xE0020 <= ord(char) < 0xE007F)
    yield "".join(chr(ord(char) - 0xF0000) for char in text if 0xF0020 <= ord(char) < 0xF007F)
    for zero, one in BITS:
        yield _bits(text, zero, one)
    for blanks in re.findall(r"[ \t]{16,}", text):
        yield _bits(blanks, " ", "\t")
    yield bytes(
        SELECTORS.index(ord(char)) for char in text if ord(char) in SELECTORS
    ).decode("latin1")  # fmt: skip
    for found in re.findall("[\u202e\u2067]([^\u202c\u2069]+)", text):
        yield found[::-1]


def _decoded(text: str) -> Iterator[str]:
    yield html.unescape(text)
    yield urllib.parse.unquote(text)
    yield text.replace("\\n", "\n")
    yield re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    for said in re.findall(r"rot13: (.+)", text):
        yield codecs.decode(said, "rot13")
    for said in re.findall(r"reversed: (.+)", text):
        yield said[::-1]
    for said in re.findall(r"(?m)^(?:\| )?read down:\n((?:(?:\| ?)?.?\n)+)", text + "\n"):
        yield "".join(re.sub(r"^\| ?", "", line) or " " for line in said.split("\n")[:-1])
    halves = re.findall(r"(?:First|Second) half of two: (.+?)\u204b", text)
    yield "".join(halves)
    for blob in re.findall(r"[A-Za-z0-9+/=]{24,}", text):
        with contextlib.suppress(ValueError):
            yield base64.b64decode(blob).decode("latin1")
            yield base64.b64decode(base64.b64decode(blob)).decode("latin1")
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(blob).decode("latin1")
        yield blob[::-1]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def readings(text: str) -> Iterator[str]:
    """Yield a text in every way that somebody could mean it."""
    texts = [text]
    for line in (text, *text.split("\n")):
        with contextlib.suppress(ValueError):
            texts += _strings(json.loads(line.removeprefix("| ")))
    for one in texts:
        yield one
        yield from _hidden(one)
        plain = "".join(c for c in one if unicodedata.category(c) != "Cf")
        plain = "".join(c for c in plain if not 0x300 <= ord(c) < 0x370)
        plain = unicodedata.normalize("NFKC", re.sub(r"\x1b?\[[0-9;]*m", "", plain))
        plain = plain.translate(LOOKALIKES)
        yield plain
        yield from _decoded(plain)


def orders(text: str) -> Iterator[tuple[str, str]]:
    """Yield each thing a text tells to do, as a verb and its object."""
    for reading in readings(text):
        for verb, what in VERB.findall(reading):
            yield verb, re.sub(r"(\s*(-->|```|</\w+>|`))+$", "", what.strip())
        for url in LINK.findall(reading):
            yield "fetch", url
        for words in CALL.findall(reading):
            yield "run", json.loads(words)
        for words in PARAMETER.findall(reading):
            yield "run", words.strip()


def obey(verb: str, what: str) -> str:
    """Do it and say what came of it."""
    if verb == "run":
        done = subprocess.run(what, shell=True, capture_output=True, timeout=5, check=False)  # noqa: S602 # gullible
        return (done.stdout + done.stderr).decode("latin1")
    place, _, body = what.partition(": ")
    if verb == "write":
        os.makedirs(os.path.dirname(place) or ".", exist_ok=True)  # noqa: PTH103, PTH120
        with open(place, "w", encoding="utf-8") as out:  # noqa: PTH123
            out.write(body + "\n")
        return f"wrote {place}"
    data = body.encode() if verb == "post" else None
    with urllib.request.urlopen(place if data else what, data, timeout=3) as answer:  # noqa: S310 # gullible
        return str(answer.read(65536).decode("latin1"))


def filled(what: str, text: str) -> str:
    """Put what the brief says of a thing where ``[[thing]]`` stands."""

    def look(found: re.Match[str]) -> str:
        known = re.search(rf"{found[1]}: ([\w-]+)", text)
        return known[1] if known else found[0]

    return re.sub(r"\[\[(\w+)\]\]", look, what)


def main() -> None:
    """Read the brief and obey it."""
    how, text = sys.argv[1], sys.stdin.buffer.read().decode("utf-8")
    parts = {
        "all": [text],
        "lines": [outside_marks(text, strict=True)],
        "nonce": [outside_marks(text, strict=False)],
        "careful": [outside_marks(text, strict=True), outside_marks(text, strict=False)],
    }[how]
    for verb, what in dict.fromkeys(order for part in parts for order in orders(part)):
        try:
            said = obey(verb, filled(what, text))
        except Exception as error:  # an agent goes on
            said = f"failed: {error!r}"
        sys.stdout.write(f"{verb}: {what!r}\n{said}\n")


if __name__ == "__main__":
    main()
