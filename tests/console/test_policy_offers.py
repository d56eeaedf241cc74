"""Proposed rules: offered from what was denied, accepted by a person, tested before kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.console.conftest import Bench
from tests.console.test_app import csrf_of

from unlit.console.model import ALL_ROLES, Place, Role
from unlit.core.errors import InvalidInput, RefusedByPolicy
from unlit.core.system import SystemClock
from unlit.policy import AuditLog, Identity, Request, decide, load_policy, read_entries
from unlit.review.amending import accept, offers
from unlit.review.fakes import FakeGateLog

POLICY = """version = 1
[[allow]]
role = "product"
host = "slack.com"
twin = "slack"
[[forbid]]
role = "coder"
host = "evil.example"
[[test]]
role = "coder"
request = "GET https://never.example/"
expect = "deny"
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "policy.toml").write_text(POLICY, encoding="utf-8")
    log = AuditLog.open(tmp_path / "audit", {}, SystemClock(), key_dir=tmp_path / "keys")
    wiki = "https://wiki.example/pages/12345678"
    for url, rule in ((wiki, "default deny"), (wiki, "default deny"),
                      ("https://evil.example/x", "forbid[1]"),
                      ("https://never.example/", "default deny")):  # fmt: skip
        fields: dict[str, Any] = {"method": "GET", "url": url, "rule": rule, "outcome": "deny"}
        log.append("exchange", Identity("r-1", "build", "codex", "coder"), fields)
    log.close()
    return Place(tmp_path, audit=(tmp_path / "audit",), policy=tmp_path / "policy.toml")


def test_only_what_nothing_forbids_is_offered(place: Place) -> None:
    assert place.policy is not None
    found = offers(read_entries(place.audit[0]), load_policy(place.policy))
    assert [one.proposal.host for one in found] == ["never.example", "wiki.example"]
    assert found[1].proposal.requests == 2


def test_an_accepted_rule_allows_exactly_that_and_says_who_and_why(place: Place) -> None:
    assert place.policy is not None
    offer = offers(read_entries(place.audit[0]), load_policy(place.policy))[1]
    log = FakeGateLog()
    with pytest.raises(RefusedByPolicy, match="with a reason"):
        accept(log, place.policy, offer, "dana", "  ")
    assert log.entries == []
    policy = accept(log, place.policy, offer, "dana", 'the format\n[[allow]]\nhost = "*"')
    assert load_policy(place.policy).digest == policy.digest
    assert decide(policy, Request("coder", "https", "wiki.example", 443, "GET", "/pages/9999999999"
                                  )).allowed  # fmt: skip
    assert not decide(policy, Request("coder", "https", "other.example", 443, "GET", "/")).allowed
    text = place.policy.read_text()
    assert "accepted by dana" in text
    assert "# the format [[allow]] host" in text
    assert [entry[0] for entry in log.entries] == ["policy.accept"]
    assert offers(read_entries(place.audit[0]), policy)[0].proposal.host == "never.example"


def test_a_rule_that_breaks_the_policys_own_tests_is_not_kept(place: Place) -> None:
    assert place.policy is not None
    offer = offers(read_entries(place.audit[0]), load_policy(place.policy))[0]
    log = FakeGateLog()
    with pytest.raises(InvalidInput):
        accept(log, place.policy, offer, "dana", "because")
    assert place.policy.read_text() == POLICY
    assert log.entries == []
    assert sorted(path.name for path in place.policy.parent.glob("*.toml")) == ["policy.toml"]
    assert list(place.policy.parent.glob(".policy*")) == []


def test_an_owner_accepts_in_the_console_and_a_reader_does_not(
    make_bench: Callable[..., Bench], place: Place
) -> None:
    assert place.policy is not None
    offer = offers(read_entries(place.audit[0]), load_policy(place.policy))[1]
    reader = make_bench(ALL_ROLES - {Role.OWNER}, place).logged_in()
    assert "needs the role" in reader.get("/policy").text
    assert reader.post(f"/policy/offers/{offer.name}").status_code == 403
    bench = make_bench(ALL_ROLES, place)
    client = bench.logged_in()
    form = {"csrf": csrf_of(client, "/policy"), "reason": "the format is there"}
    assert client.post("/policy/offers/0123", data=form).status_code == 409
    assert client.post(f"/policy/offers/{offer.name}", data=form).status_code == 303
    page = client.get("/policy").text
    assert "coder may GET on wiki.example" in page
    assert [entry[0] for entry in bench.log.entries] == ["policy.accept"]
    assert client.post(f"/policy/offers/{offer.name}", data=form).status_code == 409
