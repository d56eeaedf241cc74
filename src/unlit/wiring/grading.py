"""`[evaluation]` of `unlit.toml`: who is asked when a run is graded, besides the scenarios."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """`[evaluation]`; empty means nobody.

    Attributes:
        judge: ``rubric:PROVIDER:MODEL``, asked what no program can check.
        user: ``PROVIDER:MODEL``, plays the users that a scenario leaves to a model.
        model_twin: Script that answers in the vendors' place, relative to the repository.
    """

    judge: str = ""
    user: str = ""
    model_twin: str = ""


class EvaluationTable(BaseModel):
    """`[evaluation]` as it is written."""

    model_config = ConfigDict(extra="forbid")
    judge: str = ""
    user: str = ""
    model_twin: str = ""


def evaluator_options(
    settings: EvaluationSettings, repository: Path, backend: str
) -> Mapping[str, object]:
    """Return what every grading of this factory is told besides its order.

    Raises:
        UsageError: A model is not named as `[evaluation]` wants it.
        RefusedByPolicy: The policy lets nobody ask it; nothing has run yet.
    """
    # only who grades pays for these: every command that reads unlit.toml comes by this module
    from unlit.evaluation.asking import models_named
    from unlit.evaluation.playing import refuse_unreachable
    from unlit.fence.backends import FULL
    from unlit.policy import load_policy

    options: dict[str, object] = {} if backend == FULL else {"backend": backend}
    twin = repository / settings.model_twin if settings.model_twin else None
    options |= models_named(settings.judge, settings.user, twin)
    policy = repository / "policy.toml"
    if policy.is_file():
        found = load_policy(policy)  # here it is seen whose signature it bears
        if "judge" in options or "user" in options:
            refuse_unreachable(found, options)
    return options
