"""A ticket becomes a spec, and what the spec lacks is written back, over the wire."""

from pathlib import Path

from tests.context.twinned import wired

from unlit.context.adapters.index import Index
from unlit.context.changes import Create
from unlit.context.connectors.jira import Jira
from unlit.context.library import Library
from unlit.core.clock import FakeClock
from unlit.intent import parse_spec, ready
from unlit.intent.rules.render import render_spec
from unlit.line.tickets import spec_from_ticket, write_readiness

BASE = "https://example.atlassian.net"
BODY = "Too many guesses.\n\n## Acceptance criteria\n\n- The service must lock after 5 failures\n"


def test_a_ticket_becomes_a_spec_and_hears_what_is_missing(tmp_path: Path) -> None:
    with wired(tmp_path, "jira", BASE, {"jira": {"projects": [{"key": "SEC"}]}}) as wire:
        source = Jira(wire.api, FakeClock())
        key = source.apply(Create("SEC", "Lock accounts", BODY)).key
        library = Library({"jira": source}, Index(Path(":memory:")))
        imported = spec_from_ticket(library, key, owner="a@example.com")
        assert imported.spec.criteria[0].text == "The service must lock after 5 failures."
        assert f"From jira:{key}" in imported.spec.intent
        spec = parse_spec(render_spec(imported.spec))
        write_readiness(library, key, spec, ready(spec), person="ann")
        comments = library.read(library.owner(key), comments=True)
        said = "\n".join(item.body for item in comments)
        assert "is not ready" in said
        assert "AC-1 has no example" in said
