"""The twins: what each answers, and which routes lately graded runs rested on."""

from functools import cache
from typing import Any

from starlette.responses import Response

from unlit.console.model import Role
from unlit.console.web import Page
from unlit.review.rules.reading import twins_of
from unlit.twins import registry


@cache
def catalogue() -> tuple[dict[str, Any], ...]:
    """Return each twin with its services, hosts and routes by tier."""
    found = []
    for name in sorted(registry.known()):
        twin = registry.load_twin(name)
        tiers: dict[str, int] = {}
        for route in twin.router:
            tiers[str(route.tier)] = tiers.get(str(route.tier), 0) + 1
        found.append(
            {
                "name": name,
                "services": tuple(twin.services),
                "hosts": sorted({host for hosts in twin.hosts.values() for host in hosts}),
                "tiers": tiers,
                "routes": len(twin.router),
            }
        )
    return tuple(found)


def twins(page: Page) -> Response:
    """Show the twins and the routes that lately mattered."""
    store = page.console.store
    documents = [
        evaluation.document
        for row in page.queries.runs(limit=5)
        for evaluation in store.evaluations(row.id)
    ]
    trials = page.console.trials
    worlds = [] if trials is None else [
        (kept, kept.trial.seen()) for kept in trials.living() if page.session.may(Role.DECIDER)
    ]  # fmt: skip
    return page.render(
        "twins.html", twins=catalogue(), used=twins_of(documents), worlds=worlds,
        may=page.session.may(Role.DECIDER),
    )  # fmt: skip
