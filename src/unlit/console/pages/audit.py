"""The audit log from its end: what was touched, by whom, under which rule; and denials."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from unlit.console.web import Page
from unlit.policy import AuditEntry
from unlit.policy.audit.reading import is_denial
from unlit.review.adapters.log_tail import Tail, tail

_WANT: Final = 100
LOGS: Final = ("fences", "gates")


def audit(page: Page) -> Response:
    """Show the newest entries of a log, or its JSON."""
    log = page.param("log") if page.param("log") in LOGS else LOGS[0]
    run, denied = page.param("run")[:80], page.param("denied") == "1"
    kind = page.param("kind")[:60]
    before = page.param("before")
    folders = dict(zip(LOGS, page.console.place.audit, strict=False))

    def keep(entry: AuditEntry) -> bool:
        return (
            (not run or entry.identity.run.startswith(run))
            and (not denied or is_denial(entry))
            and (not kind or entry.kind == kind)
        )

    found = Tail((), None, True)
    if log in folders:
        at = int(before) if before.isdigit() else None
        found = tail(folders[log], keep, want=_WANT, before=at)
    if page.wants_json:
        plain = [
            {"index": e.index, "at": e.at, "kind": e.kind, "run": e.identity.run,
             "role": e.identity.role, "fields": dict(e.fields)}
            for e in found.entries
        ]  # fmt: skip
        return page.json({"schema": "unlit.audit/1", "entries": plain, "before": found.before})
    rows = [(entry, words_of(entry), is_denial(entry)) for entry in found.entries]
    return page.render(
        "audit.html", rows=rows, found=found, log=log, run=run, denied=denied, kind=kind,
        is_first=not before,
    )  # fmt: skip


def words_of(entry: AuditEntry) -> str:
    """Say an entry in a few words."""
    fields: Mapping[str, Any] = entry.fields
    if "url" in fields:
        return f"{fields.get('method', '')} {shortened(str(fields['url']))}"
    if entry.kind == "gate.decision":
        return f"{fields.get('decision')} at {fields.get('gate')}: {fields.get('reason')}"
    if entry.kind == "question.answer":
        return f"{fields.get('criterion') or 'question'}: {fields.get('answer')}"
    kept = [
        f"{key} {shortened(str(value), 24)}"
        for key, value in fields.items()
        if isinstance(value, str | int)
    ]
    return ", ".join(kept)[:300]


def shortened(text: str, most: int = 90) -> str:
    """Leave out the middle of a long text; of an address, what is between host and last part."""
    if len(text) <= most:
        return text
    head, slash, rest = text.partition("://")
    if slash:
        host, _, path = rest.partition("/")
        text = f"{head}://{host}/…/{path.rpartition('/')[2]}"
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 + 1 :]}"
