"""The way to the forge whose checks the line watches; decided by policy, audited."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unlit.context.adapters.http_fetch import CREDENTIAL, Broker, HttpFetch
from unlit.context.api import Api
from unlit.core.system import SystemClock
from unlit.line.adapters.forge_checks import ForgeChecks
from unlit.line.adopt import POLICY
from unlit.policy import AuditLog, Identity, load_policy, parse_policy
from unlit.ship.adapters.forges import HEADERS, USUAL
from unlit.wiring.factory import Factory
from unlit.wiring.paths import StatePaths
from unlit.wiring.settings import Settings

ROLE = "deploy"


def forge_checks(
    repository: Path, settings: Settings, paths: StatePaths, factory: Factory
) -> ForgeChecks:
    """Return what asks the forge of this factory."""
    forge = factory.after_gate.forge
    base_url = "" if forge is None else forge.base_url

    @contextmanager
    def open_api(kind: str) -> Iterator[Api]:
        path = repository / "policy.toml"
        policy = load_policy(path) if path.is_file() else parse_policy(POLICY)
        audit = AuditLog.open_or_beside(
            paths.audit / "ship",
            {"log": "ship"},
            SystemClock(),
            name=f"checks-{os.getpid()}",
            key_dir=paths.root / "audit-key",
        )
        identity = Identity("", "ci", "unlit", ROLE)
        fetch = HttpFetch(Broker(policy, identity, audit, settings.env, {}))
        bearer = {"authorization": f"Bearer {CREDENTIAL}"}
        token = {"private-token": CREDENTIAL} if kind == "gitlab" else bearer
        try:
            yield Api(fetch, base_url or USUAL[kind], kind, {**HEADERS[kind], **token})
        finally:
            fetch.close()
            audit.close()

    return ForgeChecks(open_api)
