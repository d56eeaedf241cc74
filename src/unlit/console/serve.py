"""Make the console of one repository from its settings, and serve it on loopback."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn

from unlit.console.app import create_app, fresh_token
from unlit.console.model import Console, Place, Role
from unlit.console.oidc import Provider
from unlit.console.shipping import Shipping
from unlit.console.trials import Trials
from unlit.core.errors import InvalidInput, OutsideFailed
from unlit.core.system import SystemClock
from unlit.review.adapters.evaluations import Evaluations
from unlit.wiring.desk import Office, newest_repository, open_office, try_settings
from unlit.wiring.finding import find_repository
from unlit.wiring.paths import FILE_NAME, state_paths, vault_path
from unlit.wiring.reading import store_of_run
from unlit.wiring.settings import read_settings
from unlit.wiring.starting import Resumer, Starter

_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """A console with its listening socket and the URL that logs a person in."""

    console: Console
    listener: socket.socket
    url: str


@dataclass(frozen=True, slots=True)
class Outside:
    """How the console is reached from outside, and who may come in.

    Attributes:
        roles: ``WHO=ROLE`` each.
    """

    public_url: str | None = None
    issuer: str | None = None
    client: str | None = None
    secret_env: str = "UNLIT_OIDC_SECRET"  # noqa: S105 # the name of a variable
    roles: tuple[str, ...] = ()


@contextmanager
def open_console(
    repository: Path | None,
    *,
    port: int = 0,
    person: str | None = None,
    outside: Outside | None = None,
) -> Iterator[Opened]:
    """Open the record and take the port.

    Raises:
        OutsideFailed: The port is taken.
        InvalidInput: A setting or gate rule is not understood.
    """
    office = open_office(_where(repository), {"person": person}, create=True)
    try:
        listener = _listen(port)
        try:
            address = listener.getsockname()
            console = console_of(office, address[1], outside or Outside())
            yield Opened(
                console, listener, f"http://127.0.0.1:{address[1]}/login?token={console.token}"
            )
        finally:
            listener.close()
    finally:
        office.store.close()


def _where(repository: Path | None) -> Path | None:
    """Where nothing is named and nothing has run here, the record that was written last.

    A factory is its own place also before its first run: its owner wants no other one's runs.
    """
    if repository is not None:
        return repository
    settings = read_settings()
    here = find_repository(Path())
    if settings.text("database_url") or (here / FILE_NAME).is_file():
        return here
    with suppress(InvalidInput):  # a folder above the state, such as one's home, is no repository
        if state_paths(settings, here).database.exists():
            return here
    return newest_repository(settings) or here


def console_of(office: Office, port: int, outside: Outside) -> Console:
    """Make the console of an office that listens on a loopback port.

    Raises:
        InvalidInput: A role, the public address or the provider's secret is missing or wrong.
    """
    paths, settings = office.paths, office.settings
    vault = _vault(office)
    rows = tuple(
        {
            "name": name,
            "value": "not set" if value.value is None else str(value.value),
            "origin": value.origin,
            "help": value.setting.help,
        }
        for name, value in settings.values.items()
    )
    return Console(
        store=office.store,
        desk=office.desk,
        clock=SystemClock(),
        place=Place(
            repository=office.repository,
            audit=(paths.audit, paths.audit / "gates"),
            policy=office.repository / "policy.toml",
            specs=office.repository / "specs",
            vault=vault,
            settings=rows,
        ),
        person=office.person,
        token=fresh_token(),
        key=_session_key(paths.root / "console.key"),
        hosts=frozenset({f"127.0.0.1:{port}", f"localhost:{port}", *_public_host(outside)}),
        secure=bool(outside.public_url and outside.public_url.startswith("https://")),
        provider=_provider(office, outside),
        ship=Shipping(office),
        start=Starter(office),
        build=Resumer(office),
        trials=_trials(office, vault, port),
        evaluations=Evaluations(lambda run: store_of_run(office.store, run)),
    )


def _trials(office: Office, vault: Path | None, port: int) -> Trials:
    def audit(kind: str, run: str, person: str, fields: Mapping[str, object]) -> None:
        office.desk.log.write(kind, run, person, fields)

    framed_by = f"http://127.0.0.1:{port} http://localhost:{port}"
    return Trials(try_settings(office, vault, framed_by=framed_by), SystemClock(), audit)


def _public_host(outside: Outside) -> set[str]:
    host = urlsplit(outside.public_url or "").netloc.lower()
    return {host} if host else set()


def _provider(office: Office, outside: Outside) -> Provider | None:
    if outside.issuer is None:
        return None
    secret = office.settings.env.get(outside.secret_env)
    if not (outside.client and outside.public_url and secret):
        raise _half(f"--oidc-client, --public-url and ${outside.secret_env} are needed too")
    roles: dict[str, set[Role]] = {}
    for text in outside.roles:
        who, _, name = text.rpartition("=")
        if not who or name not in set(Role):
            raise _half(f"--role {text!r} is not WHO=ROLE")
        roles.setdefault(who, set()).add(Role(name))
    return Provider(
        issuer=outside.issuer,
        client_id=outside.client,
        client_secret=secret,
        redirect=f"{outside.public_url.rstrip('/')}/login/callback",
        roles={who: frozenset(found) for who, found in roles.items()},
        fetch=_fetch,
    )


def _half(why: str) -> InvalidInput:
    return InvalidInput(
        "CON-043",
        f"Login by an identity provider is half configured: {why}.",
        "a console that lets in the wrong people is worse than none.",
        "see `unlit console --help`; roles are reader, decider, evaluator, owner.",
    )


def _fetch(method: str, url: str, form: Mapping[str, str] | None) -> tuple[int, Any]:
    import httpx2

    try:
        answer = httpx2.request(method, url, data=None if form is None else dict(form), timeout=10)
        return answer.status_code, answer.json()
    except (httpx2.HTTPError, ValueError):
        return 0, None


def _vault(office: Office) -> Path | None:
    try:
        named = vault_path(office.settings, office.repository)
    except InvalidInput:
        return None
    if named.is_dir():
        return named
    newest = office.store.runs(limit=1)
    vault = newest[0].settings.get("vault") if newest else None
    return Path(str(vault)) if vault else named


def serve(opened: Opened, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `ready` is told the URL once the port answers."""
    config = uvicorn.Config(
        create_app(opened.console),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        lifespan="on",
        ws="wsproto",
        ws_max_size=65_536,
    )
    ready(opened.url)
    uvicorn.Server(config).run(sockets=[opened.listener])


def _listen(port: int) -> socket.socket:
    # named as TCP: asyncio else leaves Nagle on, 40 ms an answer on a kept connection
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except (OSError, OverflowError) as error:  # a number that is no port is the second
        listener.close()
        said = f": {error.strerror}" if isinstance(error, OSError) else ""
        raise OutsideFailed(
            "CON-031",
            f"Port {port} on 127.0.0.1 cannot be taken{said}.",
            "something else listens there." if said else "a port is a number from 0 to 65535.",
            "choose another with --port N, or leave it out for a free one.",
        ) from error
    return listener


def _session_key(path: Path) -> bytes:
    """Read the key that signs sessions, or make it; two processes that start at once agree."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):
            os.link(partial, path)
    finally:
        partial.unlink()
    return path.read_bytes()
