"""`evaluate`: a request in, a result out, with the real fence and the real twins."""

import os
import secrets
import shlex
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from unlit.core.states import Partition
from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.adapters.host_port import own_port
from unlit.evaluation.adapters.twin_worlds import TwinWorlds
from unlit.evaluation.against import Divergence, Versions, both, compare, differences, shown
from unlit.evaluation.assemble import Circumstances, assemble
from unlit.evaluation.defaults import tree_digest
from unlit.evaluation.invariants.own import in_force
from unlit.evaluation.invariants.pack import VERSION
from unlit.evaluation.invariants.run import PackReport, run_pack
from unlit.evaluation.leaks.gather import hidden_of, places_of, probe_patterns, visible_of
from unlit.evaluation.leaks.probe import Probed, probe
from unlit.evaluation.leaks.proof import Proof
from unlit.evaluation.ledger import Ledger, evaluator_store, grading_key
from unlit.evaluation.model import (
    EvaluationRequest,
    EvaluationResult,
    Event,
    Leaks,
    Looks,
    Separation,
)
from unlit.evaluation.playing import (
    model_routes,
    refuse_unreachable,
    scripted_words,
    used,
    with_models,
)
from unlit.evaluation.ports import Pool
from unlit.evaluation.registry import driver
from unlit.evaluation.rules.looks import charged
from unlit.evaluation.rules.vetoes import own_veto
from unlit.evaluation.scenarios.model import Draw
from unlit.evaluation.scenarios.sample import sample
from unlit.evaluation.separation import not_separated
from unlit.evaluation.service import Counted, Parts, grade, launch_of
from unlit.evaluation.spec import SpecFacts, read_spec
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.strength.battery import Plan, measure
from unlit.evaluation.strength.kept import keep_strength, known_strength, strength_document
from unlit.evaluation.trajectory import Setting
from unlit.evaluation.vault import Vault, load_vault, refuse_reachable
from unlit.evaluation.wishes import passed_on
from unlit.fence import Launcher, Mount
from unlit.fence.backends import FULL, LANDLOCK, known_backend, start_host
from unlit.fence.deps import TARGET, LayerOrder, dependency_layer, toolchain_mounts
from unlit.fence.gateway.allowance import Meter
from unlit.fence.ports import Host
from unlit.policy import AuditLog, Policy, load_policy
from unlit.twins.registry import SERVICES, hosts, known

OnEvent = Callable[[Event], None]


