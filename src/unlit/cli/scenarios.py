"""`unlit scenarios`: look after the vault."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts

if TYPE_CHECKING:
    from unlit.evaluation.vault import Vault

app = cyclopts.App(name="scenarios", help="Look after the scenarios in a vault.")
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]


def _load(vault: Path, spec: Path | None) -> "Vault":
    from unlit.evaluation.spec import read_spec
    from unlit.evaluation.vault import load_vault
    from unlit.twins.registry import SERVICES

    criteria = None if spec is None else set(read_spec(spec).criteria)
    return load_vault(vault, criteria=criteria, services={*SERVICES, "google"})


@app.command
def lint(vault: Path, *, spec: Path | None = None, as_json: Json = False) -> int:
    """Say what is wrong with the scenarios of VAULT: file, line and remedy; exit 1 on errors.

    Args:
        vault: The folder with the scenarios.
        spec: Also check that the spec has every criterion that is named.
        as_json: Print JSON.
    """
    loaded = _load(vault, spec)
    if as_json:
        rows = [
            {
                "code": finding.code,
                "severity": finding.severity,
                "file": finding.file,
                "line": finding.line,
                "message": finding.message,
                "remedy": finding.remedy,
            }
            for finding in loaded.findings
        ]
        document = {"schema": "unlit.scenarios.lint/1", "findings": rows}
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        for finding in loaded.findings:
            sys.stdout.write(f"{finding}\n")
        warnings = len(loaded.findings) - len(loaded.errors)
        sys.stdout.write(
            f"{len(loaded.scenarios)} scenarios, {len(loaded.errors)} errors, {warnings} warnings\n"
        )
    return 1 if loaded.errors else 0


@app.command(name="list")
def list_(
    vault: Path, *, partition: str | None = None, spec: Path | None = None, as_json: Json = False
) -> int:
    """List the scenarios of VAULT.

    Args:
        vault: The folder with the scenarios.
        partition: Only visible, validation or sealed ones.
        spec: Also name the criteria of the spec that no scenario speaks for.
        as_json: Print JSON.
    """
    loaded = _load(vault, spec)
    chosen = [s for s in loaded.scenarios if partition is None or s.partition == partition]
    chosen.sort(key=lambda scenario: (scenario.partition, scenario.id))
    missing = _uncovered(loaded, spec)
    if as_json:
        rows = [
            {
                "id": s.id, "partition": str(s.partition), "criteria": list(s.criteria),
                "weight": s.effective_weight, "oracle": s.oracle, "owner": s.owner,
                "file": s.file, "digest": s.digest,
            }
            for s in chosen
        ]  # fmt: skip
        document = {
            "schema": "unlit.scenarios/1", "digest": loaded.digest, "scenarios": rows,
            "uncovered": missing,
        }  # fmt: skip
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        return 0
    for scenario in chosen:
        criteria = ",".join(scenario.criteria)
        sys.stdout.write(
            f"{scenario.partition!s:<11} {scenario.id:<44} {criteria:<12}"
            f" {scenario.oracle:<9} {scenario.owner}\n"
        )
    for name in missing:
        sys.stdout.write(f"no scenario speaks for {name}\n")
    return 0


def _uncovered(loaded: "Vault", spec: Path | None) -> list[str]:
    from unlit.evaluation.spec import read_spec

    if spec is None:
        return []
    covered = {name for scenario in loaded.scenarios for name in scenario.criteria}
    return [name for name in read_spec(spec).criteria if name not in covered]


@app.command
def schema() -> int:
    """Print the JSON Schema of the scenario format."""
    from unlit.evaluation.scenarios.parse import scenario_schema

    sys.stdout.write(json.dumps(scenario_schema(), indent=2) + "\n")
    return 0
