"""Which twins there are: name to plug-in, imported when asked for."""

import importlib
import importlib.util
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.twins.kit.twin import Twin

TWINS: Final[dict[str, str]] = {
    "okta": "unlit.twins.services.okta:twin",
    "jira": "unlit.twins.services.jira:twin",
    "slack": "unlit.twins.services.slack:twin",
    "google": "unlit.twins.services.google:twin",
    "github": "unlit.twins.services.github:twin",
}
SERVED: Final[dict[str, str]] = {
    "okta": "okta",
    "jira": "jira",
    "slack": "slack",
    "docs": "google",
    "drive": "google",
    "sheets": "google",
}
SERVICES: Final = tuple(SERVED)


def _others() -> dict[str, str]:
    return {point.name: point.value for point in entry_points(group="unlit.twins")}


def known() -> dict[str, str]:
    """Return every twin's name and ``module:attribute``, those of other packages too."""
    return {**_others(), **TWINS}


@cache
def load_twin(name: str) -> Twin:
    """Import a twin by its plug-in's name, one of its services' names, or by where it lies.

    A twin of one's own is named by ``module:attribute``, or by the folder of its package (a text
    with a slash).

    Raises:
        InvalidInput: There is no such twin.
    """
    if "/" in name:
        return _checked(name, _from_folder(Path(name)))
    target = name if ":" in name else known().get(SERVED.get(name, name))
    if target is None:
        names = ", ".join(sorted({*known(), *SERVED}))
        raise InvalidInput(
            "TWN-103", f"There is no twin {name!r}.", f"Known: {names}.", "name one of these."
        )
    module, _, attribute = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(
            "TWN-104",
            f"The twin {name!r} cannot be loaded from {target}.",
            str(error),
            "check the plug-in.",
        ) from error
    return _checked(target, found)


def _from_folder(folder: Path) -> object:
    source = folder / "__init__.py"
    spec = importlib.util.spec_from_file_location(f"unlit_twin_{folder.name}", source)
    if spec is None or spec.loader is None or not source.exists():
        raise InvalidInput(
            "TWN-104",
            f"There is no twin in {str(folder)!r}.",
            "it has no __init__.py.",
            "name the folder that `unlit twins new` made.",
        )
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError, SyntaxError) as error:
        raise InvalidInput(
            "TWN-104",
            f"The twin in {str(folder)!r} cannot be loaded.",
            str(error),
            "correct its package.",
        ) from error
    return getattr(module, "twin", None)


def _checked(target: str, found: object) -> Twin:
    if not isinstance(found, Twin):
        raise InvalidInput(
            "TWN-104",
            f"{target} is not a twin.",
            "a plug-in exports an instance of unlit.twins.kit.twin.Twin.",
            "check the plug-in.",
        )
    return found


def hosts(service: str) -> tuple[str, ...]:
    """Return the host names and patterns that a service answers for."""
    twin = load_twin(service)
    if service in twin.hosts:
        return tuple(twin.hosts[service])
    return tuple(host for patterns in twin.hosts.values() for host in patterns)
