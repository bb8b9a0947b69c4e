"""Is the bot ready, and which of its connections are really alive?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.contract import Adapter
from bot.group.dispatcher import Failing
from bot.texts.notices import notice
from bot.texts.translated import said_in_both
from common.clock import Clock
from common.texts import Said

GROUPS_SHOWN = 5
"""Of the groups that wait because of a bug."""


@dataclass(frozen=True, slots=True)
class Loading:
    """How far the loading of the knowledge base is. While its index is built, which is done once,
    `done` of `total` files or pieces have passed the `stage`."""

    stage: str = ""
    done: int = 0
    total: int = 0

    def said(self) -> Said:
        """How far it is, for people."""
        if not self.stage:
            return notice.said("being_loaded")
        name = "building_read" if self.stage == "read" else "building_embed"
        return notice.said(name, done=self.done, total=self.total)


@dataclass(slots=True)
class Health:
    """What the page /readyz and the command `status` tell.

    `problems` keep the daemon from being ready: it is still loading, nothing can be stored, or no
    platform can be reached. With what is `degraded` it goes on: other platforms work, something
    is refused by one, answers are quoted where no model can be reached, only the documents are
    searched, or a bug keeps groups waiting, here or in another process. `ended` are adapters that
    have no more input, `failures` what was wrong when an adapter's connection last broke.
    """

    adapters: Mapping[str, Adapter]
    clock: Clock
    loading: Loading | None = Loading()
    store_problem: Callable[[], Said | None] = lambda: None
    llm_problems: Callable[[], list[str]] = list
    llm_figures: Callable[[], list[dict[str, Any]]] = list
    search_problems: Callable[[], list[str]] = list
    knowledge_problems: Callable[[], list[str]] = list
    processes: Callable[[], list[dict[str, Any]]] = list
    missing_roles: Callable[[], list[str]] = list
    backlog: Callable[[], Mapping[str, float]] = dict
    failing: Failing = field(default_factory=Failing)
    failing_elsewhere: Callable[[], Mapping[str, str]] = dict
    first: Callable[[], Sequence[str]] = list
    """Adapters that this process must have connected once, though another has them connected: an
    upgrade goes on with that one as soon as this one is ready."""
    ended: set[str] = field(default_factory=set)
    failures: dict[str, Said] = field(default_factory=dict)

    def built(self, stage: str, done: int, total: int) -> None:
        """The first build of the index has come so far."""
        self.loading = Loading(stage, done, total)

    def report(self) -> dict[str, Any]:
        """For /readyz and `status`; `loading` is None once the knowledge base is loaded. What is
        wrong is said in English, and below "zh" in Chinese."""
        problems, degraded = self.lines()
        return {
            "status": "not ready" if problems else "degraded" if degraded else "ready",
            "loading": asdict(self.loading) if self.loading else None,
            "problems": [line.en for line in problems],
            "degraded": [line.en for line in degraded],
            "zh": {
                "problems": [line.zh for line in problems],
                "degraded": [line.zh for line in degraded],
            },
            "adapters": {name: self._connection(name) for name in self.adapters},
            "processes": self.processes(),
            "waiting": dict(self.backlog()),
        }

    def lines(self) -> tuple[list[Said], list[Said]]:
        """What keeps the daemon from being ready, and what is degraded."""
        down = [self._line(name, self._why(name)) for name in self.adapters if self._down(name)]
        problems = [self.loading.said()] if self.loading else []
        problems += [self._line(name, notice.said("not_yet")) for name in self.first()]
        if stored := self.store_problem():
            problems.append(stored)
        noted = (*self.knowledge_problems(), *self.llm_problems(), *self.search_problems())
        others = [said_in_both(line) for line in noted]
        others += [notice.said("no_process", role=role) for role in self.missing_roles()]
        if failing := {**self.failing_elsewhere(), **self.failing.named()}:
            others.append(_failing(failing))
        degraded = [*down, *self._refused(), *others]
        if down and len(down) == len(self.adapters):
            problems, degraded = [*problems, *down], degraded[len(down) :]
        return problems, degraded

    def _refused(self) -> Iterator[Said]:
        """What platforms refuse though they are connected."""
        for name, adapter in self.adapters.items():
            for one in adapter.link().refused if adapter.link().up else ():
                said = notice.said("refused", call=one.call, problem=said_in_both(one.en, one.zh))
                yield self._line(name, said)

    def _line(self, name: str, problem: Said) -> Said:
        return notice.said("adapter_problem", name=name, problem=problem)

    def _down(self, name: str) -> bool:
        return name not in self.ended and not self.adapters[name].link().up

    def _why(self, name: str) -> Said:
        link = self.adapters[name].link()
        if link.problem:
            return said_in_both(link.problem, link.problem_zh)
        return self.failures.get(name) or notice.said("not_yet")

    def _connection(self, name: str) -> dict[str, Any]:
        """Ages are in seconds; None is never."""
        now, link = self.clock.now(), self.adapters[name].link()
        why = self._why(name) if self._down(name) else Said("", "")
        return {
            "up": link.up,
            "age": round(now - link.since) if link.since else None,
            "last_event_age": round(now - link.event) if link.event else None,
            "reconnects": link.reconnects,
            "recovered": link.recovered,
            "problem": why.en,
            "problem_zh": why.zh,
            "refused": [asdict(one) for one in link.refused],
        }


def _failing(groups: Mapping[str, str]) -> Said:
    shown = ", ".join(sorted(groups)[:GROUPS_SHOWN])
    more = " …" if len(groups) > GROUPS_SHOWN else ""
    errors = ", ".join(sorted(set(groups.values())))
    return notice.said("groups_fail", n=len(groups), groups=shown + more, error=errors)


class HealthMetrics(Collector):
    """What is wrong, and the connections' books, as metrics that are read when asked for."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def register(self, registry: CollectorRegistry) -> None:
        """Adds them to what /metrics shows."""
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """One sample per adapter, and per API call and result."""
        now = self._health.clock.now()
        wrong = _gauge("problems", "What is wrong now, as /readyz says it", "level")
        for level, lines in zip(("not_ready", "degraded"), self._health.lines(), strict=True):
            wrong.add_metric([level], len(lines))
        up = _gauge("adapter_up", "1 while connected")
        age = _gauge("adapter_connection_age_seconds", "Since it was connected, or lost")
        event = _gauge("adapter_event_age_seconds", "Since the platform's last event")
        again = _counter("adapter_reconnects", "Connections after the first one", "adapter")
        late = _counter("adapter_recovered", "Messages that were missed and fetched", "adapter")
        calls = _counter("adapter_calls", "API calls by result", "adapter", "call", "result")
        refused = _gauge(
            "adapter_refused", "1 while the platform refuses this call", "adapter", "call", "code"
        )
        for name, adapter in self._health.adapters.items():
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
            for one in link.refused:
                refused.add_metric([name, one.call, one.code], 1.0)
        yield from (wrong, up, age, event, again, late, calls, refused, *self._cluster())

    def _cluster(self) -> Iterator[Metric]:
        """Where several processes share the store."""
        found = self._health.processes()
        processes = _gauge("processes", "Processes that are alive", "role")
        for role, count in Counter(one["role"] for one in found).items():
            processes.add_metric([role], count)
        own = ("role", "process", "version")
        lanes = _gauge("process_groups", "Groups that a process has", *own)
        lease = _gauge("process_lease_seconds", "Until the first of its leases ends", *own)
        held = _gauge("held", "1 for who holds what only one may have", "name", "process")
        for one in found:
            labels = [one[label] for label in own]
            lanes.add_metric(labels, one["lanes"])
            if one["lease"] is not None:
                lease.add_metric(labels, one["lease"])
            for name in one["holds"]:
                held.add_metric([name.lstrip(":"), one["process"]], 1.0)
        yield from (processes, lanes, lease, held)
        waiting = self._health.backlog()
        for name, text, key in (
            ("events_waiting", "Events that no worker has taken in yet", "events"),
            ("events_waiting_seconds", "Age of the oldest of them", "age_s"),
        ):
            yield GaugeMetricFamily(f"huixiangdou_{name}", text, value=waiting.get(key, 0.0))


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"huixiangdou_{name}", text, labels=labels or ["adapter"])


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"huixiangdou_{name}", text, labels=labels)
