"""The card of every judge that people have labelled: its error rates, and whether it drifts."""

from pathlib import Path
from typing import Any, Final

from unlit.evaluation.labels import LabelRow, read_rows
from unlit.evaluation.rules.judging import MIN_LABELS, Card, card, drift

SCHEMA: Final = "unlit.judges/1"


def judge_cards(vault: Path) -> list[dict[str, Any]]:
    """Return one card for each judge and criterion with labels, by name.

    A "cannot tell" is no label of either kind here; how many there were is said.

    Raises:
        InvalidInput: The labels cannot be read.
    """
    groups: dict[tuple[str, str], list[LabelRow]] = {}
    for row in read_rows(vault):
        groups.setdefault((row.judge, row.criterion), []).append(row)
    return [
        {"criterion": criterion, **_card(judge, rows).to_json(), **_more(rows)}
        for (judge, criterion), rows in sorted(groups.items())
    ]


def _card(judge: str, rows: list[LabelRow]) -> Card:
    family = next((row.family for row in reversed(rows) if row.family), None)
    return card(judge, family, [row.label for row in rows if row.person is not None])


def _more(rows: list[LabelRow]) -> dict[str, Any]:
    """Return how many could not be told, who labelled, and whether the judge got worse.

    What the judge may disagree is what it did in its first labels; a CUSUM watches the later ones.
    """
    told = [row.label for row in rows if row.person is not None]
    first, later = told[:MIN_LABELS], told[MIN_LABELS:]
    usual = sum(label.judge != label.person for label in first) / len(first) if first else 0.0
    return {
        "cannot_tell": len(rows) - len(told),
        "people": sorted({row.by for row in rows if row.by and row.by != "rule"}),
        "drifts": drift(later, allowed=usual) if later else None,
    }
