"""What a spec links to is read, and nothing else."""

from pathlib import Path

from tests.context.twinned import wired

from unlit.context.changes import Create
from unlit.context.connectors.jira import Jira
from unlit.context.linked import LinkedItems
from unlit.core.clock import FakeClock

SITE = "https://example.atlassian.net"


def test_only_linked_tickets_are_read_each_once(tmp_path: Path) -> None:
    seeds = {"jira": {"projects": [{"key": "SEC", "name": "Security"}]}}
    with wired(tmp_path, "jira", SITE, seeds) as wire:
        jira = Jira(wire.api, FakeClock(), project="SEC")
        for title in ("first", "second", "third"):
            jira.apply(Create("SEC", title))
        text = f"See {SITE}/browse/SEC-2, and again ({SITE}/browse/SEC-2); not https://other/SEC-3."
        linked = LinkedItems([text, "no link"], {"jira": jira})
        refs = list(linked.search(""))
        items = [linked.fetch(ref) for ref in refs]
    assert [ref.key for ref in refs] == ["SEC-2"]
    assert [item.title for item in items if item] == ["second"]
