"""A scenario as frozen data: who wrote it, what is given, what happens, what must be true then."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from typing_extensions import override

from unlit.core.ids import CriterionId, ScenarioId
from unlit.core.states import Partition

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a scenario file, where it is and what to do about it."""

    code: str
    severity: Severity
    file: str
    line: int
    message: str
    remedy: str

    @override
    def __str__(self) -> str:
        """``FILE:LINE CODE message Do: remedy``."""
        return f"{self.file}:{self.line} {self.code} {self.message} Do: {self.remedy}"


@dataclass(frozen=True, slots=True)
class Variable:
    """One name in `vary`; `kind` is the sampler, `options` its arguments."""

    name: str
    kind: str
    options: Any
    line: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens; `kind` names the driver, `params` are its arguments."""

    kind: str
    params: Mapping[str, Any]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be true afterwards; `criterion` overrides the scenario's own."""

    kind: str
    value: Any
    line: int = 0
    criterion: tuple[CriterionId, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """The world before the first step."""

    twins: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    clock: str | None = None
    product: Literal["candidate", "base"] = "candidate"


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a scenario; feeds the independence record."""

    by: str
    name: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One expectation about the product, with everything needed to exercise it."""

    id: ScenarioId
    story: str
    criteria: tuple[CriterionId, ...]
    partition: Partition
    weight: int
    oracle: str
    author: Author
    owner: str
    because: str
    vary: tuple[Variable, ...]
    given: Given
    when: tuple[Step, ...]
    then: tuple[Check, ...]
    never: tuple[str, ...]
    fails_on_base: tuple[Check, ...] = ()
    regression: bool = False
    health: bool = False
    specs: tuple[str, ...] = ()
    canary: str | None = None
    file: str = ""
    line: int = 1
    digest: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    def line_of(self, key: str) -> int:
        """Return the line of a top-level key, or of ``given.KEY``."""
        return self.lines.get(key, self.line)

    def speaks_for(self, spec: str | None) -> bool:
        """Whether its criteria are those of a spec; None stands for any."""
        return spec is None or not self.specs or spec in self.specs

    @property
    def effective_weight(self) -> int:
        """Weight in the operational profile, at least 1."""
        return max(1, self.weight)


@dataclass(frozen=True, slots=True)
class Draw:
    """One sampled execution: which scenario, the how-manieth draw, with which values."""

    index: int
    scenario: ScenarioId
    seed: int
    values: Mapping[str, Any]
