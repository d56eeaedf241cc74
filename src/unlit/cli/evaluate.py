"""`unlit evaluate`: grade a program against scenarios, whoever wrote it, in whatever language."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unlit.evaluation.model import EvaluationRequest, EvaluationResult, Event
    from unlit.evaluation.planning import Factory, Flags

app = cyclopts.App(name="evaluate", help="Grade a program against scenarios in a vault.")
_INDEXES = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL",
    "NPM_CONFIG_REGISTRY",
)  # fmt: skip


@app.default
def evaluate(  # noqa: PLR0913 # a command line has many flags, each optional
    *,
    spec: Path,
    candidate: Path,
    vault: str,
    run: str | None = None,
    kind: str | None = None,
    port: int | None = None,
    base: Path | None = None,
    policy: Path | None = None,
    factory: Path | None = None,
    partition: str | None = None,
    only: Annotated[list[str] | None, cyclopts.Parameter(negative=())] = None,
    replay: str | None = None,
    fix: Annotated[list[str] | None, cyclopts.Parameter("--set", negative=())] = None,
    trajectories: int = 200,
    parallel: int = 2,
    seed: int | None = None,
    artefacts: Path | None = None,
    against: Path | None = None,
    judge: str | None = None,
    user: str | None = None,
    model_twin: Path | None = None,
    invariants: bool = True,
    settle: int = 0,
    backend: str | None = None,
    freshness: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    as_json: Annotated[bool, cyclopts.Parameter("--json", negative=())] = False,
    junit: Path | None = None,
    eval_log: Path | None = None,
) -> int:
    """Grade CANDIDATE against the scenarios of VAULT that speak for the criteria of SPEC.

    Exit code: 0 ship; 1 not yet, undecided or not exercised; 5 harness fault; 3 bad input.

    Args:
        spec: Markdown file with the criteria.
        candidate: Folder with the program.
        vault: Folder with the scenarios, outside of the candidate; or URL of a git repository.
        run: How the program starts; default: `run` of `[product]` in unlit.toml.
        kind: cli, http, web or library; default: unlit.toml, else cli.
        port: Where an http or web program listens.
        base: Folder with the commit that the candidate started from.
        policy: What the program may reach; default: the base's policy.toml, else the twins alone.
            The candidate's own is never obeyed.
        factory: unlit.toml that is graded by; default: the base's. Of the candidate's own only how
            it starts is heard, never what is good enough.
        partition: visible, validation or sealed (a look, charged); default: validation.
        only: Grade only the scenario of this id; may be repeated.
        replay: SCENARIO:SEED, run exactly that trajectory once and show what happened.
        fix: With --replay: NAME=VALUE in place of the sampled value; may be repeated.
        trajectories: Most trajectories to run.
        parallel: Fences at once.
        seed: Everything random follows from it; default: from candidate and vault.
        against: Folder with a previous version: run both on the same worlds, say where they differ.
        judge: rubric:PROVIDER:MODEL, asked what no program can check; counts only with labels.
            PROVIDER is anthropic, openai or google; its key is taken from the environment.
        user: PROVIDER:MODEL, plays the simulated users that a scenario leaves to a model.
        model_twin: Script that answers in the vendors' place; see docs/reference/model-twin.md.
        invariants: Also try the safety pack on the candidate.
        settle: Spend so many further trajectories on criteria that are not decided yet.
        backend: What fences are made of: full; landlock and container hold less and say so.
        freshness: Also run each scenario with values that may be known, and compare.
        artefacts: Where details with scenario content go; default: beside the vault.
        as_json: Print the result as unlit.evaluation/1.
        junit: Also write JUnit XML to this file.
        eval_log: Also write an Inspect log (.eval) to this file.
    """
    from unlit.core.system import SystemClock
    from unlit.evaluation.asking import models_named
    from unlit.evaluation.client import evaluate_in_process
    from unlit.evaluation.outputs import refuse_unwritable, write_outputs
    from unlit.evaluation.planning import Flags, plan
    from unlit.policy import load_policy

    refuse_unwritable({"--junit": junit, "--eval-log": eval_log})
    flags = Flags(
        spec, candidate, _vault(vault), run, kind, port, base, policy, partition, tuple(only or ()),
        trajectories, parallel, seed, artefacts, replay, tuple(fix or ()),
    )  # fmt: skip
    options = options_of(flags, invariants, factory)
    options |= {"settle": settle, "freshness": freshness, **models_named(judge, user, model_twin)}
    options |= _backend(backend)
    settings = factory_of(candidate, base, factory)
    request = plan(flags, settings, options=options)
    notes = [*unheard(flags, factory), *guessed(request, run or settings.product.run)]
    sys.stderr.write("".join(f"  note: {said}\n" for said in notes))
    load_policy(request.policy)  # here it is seen whose signature it bears
    if against is not None:
        return _against(request, against, as_json=as_json)
    result = asyncio.run(evaluate_in_process(request, _show_event))
    document = result.to_json()
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(render(result))
        if replay is not None:
            sys.stdout.write(_happened(request))
    sys.stdout.flush()
    write_outputs(document, SystemClock(), junit=junit, eval_log=eval_log)
    return result.verdict.exit_code


def _backend(flag: str | None) -> dict[str, object]:
    """Return the option that names a weaker backend; nothing for the full one."""
    from unlit.fence.backends import FULL, known_backend
    from unlit.wiring.settings import read_settings

    named = known_backend(read_settings(flags={"backend": flag}).text("backend") or FULL)
    return {} if named == FULL else {"backend": named}


def _vault(named: str) -> Path:
    """Return the vault's folder; a git repository is fetched first."""
    from unlit.evaluation.adapters.vault_clone import cloned, is_url
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    if not is_url(named):
        return Path(named)
    settings = read_settings()
    home = state_home(settings.env, settings.path("state_home"))
    return asyncio.run(cloned(named, home / "vaults"))


