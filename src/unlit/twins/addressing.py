"""How a request finds its world: header, token, host; and tokens that nobody knew."""

import fnmatch
from collections.abc import Callable, Mapping
from typing import Final

from unlit.twins.kit.http import Request
from unlit.twins.kit.twin import Twin
from unlit.twins.kit.world import World

WORLD_HEADER: Final = "x-twin-world"


class Addresses:
    """The worlds of a universe, by every name they answer to.

    Attributes:
        worlds: By id, oldest first.
        default: World of requests that name none.
    """

    def __init__(self) -> None:
        self.worlds: dict[str, World] = {}
        self.default: str | None = None
        self._tokens: dict[str, str] = {}
        self._adopted: dict[str, str] = {}
        self._aliases: dict[str, str] = {}

    def issue(self, token: str, world: str) -> None:
        """Let a token name a world."""
        self._tokens[token] = world

    def bind(self, alias: str, world: str) -> None:
        """Let the header's value `alias` name a world from now on."""
        self._aliases[alias] = world

    def drop(self, world: str) -> None:
        """Forget a world and what named it."""
        self.worlds.pop(world, None)
        for table in (self._tokens, self._adopted, self._aliases):
            for name in [name for name, target in table.items() if target == world]:
                del table[name]

    def adopted(self) -> set[str]:
        """Return the worlds that unknown tokens made."""
        return set(self._adopted.values())

    def locate(
        self, request: Request, token: str | None, adopt: Callable[[], str] | None
    ) -> World | None:
        """Return the world of a request.

        Args:
            request: The request.
            token: Its credential.
            adopt: Makes a world for an unknown token; `None` makes none.
        """
        named = request.headers.get(WORLD_HEADER)
        if named:  # a route through the gateway that names no world sends an empty one
            return self.worlds.get(self._aliases.get(named, named))
        if token is not None:
            found = self._tokens.get(token) or self._adopted.get(token)
            if found is not None:
                return self.worlds.get(found)
        by_host = self.worlds.get(request.host.split(".", 1)[0])
        if by_host is not None:
            return by_host
        if adopt is not None and token is not None:
            fresh = self._adopted[token] = adopt()
            return self.worlds[fresh]
        return None if self.default is None else self.worlds[self.default]


class Hosts:
    """Which service answers for a host name.

    Args:
        services: Twins by service.
        twins: Twins by plug-in.
    """

    def __init__(self, services: Mapping[str, Twin], twins: Mapping[str, Twin]) -> None:
        self._services = services
        self._twins = twins
        self._found: dict[str, str | None] = {}

    def forget(self) -> None:
        """Look again: a twin was added."""
        self._found.clear()

    def service(self, host: str) -> str | None:
        """Return the service for a host; the most exact pattern wins."""
        try:
            return self._found[host]
        except KeyError:
            if len(self._found) > 10_000:
                self._found.clear()
            return self._found.setdefault(host, self._search(host))

    def _search(self, host: str) -> str | None:
        best: tuple[int, str] | None = None
        for service, twin in {**self._twins, **self._services}.items():
            for pattern in twin.hosts.get(service, ()):
                rank = len(pattern) + (1000 if "*" not in pattern else 0)
                if fnmatch.fnmatchcase(host, pattern) and (best is None or rank > best[0]):
                    best = (rank, service)
        return best[1] if best else None
