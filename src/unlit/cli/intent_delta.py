"""What a changed spec makes worthless: scenarios of a vault, verdicts of the record."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unlit.core.ids import CriterionId, ScenarioId
    from unlit.intent.rules.delta import Delta


def delta_of(old: Path, new: Path, vault: Path | None, repository: Path | None) -> "Delta":
    """Compare two versions of a spec, with what lies in a vault and in a repository's record.

    Raises:
        InvalidInput: A spec or the vault cannot be read.
    """
    from unlit.cli.spec_text import read_text
    from unlit.intent import parse_spec
    from unlit.intent.rules.delta import delta

    before = parse_spec(read_text(old), old)
    after = parse_spec(read_text(new), new)
    scenarios = _scenarios(vault, before.id) if vault is not None else None
    verdicts = None
    if repository is not None:
        verdicts = _verdicts(repository, before.id, tuple(one.id for one in before.criteria))
    return delta(before, after, scenarios=scenarios, verdicts=verdicts)


def _scenarios(vault: Path, spec: str) -> "Mapping[ScenarioId, Iterable[CriterionId]]":
    from unlit.evaluation.vault import load_vault

    found = load_vault(vault, spec=spec)
    for file in sorted({one.file for one in found.findings if one.severity == "error"}):
        sys.stderr.write(f"{vault / file} cannot be read: `unlit scenarios lint` says why\n")
    return {one.id: one.criteria for one in found.scenarios}


def _verdicts(
    repository: Path, spec: str, criteria: "tuple[CriterionId, ...]"
) -> "Mapping[str, Iterable[CriterionId]]":
    """Return past gradings of the spec by ``RUN/CANDIDATE/PARTITION``; each judged all criteria."""
    from unlit.wiring.build import open_record

    store, _ = open_record(repository)
    found = {}
    for run in store.runs(limit=1000, spec_id=spec):
        for one in store.evaluations(run.id):
            judged = [row["criterion"] for row in one.feedback if "criterion" in row]
            found[f"{run.id}/{one.candidate}/{one.partition}"] = judged or criteria
    return found
