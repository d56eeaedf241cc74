"""What people answered, as labels for judges and examples for specs."""

from collections.abc import Iterator
from typing import Any

from unlit.record.store import Store


def labels(store: Store, *, runs: int = 1000) -> Iterator[dict[str, Any]]:
    """Yield one row for each answered question of the newest runs; a judge is measured on these.

    "Cannot tell" is kept apart: it is no label of either kind.
    """
    for run in store.runs(limit=runs):
        for question in store.questions(run.id):
            if question.answer is None:
                continue
            word, _, reason = question.answer.partition(": ")
            yield {
                "schema": "unlit.label/1",
                "run": run.id,
                "spec": run.spec_id,
                "spec_digest": run.spec_digest,
                "candidate": run.candidate,
                "criterion": question.criterion,
                "kind": question.kind,
                "label": {"yes": True, "no": False}.get(word),
                "answer": word,
                "reason": reason,
                "person": question.answered_by,
            }


def example_of(row: dict[str, Any]) -> str | None:
    """Return an example in the form of a spec, from a "no" with a reason; a person finishes it."""
    if row["label"] is not False or not row["reason"]:
        return None
    return (
        f"Example: {row['reason'][:80]}\n"
        f"- Input: as in run {row['run']}, candidate {row['candidate']}\n"
        f"- Outcome: not what was seen; {row['reason']}\n"
    )