def options_of(flags: "Flags", invariants: bool, factory: Path | None = None) -> dict[str, object]:
    """Return the options of the request, with the command that replays one trajectory."""
    import shlex

    from unlit.evaluation.planning import policy_named
    from unlit.wiring.paths import state_home
    from unlit.wiring.settings import read_settings

    given = {
        "--spec": flags.spec, "--candidate": flags.candidate, "--vault": flags.vault,
        "--run": flags.run, "--kind": flags.kind, "--port": flags.port,
        "--policy": policy_named(flags), "--factory": factory,
    }  # fmt: skip
    words = [str(w) for name, value in given.items() if value is not None for w in (name, value)]
    settings = read_settings()
    home = state_home(settings.env, settings.path("state_home"))
    options: dict[str, object] = {
        "dependency_cache": str(home / "deps"),
        "indexes": {name: settings.env[name] for name in _INDEXES if name in settings.env},
        "replay_prefix": shlex.join(["unlit", "evaluate", *words]),
        "invariants": invariants,
    }
    return options


def _against(request: "EvaluationRequest", old: Path, *, as_json: bool) -> int:
    from unlit.evaluation.evaluate import compare_with

    def tell(text: str) -> None:
        sys.stderr.write(f"  {text}\n")
        sys.stderr.flush()

    document = asyncio.run(compare_with(request, old.absolute(), tell))
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_compared(document))
    return 1 if document["divergences"] else 0


def _compared(document: "Mapping[str, Any]") -> str:
    """Return a comparison for people; of a replayed world, what each version did."""
    from unlit.review.rules.words import inert

    found = document["divergences"]
    lines = [f"{len(found)} of {document['tried']} worlds differ"]
    if document["not_exercised"]:
        lines.append(f"{document['not_exercised']} worlds were not exercised")
    for row in found:
        lines.append(f"  {row['scenario']}: {', '.join(row['parts'])}")
        if "replay" in row:
            lines.append(f"          replay: {row['replay']}")
    replayed = document.get("replayed", {})
    for version in ("old", "new"):
        if version in replayed:
            lines.append(f"{version}:")
            lines += [f"  {inert(text)}" for text in replayed[version]]
    if replayed and "old" not in replayed:
        lines.append("The scenario is sealed: what happened is not shown.")
    return "\n".join(lines) + "\n"


def factory_of(candidate: Path, base: Path | None = None, named: Path | None = None) -> "Factory":
    """Return what a grading goes by: the file named, else the base's `unlit.toml`, else defaults.

    A candidate's own says how it is started where nothing else does, and nothing more: who is
    graded does not say what is good enough.
    """
    from dataclasses import asdict

    from unlit.evaluation.model import Product, ShipRule
    from unlit.evaluation.planning import Factory
    from unlit.wiring.factory import parse_factory, read_factory
    from unlit.wiring.paths import FILE_NAME

    if named is not None:
        settings = parse_factory(_text_of(named), str(named))
    else:
        folders = [each for each in (base, candidate) if each and (each / FILE_NAME).is_file()]
        if not folders:
            return Factory()
        settings = read_factory(folders[0])
        if folders[0] is candidate:
            return Factory(Product(**asdict(settings.product)))
    return Factory(Product(**asdict(settings.product)), ShipRule(**asdict(settings.ship)))


def _text_of(path: Path) -> str:
    from unlit.core.errors import InvalidInput

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "EVA-161", f"`--factory {path}` cannot be read: {error}.",
            "it says what counts as good enough; nothing was graded.",
            "name a readable unlit.toml.",
        ) from error  # fmt: skip


def unheard(flags: "Flags", factory: Path | None = None) -> list[str]:
    """Return what a candidate says about its own grading and is not obeyed, as sentences."""
    import tomllib

    from unlit.wiring.paths import FILE_NAME

    said = []
    own_policy = flags.candidate / "policy.toml"
    if flags.policy is None and own_policy.is_file():
        said.append("the candidate's own policy.toml is not obeyed; name one with --policy.")
    own = flags.candidate / FILE_NAME
    if (
        factory is None
        and own.is_file()
        and not (flags.base and (flags.base / FILE_NAME).is_file())
    ):
        rule = tomllib.loads(own.read_text(encoding="utf-8")).get("ship", {})
        if {"p0", "p1", "alpha", "beta"} & set(rule):
            said.append("the candidate's own [ship] is not obeyed; name a file with --factory.")
    return said


