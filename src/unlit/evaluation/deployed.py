"""Scenarios against what is deployed: the same drivers and checks, no world, one way to one host.

A scenario with `health: true` is made as it is graded, but its requests leave a fence of role
`evaluator` through the gateway, by the rules of policy.toml alone. What is told are ids, criteria,
states and labels; what was seen stays in the evaluator's own store.
"""

import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from typing_extensions import override

from unlit.core.canonical import digest_json
from unlit.core.errors import InvalidInput, OutsideFailed, RefusedByPolicy
from unlit.core.states import Partition, TrajectoryState
from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FenceSandbox
from unlit.evaluation.drivers.http import METHODS
from unlit.evaluation.model import EvaluationRequest
from unlit.evaluation.ports import (
    Connection,
    Ended,
    Finished,
    Process,
    Traffic,
    WorldPlan,
    Worlds,
)
from unlit.evaluation.registry import driver
from unlit.evaluation.scenarios.model import Draw, Scenario
from unlit.evaluation.scenarios.sample import sample
from unlit.evaluation.scenarios.template import placeholders
from unlit.evaluation.stage import HarnessFault, Launch
from unlit.evaluation.store import ArtefactStore
from unlit.evaluation.trajectory import Outcome, Setting, run_trajectory
from unlit.evaluation.vault import Vault, load_vault
from unlit.fence import Fence, FenceSpec, Launcher
from unlit.fence.backends import FULL, start_host
from unlit.policy import AuditLog, Policy, Request, decide, load_policy
from unlit.twins.registry import SERVICES, known

HEALTH_SCHEMA: Final = "unlit.health/1"
OPTION: Final = "deployed"
ROLE: Final = "evaluator"
_PORTS: Final = {"http": 80, "https": 443}
_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where the deployed product is."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """What requests call it."""
        usual = self.port == _PORTS[self.scheme]
        return self.host if usual else f"{self.host}:{self.port}"


def place_of(url: str) -> Place:
    """Return where a URL leads.

    Raises:
        InvalidInput: It is not the beginning of a URL, such as ``https://shop.example.com``.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in _PORTS or not parts.hostname or not plain:
        raise InvalidInput(
            "EVA-170", f"`{url}` is not where a deployed product is.",
            "scenarios say the path; here stands what comes before it.",
            "write it as https://HOST or http://HOST:PORT.",
        )  # fmt: skip
    return Place(parts.scheme, parts.hostname, port or _PORTS[parts.scheme])


class Elsewhere(Process):
    """A product that runs already, and not here."""

    @property
    @override
    def ended(self) -> bool:
        return False

    @override
    async def wait(self) -> Finished:
        return Ended(0)

    @override
    async def kill(self) -> None:
        return None


