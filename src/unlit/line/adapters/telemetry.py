"""OpenTelemetry, off by default: a run's stages and model calls as spans and metrics.

The ledger is the contract, this is an export. Attribute names of the GenAI conventions are still
in development, so all of them stand in one table here.
Source: opentelemetry.io/docs/specs/semconv/gen-ai (read 2026-11).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from unlit.core.canonical import digest_bytes
from unlit.core.ids import RunId
from unlit.line.model import LineEvent
from unlit.models.model import ModelUsage
from unlit.record.ledger import Ledger
from unlit.record.model import Cost

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
MODEL: Final = "gen_ai.request.model"
AGENT: Final = "gen_ai.agent.name"
CONVERSATION: Final = "gen_ai.conversation.id"
INPUT: Final = "gen_ai.usage.input_tokens"
OUTPUT: Final = "gen_ai.usage.output_tokens"
CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE: Final = "gen_ai.usage.cache_creation.input_tokens"
_MOST_TIMES: Final = 10_000
_ENDS: Final = frozenset({"done", "not_good_enough", "failed", "skipped"})


class Telemetry:
    """Turns a line's events into spans and metrics: one trace for each run, whoever works on it.

    Args:
        tracer: An OpenTelemetry tracer.
        meter: An OpenTelemetry meter.
        costs: Returns the costs of a run booked so far.
        following: Who else listens.
    """

    def __init__(
        self,
        tracer: Any,
        meter: Any,
        costs: Callable[[RunId], Sequence[Cost]],
        following: Callable[[LineEvent], None] = lambda event: None,
    ) -> None:
        self._tracer = tracer
        self._costs = costs
        self._following = following
        self._open: dict[tuple[RunId, str, str | None], Any] = {}
        self._told: set[str] = set()
        self._seconds: dict[str, float] = {}
        self._trajectories = meter.create_counter("unlit.trajectories", unit="{trajectory}")
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
        self._usd = meter.create_counter("unlit.cost", unit="USD")
        self._took = meter.create_histogram("gen_ai.client.operation.duration", unit="s")

    def took(self, key: str, usage: ModelUsage, seconds: float) -> None:
        """Take how long a model call took, from before its request to the end of its answer."""
        if len(self._seconds) < _MOST_TIMES:
            self._seconds[key] = seconds
        marks = {OPERATION: "chat", PROVIDER: usage.provider, MODEL: usage.model}
        self._took.record(seconds, marks)

    def listen(self, event: LineEvent) -> None:
        """Take one event; passes it on."""
        self._following(event)
        if event.kind == "stage":
            self._stage(event)
        elif event.kind == "trajectory":
            marks = {"unlit.stage": event.stage, "unlit.state": event.state}
            self._trajectories.add(1, marks)
        elif event.kind == "verdict":
            span = self._open.get((event.run, event.stage, event.candidate))
            if span is not None:
                span.add_event("verdict", {"unlit.verdict": event.state})

    def _stage(self, event: LineEvent) -> None:
        key = (event.run, event.stage, event.candidate)
        if event.state == "running":
            marks = {CONVERSATION: event.run, "unlit.stage": event.stage}
            if event.candidate:
                marks["unlit.candidate"] = event.candidate
            if event.stage == "build":
                marks[OPERATION] = "invoke_agent"
            self._open[key] = self._tracer.start_span(
                f"unlit {event.stage}", context=_trace_of(event.run), attributes=marks
            )
        elif event.state in _ENDS and key in self._open:
            span = self._open.pop(key)
            span.set_attribute("unlit.state", event.state)
            if agent := event.data.get("agent"):
                span.set_attribute(AGENT, str(agent))
            self._calls(event, span)
            span.end()

    def _calls(self, event: LineEvent, stage: Any) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context

        within = set_span_in_context(stage)
        for cost in self._costs(event.run):
            if cost.key in self._told:
                continue
            self._told.add(cost.key)
            marks = {OPERATION: "chat", PROVIDER: cost.provider, MODEL: cost.model}
            end_ns = int(cost.at.timestamp() * 1e9)
            span = self._tracer.start_span(
                f"chat {cost.model}",
                context=within,
                kind=SpanKind.CLIENT,
                start_time=end_ns - int(self._seconds.pop(cost.key, 0.0) * 1e9),
                attributes={
                    **marks,
                    CONVERSATION: event.run,
                    AGENT: cost.agent,
                    INPUT: cost.input_tokens,
                    OUTPUT: cost.output_tokens,
                    CACHE_READ: cost.cache_read_tokens,
                    CACHE_WRITE: cost.cache_write_tokens,
                },
            )
            span.end(end_ns)
            self._tokens.record(cost.input_tokens, {**marks, "gen_ai.token.type": "input"})
            self._tokens.record(cost.output_tokens, {**marks, "gen_ai.token.type": "output"})
            if cost.usd is not None:
                self._usd.add(float(cost.usd), {**marks, "unlit.person": cost.person})


def _trace_of(run: RunId) -> Any:
    """Return the context of a run's trace: the same in each process that works on the run."""
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    digest = digest_bytes(run.encode()).removeprefix("sha256:")
    root = SpanContext(
        int(digest[:32], 16), int(digest[32:48], 16), True, TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(root))


@contextmanager
def open_telemetry(
    endpoint: str | None,
    costs: Callable[[RunId], Sequence[Cost]],
    following: Callable[[LineEvent], None],
    ledger: Ledger | None = None,
) -> Iterator[Callable[[LineEvent], None]]:
    """Give a listener that exports to an OTLP endpoint, or `following` itself when there is none.

    What `ledger` settles is timed as well. What was not sent yet is sent at the end.

    The library is an extra: without it nothing is exported, and the line runs all the same.
    """
    if not endpoint:
        yield following
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        yield following
        return
    who = Resource.create({"service.name": "unlit"}).merge(OTELResourceDetector().detect())
    traces = TracerProvider(resource=who)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"))
    meters = MeterProvider(metric_readers=[reader], resource=who)
    telemetry = Telemetry(traces.get_tracer("unlit"), meters.get_meter("unlit"), costs, following)
    if ledger is not None:
        ledger.timed = telemetry.took
    try:
        yield telemetry.listen
    finally:
        traces.shutdown()
        meters.shutdown()
