"""The scenarios, for people who may see them; never for whoever writes the code."""

from starlette.responses import Response

from unlit.console.web import Page
from unlit.core.errors import UnlitError
from unlit.core.states import Partition
from unlit.evaluation.vault import load_vault


def scenarios(page: Page) -> Response:
    """Show the vault: visible and validation scenarios with their stories, sealed ones locked."""
    root = page.console.place.vault
    if root is None or not root.is_dir():
        return page.render("scenarios.html", vault=None, problem=None, groups=(), root=root)
    try:
        vault = load_vault(root)
    except UnlitError as error:
        return page.render("scenarios.html", vault=None, problem=error, groups=(), root=root)
    groups = [(partition, vault.of(partition)) for partition in Partition]
    return page.render("scenarios.html", vault=vault, problem=None, groups=groups, root=root)
