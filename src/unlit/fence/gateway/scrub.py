"""Secrets in answers: masked in any common spelling, length kept, however the pieces are cut."""

from collections.abc import Iterable
from typing import Final

from unlit.fence.gateway.head import Headers, Malformed
from unlit.fence.gateway.inject import Search
from unlit.fence.gateway.loose import SHORTEST, Loose, bare
from unlit.fence.gateway.spellings import reflections
from unlit.fence.gateway.unpack import Inflater

_MASK: Final = b"*"
_PROBE: Final = 8
_SHORT_FORM: Final = 512
_END: Final = 4
_A_PART: Final = 4
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
        self._long = [(form[:_PROBE], form) for form in forms if len(form) > _SHORT_FORM]
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
        return self.begun(data)[0] if data else 0

    def begun(self, data: bytes) -> tuple[int, int]:
        """Return how much of a spelling `data` ends with, and how long that is."""
        held = whole = 0
        for size in range(_END, 0, -1):  # beginnings shorter than that lie under their own length
            for length, form in self._starts_by_end.get(data[-size:], ()):
                if data.endswith(form[:length]):
                    held, whole = length, len(form)
                    break
            if held:
                break
        if len(data) >= _SHORT_FORM:
            for probe, form in self._long:
                at = data.find(probe, max(0, len(data) - len(form) + 1), 1 - _SHORT_FORM + _PROBE)
                while at >= 0 and len(data) - at > held:
                    if form.startswith(data[at:]):
                        held, whole = len(data) - at, len(form)
                    at = data.find(probe, at + 1, 1 - _SHORT_FORM + _PROBE)
        return held, whole


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


class Across:
    """Masks secrets that are cut over the messages of one direction.

    A message is never held back, as its answer may be waited for: as soon as what went by and the
    end of a message make up so much of a secret that chance does not, that end is masked.
    """

    def __init__(self, forms: Forms) -> None:
        self._forms = forms
        self._before = b""
        self._letters = b""

    def mask(self, data: bytes) -> tuple[bytes, int]:
        """Return a message with secrets and parts of secrets masked, and how many there were."""
        forms, joined = self._forms, self._before + data
        masked, found = forms.mask(joined)
        masked = masked[len(self._before) :]
        held, whole = forms.begun(joined)
        self._before = joined[len(joined) - held :]
        part = held if held >= max(SHORTEST, whole // _A_PART) else 0
        if len(data) <= _MOST_LOOSE:
            masked, more = forms.loose.mask(masked, self._letters)
            found += more
            part = max(part, forms.loose.held_back(data, self._letters))
            self._letters = (self._letters + bare(data))[-forms.loose.longest :]
        part = min(part, len(data))
        if part:
            masked = masked[:-part] + _MASK * part
        return masked, found + bool(part)


def scrub_headers(headers: Headers, forms: Forms) -> tuple[Headers, int]:
    """Mask secrets in the fields of an answer; a field whose name is one is left out."""
    clean = forms.clean  # most names and values come with every answer
    unknown = [text for field in headers for text in field if text not in clean]
    if not unknown:
        return headers, 0
    values = b"\n".join(value for _, value in headers if value not in clean)
    if not (forms.mask_whole(b"\n".join(unknown))[1] or forms.mask_whole(values)[1]):
        if len(clean) < _MOST_CLEAN:
            clean.update(text for text in unknown if len(text) <= _LONGEST_CLEAN)
        return headers, 0
    total = 0
    kept: Headers = []
    for name, value in headers:
        masked, found = forms.mask_whole(value)
        in_name = forms.mask_whole(name)[1]
        total += found + in_name
        if not in_name:
            kept.append((name, masked))
    if not total:  # it is cut over several fields: what is not known from elsewhere goes
        return [pair for pair in headers if pair[0] in clean and pair[1] in clean], 1
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
