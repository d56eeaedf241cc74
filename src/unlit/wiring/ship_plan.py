"""How a repository ships: `unlit.toml` and policy made into a plan, a forge and their means."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from unlit.context.adapters.http_fetch import CREDENTIAL, Broker, HttpFetch, TwinAt
from unlit.context.api import Api
from unlit.core.ids import RunId
from unlit.core.system import SystemClock
from unlit.line.adopt import POLICY
from unlit.policy import AuditLog, Identity, load_policy, parse_policy
from unlit.record.store import Store
from unlit.review import build_report, render_markdown
from unlit.ship import Means, ShipPlan
from unlit.ship.adapters.forges import forge_of
from unlit.ship.model import ForgePlan, Signing
from unlit.wiring.after_gate import AfterGate
from unlit.wiring.factory import read_factory
from unlit.wiring.paths import FILE_NAME, StatePaths
from unlit.wiring.settings import Settings

ROLE = "deploy"


def after_gate_of(repository: Path) -> AfterGate:
    """Return what a repository says about the time after the gate; nothing without unlit.toml.

    Raises:
        InvalidInput: The file is not understood.
    """
    there = (repository / FILE_NAME).is_file()
    return read_factory(repository).after_gate if there else AfterGate()


def plan_of(said: AfterGate) -> ShipPlan:
    """Return the plan of shipping."""
    forge = said.forge
    return ShipPlan(
        branch=said.branch,
        remote=said.remote,
        changelog=said.changelog,
        sign=_signing(said.sign),
        forge=None
        if forge is None
        else ForgePlan(forge.kind, forge.project, forge.base_url, forge.merge, forge.method),
    )


def _signing(said: str) -> Signing | None:
    kind, _, key = said.partition(":")
    if kind == "ssh":
        return Signing("ssh", str(Path(key).expanduser()))
    return Signing("gpg", key) if kind == "gpg" else None


@contextmanager
def open_means(
    repository: Path,
    settings: Settings,
    paths: StatePaths,
    store: Store,
    *,
    run: str = "",
    twins: Mapping[str, TwinAt] | None = None,
) -> Iterator[Means]:
    """Open what shipping works with; calls to the forge are decided by policy and audited.

    Args:
        repository: The user's repository.
        settings: Its environment is where git and credentials find their own.
        paths: The repository's state.
        store: The record, for the pull request's text.
        run: For the audit log.
        twins: Where twins are that policy names, for tests.

    Raises:
        InvalidInput: unlit.toml or policy.toml is not understood.
    """
    plan = plan_of(after_gate_of(repository))

    def body(found: RunId) -> str:
        return render_markdown(build_report(store, found))

    if plan.forge is None:
        yield Means(plan, None, body, settings.env)
        return
    path = repository / "policy.toml"
    policy = load_policy(path) if path.is_file() else parse_policy(POLICY)
    audit = AuditLog.open_or_beside(
        paths.audit / "ship",
        {"log": "ship"},
        SystemClock(),
        name=f"ship-{os.getpid()}",
        key_dir=paths.root / "audit-key",
    )
    fetch = HttpFetch(
        Broker(policy, Identity(run, "ship", "unlit", ROLE), audit, settings.env, twins or {})
    )
    try:
        bearer = {"authorization": f"Bearer {CREDENTIAL}"}
        token = {"private-token": CREDENTIAL} if plan.forge.kind == "gitlab" else bearer
        kind = plan.forge.kind

        def api(url: str, headers: Mapping[str, str]) -> Api:
            return Api(fetch, url, kind, {**headers, **token})

        yield Means(plan, forge_of(plan.forge, api), body, settings.env)
    finally:
        fetch.close()
        audit.close()
