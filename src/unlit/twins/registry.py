"""Which twins there are: name to plug-in, imported when asked for."""

import importlib
from functools import cache
from importlib.metadata import entry_points
from typing import Final

from unlit.core.errors import InvalidInput
from unlit.twins.kit.twin import Twin

TWINS: Final[dict[str, str]] = {
    "okta": "unlit.twins.services.okta:twin",
    "jira": "unlit.twins.services.jira:twin",
    "slack": "unlit.twins.services.slack:twin",
    "google": "unlit.twins.services.google:twin",
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
    """Import a twin by its plug-in's name, one of its services' names, or ``module:attribute``.

    Raises:
        InvalidInput: There is no such twin.
    """
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