def guessed(request: "EvaluationRequest", told: str | None) -> list[str]:
    """Return how the program is started where nobody said it, as a sentence."""
    if told or not request.product.run:
        return []
    return [f"nothing says how the program starts; `{request.product.run}` is taken. See --run."]


def _happened(request: "EvaluationRequest") -> str:
    """Return what a replayed trajectory showed, for the vault's owner; never of a sealed one."""
    from unlit.core.states import Partition

    folder = request.artefacts / "replay"
    path = folder / "trajectories.jsonl"
    if request.partition is Partition.SEALED:
        return (
            f"The scenario is sealed: what happened is in {path}. Who opens it spends it: say so"
            " with `unlit scenarios looks VAULT --disclose ID`.\n"
        )
    kept = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    lines = [f"What happened ({kept['file']}, {json.dumps(kept['values'], ensure_ascii=False)}):"]
    lines += [f"  step {s['step']} {s['kind']}: {_seen(s)}" for s in kept["steps"]]
    lines += [f"  {entry['check']}: {entry['text']}" for entry in kept["why"]]
    smaller = folder / "smaller.json"
    if smaller.exists():
        found = json.loads(smaller.read_text(encoding="utf-8"))
        if found["is_smaller"]:
            fixed = " ".join(f"--set {name}={value}" for name, value in found["values"].items())
            lines.append(f"The smallest case that fails alike ({found['runs']} tried): {fixed}")
    return "\n".join(lines) + "\n"


def _seen(step: dict[str, Any]) -> str:
    shown = ("exit_code", "status", "stdout", "stderr", "body", "problem")
    parts = [f"{name} {str(step[name]).strip()[:400]!r}" for name in shown if name in step]
    return ", ".join(parts) or "done"


def _show_event(event: "Event") -> None:
    """Show one event as a line on standard error."""
    fields = event.fields
    if event.kind != "trajectory":
        sys.stderr.write(f"  {event.kind}: {fields.get('text', '')}\n")
        return
    mark = {"satisfied": "ok  ", "not_satisfied": "FAIL"}.get(str(fields["state"]), "??  ")
    name = fields["scenario"] or "(sealed)"
    sys.stderr.write(
        f"  {fields['n']:>4} {mark} {name:<44} {fields['satisfied']}/{fields['total']}"
        f"  {_interval(fields['estimate'], fields['lower'], fields['upper'])}\n"
    )
    sys.stderr.flush()


def _leaks(result: "EvaluationResult") -> str:
    found = result.leaks
    parts = {
        "probe": found.probe, "canaries": found.canaries, "literals": found.literals,
        "planted control": found.control,
    }  # fmt: skip
    text = ", ".join(f"{name} {state or 'not exercised'}" for name, state in parts.items())
    return "; ".join([text, *found.details])


def _interval(estimate: float | None, lower: float | None, upper: float | None) -> str:
    if estimate is None or lower is None or upper is None:
        return "not exercised"
    return f"{estimate:.2f} [{lower:.2f}, {upper:.2f}]"


def render(result: "EvaluationResult") -> str:
    """Return the result for people."""
    found = result.satisfaction
    lines = [
        f"Verdict: {result.verdict}. {result.reason}".strip(),
        f"Satisfaction: {_interval(found.estimate, found.lower, found.upper)}"
        f" from {found.satisfied} of {found.trajectories} trajectories ({found.method})",
        f"  {found.claim_a.sentence}",
        f"  {found.claim_b.sentence}",
        f"Strength: {result.strength.sentence}",
        f"Leak proof: {_leaks(result)}",
        *(f"Safety: {entry['sentence']} ({'a veto' if entry['veto'] else 'a note, no veto'})"
          for entry in result.invariants),
        f"Separation: {result.separation.sentence}",
        "Criteria:",
    ]  # fmt: skip
    for criterion in result.criteria:
        lines.append(
            f"  {criterion.id:<7} {criterion.state!s:<14}"
            f" {criterion.satisfied}/{criterion.trajectories}  {criterion.text}"
        )
        if criterion.independence.ceiling:
            lines.append(f"          at most: {criterion.independence.ceiling}")
    lines += [
        f"Judge of {entry['criterion']}: {entry['judge']} ({entry['family'] or 'no family'}):"
        f" {entry['sentence']}" for entry in result.judges
    ]  # fmt: skip
    failed = [t for t in result.trajectories if t.reasons]
    if failed:
        lines.append("Not satisfied:")
    if failed and not found.satisfied:
        lines.append(
            "  Nothing held at all. Does the program start? A replay shows what it printed."
        )
    for record in failed[:20]:
        lines.append(f"  {record.scenario}: {', '.join(record.reasons)}")
        if record.replay:
            lines.append(f"          replay: {record.replay}")
    if result.not_verified:
        lines.append("Not verified:")
        lines += [f"  - {sentence}" for sentence in result.not_verified]
    return "\n".join(lines) + "\n"
