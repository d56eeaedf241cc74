"""Secrets in answers: masked in any common spelling, length kept, however the pieces are cut."""

from collections.abc import Iterable
from typing import Final

from unlit.fence.gateway.head import Headers, Malformed
from unlit.fence.gateway.inject import Search
from unlit.fence.gateway.loose import SHORTEST, Loose, bare
from unlit.fence.gateway.spellings import reflections
from unlit.fence.gateway.unpack import Inflater, Unpacker

_SHORT_FORM: Final = 512
_END: Final = 4
_MOST_CLEAN: Final = 1024
_LONGEST_CLEAN: Final = 256
_MOST_LOOSE: Final = 1 << 20


class Forms:
    """The spellings of some secrets, compiled once."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[bytes] = set()
        secrets = tuple(secrets)
        self.loose = Loose(secrets)
        self.clean: set[bytes] = set()
        for secret in secrets:
            forms.update(reflections(secret.encode("utf-8")))
        self._search = Search(forms)
        self.longest = self._search.longest
        # every beginning of a long form would be a table that grows with its square
        self._long = [form for form in forms if len(form) > _SHORT_FORM]
        self._starts_by_end: dict[bytes, list[tuple[int, bytes]]] = {}
        for form in forms:
            for size in range(1, min(len(form), _SHORT_FORM)):
                end = form[max(0, size - _END) : size]
                self._starts_by_end.setdefault(end, []).append((size, form))
        for starts in self._starts_by_end.values():
            starts.sort(reverse=True)

    def mask(self, data: bytes) -> tuple[bytes, int]:
        """Return `data` with every secret masked that is spelled exactly, and how many."""
        if not self._search.finds(data):
            return data, 0
        return self._search.mask(data)

    def mask_whole(self, data: bytes) -> tuple[bytes, int]:
        """Return something whole, a field or a message, with every secret masked."""
        data, found = self.mask(data)
        if not SHORTEST <= len(data) <= _MOST_LOOSE:
            return data, found
        data, more = self.loose.mask(data)
        return data, found + more

    def stand_in(self, data: bytes) -> bool:
        """Say whether a secret may stand in `data`."""
        return self._search.finds(data)

    def held_back(self, data: bytes) -> int:
        """Return how many bytes at the end of `data` may be the beginning of a secret."""
        if not data:
            return 0
        held = 0
        for size in range(_END, 0, -1):  # beginnings shorter than that lie under their own length
            for length, form in self._starts_by_end.get(data[-size:], ()):
                if data.endswith(form[:length]):
                    held = length
                    break
            if held:
                break
        for form in self._long:
            at = data.find(form[: _SHORT_FORM - 1], max(0, len(data) - len(form) + 1))
            while at >= 0 and len(data) - at > held:
                if form.startswith(data[at:]):
                    held = len(data) - at
                at = data.find(form[: _SHORT_FORM - 1], at + 1)
        return held


class Scrubber:
    """Masks secrets in one body, fed piece by piece; partial matches wait for the next piece."""

    def __init__(self, forms: Forms) -> None:
        self.masked = 0
        self.forms = forms
        self._rest = b""
        self._before = b""
        self._loose_left = _MOST_LOOSE

    def feed(self, data: bytes) -> bytes:
        """Take a piece and return what may go on."""
        data, found = self.forms.mask(self._rest + data)
        self.masked += found
        held = self.forms.held_back(data)
        if self._loose_left > 0 and data:
            data, held = self._look_loosely(data, held)
        self._rest = data[len(data) - held :] if held else b""
        return data[: len(data) - held] if held else data

    def _look_loosely(self, data: bytes, held: int) -> tuple[bytes, int]:
        loose = self.forms.loose
        data, found = loose.mask(data, self._before)
        self.masked += found
        held = max(held, loose.held_back(data, self._before))
        gone = data[: len(data) - held]
        self._loose_left -= len(gone)
        self._before = (self._before + bare(gone))[-loose.longest :]
        return data, held

    def finish(self) -> bytes:
        """Return what was held back; the body has ended."""
        rest, self._rest = self._rest, b""
        return rest


class Peek:
    """Looks into a body that is compressed without saying so, as a file is, to its end.

    What it finds cannot be masked, so the answer ends there. Brotli and Zstandard pass unseen: they
    have no place in an answer that says nothing of them.
    """

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._tail = b""
        self.unpacker = Unpacker()

    def check(self, plain: bytes) -> None:
        """Take what the next bit of the body inflates to.

        Raises:
            Malformed: A secret stands in it.
        """
        seen = self._tail + plain
        if self._forms.stand_in(seen):
            raise Malformed(502, "a secret stands in compressed data of the answer")
        self._tail = seen[-self._forms.longest :]


def scrub_headers(headers: Headers, forms: Forms) -> tuple[Headers, int]:
    """Mask secrets in the fields of an answer."""
    clean = forms.clean  # most values come with every answer
    unknown = [value for _, value in headers if value not in clean]
    if not unknown:
        return headers, 0
    if not forms.mask_whole(b"\n".join(unknown))[1]:
        if len(clean) < _MOST_CLEAN:
            clean.update(value for value in unknown if len(value) <= _LONGEST_CLEAN)
        return headers, 0
    total = 0
    kept: Headers = []
    for name, value in headers:
        masked, found = forms.mask_whole(value)
        total += found
        kept.append((name, masked))
    return kept, total


def take_coding(headers: Headers) -> tuple[Headers, Inflater | None]:
    """Remove Content-Encoding (and what depended on it) and return what undoes it."""
    codings = [pair[1].strip().lower() for pair in headers if pair[0] == b"content-encoding"]
    if not codings:
        return headers, None
    codings = [coding for coding in codings if coding != b"identity"]
    if not codings:
        return headers, None
    if len(codings) > 1:
        raise Malformed(502, "the answer has several content codings")
    changed = (b"content-encoding", b"etag", b"digest", b"content-md5")
    return [pair for pair in headers if pair[0] not in changed], Inflater(codings[0])
