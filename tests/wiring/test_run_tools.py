"""Which roles of a run get the context tools, and what they may search."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from unlit.context.adapters.index import Index
from unlit.context.mcp_server import Unwitnessed
from unlit.context.model import Item, Ref, Trust
from unlit.core.ids import CandidateId, RunId
from unlit.core.system import SystemClock
from unlit.line.model import Place
from unlit.policy import AuditLog, Identity, load_policy
from unlit.wiring.paths import state_paths
from unlit.wiring.run_tools import RunTools
from unlit.wiring.settings import Settings, read_settings
from unlit.wiring.sources import library_for

FACTORY = """
[factory]
name = "try"
[source.jira]
kind = "jira"
base_url = "https://example.atlassian.net"
project = "SEC"
"""
POLICY = """
version = 1
[[allow]]
role = "coder"
host = "context.unlit.internal"
twin = "context"
[files.coder]
write = ["."]
[files.product]
write = ["."]
"""
AT = datetime(2026, 3, 1, tzinfo=UTC)


class Bench:
    """A repository with a policy, its settings and its log."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.repository.mkdir()
        (self.repository / "unlit.toml").write_text(FACTORY)
        self.policy = self.repository / "policy.toml"
        self.policy.write_text(POLICY)
        self.settings: Settings = read_settings(flags={"state_home": folder / "state"})
        state_paths(self.settings, self.repository).create()
        self.audit = AuditLog.open(folder / "log", {}, SystemClock(), key_dir=folder / "keys")


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path)
    yield made
    made.audit.close()


@pytest.mark.enable_socket
@pytest.mark.parametrize(("role", "served"), [("coder", True), ("product", False)])
async def test_only_the_role_that_the_rule_names_gets_them(
    bench: Bench, role: str, served: bool
) -> None:
    tools = RunTools(bench.repository, bench.settings, bench.audit)
    made = 0

    def witness() -> Unwitnessed:
        nonlocal made
        made += 1
        return Unwitnessed()

    place = Place(RunId("r-1"), "build", "own", role, CandidateId("c1"))
    async with tools.serve(bench.policy, place, witness) as found:
        assert bool(found.twins) is served
        assert found.url == ("https://context.unlit.internal/mcp" if served else "")
        assert dict(found.env) == ({"UNLIT_CONTEXT_URL": found.url} if served else {})
    assert made == int(served)


async def test_an_agents_search_finds_nothing_of_the_persons_own_folder(bench: Bench) -> None:
    """What `unlit context index` read of the working folder may be uncommitted, and is not told."""
    index = Index(state_paths(bench.settings, bench.repository).root / "context.db")
    own = Ref("docs-in-repository", "document", "notes.md")
    index.put(
        [
            Item(own, "1", "Quiet desks", "salary list", Trust.INTERNAL, AT),
            Item(Ref("jira", "issue", "SEC-1"), "1", "Quiet desks", "", Trust.INTERNAL, AT),
        ]
    )
    index.close()
    identity = Identity("r-1", "build/c1", "own", "context")
    policy = load_policy(bench.policy)
    with library_for(bench.repository, policy, bench.audit, identity, bench.settings) as library:
        assert [hit.ref.source for hit in library.search("quiet")] == ["jira"]
        assert library.search("quiet", source="docs-in-repository") == []
