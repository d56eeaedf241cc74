"""`unlit.toml`: how a repository is built, tested, started and judged ready to ship."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unlit.core.errors import InvalidInput
from unlit.wiring.after_gate import (
    AfterGate,
    DeployTable,
    ForgeTable,
    HookTable,
    SlackTable,
    TicketTable,
    after_gate,
)
from unlit.wiring.grading import EvaluationSettings, EvaluationTable
from unlit.wiring.line_settings import (
    CiTable,
    LimitTables,
    LineSettings,
    QueueTable,
    line_settings,
)
from unlit.wiring.paths import FILE_NAME

_SHIP_RULE: Final = {"p0", "p1", "alpha", "beta", "method"}


@dataclass(frozen=True, slots=True)
class ProductSettings:
    """`[product]`: commands and the way in.

    `env` values of the form ``twin:slack`` become that twin's credential in each world.
    """

    kind: Literal["cli", "http", "web", "library"] = "cli"
    build: str | None = None
    test: str | None = None
    run: str | None = None
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShipSettings:
    """`[ship]`: the two satisfaction rates that the rule tells apart, and its error rates.

    `method` is ``lr``, the likelihood ratio, or ``mixture``, best when the true rate is far from
    `p1`.
    """

    p0: float = 0.90
    p1: float = 0.97
    alpha: float = 0.05
    beta: float = 0.10
    method: Literal["lr", "mixture"] = "lr"


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """`[budget]`: hard limits in dollars; `None` is no limit."""

    run_usd: Decimal | None = None
    day_usd: Decimal | None = None
    person_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`[source.NAME]`: one instance of a connector.

    Attributes:
        kind: The connector.
        base_url: Where the service is; empty means the connector's usual place.
        project: What of it: project key, repository, channel, space.
        role: ``product`` or ``engineering``, for people; it decides nothing.
        confirm: Changes that another person must agree to, such as ``transition:Done``.
        block: Changes that nobody makes from here.
    """

    kind: str
    base_url: str = ""
    project: str = ""
    role: str = ""
    confirm: tuple[str, ...] = ("delete",)
    block: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """`[context]`: what of the index goes into a run's snapshot by relevance.

    Attributes:
        items: Most items; 0 turns it off.
        budget_kb: Most kilobytes of their texts.
        public: Whether items that anybody may have written count too.
    """

    items: int = 12
    budget_kb: int = 96
    public: bool = False


