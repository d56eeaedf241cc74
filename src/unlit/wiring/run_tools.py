"""The context tools of a run's agents: as in `unlit fence run`, and what is told is pinned."""

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from unlit.context.mcp_server import Served
from unlit.context.ports import Witness
from unlit.line.model import Place
from unlit.line.ports import ServedTools
from unlit.policy import AuditLog, Identity, load_policy
from unlit.wiring.context_tools import VARIABLE, routes_of, rules_of, url_of
from unlit.wiring.settings import Settings
from unlit.wiring.sources import ROLE, library_for


class RunTools:
    """Serves the sources of a repository to the agents that work on it.

    Args:
        repository: Whose sources.
        settings: Where secrets and twins are found.
        audit: The factory's log: each call of a source names the run and the agent.
    """

    def __init__(self, repository: Path, settings: Settings, audit: AuditLog) -> None:
        self._repository = repository
        self._settings = settings
        self._audit = audit

    @asynccontextmanager
    async def serve(
        self, policy: Path, place: Place, witness: Callable[[], Witness]
    ) -> AsyncIterator[ServedTools]:
        """Serve the tools to one agent, if its policy names them for its role."""
        said = load_policy(policy)
        rules = rules_of(said, place.role)
        if not rules:
            yield ServedTools()
            return
        stage = place.stage if place.candidate is None else f"{place.stage}/{place.candidate}"
        identity = Identity(place.run, stage, place.agent, ROLE)
        with ExitStack() as stack:
            library = stack.enter_context(
                library_for(self._repository, said, self._audit, identity, self._settings)
            )
            asker = f"the agent {place.agent} in {place.run}"
            served = Served(library, witness=witness(), asker=asker)
            routes = stack.enter_context(routes_of(rules, served))
            url = url_of(rules)
            yield ServedTools(routes, {VARIABLE: url}, url)
