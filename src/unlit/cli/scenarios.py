"""`unlit scenarios`: look after the vault."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

from unlit.cli.scenarios_bring import import_, record
from unlit.cli.scenarios_draft import draft
from unlit.cli.scenarios_label import judges, label

if TYPE_CHECKING:
    from unlit.evaluation.vault import Vault

app = cyclopts.App(name="scenarios", help="Look after the scenarios in a vault.")
app.command(draft)
app.command(import_, name="import")
app.command(record)
app.command(label)
app.command(judges)
Json = Annotated[bool, cyclopts.Parameter("--json", negative=())]


def _load(vault: Path, spec: Path | None) -> "Vault":
    from unlit.evaluation.spec import read_spec
    from unlit.evaluation.vault import load_vault
    from unlit.twins.registry import SERVICES, known

    facts = None if spec is None else read_spec(spec)
    criteria = None if facts is None else set(facts.criteria)
    of = None if facts is None else facts.id
    return load_vault(vault, criteria=criteria, services={*SERVICES, *known()}, spec=of)


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
        sys.stdout.write(f"{_counted(loaded)}\n")
        for line in _missing_for_a_run(loaded):
            sys.stdout.write(f"{line}\n")
    return 1 if loaded.errors else 0


def _counted(loaded: "Vault") -> str:
    counts = {
        "scenario": len(loaded.scenarios),
        "error": len(loaded.errors),
        "warning": len(loaded.findings) - len(loaded.errors),
    }
    return ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items())


def _missing_for_a_run(loaded: "Vault") -> list[str]:
    """Say what `unlit run` would refuse this vault for; a vault for `evaluate` may do without."""
    from unlit.core.states import Partition

    wanted = (Partition.VALIDATION, Partition.SEALED)
    return [
        f"No {partition.value} scenario: `unlit run` needs at least one of them."
        for partition in wanted
        if loaded.scenarios and not loaded.of(partition)
    ]


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


@app.command
def strength(  # noqa: PLR0913 # a command line has many flags
    *,
    spec: Path,
    candidate: Path,
    vault: Path,
    run: str | None = None,
    kind: str | None = None,
    port: int | None = None,
    previous: Path | None = None,
    policy: Path | None = None,
    mutants: int = 100,
    parallel: int = 2,
    seed: int = 1,
    as_json: Json = False,
) -> int:
    """Say how many defects the scenarios of VAULT would notice, by planting some in CANDIDATE.

    Exit code: 0; 1 if a scenario is void (a program that does nothing passes it).

    Args:
        spec: Markdown file with the criteria.
        candidate: Folder with a program that passes the scenarios.
        vault: Folder with the scenarios.
        run: How the program starts; default: `run` of `[product]` in its unlit.toml.
        kind: cli, http, web or library; default: unlit.toml, else cli.
        port: Where an http or web program listens.
        previous: Folder with the previous release; scenarios that it passes are named.
        policy: What the program may reach; default: the previous release's policy.toml, else the
            twins alone.
        mutants: Most defects to plant; a seeded sample of all places that scenarios reach.
        parallel: Fences at once.
        seed: Everything random follows from it.
        as_json: Print JSON.
    """
    import asyncio

    from unlit.cli.evaluate import factory_of, options_of
    from unlit.evaluation.evaluate import measure_strength
    from unlit.evaluation.planning import Flags, plan

    flags = Flags(
        spec, candidate, vault, run, kind, port, previous, policy, parallel=parallel, seed=seed
    )
    request = plan(flags, factory_of(candidate), options=options_of(flags, True))

    def tell(text: str) -> None:
        sys.stderr.write(f"  {text}\n")
        sys.stderr.flush()

    document = asyncio.run(measure_strength(request, mutants, tell))
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_render_strength(document))
    return 1 if document["strength"]["void"] else 0


def _render_strength(document: dict[str, Any]) -> str:
    found = document["strength"]
    lines = [
        f"Strength: {found['sentence']}",
        f"  {document['planted']} defects can be planted, {document['reachable']} where scenarios "
        f"reach, {document['sampled']} were tried: {document['runs']} scenario runs in "
        f"{document['seconds']:.1f} s",
    ]
    if document["not_started"]:
        lines.append(
            f"  {document['not_started']} could not start, so they say nothing and are not counted"
        )
    if document["unmeasured"]:
        lines.append(
            f"  {', '.join(document['unmeasured'])}: which lines are executed was not measured, so"
            " every line counts as reached"
        )
    for title, names in (
        ("Void (a program that does nothing, or always the same, passes)", found["void"]),
        ("Idle (no defect ever failed it)", found["idle"]),
        ("Criteria that no defect threatened", found["uncovered"]),
        ("Fail on the candidate, so they say nothing", document["baseline_failed"]),
    ):
        if names:
            lines.append(f"{title}: {', '.join(names)}")
    lines += [f"  survived: {entry['name']}" for entry in document["survivors"]]
    return "\n".join(lines) + "\n"


@app.command
def looks(
    vault: Path, *, disclose: list[str] | None = None, person: str = "", as_json: Json = False
) -> int:
    """Show how often sealed scenarios of VAULT were looked at, and what can still be claimed.

    Args:
        vault: The folder with the scenarios.
        disclose: Record that this scenario's content was shown to somebody: it is spent.
        person: Who was shown it.
        as_json: Print JSON.
    """
    from unlit.core.ids import ScenarioId
    from unlit.core.states import Partition
    from unlit.core.system import SystemClock
    from unlit.evaluation.ledger import Ledger
    from unlit.evaluation.model import ShipRule

    loaded, ledger = _load(vault, None), Ledger(vault)
    if disclose:
        now = SystemClock().now().isoformat(timespec="seconds")
        names = [ScenarioId(loaded.scenario(name).id) for name in disclose]
        ledger.disclose(names, person or "unnamed", now)
    sealed = [scenario.id for scenario in loaded.of(Partition.SEALED)]
    standing = ledger.standing(sealed, ShipRule())
    entries = [entry for entry in ledger.entries() if entry.kind == "look"]
    if as_json:
        document = {
            "schema": "unlit.looks/1",
            "looks": [
                {"at": e.at, "build": e.build, "run": e.run, "scenarios": len(e.scenarios),
                 "alpha": e.alpha, "claimable": e.claimable} for e in entries
            ],
            "used_up": list(ledger.used_up()),
            "fresh": len(standing.fresh), "spent": sorted(ledger.shown()),
            "next": {"index": standing.next_look, "alpha": standing.alpha, "bits": standing.bits,
                     "claimable": standing.claimable},
        }  # fmt: skip
        sys.stdout.write(json.dumps(document) + "\n")
        return 0
    for number, entry in enumerate(entries, 1):
        sys.stdout.write(
            f"look {number}  {entry.at}  {entry.build[:19]:<19}  {len(entry.scenarios)} scenarios"
            f"  level {entry.alpha:.3g}  {entry.run}\n"
        )
    for name in sorted(ledger.shown()):
        sys.stdout.write(f"spent: {name}\n")
    for criterion in ledger.used_up():
        sys.stdout.write(
            f"used up: {criterion} was reported twice; make its validation scenarios visible"
            " and write new ones\n"
        )
    sys.stdout.write(f"{standing.sentence}\n")
    return 0


@app.command
def seal(vault: Path) -> int:
    """Write a canary into every validation and sealed scenario of VAULT that has none.

    Args:
        vault: The folder with the scenarios.
    """
    from unlit.core.states import Partition
    from unlit.evaluation.leaks.gather import canary_key
    from unlit.evaluation.leaks.needles import canary_of

    loaded = _load(vault, None)
    loaded.refuse_errors()
    key, written = canary_key(vault), 0
    for scenario in loaded.scenarios:
        if scenario.partition is Partition.VISIBLE or scenario.canary:
            continue
        path = vault / scenario.file
        text = path.read_text(encoding="utf-8")
        line = f"canary: {canary_of(key, scenario.id)}\n"
        path.write_text(text + ("" if text.endswith("\n") else "\n") + line, encoding="utf-8")
        written += 1
    sys.stdout.write(f"{written} canaries written\n")
    return 0


@app.command
def export(
    *, spec: Path, vault: Path, into: Path, run: str, port: int | None = None,
    base: Path | None = None, partition: str = "validation",
) -> int:  # fmt: skip
    """Export a spec and its scenarios as a Harbor task folder.

    Args:
        spec: Markdown file with the criteria.
        vault: The folder with the scenarios.
        into: The task folder to make.
        run: How the product starts.
        port: Where a server listens.
        base: What the agent starts from.
        partition: Which scenarios grade: validation, visible or sealed.
    """
    from unlit.core.states import Partition
    from unlit.evaluation.interchange.harbor import write_harbor_task
    from unlit.intent import parse_spec, visible_brief

    loaded = _load(vault, spec)
    loaded.refuse_errors()
    brief = visible_brief(parse_spec(spec.read_text(encoding="utf-8"), spec))
    made = write_harbor_task(
        loaded, spec, brief, into, run=run, port=port, base=base, partition=Partition(partition)
    )
    sys.stdout.write(f"{made}\n")
    return 0
