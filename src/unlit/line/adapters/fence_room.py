"""The fence room as the line needs it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, cast

from typing_extensions import override

from unlit.core.clock import Clock
from unlit.core.ids import Ids
from unlit.fence import Fence as OpenFence
from unlit.fence import FenceSpec, Mount, TwinRoute
from unlit.fence.gateway.model import AccessRequest
from unlit.fence.host import limits_of
from unlit.fence.ports import Host
from unlit.harness.ports import Fence
from unlit.line.adapters.access import Attendant, Questions
from unlit.line.model import FenceOrder, Place
from unlit.line.ports import Fences
from unlit.policy import Identity, load_policy
from unlit.record.model import Cost
from unlit.record.store import Store

_OF_A_PRODUCT: Final = (
    "the product asked for it while it was graded. Gradings stay closed worlds: your answer is "
    "kept, and what it needs is a twin, or a rule in policy.toml"
)


class FenceRoom(Fences):
    """Opens fences by policy and books what their model calls cost.

    Args:
        host: What opens them.
        store: Where costs are booked.
        metered: Whether the gateway books calls in the ledger itself, as they happen.
        routes: Twins that a role's fence reaches, such as a scripted model server for the coder;
            policy must allow them too.
        questions: Where programs' wishes for more access go; none are taken without it.
    """

    def __init__(
        self,
        host: Host,
        store: Store,
        clock: Clock,
        ids: Ids,
        routes: Mapping[str, Sequence[TwinRoute]] | None = None,
        *,
        metered: bool = False,
        questions: Questions | None = None,
    ) -> None:
        self._questions = questions
        self._attendants: dict[Fence, Attendant] = {}
        self._metered = metered
        self._host = host
        self._store = store
        self._clock = clock
        self._ids = ids
        self._routes = dict(routes or {})

    @override
    async def open(self, order: FenceOrder) -> Fence:
        place = order.place
        policy = load_policy(order.policy)
        limits = limits_of(policy.limits(place.role))
        if order.wall_s is not None:
            limits = replace(limits, wall_s=max(limits.wall_s, order.wall_s))
        fence = await self._host.open(
            FenceSpec(
                role=place.role,
                policy=policy,
                identity=Identity(place.run, _stage(place), place.agent, place.role),
                workspace=order.workspace,
                mounts=tuple(Mount(m.source, m.target, m.writable) for m in order.mounts),
                env=dict(order.env),
                twins=(*self._routes.get(place.role, ()), *order.twins),
                limits=limits,
            )
        )
        if self._questions is not None:
            await self._attend(fence, place, self._questions)
        return cast(Fence, fence)

    async def _attend(self, fence: OpenFence, place: Place, questions: Questions) -> None:
        attendant = Attendant(self._host, fence, place, _stage(place), questions)
        try:
            await attendant.begin()
        except BaseException:
            await fence.close()
            raise
        self._attendants[cast(Fence, fence)] = attendant

    @override
    async def close(self, fence: Fence, place: Place) -> Mapping[str, Any]:
        attendant = self._attendants.pop(fence, None)
        report = await fence.close()
        if attendant is not None:
            await attendant.end(report.asked)
        if not self._metered:
            self._book(place, report.usage)
        return {
            "held": report.held,
            "denied": report.denied,
            "exchanges": report.exchanges,
            "peak_memory_mb": report.peak_memory_mb,
            "weak": list(report.weak),
            "processes_left": report.processes_left,
            "model_calls": len(report.usage),
            "asked": len(report.asked),
        }

    @override
    def wish(self, place: Place, request: str) -> None:
        if self._questions is not None:
            asked = AccessRequest("product", request, _OF_A_PRODUCT)
            asker = replace(place, agent="product", role="product")
            self._questions.ask(asker, _stage(place), asked)

    def _book(self, place: Place, usage: Sequence[Any]) -> None:
        """Book each call under a fresh key: a stage that is repeated really spends again."""
        now = self._clock.now()
        session = self._ids.fresh("f")
        self._store.keep_costs(
            [
                Cost(
                    key=f"{session}/{number}",
                    run=place.run,
                    stage=place.stage,
                    agent=place.agent,
                    person=place.person,
                    provider=used.provider,
                    model=used.model,
                    at=now,
                    day=now.date().isoformat(),
                    candidate=place.candidate,
                    input_tokens=used.input_tokens,
                    output_tokens=used.output_tokens,
                    cache_read_tokens=used.cache_read_tokens,
                    cache_write_tokens=used.cache_write_tokens,
                    usd=None if used.cost_usd is None else Decimal(used.cost_usd),
                )
                for number, used in enumerate(usage, start=1)
            ]
        )


def _stage(place: Place) -> str:
    return place.stage if place.candidate is None else f"{place.stage}/{place.candidate}"
