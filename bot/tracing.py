"""OpenTelemetry traces: a span for each question and each stage of its decision, with times and
figures, and not a word of anybody's. Needs the extra `tracing`."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from bot.types import Timed

if TYPE_CHECKING:  # with its exporter, a fifth of a second that a bot without it need not wait
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

TIMEOUT_S = 5
NS = 1_000_000_000


class TracingError(Exception):
    """Traces can't be sent; says what to do."""


class Tracing:
    """Sends spans in the background, at most some thousands waiting. Made by `open_tracing`."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._tracer = provider.get_tracer("huixiangdou")

    def decided(
        self, trace: Sequence[Mapping[str, Any]], now: float, **about: str | int | bool
    ) -> None:
        """A question was decided: its span, of the kinds and names in `about`, and those of the
        stages inside it, where they knew when they began. `now` is in seconds since the epoch."""
        from opentelemetry.trace import set_span_in_context

        began = [entry.began for entry in trace if isinstance(entry, Timed)]
        whole = self._tracer.start_span("question", start_time=_ns(min(began, default=now)))
        whole.set_attributes(about)
        inside = set_span_in_context(whole)
        for entry in trace:
            if isinstance(entry, Timed):
                start = _ns(entry.began)
                span = self._tracer.start_span(entry["stage"], inside, start_time=start)
                _add_figures(span, entry)
                span.end(start + round(entry["ms"] * NS / 1000))
        whole.end(_ns(now))


@asynccontextmanager
async def open_tracing(endpoint: str) -> AsyncIterator[Tracing | None]:
    """Sends to an OTLP endpoint over HTTP while the context is open, and what waits at its end;
    None without one. Raises TracingError."""
    if not endpoint:
        yield None
        return
    provider = await asyncio.to_thread(_provider, endpoint)
    try:
        yield Tracing(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)


def _provider(endpoint: str) -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingError(
            f"tracing.endpoint needs OpenTelemetry ({error.name}); install it with: "
            "deploy/install.sh .venv/bin/python requirements-tracing.lock"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "huixiangdou"}))
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _add_figures(span: "Span", entry: Mapping[str, Any]) -> None:
    """Numbers only: texts may be what people wrote."""
    for name, value in entry.items():
        if name not in ("stage", "ms") and isinstance(value, bool | int | float):
            span.set_attribute(name, value)


def _ns(seconds: float) -> int:
    return round(seconds * NS)
