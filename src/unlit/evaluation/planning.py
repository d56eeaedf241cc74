"""From the flags of `unlit evaluate` to a request, with a default for everything unsaid."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput, UsageError
from unlit.core.ids import ScenarioId
from unlit.core.states import Partition
from unlit.evaluation.adapters.spec_history import OPTION, first_commit_day
from unlit.evaluation.defaults import (
    default_partition,
    default_policy,
    default_run,
    default_seed,
    refuse_no_folder,
    refuse_unstartable,
    tree_digest,
)
from unlit.evaluation.ledger import evaluator_store
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.spec import read_spec
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.vault import Vault, load_vault, refuse_reachable
from unlit.policy import Identity
from unlit.twins.registry import SERVICES, known

KINDS: Final = ("cli", "http", "web", "library")


@dataclass(frozen=True, slots=True)
class Flags:
    """What a person said on the command line; None where nothing."""

    spec: Path
    candidate: Path
    vault: Path
    run: str | None = None
    kind: str | None = None
    port: int | None = None
    base: Path | None = None
    policy: Path | None = None
    partition: str | None = None
    only: tuple[str, ...] = ()
    trajectories: int = 200
    parallel: int = 2
    seed: int | None = None
    artefacts: Path | None = None
    replay: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Factory:
    """What an `unlit.toml` says: how the product is started, and what counts as good enough."""

    product: Product = field(default_factory=Product)
    ship: ShipRule = field(default_factory=ShipRule)


def plan(
    flags: Flags,
    factory: Factory,
    look: int | None = None,
    *,
    options: Mapping[str, object] | None = None,
) -> EvaluationRequest:
    """Return the request.

    Raises:
        InvalidInput: A path is missing, or a flag does not fit, or the vault can be reached from
            the candidate.
        UsageError: There is no such kind of product.
    """
    tree = tree_digest(flags.candidate)
    if flags.base is not None:
        refuse_no_folder("base", flags.base)
    if not flags.spec.is_file():
        raise InvalidInput(
            "EVA-132", f"The spec {flags.spec} is not a file.",
            "criteria are read from it.",
            "name the Markdown file with the criteria (docs/reference/intent-spec.md; "
            "`unlit scenarios record` and `import` write one with `--write-spec`).",
        )  # fmt: skip
    refuse_reachable(flags.vault, {"candidate": flags.candidate})
    graded = read_spec(flags.spec)
    vault = load_vault(flags.vault, services={*SERVICES, *known()}, spec=graded.id)
    vault.refuse_errors()
    artefacts = flags.artefacts or evaluator_store(flags.vault) / "gradings" / str(tree)[7:19]
    only, replay, seed = _chosen(flags, vault)
    return EvaluationRequest(
        spec=flags.spec.absolute(),
        candidate=flags.candidate.absolute(),
        base=None if flags.base is None else flags.base.absolute(),
        vault=flags.vault.absolute(),
        partition=_partition(flags, vault, only),
        product=_product(flags, factory.product),
        ship=factory.ship,
        seed=seed if seed is not None else default_seed(tree, vault.digest),
        max_trajectories=_positive(flags.trajectories, "--trajectories"),
        parallel=_positive(flags.parallel, "--parallel"),
        look=look,
        artefacts=artefacts.absolute(),
        policy=_policy(flags, vault, artefacts, factory.product.build, options or {}),
        identity=Identity("evaluate", "evaluate", "product", "product"),
        tree=tree,
        only=only,
        options={**(options or {}), **replay, OPTION: _spec_since(flags)},
    )


def _spec_since(flags: Flags) -> str | None:
    """Return when the spec was committed; git is not asked in a candidate's own folder."""
    if flags.spec.resolve().is_relative_to(flags.candidate.resolve()):
        return None
    return first_commit_day(flags.spec)


