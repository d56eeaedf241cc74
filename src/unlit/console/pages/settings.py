"""Settings with their origin, who you are here and what you may do."""

from starlette.responses import Response

from unlit.console.model import Role
from unlit.console.web import Page


def settings(page: Page) -> Response:
    """Show every setting and the session."""
    return page.render(
        "settings.html",
        rows=page.console.place.settings,
        place=page.console.place,
        every_role=list(Role),
        rules=page.console.desk.rules.rules,
    )
