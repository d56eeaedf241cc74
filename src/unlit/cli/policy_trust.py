"""`unlit policy trust`: whose signatures under a policy count."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.policy.trust import Trust

app = cyclopts.App("trust", help="Whose signatures under a policy count.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]


@app.command
def add(key: str, *, person: str, as_json: Json = False) -> int:
    """Trust a person's key: policies signed with it are used where signed ones are asked for.

    Args:
        key: The public key, as `unlit policy sign --json` prints it; `mine` is this user's own.
        person: Whose it is. Ask them, not the file.
        as_json: Print JSON.
    """
    from unlit.core.system import SystemClock
    from unlit.policy.trust import add_key

    return _show(
        add_key(_place(), _mine() if key == "mine" else key, person, SystemClock()), as_json
    )


@app.command(name="list")
def show(*, as_json: Json = False) -> int:
    """Show whose keys are trusted, and whether only signed policies are used.

    Args:
        as_json: Print JSON.
    """
    from unlit.policy.trust import read_trust

    return _show(read_trust(_place()), as_json)


@app.command
def remove(key: str, *, as_json: Json = False) -> int:
    """Trust a key, or all keys of a person, no longer.

    Args:
        key: The key, or the person's name as `list` shows it.
        as_json: Print JSON.
    """
    from unlit.policy.trust import remove_key

    return _show(remove_key(_place(), key), as_json)


@app.command
def require(
    *, off: Annotated[bool, cyclopts.Parameter("--off", negative=())] = False, as_json: Json = False
) -> int:
    """Use only policies that a trusted key signed, in every repository of this user.

    One repository asks for the same by `require_signed = true` in `[factory]` of its `unlit.toml`.

    Args:
        off: Use unsigned ones again.
        as_json: Print JSON.
    """
    from unlit.policy.trust import read_trust, write_trust

    made = replace(read_trust(_place()), required=not off)
    write_trust(_place(), made)
    return _show(made, as_json)


def _place() -> Path:
    from unlit.policy.trust import trust_file
    from unlit.wiring.settings import read_settings

    return trust_file(read_settings().env)


def _mine() -> str:
    from unlit.policy.audit.keys import public_text, signing_key
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    settings = read_settings()
    folder = state_home(settings.env, settings.path("state_home")) / "person-key"
    return public_text(signing_key(folder))


def _show(trust: "Trust", as_json: bool) -> int:
    if as_json:
        said = {"schema": "unlit.policy-trust/1", "required": trust.required,
                "keys": [asdict(one) for one in trust.keys]}  # fmt: skip
        sys.stdout.write(json.dumps(said) + "\n")
        return 0
    for one in trust.keys:
        sys.stdout.write(f"{one.key}  {one.person}, since {one.added[:10]}\n")
    asked = (
        "Only policies signed by one of these keys are used."
        if trust.required
        else ("Unsigned policies are used too, unless a factory says require_signed = true.")
    )
    sys.stdout.write(
        f"{asked if trust.keys or trust.required else f'No key is trusted yet. {asked}'}\n"
    )
    return 0
