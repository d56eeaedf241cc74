"""Makes the library of a repository's sources: connectors, their calls, the index."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from unlit.context.adapters.http_fetch import CREDENTIAL, Broker, HttpFetch, TwinAt
from unlit.context.adapters.index import Index
from unlit.context.adapters.pending import PendingChanges
from unlit.context.api import Api
from unlit.context.confirming import WriteRules
from unlit.context.connectors.design_tokens import DesignTokens
from unlit.context.connectors.markdown import MarkdownFolder
from unlit.context.library import Library
from unlit.context.ports import Connector
from unlit.context.registry import CONNECTORS, FOLDERS, connector_class, folder_class
from unlit.core.clock import Clock
from unlit.core.errors import InvalidInput
from unlit.core.system import SystemClock
from unlit.line.adopt import POLICY
from unlit.policy import AuditLog, Identity, Policy, load_policy, parse_policy
from unlit.wiring.factory import SourceSettings, read_factory
from unlit.wiring.paths import FILE_NAME, evaluations_beside, state_paths, vault_path
from unlit.wiring.settings import Settings, read_settings

ROLE = "context"


@contextmanager
def open_library(
    repository: Path, flags: Mapping[str, str | int | Path | None] | None = None
) -> Iterator[Library]:
    """Open every configured source of a repository, and its own documents and design tokens.

    Raises:
        InvalidInput: A source names no known connector, or lacks its base URL.
        OutsideFailed: The audit log cannot be written.
    """
    settings = read_settings(flags=flags)
    paths = state_paths(settings, repository)
    paths.create()
    clock = SystemClock()
    policy = _policy(repository)
    # A log of its own: a run may hold the repository's.
    audit = AuditLog.open_or_beside(
        paths.audit / f"context-{os.getpid()}", {"program": "unlit context"}, clock,
        name="beside", key_dir=paths.root / "audit-key",  # a service and its line read side by side
    )  # fmt: skip
    broker = _broker(policy, audit, settings)
    own: Mapping[str, Connector] = {
        "docs-in-repository": MarkdownFolder(repository, clock, "docs-in-repository"),
        "tokens": DesignTokens(repository, clock),
    }
    try:
        with _library(repository, broker, settings, own) as library:
            yield library
    finally:
        audit.close()


@contextmanager
def library_for(
    repository: Path, policy: Policy, audit: AuditLog, identity: Identity, settings: Settings
) -> Iterator[Library]:
    """Open the sources outside a repository for an agent at work on it.

    Its own documents are left out: an agent has the commit that it works on in its folder, and
    what else lies in the person's folder is not for it.

    Args:
        repository: Whose sources.
        policy: The policy of the run; its role `context` says what may be called.
        audit: The log of the run.
        identity: The agent, in the role `context`.
        settings: Where secrets and twins are found.

    Raises:
        UnlitError: A source is not one, or the index cannot be opened.
    """
    broker = Broker(policy, identity, audit, settings.env, _twins(settings.env))
    with _library(repository, broker, settings, {}) as library:
        yield library


@contextmanager
def _library(
    repository: Path, broker: Broker, settings: Settings, own: Mapping[str, Connector]
) -> Iterator[Library]:
    """Make the library of what unlit.toml configures and `own`; without own ones it is narrow."""
    clock = SystemClock()
    paths = state_paths(settings, repository)
    configured = _configured(repository)
    fetch = HttpFetch(broker)

    def note(kind: str, fields: Mapping[str, str]) -> None:
        broker.audit.append(kind, broker.identity, fields, sync=True)

    index = Index(paths.root / "context.db")
    try:
        sources = dict(own)
        for name, said in configured.items():
            sources[name] = (
                _folder(name, said, repository, settings, clock)
                if said.kind in FOLDERS
                else make_connector(name, said, fetch, clock)
            )
        rules = {name: WriteRules(said.confirm, said.block) for name, said in configured.items()}
        pending = PendingChanges(paths.root / "confirmations", clock)
        yield Library(
            sources, index, tuple(configured), rules=rules, pending=pending, note=note,
            narrow=not own,
        )  # fmt: skip
    finally:
        index.close()
        fetch.close()


def _folder(
    name: str, said: SourceSettings, repository: Path, settings: Settings, clock: Clock
) -> Connector:
    """Make a source of the files of a folder, which is read without any call.

    Raises:
        InvalidInput: It is no folder, or shows scenarios or the state of runs.
    """
    folder = (repository / said.project).resolve()
    if not folder.is_dir():
        raise InvalidInput(
            "CTX-326",
            f"Source {name} is of files, and {folder} is not a folder.",
            "`project` names the folder, from the repository or absolute.",
            f"correct it in [source.{name}] of unlit.toml.",
        )
    vault = vault_path(settings, repository).resolve()
    for hidden in (vault, evaluations_beside(vault), state_paths(settings, repository).root):
        if folder.is_relative_to(hidden) or hidden.is_relative_to(folder):
            raise InvalidInput(
                "CTX-327",
                f"Source {name} would show {hidden}: {folder} and it lie inside one another.",
                "who writes must not reach what grades.",
                f"name a narrower folder in [source.{name}] of unlit.toml.",
            )
    return folder_class(said.kind)(folder, clock, name)


def make_connector(name: str, said: SourceSettings, fetch: HttpFetch, clock: Clock) -> Connector:
    """Make one instance of a connector.

    Raises:
        UsageError: There is no connector of that kind.
        InvalidInput: It has no usual place and none is said.
    """
    made = connector_class(said.kind)
    row = CONNECTORS.get(said.kind)
    base_url = said.base_url or (row.base_url if row is not None else "")
    if not base_url:
        raise InvalidInput(
            "CTX-316",
            f"Source {name} does not say where its {said.kind} is.",
            "this kind of service has no usual place.",
            f'add base_url = "https://…" to [source.{name}] in unlit.toml.',
        )
    headers = dict(row.headers or {}) if row is not None else {}
    if row is not None and row.bearer:
        headers["authorization"] = f"Bearer {CREDENTIAL}"
    return made(Api(fetch, base_url, name, headers), clock, name=name, project=said.project)


def _configured(repository: Path) -> Mapping[str, SourceSettings]:
    return read_factory(repository).sources if (repository / FILE_NAME).is_file() else {}


def _policy(repository: Path) -> Policy:
    path = repository / "policy.toml"
    return load_policy(path) if path.is_file() else parse_policy(POLICY)


def _broker(policy: Policy, audit: AuditLog, settings: Settings) -> Broker:
    identity = Identity("", "context", "unlit", ROLE)
    return Broker(policy, identity, audit, settings.env, _twins(settings.env))


def _twins(env: Mapping[str, str]) -> Mapping[str, TwinAt]:
    """Find twins that run: UNLIT_TWIN_JIRA_URL, and its token in UNLIT_TWIN_JIRA."""
    found = {}
    for name, address in env.items():
        if name.startswith("UNLIT_TWIN_") and name.endswith("_URL"):
            token = env.get(name.removesuffix("_URL"), "")
            headers = {"authorization": f"Bearer {token}"} if token else {}
            service = name.removeprefix("UNLIT_TWIN_").removesuffix("_URL").lower()
            found[service] = TwinAt(address.rstrip("/"), headers)
    return found
