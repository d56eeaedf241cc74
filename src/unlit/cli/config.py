"""`unlit config show`: each setting, its value and where it came from."""

import json
import sys
from typing import Annotated

import cyclopts

app = cyclopts.App(name="config", help="Show settings.")


@app.command
def show(*, as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False) -> None:
    """Print each setting, its value and where it came from.

    Args:
        as_json: Print JSON.
    """
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    rows = [
        {
            "name": name,
            "value": None if value.value is None else str(value.value),
            "origin": value.origin,
            "help": value.setting.help,
        }
        for name, value in settings.values.items()
    ]
    if as_json:
        sys.stdout.write(json.dumps({"schema": "unlit.config/1", "settings": rows}) + "\n")
        return
    for row in rows:
        sys.stdout.write(f"{row['name']:18} {row['value'] or 'not set':24} {row['origin']}\n")
        sys.stdout.write(f"{'':18} {row['help']}\n")
