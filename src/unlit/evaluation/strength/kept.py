"""The last measured strength of a vault on each program, kept beside the vault."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from unlit.core.canonical import digest_json
from unlit.evaluation.ledger import evaluator_store, open_store
from unlit.evaluation.model import Interval, Strength
from unlit.evaluation.strength.battery import Report

SCHEMA: Final = "unlit.strength/1"
_PREFIX: Final = "strength-"


def strength_document(
    report: Report, vault_digest: str, tree: str | None, run: str | None = None
) -> dict[str, Any]:
    """Return a report in its published form."""
    return {
        "schema": SCHEMA,
        "vault_digest": vault_digest,
        "tree": tree,
        "run": run,
        "strength": report.strength.to_json(),
        "planted": report.planted,
        "reachable": report.reachable,
        "sampled": report.sampled,
        "not_started": report.not_started,
        "unmeasured": list(report.unmeasured),
        "runs": report.runs,
        "seconds": round(report.seconds, 3),
        "killing_s": round(report.killing_s, 3),
        "survivors": [{"name": s.name, "scenarios": s.scenarios} for s in report.survivors],
        "baseline_failed": list(report.baseline_failed),
        "caught": dict(report.caught),
    }


def keep_strength(vault: Path, document: Mapping[str, Any]) -> None:
    """Keep a report beside the vault."""
    path = open_store(vault) / _name(document["tree"], document["run"])
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _name(tree: str | None, run: str | None) -> str:
    """Return the file's name: one for each program, by its files and how it is started."""
    return f"{_PREFIX}{digest_json([tree, run]).partition(':')[2][:16]}.json"


def known_strength(
    vault: Path, vault_digest: str, tree: str | None, run: str | None = None
) -> Strength:
    """Return the strength measured for exactly these scenarios on this program, if any was."""
    store = evaluator_store(vault)
    try:
        document = json.loads((store / _name(tree, run)).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        others = any(store.glob(f"{_PREFIX}*.json"))
        return Strength(sentence="not measured for this program") if others else Strength()
    if (document.get("tree"), document.get("run")) != (tree, run):
        return Strength(sentence="not measured for this program")
    if document.get("schema") != SCHEMA or document.get("vault_digest") != vault_digest:
        return Strength(sentence="not exercised: the scenarios have changed since it was measured")
    found = document["strength"]
    interval = found["interval"]
    names = {
        key: None if found[key] is None else tuple(found[key])
        for key in ("void", "idle", "uncovered")
    }
    return Strength(
        found["mutants"],
        found["killed"],
        None if interval is None else Interval(**interval),
        sentence=found["sentence"],
        **names,
    )
