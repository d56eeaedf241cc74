"""Placeholders: ``{name}`` in any text of a scenario; alone it keeps the value's type."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Replace every known placeholder in `value`; unknown ones stay as they are.

    ``"{n}"`` becomes the value itself (a number stays a number); within other text it becomes
    text. Keys are filled too.
    """
    if isinstance(value, str):
        return _fill_text(value, values)
    if isinstance(value, list | tuple):
        return [fill(item, values) for item in value]
    if isinstance(value, Mapping):
        return {str(_fill_text(key, values)): fill(item, values) for key, item in value.items()}
    return value


def _fill_text(text: str, values: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None and whole[1] in values:
        return values[whole[1]]
    return _PLACEHOLDER.sub(
        lambda match: as_text(values[match[1]]) if match[1] in values else match[0], text
    )


def as_text(value: Any) -> str:
    """Render a sampled value within text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def placeholders(value: Any) -> Iterator[str]:
    """Yield the name of each placeholder in `value`, keys included."""
    if isinstance(value, str):
        yield from (match[1] for match in _PLACEHOLDER.finditer(value))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from placeholders(item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from placeholders(key)
            yield from placeholders(item)
