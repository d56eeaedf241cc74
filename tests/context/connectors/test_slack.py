"""Slack, over the wire against our Slack twin."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.context.twinned import Wire, wired

from unlit.context.changes import Comment, Create, Delete, Edit, Transition
from unlit.context.connectors.slack import Slack
from unlit.core.clock import FakeClock
from unlit.core.errors import UnlitError
from unlit.policy import read_entries, verify


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    seeds = {"slack": {"channels": [{"name": "security"}]}}
    with wired(tmp_path, "slack", "https://slack.com/api", seeds) as wire:
        yield wire


@pytest.fixture
def slack(wire: Wire) -> Slack:
    return Slack(wire.api, FakeClock(), project="#security")


def test_what_is_posted_can_be_read_searched_and_answered(slack: Slack, wire: Wire) -> None:
    ref = slack.apply(Create("", "Review due", "for Finance"))
    slack.apply(Comment(ref, "on it"))
    item = slack.fetch(ref)
    assert item is not None
    assert "Review due" in item.body
    assert "on it" in item.body
    assert [found.key for found in slack.search("finance")] == [ref.key]
    assert [one.body for one in slack.comments(ref)] == ["on it"]
    assert len(wire.universe.state(wire.world)["slack.messages"]) == 2


def test_a_message_can_be_changed_and_removed(slack: Slack, wire: Wire) -> None:
    ref = slack.apply(Create("", "first"))
    slack.apply(Edit(ref, body="second"))
    assert wire.universe.state(wire.world)["slack.messages"][0]["text"] == "second"
    slack.apply(Delete(ref))
    assert wire.universe.state(wire.world)["slack.messages"] == []


def test_what_slack_refuses_is_said_in_its_own_word(wire: Wire) -> None:
    slack = Slack(wire.api, FakeClock(), project="C0000000000")
    with pytest.raises(UnlitError, match="channel_not_found"):
        slack.apply(Create("", "hello"))


def test_a_channel_that_does_not_exist_is_named(wire: Wire) -> None:
    slack = Slack(wire.api, FakeClock(), project="#nowhere")
    with pytest.raises(UnlitError) as caught:
        list(slack.search(""))
    assert caught.value.code == "CTX-214"


def test_what_messages_do_not_have_is_refused_before_a_call(slack: Slack) -> None:
    ref = slack.apply(Create("", "x"))
    with pytest.raises(UnlitError) as caught:
        slack.apply(Transition(ref, "done"))
    assert caught.value.code == "CTX-213"


def test_every_call_is_in_the_audit_log_and_no_secret_is(slack: Slack, wire: Wire) -> None:
    slack.apply(Create("", "hello"))
    entries = [one for one in read_entries(wire.audit) if one.kind == "source.call"]
    assert any(str(one.fields["url"]).endswith("chat.postMessage") for one in entries)
    assert verify(wire.audit).ok
    token = wire.universe.tokens(wire.world)["slack"]
    assert all(token not in path.read_text(errors="replace") for path in wire.audit.iterdir())


def test_channels_and_members_are_listed_and_a_deleted_message_is_nothing(slack: Slack) -> None:
    assert "#security" in {one.key for one in slack.places()}
    assert list(slack.people())
    ref = slack.apply(Create("", "first"))
    slack.apply(Delete(ref))
    assert slack.fetch(ref) is None
