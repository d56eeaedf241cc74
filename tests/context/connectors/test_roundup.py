"""Roundup, the real server, over TLS with a password from policy.

UNLIT_ROUNDUP_PYTHON names a Python that has the package `roundup`; without it the tests say that
nothing was exercised.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.context.listening import listening
from tests.context.tls import certify

from unlit.context.adapters.http_fetch import Broker, HttpFetch
from unlit.context.api import Api
from unlit.context.changes import Assign, Comment, Create, Delete, Edit, Start, Transition
from unlit.context.connectors.roundup import Roundup
from unlit.context.model import Ref
from unlit.context.registry import CONNECTORS
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PYTHON = Path(
    os.environ.get("UNLIT_ROUNDUP_PYTHON") or CACHE / "unlit" / "roundup" / "bin" / "python"
)
SERVE = """
import ssl, sys
from wsgiref.simple_server import make_server
from roundup.cgi.wsgi_handler import RequestDispatcher
server = make_server("127.0.0.1", int(sys.argv[2]), RequestDispatcher(sys.argv[1]))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[3:5])
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
POLICY = """
version = 1
[[allow]]
role = "context"
host = "127.0.0.1"
ports = [{port}]
allow_private = true
credential = "tracker"
[credential.tracker]
source = {{env = "FAKE"}}
inject = {inject}
hosts = ["127.0.0.1"]
ports = [{port}]
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not (PYTHON.parent / "roundup-admin").exists(), reason="Roundup is not installed"
    ),
]


def _install(home: Path, folder: Path, port: int) -> None:
    """Make a tracker that needs nothing of the machine: its mail goes into a file."""
    said = {
        "tracker_web": f"https://127.0.0.1:{port}/",
        "mail_domain": "example.com",
        "mail_host": "127.0.0.1",
        "mail_debug": folder / "mail",
        "password_pbkdf2_default_rounds": 1000,  # each call of basic authentication hashes it
    }
    options = ",".join(f"{name}={value}" for name, value in said.items())
    for words in (
        ["install", "classic", "sqlite", options],
        ["initialise", "fake-admin"],
        ["create", "user", "username=ada", "password=fake-ada", "address=ada@example.com",
         "roles=User"],
    ):  # fmt: skip
        done = subprocess.run(
            [str(PYTHON.parent / "roundup-admin"), "-i", str(home), *words],
            input=b"y\n", capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout + done.stderr)


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, Path]]:
    folder = tmp_path_factory.mktemp("roundup")
    home = folder / "tracker"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    _install(home, folder, port)
    certificate, key = certify(folder)
    (folder / "serve.py").write_text(SERVE)
    argv = [str(PYTHON), str(folder / "serve.py"), str(home), str(port), str(certificate), str(key)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder)
        try:
            assert listening(port)
            yield f"https://127.0.0.1:{port}", port, certificate
        finally:
            server.terminate()
            server.wait(20)


def _opened(tracker: tuple[str, int, Path], tmp_path: Path, secret: str) -> Roundup:
    url, port, certificate = tracker
    row = CONNECTORS["roundup"]
    audit = AuditLog.open(tmp_path / "audit", {}, SystemClock())
    policy = parse_policy(POLICY.format(port=port, inject=row.inject))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        broker = Broker(
            policy, Identity("r-test", "context", "unlit", "context"), audit, {"FAKE": secret}
        )
        fetch = HttpFetch(broker, pause=lambda seconds: None)
    return Roundup(Api(fetch, url, "roundup", row.headers), FakeClock())


def test_an_issue_from_its_creation_to_its_end(
    tracker: tuple[str, int, Path], tmp_path: Path
) -> None:
    roundup = _opened(tracker, tmp_path, "admin:fake-admin")
    ref = roundup.apply(Create("", "Paging is wrong", "Second page.", kind="bug"))
    assert list(roundup.search("paging")) == [ref]
    item = roundup.fetch(ref)
    assert item is not None
    assert (item.title, item.body, item.status) == ("Paging is wrong", "Second page.", "unread")
    assert item.time is not None
    roundup.apply(Comment(ref, "seen twice"))
    assert [one.body for one in roundup.comments(ref)] == ["seen twice"]
    assert {"ada", "admin"} <= {one.key for one in roundup.people()}
    for change in (Edit(ref, title="Paging was wrong"), Start(ref), Assign(ref, "ada")):
        roundup.apply(change)
    item = roundup.fetch(ref)
    assert item is not None
    assert (item.title, item.status) == ("Paging was wrong", "in-progress")
    assert item.people
    assert "resolved" in roundup.statuses(ref)
    roundup.apply(Transition(ref, "Resolved"))
    with pytest.raises(UnlitError, match="in-progress"):
        roundup.apply(Transition(ref, "frozen"))
    with pytest.raises(UnlitError, match="knows nobody"):
        roundup.apply(Assign(ref, "eve"))
    assert roundup.owns(str(item.url)) == ref
    roundup.apply(Delete(ref))
    assert roundup.fetch(ref) is None
    assert roundup.fetch(Ref("roundup", "issue", "99999")) is None


def test_a_long_list_is_read_to_its_end(tracker: tuple[str, int, Path], tmp_path: Path) -> None:
    roundup = _opened(tracker, tmp_path, "admin:fake-admin")
    made = {roundup.apply(Create("", f"Number {number}")).key for number in range(103)}
    assert made <= {ref.key for ref in roundup.search("Number")}


def test_what_another_person_says_is_mailed_and_read(
    tracker: tuple[str, int, Path], tmp_path: Path
) -> None:
    admin = _opened(tracker, tmp_path / "a", "admin:fake-admin")
    ref = admin.apply(Create("", "Export hangs", "For ever."))
    _opened(tracker, tmp_path / "b", "ada:fake-ada").apply(Comment(ref, "for me too"))
    (said,) = admin.comments(ref)
    assert (said.body, said.people) == ("for me too", ("ada",))
    assert "for me too" in (tracker[2].parent / "mail").read_text()


def test_a_wrong_password_and_a_missing_right_are_told_in_its_words(
    tracker: tuple[str, int, Path], tmp_path: Path
) -> None:
    with pytest.raises(UnlitError, match=r"Invalid [Ll]ogin") as caught:
        list(_opened(tracker, tmp_path / "a", "admin:fake-wrong").search(""))
    assert caught.value.code == "CTX-201"
    ada = _opened(tracker, tmp_path / "b", "ada:fake-ada")
    ref = ada.apply(Create("", "Mine", "With a text."))
    with pytest.raises(UnlitError) as refused:
        ada.apply(Delete(ref))
    assert refused.value.code == "CTX-202", refused.value.what
