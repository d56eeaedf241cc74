"""What to look for: canaries, and runs of words that stand in hidden scenarios only. Pure."""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from unlit.core.ids import ScenarioId
from unlit.evaluation.leaks.encodings import ENCODINGS, unpacked

SHINGLE: Final = 8
_TOKEN: Final = re.compile(rb"[A-Za-z0-9_]+")
_MAX_SHINGLED: Final = 2_000_000


def canary_of(secret: bytes, scenario: str) -> str:
    """Return the canary of one scenario: 128 bits that nobody can guess."""
    return "canary-" + hmac.new(secret, scenario.encode(), hashlib.sha256).hexdigest()[:32]


def shingles(text: bytes) -> set[bytes]:
    """Return every run of eight words in `text`, in lower case."""
    words = _TOKEN.findall(text[:_MAX_SHINGLED].lower())
    return {b" ".join(words[n : n + SHINGLE]) for n in range(len(words) - SHINGLE + 1)}


@dataclass(frozen=True, slots=True)
class Needles:
    """Everything that must not be found outside of the evaluator, by scenario.

    Attributes:
        patterns: Scenario to its canary in every encoding.
        runs: Run of words to the scenario that it stands in.
    """

    patterns: Mapping[ScenarioId, tuple[bytes, ...]] = field(default_factory=dict)
    runs: Mapping[bytes, ScenarioId] = field(default_factory=dict)

    def found_in(self, content: bytes, containers: Sequence[str]) -> set[ScenarioId]:
        """Return the scenarios of which something stands in `content`."""
        found: set[ScenarioId] = set()
        for text in unpacked(content, containers):
            for scenario, patterns in self.patterns.items():
                if any(pattern in text for pattern in patterns):
                    found.add(scenario)
            if self.runs:
                found |= {self.runs[run] for run in self.runs.keys() & shingles(text)}
        return found


def needles(
    hidden: Iterable[tuple[ScenarioId, str, bytes]],
    visible: Iterable[bytes],
    *,
    encodings: Collection[str] = tuple(ENCODINGS),
    words: bool = True,
) -> Needles:
    """Make the needles.

    Args:
        hidden: Scenario, its canary, and the text of its file.
        visible: Texts that the agent may see; runs of words in them are no leak.
        encodings: Names of the encodings to look for.
        words: Whether to look for runs of words too.
    """
    patterns: dict[ScenarioId, tuple[bytes, ...]] = {}
    texts: dict[ScenarioId, set[bytes]] = {}
    for scenario, canary, text in hidden:
        patterns[scenario] = tuple(_variants(canary.encode(), encodings))
        texts[scenario] = shingles(text) if words else set()
    seen: set[bytes] = set()
    for text in visible if words else ():
        seen |= shingles(text)
    runs = {run: scenario for scenario, found in texts.items() for run in found - seen}
    return Needles(patterns, runs)


def _variants(needle: bytes, encodings: Collection[str]) -> list[bytes]:
    """Return the needle's forms; only `plain` is the needle itself, so that none hides another."""
    found: dict[bytes, None] = {}
    for name in encodings:
        for form in ENCODINGS[name](needle):
            if name == "plain" or form != needle:
                found[form] = None
    return list(found)
