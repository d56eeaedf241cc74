"""`unlit console`: the web console on loopback; prints its URL, then serves until it is stopped."""

import json
import sys
from pathlib import Path
from typing import Annotated

import cyclopts

app = cyclopts.App(name="console", help="The web console on loopback.")


@app.default
def console(
    *,
    port: int = 0,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
    person: str | None = None,
    repository: Path | None = None,
) -> int:
    """Serve the console of this repository and print one line with its URL and token.

    Args:
        port: Port on 127.0.0.1; 0 takes a free one.
        as_json: Print the line as JSON: ``{"url": …}``.
        person: Who is at the console; default the setting `person`, else the user's name.
        repository: Folder of the repository; default this one.
    """
    from importlib import import_module

    room = import_module(
        "unlit.console.serve"
    )  # named as text: entry points do not know each other

    def ready(url: str) -> None:
        sys.stdout.write((json.dumps({"url": url}) if as_json else url) + "\n")
        sys.stdout.flush()

    with room.open_console(repository, port=port, person=person) as opened:
        room.serve(opened, ready)
    return 0
