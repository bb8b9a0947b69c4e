"""Counters for Prometheus, in a registry of their own (no global state)."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the daemon counts."""

    registry: CollectorRegistry
    messages: Counter
    duplicates: Counter
    decisions: Counter
    replies: Counter
    dropped: Counter
    stage_seconds: Histogram
    reloads: Counter
    queue_depth: Gauge
    documents: Gauge
    pieces: Gauge
    feedback: Counter
    llm_calls: Counter
    llm_seconds: Histogram
    llm_tokens: Counter
    llm_unreadable: Counter
    llm_up: Gauge

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


def create_metrics() -> Metrics:
    """Makes a fresh set of counters."""
    own = CollectorRegistry()
    prefix = "huixiangdou"
    return Metrics(
        registry=own,
        messages=Counter(f"{prefix}_messages", "Messages received", ["adapter"], registry=own),
        duplicates=Counter(
            f"{prefix}_duplicates", "Messages delivered again and ignored", ["adapter"],
            registry=own,
        ),
        decisions=Counter(
            f"{prefix}_decisions", "Questions decided", ["outcome", "reason"], registry=own
        ),
        replies=Counter(
            f"{prefix}_replies", "Replies by fate", ["adapter", "kind", "state"], registry=own
        ),
        dropped=Counter(
            f"{prefix}_dropped", "Unprompted messages dropped from a full queue", registry=own
        ),
        stage_seconds=Histogram(
            f"{prefix}_stage_seconds", "Time spent in a stage", ["stage"], registry=own,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120),
        ),
        reloads=Counter(f"{prefix}_reloads", "Knowledge reloads", ["result"], registry=own),
        queue_depth=Gauge(f"{prefix}_queue_depth", "Messages waiting in all groups", registry=own),
        documents=Gauge(f"{prefix}_documents", "Documents being served", registry=own),
        pieces=Gauge(f"{prefix}_pieces", "Pieces being served", registry=own),
        feedback=Counter(
            f"{prefix}_feedback", "Votes on answers", ["adapter", "vote"], registry=own
        ),
        llm_calls=Counter(
            f"{prefix}_llm_calls", "Calls of a language model", ["backend", "route", "result"],
            registry=own,
        ),
        llm_seconds=Histogram(
            f"{prefix}_llm_seconds", "Time of a call, waiting and retries included",
            ["backend", "route"], registry=own, buckets=(0.1, 0.3, 1, 3, 10, 30, 100, 300),
        ),
        llm_tokens=Counter(
            f"{prefix}_llm_tokens", "Tokens: prompt, cached (part of prompt), completion",
            ["backend", "kind"], registry=own,
        ),
        llm_unreadable=Counter(
            f"{prefix}_llm_unreadable_scores", "Scores that could not be read, by rubric",
            ["rubric"], registry=own,
        ),
        llm_up=Gauge(f"{prefix}_llm_up", "1 while it can be asked", ["backend"], registry=own),
    )  # fmt: skip
