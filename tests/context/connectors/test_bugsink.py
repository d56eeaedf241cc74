"""Bugsink, the real server, with events of the real sentry-sdk.

It speaks TLS on loopback, since policy lets no credential travel over plain HTTP: so the token
takes the way it takes in earnest, from the environment through the policy's credential.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.context.connectors.bugsink_server import Running, bugsink_python, running

from unlit.context.adapters.http_fetch import Broker, HttpFetch
from unlit.context.model import Ref, Trust
from unlit.context.ports import Connector
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, parse_policy, read_entries
from unlit.wiring.factory import SourceSettings
from unlit.wiring.sources import make_connector

PYTHON = bugsink_python()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(PYTHON is None, reason="Bugsink is not installed (scripts/bugsink.sh)"),
]
POLICY = """
version = 1
[[allow]]
role = "context"
host = "127.0.0.1"
ports = [{port}]
methods = ["GET"]
allow_private = true
credential = "bugsink"
[credential.bugsink]
source = {{env = "FAKE_BUGSINK_TOKEN"}}
inject = {{header = "authorization"}}
hosts = ["127.0.0.1"]
ports = [{port}]
methods = ["GET"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    assert PYTHON is not None
    with running(PYTHON, tmp_path_factory.mktemp("bugsink")) as found:
        yield found


@contextlib.contextmanager
def _connected(server: Running, folder: Path, token: str, project: str = "") -> Iterator[Connector]:
    policy = parse_policy(POLICY.format(port=urlsplit(server.url).port))
    audit = AuditLog.open(folder / "audit", {}, SystemClock())
    broker = Broker(
        policy,
        Identity("r-test", "context", "unlit", "context"),
        audit,
        {"FAKE_BUGSINK_TOKEN": token},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(server.certificate))
        fetch = HttpFetch(broker, pause=lambda seconds: None)
    said = SourceSettings(
        kind="bugsink",
        base_url=f"{server.url}/api/canonical/0",
        project=project or server.project,
    )
    try:
        yield make_connector("bugsink", said, fetch, FakeClock())
    finally:
        fetch.close()
        audit.close()


@pytest.fixture
def bugsink(server: Running, tmp_path: Path) -> Iterator[Connector]:
    with _connected(server, tmp_path, server.token) as found:
        yield found


def test_every_error_is_found_page_by_page(bugsink: Connector) -> None:
    refs = list(bugsink.search(""))
    assert len(refs) == len(set(refs)) == 262
    newest = bugsink.fetch(refs[0])
    assert newest is not None
    assert newest.title == "KeyError: 'card'"


def test_words_are_searched_in_type_and_message(bugsink: Connector) -> None:
    (ref,) = bugsink.search("warehouse timeouterror")
    item = bugsink.fetch(ref)
    assert item is not None
    assert item.title == "TimeoutError: the warehouse did not answer"
    assert list(bugsink.search("warehouse keyerror")) == []


def test_an_error_is_read_with_the_stack_of_its_latest_event(
    bugsink: Connector, server: Running
) -> None:
    (ref,) = bugsink.search("card")
    item = bugsink.fetch(ref)
    assert item is not None
    assert "Seen 3 times." in item.body
    assert "shop.py:12 in `checkout`" in item.body
    assert 'return basket["customer"]["card"]' in item.body
    assert (item.status, item.trust) == ("open", Trust.PUBLIC)
    assert item.time is not None
    assert item.revision
    assert item.url == f"{server.url}/issues/issue/{ref.key}/event/last/"


def test_the_address_of_an_error_leads_to_it(bugsink: Connector, server: Running) -> None:
    (ref,) = bugsink.search("card")
    item = bugsink.fetch(ref)
    assert item is not None
    assert item.url is not None
    assert bugsink.owns(item.url) == ref
    assert bugsink.owns(f"{server.url}/issues/{server.project}/") is None
    assert bugsink.owns(f"https://other.example/issues/issue/{ref.key}/event/last/") is None
    friendly = bugsink.fetch(Ref("bugsink", "error", "shop-262"))
    assert friendly is not None
    assert friendly.title == item.title


def test_what_is_not_there_is_none(bugsink: Connector) -> None:
    gone = Ref("bugsink", "error", "00000000-0000-4000-8000-000000000000")
    assert bugsink.fetch(gone) is None


def test_a_project_that_is_not_there_is_said(server: Running, tmp_path: Path) -> None:
    with (
        _connected(server, tmp_path, server.token, project="77") as bugsink,
        pytest.raises(UnlitError) as caught,
    ):
        list(bugsink.search(""))
    assert caught.value.code == "CTX-206"
    assert "No Project matches" in str(caught.value)


def test_a_wrong_token_is_refused_in_the_servers_own_words(server: Running, tmp_path: Path) -> None:
    with (
        _connected(server, tmp_path, "f" * 40) as bugsink,
        pytest.raises(UnlitError) as caught,
    ):
        list(bugsink.search(""))
    assert caught.value.code == "CTX-201"
    assert "Invalid Bearer token" in str(caught.value)
    assert "ffff" not in str(caught.value)


def test_a_token_that_may_not_read_events_is_said(server: Running, tmp_path: Path) -> None:
    with _connected(server, tmp_path, server.no_events) as bugsink:
        (ref,) = bugsink.search("card")
        with pytest.raises(UnlitError) as caught:
            bugsink.fetch(ref)
    assert caught.value.code == "CTX-202"


def test_every_call_is_in_the_audit_log_without_the_token(server: Running, tmp_path: Path) -> None:
    with _connected(server, tmp_path, server.token) as bugsink:
        (ref,) = bugsink.search("card")
        bugsink.fetch(ref)
    calls = [one for one in read_entries(tmp_path / "audit") if one.kind == "source.call"]
    assert len(calls) == 5
    assert {one.fields["credential"] for one in calls} == {"bugsink"}
    written = b"".join(path.read_bytes() for path in (tmp_path / "audit").rglob("*.*"))
    assert server.token.encode() not in written
