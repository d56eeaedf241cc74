"""Audit entries for people: one line each, with nothing in it that a terminal would obey."""

import json

from unlit.policy.model import AuditEntry


def entry_text(entry: AuditEntry) -> str:
    """Render one entry on one line."""
    who = "/".join(part for part in (entry.identity.run, entry.identity.stage) if part) or "-"
    actor = f"{entry.identity.agent}({entry.identity.role})"
    fields = " ".join(f"{key}={_short(value)}" for key, value in entry.fields.items())
    return inert(f"{entry.index:>7} {entry.at} {who} {actor} {entry.kind} {fields}")


def entry_json(entry: AuditEntry) -> str:
    """Render one entry as a JSON line, ASCII only."""
    row = {
        "schema": "unlit.audit-entry/1",
        "index": entry.index,
        "at": entry.at,
        "kind": entry.kind,
        "run": entry.identity.run,
        "stage": entry.identity.stage,
        "agent": entry.identity.agent,
        "role": entry.identity.role,
        "fields": entry.fields,
    }
    return json.dumps(row, ensure_ascii=True)


def inert(text: str) -> str:
    """Make every character that is not plainly printable visible as an escape."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _short(value: object) -> str:
    if isinstance(value, str):
        # quoted where a space could make one field look like two
        return json.dumps(value, ensure_ascii=False) if " " in value or "=" in value else value
    return json.dumps(value, ensure_ascii=True)
