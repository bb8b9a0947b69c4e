"""The supervisor of adapters: one connection after the other, for ever, each on its own."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.base import Event, LinkStatus, LoginRefused, NetworkError, Publish
from bot.daemon.app import signals, supervise
from bot.daemon.health import Health, HealthMetrics
from bot.metrics import create_metrics
from tests.fakes.clock import FakeClock
from tests.fakes.recording_adapter import RecordingAdapter


class Shaky(RecordingAdapter):
    """Each connection lives for so many seconds and then ends with an error."""

    def __init__(self, clock: FakeClock, name: str, lives: list[tuple[float, Exception]]) -> None:
        super().__init__(name)
        self._clock, self._lives = clock, lives
        self.starts: list[float] = []
        self.up = False

    async def run(self, publish: Publish) -> None:
        """The next life; the last one never ends."""
        del publish
        self.starts.append(self._clock.now())
        if not self._lives:
            self.up = True
            await asyncio.Event().wait()
        seconds, error = self._lives.pop(0)
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)
        raise error

    def link(self) -> LinkStatus:
        """Up in its last life."""
        return LinkStatus(self.up, since=self._clock.now() - 90, reconnects=len(self.starts) - 1)


async def ignore(event: Event) -> bool:
    del event
    return True


@asynccontextmanager
async def supervised(clock: FakeClock, *adapters: Shaky) -> AsyncIterator[Health]:
    """Runs them until all are up."""
    health = Health({adapter.name: adapter for adapter in adapters}, clock, loading=None)
    tasks = [asyncio.create_task(supervise(a, ignore, health, clock)) for a in adapters]
    while not all(adapter.up for adapter in adapters):
        await asyncio.sleep(0)
        clock.jump()
    yield health
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def pauses(adapter: Shaky, lived: float = 0.0) -> list[float]:
    starts = adapter.starts
    return [later - before - lived for before, later in itertools.pairwise(starts)]


async def test_pauses_grow_with_jitter_and_stay_bounded() -> None:
    clock = FakeClock()
    shaky = Shaky(clock, "lark", [(0.0, NetworkError("refused"))] * 12)
    async with supervised(clock, shaky):
        limits = [min(300.0, 0.5 * 2.0**n) for n in range(12)]
        for pause, limit in zip(pauses(shaky), limits, strict=True):
            assert 0.5 * limit <= pause <= limit
        assert (
            len({round(p / limit, 3) for p, limit in zip(pauses(shaky), limits, strict=True)}) > 3
        )


async def test_a_connection_that_lived_is_replaced_at_once() -> None:
    clock = FakeClock()
    shaky = Shaky(clock, "lark", [(60.0, NetworkError("cut"))] * 5)
    async with supervised(clock, shaky):
        assert all(pause <= 1.0 for pause in pauses(shaky, 60.0))


async def test_a_wrong_secret_is_retried_slowly_and_said() -> None:
    clock = FakeClock()
    refused: Exception = LoginRefused("app_secret is wrong")
    shaky = Shaky(clock, "lark", [(0.1, refused), (0.1, refused), (60.0, NetworkError("cut"))])
    async with supervised(clock, shaky):
        first, second, third = pauses(shaky)
        assert first >= 150 and second >= 150
        assert third <= 61


@pytest.mark.parametrize("error", [NetworkError("cut"), ValueError("a bug")])
async def test_a_dead_adapter_never_takes_the_others_down(error: Exception) -> None:
    clock = FakeClock()
    dead = Shaky(clock, "dead", [(0.0, error)] * 3)
    well = Shaky(clock, "well", [])
    async with supervised(clock, dead, well) as health:
        assert len(well.starts) == 1
        dead.up = False
        report = health.report()
        assert report["status"] == "degraded"
        assert report["problems"] == []
        assert report["degraded"][0].startswith("adapter dead: ")
        assert report["adapters"]["well"]["up"] and report["adapters"]["well"]["age"] == 90
        well.up = False
        assert health.report()["status"] == "not ready"


async def test_the_books_of_the_connections_are_metrics() -> None:
    class Busy(RecordingAdapter):
        def link(self) -> LinkStatus:
            """Some of everything."""
            return LinkStatus(
                up=True,
                since=100.0,
                heard=190.0,
                event=180.0,
                reconnects=3,
                recovered=7,
                calls={("reply", "ok"): 5},
            )

    metrics, clock = create_metrics(), FakeClock(200.0)
    HealthMetrics(Health({"lark": Busy("lark")}, clock)).register(metrics.registry)
    shown = metrics.render().decode()
    for line in (
        'huixiangdou_adapter_up{adapter="lark"} 1.0',
        'huixiangdou_adapter_connection_age_seconds{adapter="lark"} 100.0',
        'huixiangdou_adapter_event_age_seconds{adapter="lark"} 20.0',
        'huixiangdou_adapter_reconnects_total{adapter="lark"} 3.0',
        'huixiangdou_adapter_recovered_total{adapter="lark"} 7.0',
        'huixiangdou_adapter_calls_total{adapter="lark",call="reply",result="ok"} 5.0',
    ):
        assert line in shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_each_of_these_signals_stops_gently(number: signal.Signals) -> None:
    stop = asyncio.Event()
    with signals(stop, Health({}, FakeClock(), loading=None)):
        os.kill(os.getpid(), number)
        async with asyncio.timeout(60):
            await stop.wait()


async def test_who_was_started_with_nohup_outlives_the_terminal() -> None:
    stop, before = asyncio.Event(), signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals(stop, Health({}, FakeClock(), loading=None)):
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