def _chosen(
    flags: Flags, vault: Vault
) -> tuple[tuple[ScenarioId, ...], dict[str, object], int | None]:
    if flags.replay is None:
        if flags.values:
            raise InvalidInput(
                "EVA-139", f"`--set {flags.values[0]}` fixes a value, but nothing is replayed.",
                "values are drawn by the seed, so that nobody chooses what is graded.",
                "add `--replay SCENARIO:SEED`, or leave `--set` out.",
            )  # fmt: skip
        return tuple(vault.scenario(name).id for name in flags.only), {}, flags.seed
    name, _, seed = flags.replay.rpartition(":")
    if not name or not seed.isdigit():
        raise InvalidInput(
            "EVA-135", f"`--replay {flags.replay}` names no trajectory.",
            "one is named by scenario and seed.", "write it as SCENARIO:SEED.",
        )  # fmt: skip
    scenario = vault.scenario(name)
    return (scenario.id,), {"replay": int(seed), "values": _values(flags, scenario)}, flags.seed


def _values(flags: Flags, scenario: Scenario) -> dict[str, object]:
    """Return the values that a person fixes: NAME=VALUE, in the type of the variable."""
    kinds = {variable.name: variable.kind for variable in scenario.vary}
    values: dict[str, object] = {}
    for entry in flags.values:
        name, separator, text = entry.partition("=")
        if not separator or name not in kinds:
            raise InvalidInput(
                "EVA-139", f"`--set {entry}` fixes no variable of {scenario.id}.",
                f"it varies: {', '.join(kinds) or 'nothing'}.", "write it as NAME=VALUE.",
            )  # fmt: skip
        try:
            values[name] = int(text) if kinds[name] == "int" else text
        except ValueError as error:
            raise InvalidInput(
                "EVA-139", f"`--set {entry}`: {name} is a number.", "it varies by `int`.",
                "give a number.",
            ) from error  # fmt: skip
    return values


def _partition(flags: Flags, vault: Vault, only: tuple[ScenarioId, ...]) -> Partition:
    if flags.partition is not None:
        try:
            return Partition(flags.partition)
        except ValueError as error:
            raise InvalidInput(
                "EVA-136", f"There is no partition `{flags.partition}`.",
                "scenarios are visible, validation or sealed.", "name one of these.",
            ) from error  # fmt: skip
    if only:
        return vault.scenario(only[0]).partition
    return default_partition(vault)


def _product(flags: Flags, product: Product) -> Product:
    kind = flags.kind
    if kind is None:
        kind = product.kind if flags.port is None else "http"
    if kind not in KINDS:
        raise UsageError(
            "EVA-144", f"There is no kind of product `{kind}`.",
            "the kind says how it is driven and which safety pack it meets.",
            f"give `--kind` {', '.join(KINDS[:-1])} or {KINDS[-1]}.",
        )  # fmt: skip
    port = flags.port if flags.port is not None else product.port
    if port is not None and not 1 <= port <= 65_535:
        raise InvalidInput(
            "EVA-131", f"{port} is no port of the product.", "ports are 1 to 65535.",
            "give `--port` where the product listens, or correct `port` in `[product]`.",
        )  # fmt: skip
    run = flags.run or product.run or default_run(flags.candidate)
    refuse_unstartable(flags.candidate, run)
    return replace(product, kind=kind, run=run, port=port)


def _positive(value: int, flag: str) -> int:
    if value < 1:
        raise InvalidInput(
            "EVA-137", f"{flag} is {value}.", "at least one is needed.", "give 1 or more."
        )
    return value


def policy_named(flags: Flags) -> Path | None:
    """Return the policy that is graded by: the one named, else the base's.

    Never the candidate's own: who is graded does not say what it may reach, and a policy names
    programs of this machine that keep secrets.
    """
    if flags.policy is not None or flags.base is None:
        return flags.policy
    base = flags.base / "policy.toml"
    return base if base.is_file() else None


def _policy(
    flags: Flags, vault: Vault, artefacts: Path, build: str | None, options: Mapping[str, Any]
) -> Path:
    if (named_policy := policy_named(flags)) is not None:
        return named_policy.absolute()
    ArtefactStore(artefacts)
    made = artefacts / "policy.toml"
    named = [options[key]["provider"] for key in ("judge", "user") if options.get(key)]
    text = default_policy(
        vault.services(), build=build, models=[name for name in named if name],
        scripted=bool(options.get("model_twin")),
    )  # fmt: skip
    made.write_text(text, encoding="utf-8")
    return made.absolute()
