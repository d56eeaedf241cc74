"""What a person tries: which candidate, how it starts, and in which world."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unlit.core.errors import InvalidInput
from unlit.core.ids import CandidateId, RunId
from unlit.record.model import Run
from unlit.record.store import Store
from unlit.review.rules.reading import table

EMPTY: Final = "empty"
SERVED: Final = ("http", "web")


@dataclass(frozen=True, slots=True)
class Choice:
    """A world that may be tried in.

    Attributes:
        name: ``empty``, or the id of a scenario whose world it is.
        words: What is in it, for a person.
    """

    name: str
    words: str
    partition: str = ""
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TryPlan:
    """A candidate and how it is started, as its run was told.

    Attributes:
        env: As in `[product]`: ``twin:slack`` stands for that twin's token.
        policy: The policy file that was pinned for the run.
    """

    run: RunId
    title: str
    candidate: CandidateId
    number: int
    commit: str
    workspace: Path
    policy: Path
    kind: str
    command: tuple[str, ...]
    build: str | None = None
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    vault: Path | None = None

    @property
    def is_served(self) -> bool:
        """Whether it is used through a port, not at a terminal."""
        return self.kind in SERVED and self.port is not None

    @property
    def typed(self) -> str:
        """How the product is started, as a person types it."""
        return shlex.join(self.command)


def plan_of(store: Store, run: RunId, candidate: str = "") -> TryPlan:
    """Say what is tried when a run's candidate is tried.

    Args:
        store: The record.
        run: The run.
        candidate: Which of its candidates; default the one that would ship, else the newest.

    Raises:
        InvalidInput: There is no such run or candidate, or nothing says how it starts.
    """
    found = store.find_run(run)
    made = store.candidates(found.id)
    wanted = candidate or str(found.candidate or "")
    chosen = next((row for row in made if row.id == wanted), None)
    if chosen is None and not candidate and made:
        chosen = made[-1]
    if chosen is None:
        raise _cannot(f"run {found.id} has no candidate {candidate or 'yet'}",
                      "wait until one is written")  # fmt: skip
    product = table(found.settings.get("product"))
    command = tuple(shlex.split(str(product.get("run") or "")))
    if not command and product.get("kind") != "library":
        raise _cannot("nothing says how the product starts", "set `run` in `[product]`")
    port = product.get("port")
    vault = found.settings.get("vault")
    return TryPlan(
        run=found.id,
        title=found.title,
        candidate=chosen.id,
        number=chosen.number,
        commit=chosen.commit,
        workspace=Path(found.workspace),
        policy=_policy(found),
        kind=str(product.get("kind") or "cli"),
        command=command,
        build=str(product["build"]) if product.get("build") else None,
        port=port if isinstance(port, int) else None,
        env={str(name): str(value) for name, value in table(product.get("env")).items()},
        vault=Path(str(vault)) if vault else None,
    )


def _policy(run: Run) -> Path:
    said: Any = run.settings.get("policy")
    return Path(str(said)) if said else Path(run.repository) / "policy.toml"


def _cannot(why: str, remedy: str) -> InvalidInput:
    return InvalidInput("REV-061", f"It cannot be tried: {why}.",
                        "a candidate is tried as its run was told to start it.",
                        f"{remedy}.")  # fmt: skip
