"""How an engine is doing: pauses, notes for the operator, and one line in the log for each."""

import logging
import time

import pytest

from knowledge.web.engine_health import BARREN, FAILED_PAUSE_S, FAILURES, Standing
from knowledge.web.types import (
    Banned,
    EngineError,
    Exhausted,
    Faulty,
    Rejected,
    Throttled,
    Unusable,
)
from tests.fakes.clock import FakeClock


def clock_at(clock: FakeClock, later: float) -> str:
    return time.strftime("%H:%M", time.localtime(clock.now() + later))


@pytest.mark.parametrize("error", [Exhausted("no credits left"), Banned("sent away")])
def test_an_hour_without_the_engine(error: EngineError, caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    standing = Standing("serper", clock)
    assert standing.usable
    assert not standing.note
    standing.failed(error)
    note = f"web search is off until {clock_at(clock, 3600)}: {error}"
    assert not standing.usable
    assert standing.note == note
    clock.advance(3600)
    assert standing.usable
    assert standing.note == f"web search: {error}"
    standing.failed(error)  # still so: told already
    assert not standing.usable
    assert [record.getMessage() for record in caplog.records] == [note]


def test_a_refused_key_is_never_tried_again() -> None:
    clock = FakeClock()
    standing = Standing("serper", clock)
    standing.failed(Unusable("set search.web.api_key"))
    clock.advance(10**9)
    assert not standing.usable
    assert standing.note == "web search is off: set search.web.api_key"


@pytest.mark.parametrize("kind", [Faulty, Throttled])
def test_failures_in_a_row_are_a_reason_for_a_pause(kind: type[EngineError]) -> None:
    clock = FakeClock()
    standing = Standing("serper", clock)
    for _ in range(FAILURES - 1):
        standing.failed(kind("out of order"))
    assert standing.usable
    assert not standing.note
    standing.worked(3)
    for _ in range(FAILURES):
        assert standing.usable
        standing.failed(kind("out of order"))
    assert not standing.usable
    assert "out of order" in standing.note
    clock.advance(FAILED_PAUSE_S)
    assert standing.usable


def test_when_it_works_again_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    standing = Standing("serper", clock)
    standing.failed(Exhausted("no credits"))
    clock.advance(3600)
    standing.worked(3)
    assert not standing.note
    standing.failed(Exhausted("no credits"))
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition(" until")[0] for line in said] == [
        "web search is off", "web search works again", "web search is off",
    ]  # fmt: skip


def test_a_query_that_is_refused_is_told_and_the_next_one_asked() -> None:
    standing = Standing("serper", FakeClock())
    standing.failed(Rejected("serper does not take the query: HTTP 400"))
    assert standing.usable
    assert "does not take the query" in standing.note
    standing.worked(1)
    assert not standing.note


def test_a_scraped_engine_that_never_finds_anything_is_suspected() -> None:
    ddgs, serper = Standing("ddgs", FakeClock()), Standing("serper", FakeClock())
    for _ in range(BARREN):
        assert not ddgs.note
        ddgs.worked(0)
        serper.worked(0)
    assert ddgs.usable
    assert "may refuse this machine" in ddgs.note
    assert not serper.note
    ddgs.worked(2)
    assert not ddgs.note
