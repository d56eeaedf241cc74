"""What `unlit.toml` says about the time after the gate: shipping, deploys, hooks, who decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """`[ship.forge]`: where pull requests are opened, and who merges them."""

    kind: Literal["github", "gitlab", "gitea"]
    project: str
    base_url: str = ""
    merge: Literal["push", "api", "wait"] = "api"
    method: Literal["merge", "squash", "rebase"] = "merge"


@dataclass(frozen=True, slots=True)
class DeploySettings:
    """`[deploy]`: how the product is deployed; the commands run in a fence of the role `deploy`.

    Attributes:
        url: Where the deployed product is: the vault's health scenarios are made there.
    """

    command: str
    rollback: str | None = None
    health: tuple[str, ...] = ()
    stages: tuple[int, ...] = (100,)
    looks: int = 3
    pause_s: float = 5.0
    url: str = ""


@dataclass(frozen=True, slots=True)
class HookSettings:
    """`[hook.NAME]`: told what happens in runs.

    Attributes:
        on: Events it is told of.
        run: Command; gets the event as JSON on its input. Or else:
        url: Where the event is posted.
        key_env: Name of the environment variable that holds the key of the signature.
        fence: Whether the command runs in a fence of the role `deploy`.
    """

    name: str
    on: tuple[str, ...]
    run: str = ""
    url: str = ""
    key_env: str = ""
    timeout_s: float = 10.0
    fence: bool = False


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """`[slack]`: gates are asked about in a channel and decided by its buttons.

    Attributes:
        people: Slack user id to the person of `[gate.*]`; nobody else's click counts.
        key_env: Name of the environment variable that holds the app's signing secret.
    """

    source: str = "slack"
    channel: str = ""
    people: Mapping[str, str] = field(default_factory=dict)
    key_env: str = "SLACK_SIGNING_SECRET"


@dataclass(frozen=True, slots=True)
class AfterGate:
    """Everything that happens after the gate, or at it from outside.

    Attributes:
        sign: ``ssh:PATH``, ``gpg:KEY`` or empty.
        ticket_people: Account in the tracker to the person of `[gate.*]`.
    """

    branch: str = ""
    remote: str = ""
    changelog: str = ""
    sign: str = ""
    forge: ForgeSettings | None = None
    deploy: DeploySettings | None = None
    hooks: tuple[HookSettings, ...] = ()
    slack: SlackSettings | None = None
    ticket_people: Mapping[str, str] = field(default_factory=dict)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ForgeTable(_Strict):
    """`[ship.forge]` as written."""

    kind: Literal["github", "gitlab", "gitea"]
    project: str = Field(pattern=r"^[^/\s]+(/[^/\s]+)+$")
    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    merge: Literal["push", "api", "wait"] = "api"
    method: Literal["merge", "squash", "rebase"] = "merge"

    @model_validator(mode="after")
    def _gitea_says_where_it_is(self) -> "ForgeTable":
        if self.kind == "gitea" and not self.base_url:
            raise ValueError("a gitea has no usual place: say base_url (…/api/v1)")
        return self


class DeployTable(_Strict):
    """`[deploy]` as written."""

    command: str = Field(min_length=1)
    rollback: str | None = None
    health: list[str] = []
    stages: list[int] = Field(default=[100], min_length=1)
    looks: int = Field(default=3, ge=1, le=1000)
    pause_s: float = Field(default=5.0, ge=0, le=3600)
    url: str = Field(default="", pattern=r"^(https?://[^/\s]+/?)?$")

    @model_validator(mode="after")
    def _stages_rise_to_all(self) -> "DeployTable":
        rising = sorted(set(self.stages)) == self.stages
        if not rising or self.stages[0] < 1 or self.stages[-1] != 100:
            raise ValueError("stages are percents that rise and end with 100")
        return self


class HookTable(_Strict):
    """`[hook.NAME]` as written."""

    on: list[Literal[
        "run.started", "candidate.built", "verdict", "question.opened", "gate.decided", "shipped",
        "rolled_back",
    ]] = Field(min_length=1)  # fmt: skip
    run: str = ""
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    key_env: str = ""
    timeout_s: float = Field(default=10.0, gt=0, le=300)
    fence: bool = False

    @model_validator(mode="after")
    def _either_a_command_or_a_place(self) -> "HookTable":
        if bool(self.run) == bool(self.url):
            raise ValueError("a hook has either `run` or `url`")
        if self.url and not self.key_env:
            raise ValueError("a webhook is signed: `key_env` names the variable that holds its key")
        return self


class SlackTable(_Strict):
    """`[slack]` as written."""

    source: str = "slack"
    channel: str = ""
    people: dict[str, str] = {}
    key_env: str = "SLACK_SIGNING_SECRET"


class TicketTable(_Strict):
    """`[ticket]` as written."""

    people: dict[str, str] = {}


def after_gate(parsed: Any) -> AfterGate:
    """Return what the parsed file says about the time after the gate."""
    ship = parsed.ship
    return AfterGate(
        branch=ship.branch,
        remote=ship.remote,
        changelog=ship.changelog,
        sign=ship.sign,
        forge=None if ship.forge is None else ForgeSettings(**ship.forge.model_dump()),
        deploy=None if parsed.deploy is None else _deploy(parsed.deploy),
        hooks=tuple(_hook(name, table) for name, table in parsed.hook.items()),
        slack=None if parsed.slack is None else SlackSettings(**parsed.slack.model_dump()),
        ticket_people=parsed.ticket.people,
    )


def _deploy(table: DeployTable) -> DeploySettings:
    lists = {"health": tuple(table.health), "stages": tuple(table.stages)}
    return DeploySettings(**{**table.model_dump(), **lists})


def _hook(name: str, table: HookTable) -> HookSettings:
    return HookSettings(**{"name": name, **table.model_dump(), "on": tuple(table.on)})
