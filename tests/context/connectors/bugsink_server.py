"""A real Bugsink on loopback: TLS, SQLite, a project, tokens, events of the real sentry-sdk."""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.context.tls import certify

_START_S = 60.0
_PREPARE = """
import json
from bsmain.models import AuthToken
from projects.models import Project
shop = Project.objects.create(name="Shop")
print(json.dumps({
    "dsn": shop.dsn,
    "project": str(shop.id),
    "token": AuthToken.objects.create(issues_read=True, events_read=True).token,
    "no_events": AuthToken.objects.create(issues_read=True).token,
}))
"""
_PROGRAM = """
import sys
import sentry_sdk

dsn, ca = sys.argv[1:]
sentry_sdk.init(dsn, ca_certs=ca, traces_sample_rate=0)

def charge(basket):
    return basket["customer"]["card"]

def checkout(basket):
    return charge(basket)

def report(fault):
    try:
        raise fault
    except Exception:
        sentry_sdk.capture_exception()

for number in range(260):
    report(type(f"Rare{number}", (Exception,), {})("seldom"))
    if number % 40 == 39:
        sentry_sdk.flush(timeout=60)  # its queue holds a hundred
report(TimeoutError("the warehouse did not answer"))
sentry_sdk.flush(timeout=60)
for _ in range(3):
    try:
        checkout({"customer": {}})
    except KeyError:
        sentry_sdk.capture_exception()
        sentry_sdk.flush(timeout=60)
"""


@dataclass(frozen=True)
class Running:
    """A server with events in it.

    Attributes:
        url: Where it is.
        certificate: File of the one certificate to trust.
        project: Number of its only project.
        token: May read issues and events.
        no_events: A token that may read issues, but not events.
    """

    url: str
    certificate: Path
    project: str
    token: str
    no_events: str


def bugsink_python() -> Path | None:
    """Find the interpreter of Bugsink's own venv, if there is one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    named = os.environ.get("UNLIT_BUGSINK_PYTHON")
    python = Path(named) if named else cache / "unlit" / "bugsink" / "bin" / "python"
    return python if (python.parent / "bugsink-manage").exists() else None


@contextlib.contextmanager
def running(python: Path, folder: Path) -> Iterator[Running]:
    """Yield a server that has taken the events of a program with faults."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    certificate, key = certify(folder)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "DJANGO_SETTINGS_MODULE": "bugsink_conf"}

    def do(name: str, *words: str, stdin: str = "") -> str:
        argv = [str(python.parent / name), *words]
        done = subprocess.run(
            argv, cwd=folder, env=env, input=stdin, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    do("bugsink-create-conf", "--template=local", "--host=127.0.0.1", f"--port={port}")
    conf = folder / "bugsink_conf.py"
    conf.write_text(conf.read_text().replace(f"http://127.0.0.1:{port}", url))
    _migrated(python, folder, do)
    made = json.loads(do("bugsink-manage", "shell", "-v", "0", "-c", _PREPARE).splitlines()[-1])
    program = folder / "shop.py"
    program.write_text(_PROGRAM)
    gunicorn = [str(python.parent / "gunicorn"), "bugsink.wsgi", f"--bind=127.0.0.1:{port}"]
    tls = [f"--certfile={certificate}", f"--keyfile={key}", "--threads=2"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen([*gunicorn, *tls], cwd=folder, env=env, stdout=log, stderr=log)
        try:
            _wait(url, certificate, server)
            do(python.name, str(program), made.pop("dsn"), str(certificate))
            yield Running(url, certificate, **made)
        finally:
            server.terminate()
            server.wait(20)


def _migrated(python: Path, folder: Path, do: Callable[..., str]) -> None:
    """Put empty databases into the folder; their migrations take a minute, so once a machine."""
    home = python.parent.parent
    (release,) = home.glob("lib/python*/site-packages/bugsink-*.dist-info")
    kept = home / f"{release.stem}.migrated"
    with (home / "migrated.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            do("bugsink-manage", "migrate", "--verbosity=0")
            do("bugsink-manage", "migrate", "--database=snappea", "--verbosity=0")
            new = home / "migrated.new"
            new.mkdir(exist_ok=True)
            for database in folder.glob("*.sqlite3"):
                shutil.copyfile(database, new / database.name)
            new.rename(kept)
    for database in kept.iterdir():
        shutil.copyfile(database, folder / database.name)


def _wait(url: str, certificate: Path, server: "subprocess.Popen[bytes]") -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    until = time.monotonic() + _START_S
    while time.monotonic() < until and server.poll() is None:
        try:
            ask = f"{url}/health/ready"
            urllib.request.urlopen(ask, context=trust, timeout=10).close()  # noqa: S310 # https
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Bugsink did not start; see server.log")
