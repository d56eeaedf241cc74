"""The vault: scenarios in a folder outside the code, sealed by digest before anything is built."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from unlit.core.canonical import digest_bytes, digest_json
from unlit.core.errors import InvalidInput
from unlit.core.states import Partition
from unlit.evaluation.checks.never import INVARIANTS
from unlit.evaluation.invariants.own import FOLDER, OwnInvariant, load_own
from unlit.evaluation.scenarios.lint import lint_place, lint_rest, lint_scenario, lint_set
from unlit.evaluation.scenarios.model import Finding, Scenario
from unlit.evaluation.scenarios.parse import Salvaged, parse_scenario, salvage_scenario

MAX_SCENARIOS: Final = 20_000
LISTS_FOLDER: Final = "lists"


_NEEDED: Final = {
    Partition.VALIDATION: "candidates are graded on them; without one nothing can be said of any.",
    Partition.SEALED: "what nobody could aim at decides at the end; without it nothing can ship.",
}


@dataclass(frozen=True, slots=True)
class Vault:
    """All scenarios of one folder, what is wrong with them, and the seal over their content."""

    root: Path
    scenarios: tuple[Scenario, ...]
    findings: tuple[Finding, ...]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    digest: str = ""
    own: tuple[OwnInvariant, ...] = ()

    def of(self, partition: Partition | str) -> tuple[Scenario, ...]:
        """Return the scenarios of one partition, by id."""
        wanted = Partition(partition)
        chosen = (scenario for scenario in self.scenarios if scenario.partition is wanted)
        return tuple(sorted(chosen, key=lambda scenario: scenario.id))

    def scenario(self, name: str) -> Scenario:
        """Return one scenario by id.

        Raises:
            InvalidInput: The vault has none of that name.
        """
        for scenario in self.scenarios:
            if scenario.id == name:
                return scenario
        raise InvalidInput(
            "EVA-123", f"The vault has no scenario `{name}`.", "ids must match exactly.",
            "list them with `unlit scenarios list`.",
        )  # fmt: skip

    def services(self) -> tuple[str, ...]:
        """Return the twins that any scenario gives or looks at, sorted."""
        names: set[str] = set()
        for scenario in self.scenarios:
            names |= set(scenario.given.twins)
            for check in (*scenario.then, *scenario.fails_on_base):
                if check.kind == "twin":
                    names |= {name.split(".")[0] for name in check.value}
            for step in scenario.when:
                if step.kind == "twin":
                    names |= {name.split(".")[0] for name in step.params}
        return tuple(sorted(names))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Return the findings that forbid a run."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def refuse_errors(self) -> None:
        """Stop if any scenario is broken: nothing runs with half a vault.

        Raises:
            InvalidInput: Names file, line and remedy of the first broken place.
        """
        if not self.errors:
            return
        first = self.errors[0]
        more = f" ({len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        raise InvalidInput(
            first.code, f"{first.file}:{first.line} {first.message}{more}",
            "no scenario runs while one of them is broken.",
            f"{first.remedy.rstrip('.')}; `unlit scenarios lint` lists everything.",
        )  # fmt: skip

    def refuse_unsteered(self) -> None:
        """Stop if candidates could not be graded, or none could pass the sealed look at the end.

        Raises:
            InvalidInput: The vault has no validation scenario, or no sealed one.
        """
        kinds = {scenario.partition for scenario in self.scenarios}
        for needed, why in _NEEDED.items():
            if needed not in kinds:
                there = ", ".join(sorted(kind.value for kind in kinds))
                raise InvalidInput(
                    "EVA-159", f"The vault {self.root} has no {needed} scenario: only {there}.",
                    why, f"add one with `partition: {needed}`; "
                    "`unlit scenarios draft SPEC` writes drafts.",
                )  # fmt: skip


def load_vault(
    root: Path,
    *,
    criteria: Collection[str] | None = None,
    services: Collection[str] | None = None,
    base: Path | None = None,
    spec: str | None = None,
) -> Vault:
    """Read every scenario below `root`; of those that name their specs, the ones of `spec`.

    Args:
        root: The vault's folder.
        criteria: Criterion ids of the spec, or None when no spec is at hand.
        services: Twins that exist, or None when unknown.
        base: The base commit; its `invariants/` hold too.
        spec: Id of the spec that is graded, or None for all.

    Returns:
        The vault with its findings; nothing is raised for a broken scenario.

    Raises:
        InvalidInput: There is no such folder, it cannot be read, or it holds no scenario.
    """
    if not root.is_dir():
        raise InvalidInput(
            "EVA-120", f"The vault {root} is not a folder.", "scenarios are read from it.",
            "name the folder that holds the scenarios.",
        )  # fmt: skip
    scenarios: list[Scenario] = []
    findings: list[Finding] = []
    broken: list[Salvaged] = []
    seal: list[list[str]] = []
    for path in _files(root):
        name = path.relative_to(root).as_posix()
        content = _read(path)
        seal.append([name, digest_bytes(content)])
        if path.suffix not in (".yaml", ".yml") or path.parent == root / FOLDER:
            continue
        text = content.decode("utf-8", "replace")
        parsed = parse_scenario(text, name)
        if isinstance(parsed, list):
            findings += parsed
            rest = salvage_scenario(text, name)
            if rest is not None:
                broken.append(rest)
                findings += [] if "partition" in rest.replaced else lint_place(rest.scenario, text)
        else:
            scenarios.append(parsed)
            findings += lint_place(parsed, text)
    lists = _lists(root)
    own, wrong = load_own([root, *([] if base is None else [base])])
    findings += wrong
    known = {*INVARIANTS, *(invariant.id for invariant in own)}
    for scenario in scenarios:
        findings += lint_scenario(scenario, services=services, invariants=known, lists=lists)
    for rest in broken:
        found = lint_scenario(rest.scenario, services=services, invariants=known, lists=lists)
        findings += lint_rest(rest, [*rest.meaning, *found])
    findings += lint_set(scenarios, criteria, broken, spec=spec)
    if not scenarios and not findings:
        raise InvalidInput(
            "EVA-121", f"The vault {root} holds no scenario.", "no `*.yaml` file was found there.",
            "write one, or name the right folder.",
        )  # fmt: skip
    mine = tuple(scenario for scenario in scenarios if scenario.speaks_for(spec))
    if not mine and not findings:
        others = sorted({name for scenario in scenarios for name in scenario.specs})
        raise InvalidInput(
            "EVA-121", f"The vault {root} holds no scenario for the spec `{spec}`.",
            f"its scenarios speak for {', '.join(others)}.",
            f"write one, or add `{spec}` to the `spec:` of those that hold for it too.",
        )  # fmt: skip
    ordered = sorted(findings, key=lambda f: (f.severity != "error", f.file, f.line, f.code))
    return Vault(root, mine, tuple(ordered), lists, digest_json(seal), own)


def _files(root: Path) -> Iterator[Path]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            in_lists = path.parent == root / LISTS_FOLDER and path.suffix == ".txt"
            if path.suffix in (".yaml", ".yml") or in_lists:
                count += 1
                if count > MAX_SCENARIOS:
                    raise InvalidInput(
                        "EVA-122", f"The vault {root} holds more than {MAX_SCENARIOS} files.",
                        "this is probably not a vault.", "name the right folder.",
                    )  # fmt: skip
                yield path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "EVA-120", f"The file {path} cannot be read.", f"{error.strerror or error}.",
            "correct its rights, or remove it.",
        ) from error  # fmt: skip


def _lists(root: Path) -> dict[str, Sequence[str]]:
    folder = root / LISTS_FOLDER
    if not folder.is_dir():
        return {}
    return {
        path.stem: tuple(
            line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line
        )
        for path in sorted(folder.glob("*.txt"))
    }


def refuse_reachable(vault: Path, reachable: Mapping[str, Path]) -> None:
    """Refuse a vault that lies inside, or around, anything an agent can see.

    Args:
        vault: The vault's folder.
        reachable: What it must not touch, by the name shown in the message.

    Raises:
        InvalidInput: Who writes could read what grades.
    """
    inner = vault.resolve()
    for what, path in reachable.items():
        outer = path.resolve()
        if inner == outer or inner.is_relative_to(outer) or outer.is_relative_to(inner):
            raise InvalidInput(
                "EVA-124", f"The vault {vault} and the {what} {path} lie within each other.",
                "who writes must not be able to read what grades.",
                "move the vault to a folder of its own, outside of both.",
            )  # fmt: skip
