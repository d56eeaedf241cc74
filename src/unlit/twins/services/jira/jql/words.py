"""Text searches: words (stemmed a little), phrases and wildcards."""

import re
from collections.abc import Callable
from typing import Final

_WORD: Final = re.compile(r"[\w']+")


def matcher(query: str) -> Callable[[str], bool]:
    """Compile a text query: words (all must be there, stemmed a little), phrases, wildcards."""
    phrases = [p.lower() for p in re.findall(r'"([^"]+)"', query)]
    rest = re.sub(r'"[^"]+"', " ", query).lower()
    words = [w for w in re.split(r"[^\w*?~'-]+", rest) if w and w not in ("and", "or")]
    patterns = [_pattern(part) for word in words for part in _split(word)]

    def test(text: str) -> bool:
        low = text.lower()
        tokens = _WORD.findall(low)
        squeezed = " ".join(tokens)
        if not all(" ".join(_WORD.findall(p)) in squeezed for p in phrases):
            return False
        return all(any(p(token) for token in tokens) for p in patterns)

    return test


def _split(word: str) -> list[str]:
    return [word] if any(c in word for c in "*?") else [p for p in re.split(r"[-~]", word) if p]


def _pattern(word: str) -> Callable[[str], bool]:
    if "*" in word or "?" in word:
        regex = re.compile(
            "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in word) + "$"
        )
        return lambda token: regex.match(token) is not None
    stem = _stem(word)
    return lambda token: _stem(token) == stem


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            return word[: -len(ending)]
    return word
