"""Counters for Prometheus, in a registry of their own (no global state)."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STAGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120)
LAG_S = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)
CALL_S = (0.1, 0.3, 1, 3, 10, 30, 100, 300)
"""Where the buckets of the histograms end, in seconds."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the daemon counts; docs/metrics.md says what each of them means. Of every label the
    values are few: names that the configuration gives, words of ours, codes up to a number."""

    registry: CollectorRegistry
    messages: Counter
    duplicates: Counter
    decisions: Counter
    replies: Counter
    dropped: Counter
    stage_seconds: Histogram
    reloads: Counter
    queue_depth: Gauge
    loop_lag: Histogram
    http_responses: Counter
    jobs: Counter
    job_done: Gauge
    store_bytes: Gauge
    disk_free: Gauge
    memory: Gauge
    documents: Gauge
    pieces: Gauge
    skipped: Gauge
    index_built: Gauge
    feedback: Counter
    llm_calls: Counter
    llm_seconds: Histogram
    llm_tokens: Counter
    llm_unreadable: Counter
    llm_up: Gauge
    llm_price: Gauge

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


def llm_usage(metrics: Metrics) -> dict[str, dict[str, float]]:
    """Calls that were answered, and tokens, since the start: backend -> {"calls", "prompt",
    "cached", "completion"}; `cached` ones are among those of the prompts."""
    kinds = ("prompt", "cached", "completion")
    found: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(("calls", *kinds), 0.0))
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    for sample in samples:
        name, labels = sample.name.removeprefix("huixiangdou_"), sample.labels
        if name == "llm_calls_total" and labels["result"] == "done":
            found[labels["backend"]]["calls"] += sample.value
        if name == "llm_tokens_total" and labels["kind"] in kinds:
            found[labels["backend"]][labels["kind"]] += sample.value
    return dict(found)


def create_metrics() -> Metrics:
    """Makes a fresh set of counters."""
    own = CollectorRegistry()
    ProcessCollector(registry=own)

    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(f"huixiangdou_{name}", text, labels, registry=own)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"huixiangdou_{name}", text, labels, registry=own)

    def histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"huixiangdou_{name}", text, labels, registry=own, buckets=buckets)

    return Metrics(
        registry=own,
        messages=counter("messages", "Messages received", "adapter"),
        duplicates=counter("duplicates", "Messages delivered again and ignored", "adapter"),
        decisions=counter("decisions", "Questions decided", "outcome", "reason"),
        replies=counter("replies", "Replies by fate", "adapter", "kind", "state"),
        dropped=counter("dropped", "Unprompted messages dropped from a full queue"),
        stage_seconds=histogram("stage_seconds", "Time spent in a stage", STAGE_S, "stage"),
        reloads=counter("reloads", "Knowledge reloads", "result"),
        queue_depth=gauge("queue_depth", "Messages waiting in all groups"),
        loop_lag=histogram("loop_lag_seconds", "How late the event loop is", LAG_S),
        http_responses=counter("http_responses", "Answers of the HTTP server", "status"),
        jobs=counter("jobs", "Runs of what happens by the clock", "job", "result"),
        job_done=gauge("job_done_timestamp_seconds", "When a job last came to its end", "job"),
        store_bytes=gauge("store_bytes", "Size of the store with its log"),
        disk_free=gauge("disk_free_bytes", "What is free on the disk of the data folder"),
        memory=gauge("memory_bytes", "Memory of the bot with its child processes"),
        documents=gauge("documents", "Documents being served"),
        pieces=gauge("pieces", "Pieces being served"),
        skipped=gauge("documents_skipped", "Documents that could not be read"),
        index_built=gauge("index_built_timestamp_seconds", "When the index that serves was built"),
        feedback=counter("feedback", "Votes on answers", "adapter", "vote"),
        llm_calls=counter("llm_calls", "Calls of a language model", "backend", "route", "result"),
        llm_seconds=histogram(
            "llm_seconds",
            "Time of a call, waits and retries included",
            CALL_S,
            "backend",
            "route",
        ),
        llm_tokens=counter(
            "llm_tokens", "Tokens: prompt, cached (part of prompt), completion", "backend", "kind"
        ),
        llm_unreadable=counter(
            "llm_unreadable_scores", "Scores that could not be read, by rubric", "rubric"
        ),
        llm_up=gauge("llm_up", "1 while it can be asked", "backend"),
        llm_price=gauge("llm_price", "Of a million tokens, as configured", "backend", "kind"),
    )


class CountedElsewhere(Collector):
    """A counter that another part keeps the book of, read when it is asked for."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str],
        read: Callable[[], Mapping[tuple[str, ...], int]],
    ) -> None:
        self._name, self._text, self._labels, self._read = name, text, labels, read

    def register(self, registry: CollectorRegistry) -> None:
        """Adds it to what /metrics shows."""
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """A sample for each combination that occurred."""
        family = CounterMetricFamily(f"huixiangdou_{self._name}", self._text, labels=self._labels)
        for values, count in self._read().items():
            family.add_metric(values, count)
        yield family