class DeployedSandbox(FenceSandbox):
    """A fence whose connections lead to the deployed product, through the gateway.

    Args:
        fence: Of role `evaluator`.
        place: Where the product is.
        address: What its name is inside the fence.
        roots: Whom the fence trusts: the gateway.
    """

    def __init__(self, fence: Fence, place: Place, address: str, roots: str) -> None:
        super().__init__(fence)
        self._place = place
        self._address = address
        self._tls = ssl.create_default_context(cadata=roots) if place.scheme == "https" else None

    @override
    async def spawn(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> Process:  # type: ignore[override] # nothing is started here
        return Elsewhere()

    @override
    async def connect(self, port: int) -> Connection:
        reader, writer = await self.fence.connect(port, self._address)
        if self._tls is not None:
            try:
                await writer.start_tls(self._tls, server_hostname=self._place.host)
            except BaseException:
                writer.close()
                raise
        return Connection(reader, writer)


class NoWorlds(Worlds):
    """Users' own services stand behind what is deployed; there is no twin to look at."""

    @override
    def create(self, slot: str, plan: WorldPlan) -> str:
        return slot

    @override
    def tokens(self, world: str) -> Mapping[str, str]:
        return {}

    @override
    def state(self, world: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        return {}

    @override
    def emit(self, world: str, service: str, event: str, fields: Mapping[str, Any]) -> None:
        raise HarnessFault("nothing can be made to happen behind what is deployed")

    @override
    def advance(self, world: str, seconds: float) -> None:
        raise HarnessFault("the time of what is deployed cannot be moved")

    @override
    def wants_way_in(self, world: str) -> bool:
        return False

    @override
    def open_way_in(self, slot: str, address: str) -> None:
        return None

    @override
    async def settle(self, world: str) -> None:
        return None

    @override
    def traffic(self, world: str) -> Traffic:
        return Traffic()

    @override
    def drop(self, world: str) -> None:
        return None


async def look_at_deployed(
    request: EvaluationRequest, launcher: Launcher | None = None
) -> dict[str, Any]:
    """Make every health scenario once against what is deployed.

    Args:
        request: Its option `deployed` holds ``url``, ``round`` (draws other values each time),
            ``only_check`` and, for names that the operator answers himself, ``overrides`` and
            ``roots``.
        launcher: Makes the fence, if it was started before this process changed its user.

    Raises:
        InvalidInput: The vault is broken, holds no health scenario, or the URL is none.
        RefusedByPolicy: Role `evaluator` may not make one of the requests; nothing was made.
        OutsideFailed: No fence can be opened.
    """
    said: Mapping[str, Any] = request.options[OPTION]
    place = place_of(str(said["url"]))
    vault = load_vault(request.vault, services={*SERVICES, *known()})
    vault.refuse_errors()
    chosen = _chosen(vault)
    policy = load_policy(request.policy, trusted=True)  # whose it is was looked at before
    _refuse_unreachable(policy, place, chosen)
    names = [scenario.id for scenario in chosen]
    if said.get("only_check"):
        return {"schema": HEALTH_SCHEMA, "scenarios": [], "known": names}
    made = await _made(request, place, vault, chosen, policy, launcher)
    store = ArtefactStore(request.artefacts)
    kept = [{"scenario": outcome.draw.scenario, "values": outcome.draw.values,
             "reasons": [[reason.label, reason.text] for reason in outcome.reasons]}
            for _, outcome in made]  # fmt: skip
    store.write("health.json", {"schema": HEALTH_SCHEMA, "made": kept})
    rows = [_told(scenario, outcome) for scenario, outcome in made]
    return {"schema": HEALTH_SCHEMA, "scenarios": rows, "known": names}


def _told(scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    """Return what may be known of one: never what it says or saw."""
    return {"scenario": scenario.id, "criteria": list(scenario.criteria),
            "state": outcome.state.value, "reasons": list(outcome.labels())}  # fmt: skip


def _chosen(vault: Vault) -> tuple[Scenario, ...]:
    found = tuple(
        sorted(
            (s for s in vault.scenarios if s.health and s.partition is not Partition.SEALED),
            key=lambda scenario: scenario.id,
        )
    )
    if not found:
        raise InvalidInput(
            "EVA-171", f"The vault {vault.root} has no health scenario.",
            "a deploy with a `url` is watched by them.",
            "mark one of its visible or validation scenarios `health: true`.",
        )  # fmt: skip
    return found


def _refuse_unreachable(policy: Policy, place: Place, chosen: Sequence[Scenario]) -> None:
    """Refuse what the gateway would deny, before anything is deployed."""
    for scenario in chosen:
        for step in scenario.when:
            for method in METHODS:
                path = step.params.get(method) if step.kind == "http" else None
                if path is None or set(placeholders(path)):
                    continue
                asked = Request(ROLE, place.scheme, place.host, place.port, method, str(path))
                if decide(policy, asked).outcome == "upstream":
                    continue
                raise RefusedByPolicy(
                    "EVA-172",
                    f"The policy lets nobody ask {place.authority} what `{scenario.id}` asks.",
                    "health scenarios are made from a fence of role `evaluator`.",
                    f'add to policy.toml: [[allow]] role = "{ROLE}", host = "{place.host}".',
                )  # fmt: skip


async def _made(
    request: EvaluationRequest,
    place: Place,
    vault: Vault,
    chosen: Sequence[Scenario],
    policy: Policy,
    launcher: Launcher | None,
) -> list[tuple[Scenario, Outcome]]:
    said: Mapping[str, Any] = request.options[OPTION]
    clock = SystemClock()
    identity = replace(request.identity, role=ROLE)
    header = {"run": identity.run, "stage": identity.stage, "role": ROLE, "backend": FULL}
    audit = AuditLog.open(request.artefacts / "audit", header, clock)
    try:
        host = await start_host(
            FULL, request.artefacts / "fences", audit, launcher=launcher,
            watched={"vault": request.vault.resolve(), "grading": request.artefacts},
            secret_env=dict(os.environ),  # noqa: TID251 # keys of the role lie in this process's own
            overrides=said.get("overrides"), upstream_tls=said.get("roots"),
        )  # fmt: skip
        try:
            with tempfile.TemporaryDirectory(prefix="unlit-health-") as folder:
                fence = await host.open(FenceSpec(ROLE, policy, identity, Path(folder)))
                try:
                    sandbox = await _sandbox(fence, place)
                    setting = _setting(place, vault, clock, str(said["url"]))
                    return [
                        (each, await _once(each, request, sandbox, vault, setting))
                        for each in chosen
                    ]
                finally:
                    await fence.close()
        finally:
            await host.close()
    finally:
        audit.close()


def _setting(place: Place, vault: Vault, clock: SystemClock, url: str) -> Setting:
    launch = Launch("http", (), place.port, start_s=5.0, host=place.authority)
    env = {"UNLIT_URL": url, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return Setting(NoWorlds(), launch, clock, driver, env=env, own=vault.own)


async def _sandbox(fence: Fence, place: Place) -> DeployedSandbox:
    script = 'getent ahosts "$0" | head -n 1 | cut -d " " -f 1; cat /etc/ssl/cert.pem'
    told = await fence.run(["sh", "-c", script, place.host], timeout_s=60)
    address, _, roots = told.stdout.decode("ascii", "replace").partition("\n")
    if told.exit_code != 0 or not address:
        raise OutsideFailed(
            "EVA-140", f"The fence does not know {place.host}.",
            "its name server answered nothing.", "see `unlit doctor`.",
        )  # fmt: skip
    return DeployedSandbox(fence, place, address, roots)


async def _once(
    scenario: Scenario,
    request: EvaluationRequest,
    sandbox: DeployedSandbox,
    vault: Vault,
    setting: Setting,
) -> Outcome:
    """Make one scenario; once more when something of ours failed."""
    number = int(request.options[OPTION].get("round", 1))
    seed = int(digest_json([request.seed, number, scenario.id])[-12:], 16)
    draw = Draw(number, scenario.id, seed, sample(scenario, seed, vault.lists))
    fault = ""
    for _ in range(_TRIES):
        try:
            return await run_trajectory(scenario, draw, sandbox, "deployed", setting)
        except HarnessFault as error:
            fault = str(error)
        finally:
            await sandbox.reset()
    return Outcome(draw, TrajectoryState.HARNESS_FAULT, fault=fault, attempts=_TRIES)