async def evaluate(
    request: EvaluationRequest,
    on_event: OnEvent,
    *,
    launcher: Launcher | None = None,
    separation: Separation | None = None,
    meter: Meter | None = None,
) -> EvaluationResult:
    """Grade `request.candidate` against one partition of `request.vault`.

    Args:
        request: Everything that the grading needs, by value.
        on_event: Told each trajectory in the order drawn, and each stage.
        launcher: Makes the fences, if it was started before this process changed its user.
        separation: As whom this process runs; found out when None.
        meter: Must agree to each call of a judge or a simulated user before it is made.

    Raises:
        UnlitError: An input is broken, or no fence can be opened.
    """
    if request.tree is None:  # looks are charged by what was looked at
        request = replace(request, tree=tree_digest(request.candidate))
    if request.options.get("backend", FULL) != FULL and request.product.port is not None:
        request = replace(request, parallel=1)  # its port is the host's own
    refuse_unreachable(load_policy(request.policy, trusted=True), request.options)
    spec = read_spec(request.spec)
    vault = load_sealed_vault(request, spec)
    own, late = in_force(vault.own, request.options.get("spec_since"))
    looks, alpha, vault = _charge(request, replace(vault, own=own))
    async with open_parts(request, vault, launcher, meter) as parts:
        probed = await _probe(request, vault, parts)
        pack = await _pack(request, vault, parts, on_event)
        async with with_models(request, parts) as parts:
            counted = await grade(request, vault, parts, on_event, alpha=alpha)
        pool = parts.pool
        weak = pool.weak if isinstance(pool, FencePool) else ()
        usage = used(pool.usage) if isinstance(pool, FencePool) else ()
        asked = sorted(pool.asked) if isinstance(pool, FencePool) else []
    leaks = _leaks(request, vault, parts.proof, probed)
    sealed = request.partition is Partition.SEALED
    own_broken = _own_broken(vault, counted)
    around = Circumstances(
        weak=weak,
        looks=looks,
        leaks=leaks,
        needs_leak_proof=sealed,
        strength=known_strength(
            request.vault, vault.digest, tree_digest(request.candidate), request.product.run
        ),
        broken_invariants=(*pack.vetoes, *own_broken),
        invariants=(*(found.to_json() for found in pack.broken), *map(own_veto, own_broken)),
        pack={"pack": VERSION, "tried": pack.tried, "not_exercised": pack.not_exercised},
        not_verified=(*late, *_pack_words(pack), *scripted_words(request.options)),
        separation=separation or not_separated(request),
        judge=None if parts.judge is None else parts.judge.name,
        judge_family=None if parts.judge is None else parts.judge.family,
    )
    # what a product asks for after it saw sealed scenarios stays in the audit log
    wishes = () if sealed else passed_on(asked, request.candidate)
    result = replace(assemble(request, spec, vault, counted, around), usage=usage, asked=wishes)
    _record_report(request, vault, result)
    parts.store.write("result.json", result.to_json())
    return result


async def _probe(request: EvaluationRequest, vault: Vault, parts: Parts) -> Probed:
    """Look, from a fence as the agent has it, for what is hidden."""
    hidden = hidden_of(vault)
    sandbox = await parts.pool.open_as("coder", request.candidate)
    try:
        paths = [request.vault.resolve(), evaluator_store(request.vault), request.artefacts]
        control = secrets.token_hex(16).encode()
        full = request.options.get("backend", FULL) == FULL
        patterns = probe_patterns(hidden, vault)
        return await probe(sandbox, patterns, control, paths, names_count=full)
    finally:
        await parts.pool.release(sandbox)


async def _pack(
    request: EvaluationRequest, vault: Vault, parts: Parts, on_event: OnEvent
) -> PackReport:
    """Run the safety pack once on the candidate as it is."""
    if not request.options.get("invariants", True) or "replay" in request.options:
        return PackReport(0, (), "it was switched off")
    setting = Setting(parts.worlds, launch_of(request.product), parts.clock, parts.driver)
    pack = await run_pack(request.candidate, vault.scenarios, setting, parts.pool)
    fields = {"text": "safety pack", "tried": pack.tried, "vetoes": len(pack.vetoes)}
    on_event(Event("note", fields))
    return pack


def _own_broken(vault: Vault, counted: Counted) -> tuple[str, ...]:
    """Return the organisation's own rules that any trajectory broke: each is a veto."""
    labels = {label for record in counted.records for label in record.reasons}
    return tuple(rule.id for rule in vault.own if f"never {rule.id}" in labels)


def _pack_words(pack: PackReport) -> tuple[str, ...]:
    if pack.not_exercised is not None:
        return (f"The safety pack was not exercised: {pack.not_exercised}.",)
    return tuple(f"Safety pack, not exercised: {what}." for what in pack.left_out)


def _leaks(request: EvaluationRequest, vault: Vault, proof: Proof, probed: Probed) -> Leaks:
    proof.look(places_of(request, visible_of(request, vault)))
    leaks = proof.result()
    return replace(leaks, probe=probed.state, details=(*probed.details, *leaks.details))


