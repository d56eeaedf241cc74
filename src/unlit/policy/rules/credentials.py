"""Reading ``[credential.NAME]``: where a secret is kept and the only places it may go."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, cast

from unlit.policy.model import (
    CredentialRule,
    Exchange,
    Injection,
    Place,
    Rule,
    Source,
    SourceRule,
)
from unlit.policy.rules.globs import HOST_GLOB
from unlit.policy.rules.reading import Section

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SOURCES: Final = ("env", "file", "keyring", "command")
_PLACES: Final = ("header", "basic", "query", "json", "path", "sign")
_SOURCE_REMEDY: Final = 'Write source = {env = "NAME"}.'
PATH_MARK: Final = "-placeholder"
"""Ends the segment of a path in whose place a secret goes; the factory's own calls only."""
_INJECT_REMEDY: Final = 'Write inject = {header = "authorization"}.'
_TOKEN_URL: Final = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?/[!-~]*")
_EXCHANGES: Final = ("oauth_refresh", "service_account")


def read_credential(name: str, section: Section) -> CredentialRule:
    """Read one credential's rule."""
    if not _NAME.fullmatch(name):
        section.fail(None, f"{name!r} is no name for a credential.", "Use a-z, 0-9, - and _.")
    env = section.text("env")
    if env is not None and not _VARIABLE.fullmatch(env):
        section.fail("env", f"{env!r} is no variable name.", 'Write env = "API_KEY".')
    source = _source(section)
    hosts = section.texts("hosts")
    if not hosts:
        section.fail(None, "the credential names no hosts.", 'Add hosts = ["…"].', "POL-103")
    for host in hosts:
        if host != host.lower() or not HOST_GLOB.fullmatch(host):
            section.fail("hosts", f"{host!r} is no host.", 'Write hosts = ["api.example.com"].')
    if env is None and source.kind == "env":
        env = source.words[0]
    rule = CredentialRule(
        name=name,
        source=source,
        inject=_inject(section),
        hosts=hosts,
        ports=section.ports((443,)),
        methods=section.texts("methods"),
        paths=section.texts("paths"),
        env=env,
        prefix=section.text("prefix") or "",
        require=section.flag("require", default=True),
        exchange=_exchange(section),
        at=section.at,
    )
    section.done()
    return rule


def bound_by_credential(rule: Rule, credentials: Mapping[str, CredentialRule]) -> Rule:
    """Return a rule that matches only where its credential may go at all."""
    credential = credentials.get(rule.credential or "")
    if credential is None:
        return rule
    methods = rule.methods or credential.methods
    if rule.methods and credential.methods:
        methods = tuple(method for method in rule.methods if method in credential.methods)
        methods = methods or ("NONE",)
    rule = replace(rule, methods=methods, asked_methods=rule.methods)
    if not rule.paths:
        return replace(rule, paths=credential.paths)
    return replace(rule, within=credential.paths)


def _source(section: Section) -> SourceRule:
    table = section.table("source")
    if table is None:
        section.fail(None, "the credential has no source.", _SOURCE_REMEDY, "POL-103")
    found = [kind for kind in _SOURCES if table.raw(kind) is not None]
    if len(found) != 1:
        section.fail("source", "source must name exactly one place.", _SOURCE_REMEDY)
    kind = found[0]
    words = table.texts(kind, single=kind != "command")
    if kind == "keyring" and len(words) != 2:
        table.fail(kind, "keyring needs service and user.", 'Write keyring = ["service", "user"].')
    if kind in ("env", "file") and len(words) != 1:
        table.fail(kind, f"{kind} needs exactly one text.", _SOURCE_REMEDY)
    if kind == "env" and not _VARIABLE.fullmatch(words[0]):
        table.fail(kind, f"{words[0]!r} is no variable name.", _SOURCE_REMEDY)
    field = table.text("field") or ""
    table.done()
    return SourceRule(cast(Source, kind), words, field)


def _inject(section: Section) -> Injection:
    table = section.table("inject")
    if table is None:
        section.fail(None, "the credential has no inject.", _INJECT_REMEDY, "POL-103")
    found = [place for place in _PLACES if table.raw(place) is not None]
    if len(found) != 1:
        section.fail("inject", "inject must name exactly one place.", _INJECT_REMEDY)
    place = found[0]
    options: dict[str, str] = {}
    if place == "basic":
        table.flag("basic")
        name = "authorization"
    else:
        name = table.needed(place)
    if place == "header":
        name = name.lower()
    if place == "path" and not name.endswith(PATH_MARK):
        table.fail(
            "path", f"the segment must end in {PATH_MARK}.", 'Write path = "bot-placeholder".'
        )
    if place == "sign":
        options = {key: value for key in ("region", "service") if (value := table.text(key))}
    table.done()
    return Injection(cast(Place, place), name, options)


def _exchange(section: Section) -> Exchange | None:
    table = section.table("exchange")
    if table is None:
        return None
    kind = table.one_of("kind", _EXCHANGES, "oauth_refresh")
    exchange = Exchange(
        kind="service_account" if kind == "service_account" else "oauth_refresh",
        token_url=table.needed("token_url"),
        client_id=table.text("client_id") or "",
        client_secret_env=table.text("client_secret_env") or "",
        scope=table.text("scope") or "",
        send="json" if table.one_of("send", ("form", "json"), "form") == "json" else "form",
    )
    if not _TOKEN_URL.fullmatch(exchange.token_url):
        table.fail("token_url", "token_url must be https.", 'Write token_url = "https://…".')
    table.done()
    return exchange
