"""Labels of a repository: the nine it begins with, and those that somebody makes."""

from typing import Any, Final
from urllib.parse import quote

from unlit.twins.kit.twin import Exchange
from unlit.twins.kit.world import Table, World

PRESETS: Final = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)


def labels_of(world: World, name: str) -> Table:
    """Return the labels of a repository, by name in small letters."""
    table = world.table(f"github.labels:{name}")
    if "labelled" not in world.table(f"github.marks:{name}"):
        world.table(f"github.marks:{name}").put("labelled", True)
        for word, color, about in PRESETS:
            made(world, name, word, color, about, default=True)
    return table


def made(
    world: World, name: str, word: str, color: Any, about: Any, *, default: bool = False
) -> dict[str, Any]:
    """Add a label and return it."""
    row = {
        "id": world.number("github.label", 2000),
        "name": word,
        "color": str(color or "ededed").removeprefix("#"),
        "description": about,
        "default": default,
    }
    world.table(f"github.labels:{name}").put(word.lower(), row)
    return row


def known(world: World, name: str, word: str) -> str:
    """Return a label as its repository writes it; a new one is made."""
    row = labels_of(world, name).get(word.lower())
    return str((row or made(world, name, word, None, None))["name"])


def shown(call: Exchange, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Render a label."""
    url = f"{call.request.origin}/repos/{name}/labels/{quote(row['name'])}"
    return {**row, "node_id": f"LA_{row['id']}", "url": url}


def named(call: Exchange, name: str, word: str) -> dict[str, Any]:
    """Render the label called `word`."""
    table = labels_of(call.world, name)
    return shown(call, name, table.get(word.lower()) or made(call.world, name, word, None, None))
