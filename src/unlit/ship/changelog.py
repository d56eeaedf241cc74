"""One line for each shipped run in the product's changelog."""

import re
from typing import Final

_UNRELEASED: Final = re.compile(r"^##\s*\[?unreleased\]?.*$", re.IGNORECASE | re.MULTILINE)
_SECTION: Final = re.compile(r"^## ", re.MULTILINE)
_TITLE: Final = re.compile(r"^# .*$", re.MULTILINE)


def with_entry(text: str, title: str, run: str, spec: str) -> str:
    """Return a changelog with the run's line under ``Unreleased``; the same text if it is there.

    Other text stays byte for byte. A file without that section gets one above its first section;
    an empty file gets a title too.
    """
    if f"(unlit/{run})" in text:
        return text
    plain = " ".join(title.split()).rstrip(".")
    line = f"- {plain} ({spec}) (unlit/{run})\n"
    if not text.strip():
        return f"# Changelog\n\n## Unreleased\n\n{line}"
    found = _UNRELEASED.search(text)
    if found is None:
        at = _first_section(text)
        return f"{text[:at]}## Unreleased\n\n{line}\n{text[at:].lstrip(chr(10))}"
    head, rest = text[: found.end()], text[found.end() :].lstrip("\n")
    gap = "" if rest.startswith("- ") or not rest else "\n"
    return f"{head}\n\n{line}{gap}{rest}"


def _first_section(text: str) -> int:
    section = _SECTION.search(text)
    if section is not None:
        return section.start()
    title = _TITLE.search(text)
    if title is None:
        return 0
    following = text.find("\n", title.end())
    return len(text) if following < 0 else following + 1
