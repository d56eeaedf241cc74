"""`unlit console`: the web console on loopback; prints its URL, then serves until it is stopped."""

import json
import sys
from pathlib import Path
from typing import Annotated

import cyclopts

app = cyclopts.App(name="console", help="The web console on loopback.")


@app.default
def console(  # noqa: PLR0913 # a command line has many flags, each optional
    *,
    port: int = 0,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
    person: str | None = None,
    public_url: str | None = None,
    oidc_issuer: str | None = None,
    oidc_client: str | None = None,
    oidc_secret_env: str = "UNLIT_OIDC_SECRET",  # noqa: S107 # the name of a variable
    role: Annotated[list[str] | None, cyclopts.Parameter(negative=())] = None,
    repository: Path | None = None,
) -> int:
    """Serve the console of this repository and print one line with its URL and token.

    Args:
        port: Port on 127.0.0.1; 0 takes a free one.
        as_json: Print the line as JSON: ``{"url": …}``.
        person: Who is at the console; default the setting `person`, else the user's name.
        public_url: Address under which a proxy of yours shows it, such as https://unlit.example.com.
        oidc_issuer: Identity provider that people log in with.
        oidc_client: Our client id there.
        oidc_secret_env: Variable that holds our client secret.
        role: WHO=ROLE, a login or group and one of reader, decider, evaluator, owner; repeatable.
        repository: Folder of the repository; default this one.
    """
    from importlib import import_module

    room = import_module(
        "unlit.console.serve"
    )  # named as text: entry points do not know each other

    def ready(url: str) -> None:
        sys.stdout.write((json.dumps({"url": url}) if as_json else url) + "\n")
        sys.stdout.flush()

    outside = room.Outside(public_url, oidc_issuer, oidc_client, oidc_secret_env, tuple(role or ()))
    with room.open_console(repository, port=port, person=person, outside=outside) as opened:
        room.serve(opened, ready)
    return 0
