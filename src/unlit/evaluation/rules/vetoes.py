"""What stops a candidate whatever its scenarios say, read from a published result. Pure."""

from collections.abc import Mapping
from typing import Any, Final

OWN: Final = "own"
"""The `pack` of a rule that the organisation wrote itself."""


def own_veto(rule: str) -> dict[str, Any]:
    """Return the entry of `invariants` for one broken rule of the organisation's own."""
    return {
        "pack": OWN,
        "trial": rule,
        "rule": rule,
        "veto": True,
        "sentence": f"The organisation's own rule `{rule}` was broken.",
    }


def vetoes(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sentences of everything that vetoes, each once."""
    return _sentences(document, lambda _: True)


def pack_vetoes(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return those of the safety pack alone: it is public, so its writer may be told."""
    return _sentences(document, lambda entry: entry.get("pack") != OWN)


def stop_words(document: Mapping[str, Any]) -> str:
    """Return in a few words what overrules the count, or nothing when nothing does."""
    found = vetoes(document)
    if found:
        first = found[0].rstrip(".")
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return f"vetoed for safety: {first[:1].lower()}{first[1:]}{more}"
    leaks = document.get("leaks")
    leaked = [name for name, state in leaks.items() if state == "leaked"] if (
        isinstance(leaks, Mapping)
    ) else []  # fmt: skip
    return f"the leak proof failed: {', '.join(leaked)}" if leaked else ""


def _sentences(document: Mapping[str, Any], wanted: Any) -> tuple[str, ...]:
    entries = document.get("invariants")
    found = [
        str(entry.get("sentence", ""))
        for entry in (entries if isinstance(entries, list | tuple) else ())
        if isinstance(entry, Mapping) and entry.get("veto") and wanted(entry)
    ]
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))
