"""The world a candidate is tried in: empty, or as a scenario gives it; never a sealed one's."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unlit.core.errors import InvalidInput, UnlitError
from unlit.core.states import Partition
from unlit.evaluation.scenarios.sample import draw_seed, sample
from unlit.evaluation.scenarios.template import fill
from unlit.evaluation.vault import Vault, load_vault
from unlit.review.tryout.model import EMPTY, Choice

NOTHING = Choice(EMPTY, "an empty world: every service is there, nobody has used it")


@dataclass(frozen=True, slots=True)
class WorldSeed:
    """What a world is made from, and what the product gets with it."""

    choice: Choice
    twins: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    now: datetime | None = None
    seed: int = 0
    drawn: Mapping[str, Any] = field(default_factory=dict)
    typed: str = ""


def choices(vault: Path | None, *, may_see: bool) -> tuple[Choice, ...]:
    """Return the worlds a person may choose: visible scenarios', and validation for who may see.

    A sealed scenario is never opened for a try: whoever sees it spends it.
    """
    found = _open(vault)
    if found is None:
        return (NOTHING,)
    shown = [*found.of(Partition.VISIBLE), *(found.of(Partition.VALIDATION) if may_see else ())]
    return (
        *(Choice(s.id, " ".join(s.story.split()), s.partition.value, tuple(s.criteria))
          for s in shown if not s.regression),
        NOTHING,
    )  # fmt: skip


def best_of(found: tuple[Choice, ...], criterion: str | None) -> Choice:
    """Return the world to begin with: one that exercises what is asked, else the first."""
    about = [one for one in found if criterion and criterion in one.criteria]
    return (about or list(found))[0]


def world_seed(vault: Path | None, name: str, *, may_see: bool) -> WorldSeed:
    """Draw a world.

    Raises:
        InvalidInput: This person may not choose it, or it does not exist.
    """
    chosen = next((one for one in choices(vault, may_see=may_see) if one.name == name), None)
    if chosen is None:
        raise InvalidInput(
            "REV-063", f"There is no world {name!r} to try it in.",
            "worlds of visible scenarios are open; validation ones need the role evaluator, "
            "sealed ones are never opened for a try.", "choose one of the list.",
        )  # fmt: skip
    if chosen.name == EMPTY:
        return WorldSeed(chosen, seed=secrets.randbits(63))
    found = _open(vault)
    assert found is not None  # noqa: S101 # the choice came from it
    scenario = found.scenario(chosen.name)
    seed = draw_seed(secrets.randbits(63), scenario.id, 0)
    values = sample(scenario, seed, found.lists)
    given = scenario.given
    now = None
    if given.clock is not None:
        now = datetime.fromisoformat(str(fill(given.clock, values)))
        now = now if now.tzinfo else now.replace(tzinfo=UTC)
    return WorldSeed(
        choice=chosen,
        twins=fill(given.twins, values),
        files={key: str(text) for key, text in fill(given.files, values).items()},
        env={key: str(text) for key, text in fill(given.env, values).items()},
        now=now,
        seed=seed,
        drawn=values,
        typed=_typed(scenario.when, values),
    )


def _typed(steps: Any, values: Mapping[str, Any]) -> str:
    """Return the arguments of the scenario's first command, to begin with."""
    import shlex

    for step in steps:
        run = fill(step.params, values).get("run") if step.kind == "cli" else None
        if isinstance(run, list):
            return shlex.join(str(word) for word in run)
        if isinstance(run, str):
            return run
    return ""


def _open(vault: Path | None) -> Vault | None:
    if vault is None or not vault.is_dir():
        return None
    try:
        return load_vault(vault)
    except UnlitError:
        return None