def _charge(request: EvaluationRequest, vault: Vault) -> tuple[Looks, float | None, Vault]:
    """Charge a look at sealed scenarios before it is made; spent ones are not drawn."""
    if request.partition is not Partition.SEALED or "replay" in request.options:
        return Looks(), None, vault
    ledger = Ledger(request.vault)
    sealed = [scenario.id for scenario in vault.of(Partition.SEALED)]
    now = SystemClock().now().isoformat(timespec="seconds")
    key = grading_key(request, vault.digest)
    kept = ArtefactStore(request.artefacts).begin(key)
    before = ledger.charge(key, request, sealed, vault.digest, now, kept=kept)
    spent = set(sealed) - set(before.fresh)
    fresh = tuple(s for s in vault.scenarios if s.id not in spent)
    return charged(before), before.alpha, replace(vault, scenarios=fresh)


def load_sealed_vault(request: EvaluationRequest, spec: SpecFacts) -> Vault:
    """Load the vault and refuse it while anything is wrong with it."""
    reachable = {"candidate": request.candidate}
    if request.base is not None:
        reachable["base"] = request.base
    refuse_reachable(request.vault, reachable)
    vault = load_vault(
        request.vault,
        criteria=set(spec.criteria),
        services={*SERVICES, *known()},
        base=request.base,
        spec=spec.id,
    )
    vault.refuse_errors()
    return vault


@asynccontextmanager
async def open_parts(
    request: EvaluationRequest,
    vault: Vault,
    launcher: Launcher | None = None,
    meter: Meter | None = None,
) -> AsyncIterator[Parts]:
    """Start twins and a fence host for one grading, and stop them afterwards."""
    clock = SystemClock()
    replayed = "replay" in request.options
    store = ArtefactStore(request.artefacts / "replay" if replayed else request.artefacts)
    if replayed:
        store.forget()
    policy = load_policy(request.policy, trusted=True)  # whose it is was looked at before
    backend = known_backend(str(request.options.get("backend", FULL)))
    header = {"run": request.identity.run, "stage": request.identity.stage, "role": "product",
              "backend": backend}  # fmt: skip
    audit = AuditLog.open(request.artefacts / "audit", header, clock)
    services = vault.services()
    worlds = await TwinWorlds.start(services)
    watched = {
        "vault": request.vault.resolve(),
        "evaluator": evaluator_store(request.vault),
        "grading": request.artefacts,
    }
    host = await start_host(
        backend, request.artefacts / "fences", audit, watched=watched, launcher=launcher,
        meter=meter,
        secret_env=dict(os.environ),  # noqa: TID251 # keys of judges lie in this process's own
    )  # fmt: skip
    routes = {name: hosts(name) for name in services}
    try:
        alone = own_port(request.product.port if backend == LANDLOCK else None, clock)
        async with alone, model_routes(request) as models:
            product = ProductFence(
                policy=policy,
                identity=request.identity,
                mounts=await _mounts(request, host, policy),
                port=request.product.port,
                models=models,
            )
            pool = FencePool(host, product, worlds.server.address, routes)
            proof = Proof(hidden_of(vault), visible_of(request, vault))
            yield Parts(worlds, pool, clock, driver, store, proof)
    finally:
        store.close()
        await host.close()
        await worlds.close()
        audit.close()


async def _mounts(request: EvaluationRequest, host: Host, policy: Policy) -> tuple[Mount, ...]:
    """Return the product's mounts; its dependencies are built here if nobody has done so."""
    cache = request.options.get("dependency_cache")
    if cache is None or any(mount.target == TARGET for mount in request.product.mounts):
        return request.product.mounts
    order = LayerOrder(
        tree=request.candidate,
        build=request.product.build,
        cache=_cache(Path(str(cache)), request),
        policy=policy,
        identity=replace(request.identity, role="coder"),
        env=request.options.get("indexes", {}),
    )
    layer = await dependency_layer(host, order)
    return (*request.product.mounts, Mount(layer, TARGET), *toolchain_mounts())


