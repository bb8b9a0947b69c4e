"""Is the bot ready, and which of its connections are really alive?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.contract import Adapter
from common.clock import Clock


@dataclass(frozen=True, slots=True)
class Loading:
    """How far the loading of the knowledge base is. While its index is built, which is done once,
    `done` of `total` files or pieces have passed the `stage`."""

    stage: str = ""
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        if not self.stage:
            return "the knowledge base is being loaded"
        how_far = f"{self.stage} {self.done}/{self.total}"
        return f"the knowledge index is being built for the first time: {how_far}"


@dataclass(slots=True)
class Health:
    """What the page /readyz and the command `status` tell.

    `problems` keep the daemon from being ready: it is still loading, or no platform can be
    reached. With what is `degraded` it goes on: other platforms work, and answers are quoted
    where no model can be reached, or only the documents are searched. `ended` are adapters that
    have no more input, `failures` what was wrong when an adapter's connection last broke.
    """

    adapters: Mapping[str, Adapter]
    clock: Clock
    loading: Loading | None = Loading()
    llm_problems: Callable[[], list[str]] = list
    search_problems: Callable[[], list[str]] = list
    ended: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)

    def built(self, stage: str, done: int, total: int) -> None:
        """The first build of the index has come so far."""
        self.loading = Loading(stage, done, total)

    def report(self) -> dict[str, Any]:
        """For /readyz and `status`; `loading` is None once the knowledge base is loaded."""
        down = [f"adapter {name}: {self._why(name)}" for name in self.adapters if self._down(name)]
        problems = [str(self.loading)] if self.loading else []
        degraded = [*down, *self.llm_problems(), *self.search_problems()]
        if down and len(down) == len(self.adapters):
            problems, degraded = [*problems, *down], degraded[len(down) :]
        return {
            "status": "not ready" if problems else "degraded" if degraded else "ready",
            "loading": asdict(self.loading) if self.loading else None,
            "problems": problems,
            "degraded": degraded,
            "adapters": {name: self._connection(name) for name in self.adapters},
        }

    def _down(self, name: str) -> bool:
        return name not in self.ended and not self.adapters[name].link().up

    def _why(self, name: str) -> str:
        return self.adapters[name].link().problem or self.failures.get(name) or "not connected yet"

    def _connection(self, name: str) -> dict[str, Any]:
        """Ages are in seconds; None is never."""
        now, link = self.clock.now(), self.adapters[name].link()
        return {
            "up": link.up,
            "age": round(now - link.since) if link.since else None,
            "last_event_age": round(now - link.event) if link.event else None,
            "reconnects": link.reconnects,
            "recovered": link.recovered,
            "problem": self._why(name) if self._down(name) else "",
        }


class LinkMetrics(Collector):
    """The connections' books as metrics, read when they are asked for."""

    def __init__(self, adapters: Mapping[str, Adapter], clock: Clock) -> None:
        self._adapters, self._clock = adapters, clock

    def register(self, registry: CollectorRegistry) -> None:
        """Adds them to what /metrics shows."""
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """One sample per adapter, and per API call and result."""
        now = self._clock.now()
        up = _gauge("adapter_up", "1 while connected")
        age = _gauge("adapter_connection_age_seconds", "Since it was connected, or lost")
        event = _gauge("adapter_event_age_seconds", "Since the platform's last event")
        again = _counter("adapter_reconnects", "Connections after the first one", "adapter")
        late = _counter("adapter_recovered", "Messages that were missed and fetched", "adapter")
        calls = _counter("adapter_calls", "API calls by result", "adapter", "call", "result")
        for name, adapter in self._adapters.items():
            link = adapter.link()
            up.add_metric([name], float(link.up))
            if link.since:
                age.add_metric([name], now - link.since)
            if link.event:
                event.add_metric([name], now - link.event)
            again.add_metric([name], link.reconnects)
            late.add_metric([name], link.recovered)
            for (call, result), count in link.calls.items():
                calls.add_metric([name, call, result], count)
        yield from (up, age, event, again, late, calls)


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"huixiangdou_{name}", text, labels=["adapter"])


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"huixiangdou_{name}", text, labels=labels)
