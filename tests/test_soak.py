"""All platforms at once, with everything that goes wrong there, and the HTTP API under kills: short
runs of `bench.soak`."""

from pathlib import Path

import pytest

from bench.soak import run
from bench.soak_http import HttpOptions, HttpSoak
from bench.soak_run import Options

SHORT = Options(
    messages=240, groups=20, kills=2, half_open=0, drop_every=60, failures=0.05, per_second=20.0
)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_every_mention_that_arrived_is_answered_exactly_once(tmp_path: Path) -> None:
    result = await run(SHORT, tmp_path)
    assert result.mentions["lark"] > 20
    assert result.answered["lark"] == result.mentions["lark"]
    assert sum(result.twice.values()) == 0
    assert sum(result.missing.values()) == 0
    assert result.over_budget == 0
    assert result.too_fast == 0
    lossy = result.mentions["dingtalk"] + result.mentions["wecom"]
    answered = result.answered["dingtalk"] + result.answered["wecom"]
    assert answered + result.unconfirmed + result.unheard == lossy


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_no_message_is_lost_or_doubled_by_kills_and_broken_posts(tmp_path: Path) -> None:
    options = HttpOptions(messages=600, kills=2, groups=20, broken=0.05, again=0.1)
    verdict = await HttpSoak(options, tmp_path).run()
    assert (verdict.messages, verdict.mentions) == (600, 60)
    assert len(verdict.books.starts) == 3
    assert verdict.books.broken_off
    assert verdict.books.repeated
    assert verdict.lost == verdict.doubled == verdict.full == 0
    assert verdict.unanswered == verdict.answered_twice == 0
