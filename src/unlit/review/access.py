"""What programs of a run asked for beyond its policy, and how each question stands."""

from datetime import datetime

from unlit.core.ids import RunId
from unlit.record.model import AccessState, granted_until
from unlit.record.store import Store
from unlit.review.model import AccessLine


def access_lines(store: Store, run: RunId, now: datetime) -> tuple[AccessLine, ...]:
    """Return a run's questions for access, in the order asked."""
    rows = store.access_questions(run)
    if not rows:
        return ()
    decided = {row.gate: row for row in store.gate_decisions(run)}
    lines = []
    for row in rows:
        decision = decided.get(row.gate)
        state = row.state(decision, now)
        granted = state in (AccessState.GRANTED, AccessState.OVER)
        lines.append(
            AccessLine(
                number=row.number,
                stage=row.stage,
                agent=row.agent,
                role=row.role,
                request=row.request,
                reason=row.reason,
                state=state.value,
                asked_at=row.asked_at,
                expires_at=row.expires_at,
                person=None if decision is None else decision.person,
                said="" if decision is None else decision.reason,
                until=granted_until(decision) if decision is not None and granted else None,
            )
        )
    return tuple(lines)


def standing_words(line: AccessLine) -> str:
    """Say in a few words how a question stands."""
    if line.state == AccessState.OPEN.value:
        return f"open until {line.expires_at:%d %b %H:%M} UTC"
    if line.state == AccessState.EXPIRED.value:
        return f"nobody answered until {line.expires_at:%d %b %H:%M} UTC"
    if line.state == AccessState.REFUSED.value:
        return f"refused by {line.person}: {line.said}"
    verb = "allowed" if line.state == AccessState.GRANTED.value else "was allowed"
    until = "" if line.until is None else f" until {line.until:%d %b %H:%M} UTC"
    return f"{verb}{until} by {line.person}: {line.said}"
