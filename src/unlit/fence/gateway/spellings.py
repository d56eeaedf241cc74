"""The common encodings in which a text may come back, so that it is found in any of them."""

import base64
import binascii
import codecs
import html
import json
import re
from typing import Final
from urllib.parse import quote

_SHORTEST: Final = 8
_SHORT_SECRET: Final = 300
_BETWEEN: Final = (
    " ",
    "-",
    "_",
    ".",
    ",",
    ", ",
    "|",
    "/",
    "\n",
    "\r\n",
    "\\n",
    '","',
    '", "',
    "\t",
)
_ROT47: Final = {code: 33 + (code - 33 + 47) % 94 for code in range(33, 127)}
_BASE58: Final = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_TEN_DIGITS: Final = 58**10


def spellings(text: bytes) -> list[bytes]:
    """Return the encodings under which a text is looked for anywhere, longest first."""
    return _long_enough(_usual(text))


def reflections(secret: bytes) -> list[bytes]:
    """Return all encodings in which an answer might show a secret, longest first.

    More than `spellings`: what a server or a template makes of a value that it prints.
    """
    text = secret.decode("utf-8", "replace")
    pairs = [f"{byte:02x}" for byte in secret]
    found = _usual(secret)
    for one in (pairs, [pair.upper() for pair in pairs]):
        found |= {mark.join(one).encode() for mark in (" ", ":")}
        found |= {f"{mark}{mark.join(one)}".encode() for mark in ("\\x", "\\u00", "=", "\\\\x")}
        found.add(", ".join(f"0x{pair}" for pair in one).encode())
        found.add("".join(f"&#x{pair};" for pair in one).encode())
        found.add("".join(f"%25{pair}" for pair in one).encode())
    found.add("".join(f"&#{byte};" for byte in secret).encode())
    found.add("".join(f"\\{byte:03o}" for byte in secret).encode())
    found |= {mark.join(map(str, secret)).encode() for mark in (",", ", ")}
    found |= {text.encode("utf-32-le"), text.encode("utf-32-be")}
    found.add(codecs.encode(text, "rot13").encode())
    found.add(quote(quote(secret, safe=""), safe="").encode())
    found |= {form[::-1] for form in (binascii.hexlify(secret), base64.b64encode(secret))}
    found |= {_base58(secret), base64.b85encode(secret), base64.a85encode(secret)}
    if len(secret) <= _SHORT_SECRET:  # a whole key file is not spelled out letter by letter
        found |= {mark.join(text).encode() for mark in _BETWEEN}
        found |= _as_numbers(secret)
    found |= {text.translate(_ROT47).encode(), binascii.b2a_uu(secret[:45])[1:-1]}
    for wide in (text.encode("utf-16-le"), text.encode("utf-16-be")):
        found |= {binascii.hexlify(wide), binascii.hexlify(wide).upper()} | _base64(wide)
    for core in _base64(secret):
        found |= {core.replace(b"+", plus).replace(b"/", slash)
                  for plus, slash in ((b"%2B", b"%2F"), (b"%2b", b"%2f"), (b"+", b"\\/"),
                                      (b"\\u002b", b"\\u002f"), (b"&#43;", b"&#47;"))}  # fmt: skip
    for core in _base64(secret):
        found |= _base64(core)
    found |= {re.sub(rb"(.{%d})(?=.)" % width, rb"\1" + end, base64.b64encode(secret))
              for width in (64, 76) for end in (b"\n", b"\r\n")}  # fmt: skip
    return _long_enough(found)


def _as_numbers(secret: bytes) -> set[bytes]:
    """Return dumps and escapes in other bases: binary, octal, decimal, grouped hexadecimal."""
    digits = binascii.hexlify(secret).decode()
    found = {f" {mark}".join(map(str, secret)) for mark in ("", "| ")}
    for form in ("08b", "03o", "o", "02x"):
        found |= {mark.join(f"{byte:{form}}" for byte in secret) for mark in ("", " ", "-")}
    found |= {f"{mark}".join(digits[at : at + size] for at in range(0, len(digits), size))
              for size in (4, 8) for mark in (" ", "-")}  # fmt: skip
    for form in ("\\u{%x}", "\\U%08x", "\\%02x ", "\\%o", "&#%d", "&#x%x", "&#%04d;", "%%u%04x"):
        found.add("".join(form % byte for byte in secret))
    return {one.strip().encode() for one in found}


def _usual(secret: bytes) -> set[bytes]:
    text = secret.decode("utf-8", "replace")
    found = {secret, secret[::-1], secret.upper(), secret.lower(), secret.swapcase()}
    found |= {text.encode("utf-16-le"), text.encode("utf-16-be")}
    found |= {json.dumps(text)[1:-1].encode(), html.escape(text).encode()}
    found |= {binascii.hexlify(secret), binascii.hexlify(secret).upper()}
    found.add("".join(f"%{byte:02X}" for byte in secret).encode())
    found.add("".join(f"%{byte:02x}" for byte in secret).encode())
    found.add(quote(secret, safe="").encode())
    found |= _base64(secret)
    for shift in range(5):
        coded = base64.b32encode(b"\0" * shift + secret).rstrip(b"=")
        core = coded[(shift * 8 + 4) // 5 : (shift + len(secret)) * 8 // 5]
        found |= {core, core.lower()}
    return found


def _base64(secret: bytes) -> set[bytes]:
    """Return what is the same in base64 whatever stands before and after the secret."""
    found = set()
    for shift in range(3):
        padded = base64.b64encode(b"\0" * shift + secret)
        # the characters that depend on neighbours of the secret are left off at both ends
        core = padded[(shift * 8 + 5) // 6 : (shift + len(secret)) * 8 // 6]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def _base58(secret: bytes) -> bytes:
    number, out = int.from_bytes(secret, "big"), bytearray()
    while number:
        number, some = divmod(number, _TEN_DIGITS)  # ten at a time: a key file is a long number
        for _ in range(10):
            some, digit = divmod(some, 58)
            out.append(_BASE58[digit])
    return bytes(reversed(out)).lstrip(_BASE58[:1])


def _long_enough(found: set[bytes]) -> list[bytes]:
    return sorted((form for form in found if len(form) >= _SHORTEST), key=len, reverse=True)