@dataclass(frozen=True, slots=True)
class Factory:
    """Everything that `unlit.toml` says."""

    name: str
    agents: tuple[str, ...] = ("scripted",)
    reviewers: tuple[str, ...] = ()
    product: ProductSettings = field(default_factory=ProductSettings)
    ship: ShipSettings = field(default_factory=ShipSettings)
    budget: BudgetSettings = field(default_factory=BudgetSettings)
    sources: Mapping[str, SourceSettings] = field(default_factory=dict)
    context: ContextSettings = field(default_factory=ContextSettings)
    after_gate: AfterGate = field(default_factory=AfterGate)
    line: LineSettings = field(default_factory=LineSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _FactoryTable(_Strict):
    name: str = Field(min_length=1, max_length=100)
    agents: list[str] = Field(default=["scripted"], min_length=1)
    reviewers: list[str] = []
    tournament: int = Field(default=1, ge=1, le=16)
    require_signed: bool = False  # read where policies are loaded (policy/trust.py)


class _ProductTable(_Strict):
    kind: Literal["cli", "http", "web", "library"] = "cli"
    build: str | None = None
    test: str | None = None
    run: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    env: dict[str, str] = {}

    @model_validator(mode="after")
    def _a_server_has_a_port(self) -> "_ProductTable":
        if self.kind in ("http", "web") and self.port is None:
            raise ValueError(f"a product of kind {self.kind} needs a port")
        return self


class _ShipTable(_Strict):
    p0: float = Field(default=0.90, gt=0, lt=1)
    p1: float = Field(default=0.97, gt=0, lt=1)
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    beta: float = Field(default=0.10, gt=0, lt=0.5)
    method: Literal["lr", "mixture"] = "lr"
    branch: str = ""
    remote: str = ""
    changelog: str = ""
    sign: str = Field(default="", pattern=r"^((ssh|gpg):.+)?$")
    forge: ForgeTable | None = None

    @model_validator(mode="after")
    def _good_is_better_than_bad(self) -> "_ShipTable":
        if self.p0 >= self.p1:
            raise ValueError(f"p0 = {self.p0} must be below p1 = {self.p1}")
        return self


class _BudgetTable(_Strict):
    run_usd: Decimal | None = Field(default=None, gt=0)
    day_usd: Decimal | None = Field(default=None, gt=0)
    person_usd: Decimal | None = Field(default=None, gt=0)


class _SourceTable(_Strict):
    kind: str = Field(min_length=1)
    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    project: str = ""
    role: Literal["", "product", "engineering"] = ""
    confirm: tuple[str, ...] = ("delete",)
    block: tuple[str, ...] = ()


class _ContextTable(_Strict):
    items: int = Field(default=12, ge=0, le=200)
    budget_kb: int = Field(default=96, ge=0, le=4096)
    public: bool = False


class _File(_Strict):
    factory: _FactoryTable
    product: _ProductTable = _ProductTable()
    ship: _ShipTable = _ShipTable()
    budget: _BudgetTable = _BudgetTable()
    source: dict[str, _SourceTable] = {}
    context: _ContextTable = _ContextTable()
    gate: dict[str, Any] = {}  # its rules are the review room's to read
    deploy: DeployTable | None = None
    hook: dict[str, HookTable] = {}
    slack: SlackTable | None = None
    ticket: TicketTable = TicketTable()
    ci: CiTable = CiTable()
    queue: dict[str, QueueTable] = {}
    limit: LimitTables = {}
    evaluation: EvaluationTable = EvaluationTable()


def read_factory(repository: Path) -> Factory:
    """Read `unlit.toml` of a repository.

    Raises:
        InvalidInput: The file is missing, is not TOML, or has an unknown key or a wrong value.
    """
    path = repository / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InvalidInput(
            "CLI-031",
            f"{path} does not exist.",
            "the factory needs to know how the product is built, tested and started.",
            "run `unlit init` in the repository.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "CLI-032",
            f"{path} cannot be read: {error}.",
            "it must be a readable UTF-8 text file.",
            "correct the file.",
        ) from error
    return parse_factory(text, str(path))


def parse_factory(text: str, source: str = FILE_NAME) -> Factory:
    """Parse the text of `unlit.toml`.

    Raises:
        InvalidInput: It is not TOML, or has an unknown key or a wrong value.
    """
    try:
        table = tomllib.loads(text)
        parsed = _File.model_validate(table)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            "CLI-033",
            f"{source} is not TOML: {error}.",
            "a half-understood file is worse than none.",
            "correct the line named.",
        ) from error
    except ValidationError as error:
        raise _wrong_value(error, source) from error
    return Factory(
        name=parsed.factory.name,
        agents=tuple(parsed.factory.agents),
        reviewers=tuple(parsed.factory.reviewers),
        product=ProductSettings(**parsed.product.model_dump()),
        ship=ShipSettings(**parsed.ship.model_dump(include=_SHIP_RULE)),
        budget=BudgetSettings(**parsed.budget.model_dump()),
        sources={
            name: SourceSettings(**table.model_dump()) for name, table in parsed.source.items()
        },
        context=ContextSettings(**parsed.context.model_dump()),
        after_gate=after_gate(parsed),
        line=line_settings(parsed.factory.tournament, parsed.ci, parsed.queue, parsed.limit),
        evaluation=EvaluationSettings(**parsed.evaluation.model_dump()),
    )


def _wrong_value(error: ValidationError, source: str) -> InvalidInput:
    first: Any = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        what = f"{source}: unknown key {where}."
        why = "unknown keys are refused, so that a typo cannot pass for a setting."
        return InvalidInput("CLI-034", what, why, "see docs/reference/unlit-toml.md.")
    message = str(first["msg"]).removeprefix("Value error, ")
    return InvalidInput(
        "CLI-035",
        f"{source}: {where}: {message}.",
        "every value has a kind and a range.",
        "see docs/reference/unlit-toml.md.",
    )
