import threading
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from typing_extensions import override

from unlit.core.ids import CandidateId, RunId
from unlit.line.adapters.telemetry import AGENT, INPUT, MODEL, OPERATION, Telemetry, open_telemetry
from unlit.line.model import LineEvent
from unlit.models.model import ModelUsage
from unlit.record.model import Cost

RUN, C1 = RunId("r-1"), CandidateId("c1")
AT = datetime(2026, 3, 1, tzinfo=UTC)
COST = Cost(
    "k", RUN, "build", "codex", "ann", "openai", "gpt-5", AT, "2026-03-01", C1,
    input_tokens=7, output_tokens=3, usd=Decimal("0.5"),
)  # fmt: skip


def test_stages_and_model_calls_become_spans_and_metrics() -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    metrics = pytest.importorskip("opentelemetry.sdk.metrics")
    readers = pytest.importorskip("opentelemetry.sdk.metrics.export")
    exporter, provider = memory.InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    reader = readers.InMemoryMetricReader()
    meter = metrics.MeterProvider(metric_readers=[reader]).get_meter("test")
    heard: list[LineEvent] = []
    told = Telemetry(provider.get_tracer("t"), meter, lambda run: [COST], heard.append)
    told.listen(LineEvent(RUN, "stage", "build", C1, "running"))
    told.took("k", ModelUsage("openai", "gpt-5", 7, 3), 1.5)
    told.listen(LineEvent(RUN, "stage", "build", C1, "done", data={"agent": "codex"}))
    told.listen(LineEvent(RUN, "stage", "validate", C1, "running"))
    told.listen(LineEvent(RUN, "trajectory", "validate", C1, "satisfied"))
    told.listen(LineEvent(RUN, "stage", "validate", C1, "done"))
    spans = {span.name: dict(span.attributes) for span in exporter.get_finished_spans()}
    assert set(spans) == {"unlit build", "chat gpt-5", "unlit validate"}
    assert spans["unlit build"][OPERATION] == "invoke_agent"
    assert spans["unlit build"][AGENT] == "codex"
    ended = {span.name: span for span in exporter.get_finished_spans()}
    assert len({span.context.trace_id for span in ended.values()}) == 1, "a run is one trace"
    call = ended["chat gpt-5"]
    assert call.parent.span_id == ended["unlit build"].context.span_id
    assert call.end_time - call.start_time == 1_500_000_000
    assert (spans["chat gpt-5"][MODEL], spans["chat gpt-5"][INPUT]) == ("gpt-5", 7)
    found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    sums = {
        metric.name: sum(p.sum if hasattr(p, "sum") else p.value for p in metric.data.data_points)
        for metric in found
    }
    assert sums == {
        "unlit.trajectories": 1,
        "gen_ai.client.token.usage": 10,
        "gen_ai.client.operation.duration": 1.5,
        "unlit.cost": 0.5,
    }
    assert len(heard) == 5


def test_it_is_off_unless_an_endpoint_is_named() -> None:
    heard: list[LineEvent] = []
    with open_telemetry(None, lambda run: [], heard.append) as listening:
        assert listening == heard.append


@pytest.mark.usefixtures("socket_enabled")
def test_what_is_exported_names_unlit_unless_it_is_named_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    for name, wanted in ((None, "unlit"), ("our factory", "our factory")):
        if name:
            monkeypatch.setenv("OTEL_SERVICE_NAME", name)
        bodies: list[tuple[str, bytes]] = []

        class Receiver(BaseHTTPRequestHandler):
            kept = bodies

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.kept.append((self.path, body))
                self.send_response(200)
                self.end_headers()

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Receiver)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        place = f"http://127.0.0.1:{server.server_port}"
        with open_telemetry(place, lambda run: [COST], lambda event: None) as told:
            told(LineEvent(RUN, "stage", "build", C1, "running"))
            told(LineEvent(RUN, "stage", "build", C1, "done"))
        server.shutdown()
        server.server_close()
        serving.join(60)
        request = proto.ExportTraceServiceRequest.FromString(dict(bodies)["/v1/traces"])
        (resource,) = request.resource_spans
        marks = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
        assert marks["service.name"] == wanted
        names = [span.name for span in resource.scope_spans[0].spans]
        assert names == ["chat gpt-5", "unlit build"]