def _cache(shared: Path, request: EvaluationRequest) -> Path:
    """Return where finished dependencies lie: with the factory's, or in the evaluator's own."""
    owner = next((p for p in (shared, *shared.parents) if p.exists()), shared)
    return shared if os.access(owner, os.W_OK) else evaluator_store(request.vault) / "deps"


async def measure_strength(
    request: EvaluationRequest, mutants: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Plant defects in the candidate and say how many the scenarios notice.

    What is found is kept beside the vault and printed with every grading of the same program.
    """
    tree = tree_digest(request.candidate)
    spec = read_spec(request.spec)
    vault = load_sealed_vault(request, spec)
    async with open_parts(request, vault) as parts:
        setting = Setting(parts.worlds, launch_of(request.product), parts.clock, parts.driver)
        report = await measure(
            Plan(
                candidate=request.candidate,
                scenarios=vault.scenarios,
                setting=setting,
                pool=parts.pool,
                seed=request.seed,
                mutants=mutants,
                parallel=request.parallel,
                previous=request.base,
                lists=vault.lists,
                tell=tell,
            )
        )
    document = strength_document(report, vault.digest, tree, request.product.run)
    keep_strength(request.vault, document)
    return document


def _record_report(request: EvaluationRequest, vault: Vault, result: EvaluationResult) -> None:
    """Write down what the agent is going to learn; validation scenarios wear out."""
    if request.partition is Partition.VALIDATION and result.feedback:
        now = SystemClock().now().isoformat(timespec="seconds")
        names = [entry.criterion for entry in result.feedback]
        Ledger(request.vault).report(
            grading_key(request, vault.digest), request.tree or "", names, now
        )


async def _replay_both(
    request: EvaluationRequest, old: Path, vault: Vault, setting: Setting, pool: Pool
) -> dict[str, Any]:
    """Run one trajectory on both versions; what a sealed scenario showed is not told."""
    scenario = vault.scenario(request.only[0])
    seed = int(request.options["replay"])
    values = sample(scenario, seed, vault.lists) | dict(request.options.get("values", {}))
    draw = Draw(1, scenario.id, seed, values)
    before, after = await both(scenario, draw, Versions(old, request.candidate), setting, pool)
    parts = differences(before, after)
    row = Divergence(1, scenario.id, seed, parts).to_json()
    if scenario.partition is not Partition.SEALED:
        row |= {"old": shown(before), "new": shown(after)}
    return {"schema": "unlit.comparison/1", "tried": 1, "not_exercised": 0,
            "divergences": [row] if parts else [], "replayed": row}  # fmt: skip


async def compare_with(
    request: EvaluationRequest, old: Path, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run the candidate and a previous version on the same sampled worlds; name what differs."""
    spec = read_spec(request.spec)
    vault = load_sealed_vault(request, spec)
    async with open_parts(request, vault) as parts:
        setting = Setting(parts.worlds, launch_of(request.product), parts.clock, parts.driver)

        def say(found: Divergence | None, draw: Draw) -> None:
            parts_ = ", ".join(found.parts) if found else "the same"
            tell(f"{draw.index:>4} {draw.scenario:<44} {parts_}")

        if "replay" in request.options:
            return await _replay_both(request, old, vault, setting, parts.pool)
        chosen = tuple(map(vault.scenario, request.only)) or vault.of(request.partition)
        report = await compare(
            chosen, Versions(old, request.candidate), setting, parts.pool,
            seed=request.seed, worlds=request.max_trajectories, lists=vault.lists, tell=say,
        )  # fmt: skip
    prefix = str(request.options.get("replay_prefix", "unlit evaluate"))
    rows = [
        found.to_json()
        | {
            "replay": f"{prefix} --against {shlex.quote(str(old))}"
            f" --replay {found.scenario}:{found.seed}"
        }
        for found in report.divergences
    ]
    return {"schema": "unlit.comparison/1", "tried": report.tried,
            "not_exercised": report.not_exercised, "divergences": rows}  # fmt: skip
