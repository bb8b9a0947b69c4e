"""Traces as an OpenTelemetry collector gets them: the stages of a question, and nobody's words."""

import gzip
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bot.tracing import TracingError, open_tracing
from knowledge.base import KnowledgeBase
from tests.bot.dialog import talking


class Collector:
    """Takes spans over OTLP on loopback."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        return web.Response()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    app = web.Application()
    app.add_routes([web.post("/v1/traces", made.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/traces"
    yield made
    await runner.cleanup()


async def test_a_question_is_a_span_with_its_stages_inside(
    tmp_path: Path, kettle: KnowledgeBase, collector: Collector
) -> None:
    async with (
        open_tracing(collector.url) as tracing,
        talking(tmp_path, kettle, tracing=tracing) as talk,
    ):
        await talk.say("ann", "@bot which port does the kettle server listen on?")
        await talk.idle()
    request = ExportTraceServiceRequest()
    for body in collector.bodies:
        request.MergeFromString(body)
    spans = [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    (whole,) = [span for span in spans if span.name == "question"]
    about = {item.key: item.value.string_value for item in whole.attributes}
    assert about == {"adapter": "fake", "outcome": "answer", "reason": "answered", "mention": ""}
    stages = [span for span in spans if span is not whole]
    assert {"preprocess", "reject", "retrieve", "answer", "check"} <= {one.name for one in stages}
    for span in stages:
        assert span.parent_span_id == whole.span_id
        assert whole.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    (gate,) = [span for span in stages if span.name == "reject"]
    assert "score" in {item.key for item in gate.attributes}
    sent = b"".join(collector.bodies)
    assert b"kettle" not in sent
    assert b"ann" not in sent


async def test_without_an_endpoint_nothing_is_loaded_or_sent() -> None:
    async with open_tracing("") as tracing:
        assert tracing is None


async def test_without_the_extra_one_line_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(TracingError, match=r"install\.sh .venv/bin/python requirements-tracing"):
        async with open_tracing(collector.url):
            pass
