"""Health scenarios of a deploy: the evaluator's process is asked, the vault stays with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from typing_extensions import override

from unlit.core.errors import UnlitError
from unlit.core.ids import RunId
from unlit.core.states import Partition, TrajectoryState
from unlit.evaluation.client import Looked, look_in_process
from unlit.evaluation.model import EvaluationRequest, Product, ShipRule
from unlit.policy import Identity, load_policy
from unlit.ship.rollout import UNKNOWN, Failing, Scenarios

STAGE = "health"


@dataclass(frozen=True, slots=True)
class HealthPlace:
    """Where health scenarios are made, and from what.

    Attributes:
        run: The run, for the audit log.
        url: Where the deployed product is.
        vault: The run's own.
        artefacts: Folder of the evaluator's own store.
        repository: Its policy.toml says what role `evaluator` may ask.
        env: Environment of the evaluator; keys of the role are read from it.
        overrides: Names that the operator answers himself, and the ``HOST:PORT`` where.
        roots: PEM file of the roots that servers are checked by; default the machine's own.
    """

    run: RunId
    url: str
    vault: Path
    artefacts: Path
    repository: Path
    env: Mapping[str, str]
    overrides: Mapping[str, str] | None = None
    roots: str | None = None


@dataclass(frozen=True, slots=True)
class VaultScenarios(Scenarios):
    """The vault's health scenarios, made by the evaluator; ids and labels come back."""

    place: HealthPlace
    rounds: "count[int]" = field(default_factory=lambda: count(1))

    async def check(self) -> None:
        """Refuse, before anything is deployed, what could not be made.

        Raises:
            InvalidInput: The vault is broken or holds no health scenario, or the URL is none.
            RefusedByPolicy: Role `evaluator` may not make one of the requests.
        """
        load_policy(self.place.repository / "policy.toml")  # here it is seen whose it is
        await self._look(only_check=True)

    @override
    async def failing(self) -> Sequence[Failing]:
        try:
            made = await self._look(round=next(self.rounds))
        except UnlitError as error:  # a guess would go on; unknown is not healthy
            return [Failing(UNKNOWN, f"could not be made: {error.code} {error.what}")]
        return [_failing(one) for one in made if one.state != TrajectoryState.SATISFIED]

    async def _look(self, **said: Any) -> tuple[Looked, ...]:
        place = self.place
        outside = {"overrides": place.overrides, "roots": place.roots}
        deployed = {"url": place.url, **said} | {k: v for k, v in outside.items() if v}
        request = EvaluationRequest(
            spec=place.repository, candidate=place.repository, base=None, vault=place.vault,
            partition=Partition.VALIDATION, product=Product(kind="http"), ship=ShipRule(),
            seed=0, max_trajectories=1, parallel=1, look=None, artefacts=place.artefacts,
            policy=place.repository / "policy.toml",
            identity=Identity(place.run, STAGE, "evaluator", "evaluator"),
            options={"deployed": deployed},
        )  # fmt: skip
        return await look_in_process(request, place.env)


def _failing(made: Looked) -> Failing:
    """Say what one showed: criterion, state and labels."""
    state = made.state.replace("_", " ")
    labels = f": {', '.join(made.reasons)}" if made.reasons else ""
    return Failing(made.scenario, f"({', '.join(made.criteria)}) {state}{labels}")
