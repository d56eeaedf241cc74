"""What `unlit.toml` says about the line: the repository's own checks, queues, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from unlit.line.model import CiPlan
from unlit.line.rules.queues import LINES, Limit, QueuePlan, parse_rate


def _rate(text: str) -> str:
    if parse_rate(text) is None:
        raise ValueError("a rate is COUNT/TIME, such as 10/h or 5/30s")
    return text


RateText = Annotated[str, AfterValidator(_rate)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CiTable(_Strict):
    """`[ci]`."""

    command: str | None = None
    watch: Literal["", "github", "gitlab"] = ""
    project: str = ""
    tries: int = Field(default=2, ge=0, le=10)
    wait_s: float = Field(default=1800, ge=0)


class QueueTable(_Strict):
    """`[queue.NAME]`."""

    at_once: int | None = Field(default=None, ge=1)
    per_worker: int | None = Field(default=None, ge=1)
    rate: RateText | None = None
    agents: list[str] = []
    services: list[str] = []
    risks: list[str] = []


class LimitTable(_Strict):
    """`[limit.agent.NAME]`, `[limit.provider.NAME]`, `[limit.service.NAME]`."""

    at_once: int | None = Field(default=None, ge=1)
    rate: RateText | None = None


LimitTables = dict[Literal["agent", "provider", "service"], dict[str, LimitTable]]


@dataclass(frozen=True, slots=True)
class LineSettings:
    """The line's part of `unlit.toml`.

    Attributes:
        tournament: How many first candidates compete.
        limits: By ``agent:NAME``, ``provider:NAME``, ``service:NAME``.
    """

    tournament: int = 1
    ci: CiPlan = field(default_factory=CiPlan)
    queues: tuple[QueuePlan, ...] = ()
    limits: Mapping[str, Limit] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All queues there are."""
        return tuple(dict.fromkeys((*(plan.name for plan in self.queues), LINES)))


def line_settings(
    tournament: int,
    ci: CiTable,
    queues: Mapping[str, QueueTable],
    limits: Mapping[Any, Mapping[str, LimitTable]],
) -> LineSettings:
    """Make the line's settings of what was parsed."""
    return LineSettings(
        tournament=tournament,
        ci=CiPlan(ci.command, ci.watch or None, ci.project or None, ci.tries, ci.wait_s),
        queues=tuple(
            QueuePlan(
                name,
                table.at_once,
                table.per_worker,
                None if table.rate is None else parse_rate(table.rate),
                tuple(table.agents),
                tuple(table.services),
                tuple(table.risks),
            )
            for name, table in queues.items()
        ),
        limits={
            f"{kind}:{name}": Limit(
                table.at_once, None if table.rate is None else parse_rate(table.rate)
            )
            for kind, tables in limits.items()
            for name, table in tables.items()
        },
    )
