"""How an engine is doing: pauses, notes for the operator, and one line in the log for each."""

import logging
import time

import pytest

from knowledge.web.engine_health import BARREN, FAILED_PAUSE_S, FAILURES, EngineHealth
from knowledge.web.types import (
    EngineError,
    Faulty,
    Refused,
    Rejected,
    Throttled,
    Unusable,
)
from tests.fakes.clock import FakeClock


def clock_at(clock: FakeClock, later: float) -> str:
    return time.strftime("%H:%M", time.localtime(clock.now() + later))


@pytest.mark.parametrize("error", [Refused("no credits left"), Refused("sent away")])
def test_an_hour_without_the_engine(error: EngineError, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    health = EngineHealth("serper", clock)
    assert health.usable
    assert not health.note
    health.failed(error)
    note = f"web search is off until {clock_at(clock, 3600)}: {error}"
    assert not health.usable
    assert health.note == note
    clock.advance(3600)
    assert health.usable
    assert health.note == f"web search: {error}"
    health.failed(error)  # still so: told already
    assert not health.usable
    assert [record.getMessage() for record in caplog.records] == [note]


def test_a_refused_key_is_never_tried_again() -> None:
    clock = FakeClock()
    health = EngineHealth("serper", clock)
    health.failed(Unusable("set search.web.api_key"))
    clock.advance(10**9)
    assert not health.usable
    assert health.note == "web search is off: set search.web.api_key"


@pytest.mark.parametrize("kind", [Faulty, Throttled])
def test_failures_in_a_row_are_a_reason_for_a_pause(kind: type[EngineError]) -> None:
    clock = FakeClock()
    health = EngineHealth("serper", clock)
    for _ in range(FAILURES - 1):
        health.failed(kind("out of order"))
    assert health.usable
    assert not health.note
    health.worked(3)
    for _ in range(FAILURES):
        assert health.usable
        health.failed(kind("out of order"))
    assert not health.usable
    assert "out of order" in health.note
    clock.advance(FAILED_PAUSE_S)
    assert health.usable


def test_when_it_works_again_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    health = EngineHealth("serper", clock)
    health.failed(Refused("no credits"))
    clock.advance(3600)
    health.worked(3)
    assert not health.note
    health.failed(Refused("no credits"))
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition(" until")[0] for line in said] == [
        "web search is off", "web search works again", "web search is off",
    ]  # fmt: skip


def test_a_query_that_is_refused_is_told_and_the_next_one_asked() -> None:
    health = EngineHealth("serper", FakeClock())
    health.failed(Rejected("serper does not take the query: HTTP 400"))
    assert health.usable
    assert "does not take the query" in health.note
    health.worked(1)
    assert not health.note


def test_a_scraped_engine_that_never_finds_anything_is_suspected() -> None:
    ddgs, serper = EngineHealth("ddgs", FakeClock()), EngineHealth("serper", FakeClock())
    for _ in range(BARREN):
        assert not ddgs.note
        ddgs.worked(0)
        serper.worked(0)
    assert ddgs.usable
    assert "may refuse this machine" in ddgs.note
    assert not serper.note
    ddgs.worked(2)
    assert not ddgs.note
