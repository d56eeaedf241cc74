"""The lethal trifecta: private data, text from anybody, and a way out, together in one run.

Each two of them are harmless; all three let a text that anybody may have written tell an agent to
carry private data away. Quoting lowers that risk; this rule removes it.
Source: S. Willison, "The lethal trifecta for AI agents" (2025-06-16).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from unlit.context.model import Trust


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a run holds of the three; `ways_out` are sentences of policy."""

    private: tuple[str, ...]
    untrusted: tuple[str, ...]
    ways_out: tuple[str, ...]

    @property
    def is_lethal(self) -> bool:
        """Whether all three meet."""
        return bool(self.private and self.untrusted and self.ways_out)

    @property
    def sentence(self) -> str:
        """Say what meets what."""
        return (
            f"private data from {', '.join(self.private) or 'nowhere'}, text that anybody may have "
            f"written from {', '.join(self.untrusted) or 'nowhere'}, and a way out: "
            f"{' '.join(self.ways_out) or 'none'}"
        )


def exposure(taint: Iterable[str], ways_out: Iterable[str]) -> Exposure:
    """Judge what a run has read against where it may send.

    Args:
        taint: ``source:trust`` of everything the run has read.
        ways_out: One sentence for each rule by which data can leave.
    """
    private, untrusted = [], []
    for mark in sorted(taint):
        source, _, trust = mark.rpartition(":")
        if trust == Trust.INTERNAL.value:
            private.append(source)
        elif trust == Trust.PUBLIC.value:
            untrusted.append(source)
    return Exposure(tuple(private), tuple(untrusted), tuple(ways_out))
