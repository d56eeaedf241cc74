"""Errors that appear after a deploy, from a configured source."""

from pathlib import Path

from unlit.context.ports import Watched
from unlit.core.errors import InvalidInput
from unlit.ship.watch import open_incidents
from unlit.wiring.desk import Office
from unlit.wiring.sources import open_library


def incidents_of(office: Office, run: str, source: str) -> tuple[Path, ...]:
    """Open an intent for each error of a source that appeared since a run reached users.

    Raises:
        InvalidInput: There is no such source, it tells of no errors, or the run was not shipped.
        OutsideFailed: The source does not answer.
    """
    found = office.store.find_run(run)
    repository = Path(found.repository)
    with open_library(repository) as library:
        errors = library.source(source)
        if not isinstance(errors, Watched):
            raise InvalidInput(
                "SHP-065",
                f"The source {source} tells of no errors.",
                "errors come from a tracker of errors in production.",
                "use a source of kind sentry or bugsink.",
            )
        return open_incidents(
            office.store, office.desk.clock, found, source, errors, repository / "specs"
        )
