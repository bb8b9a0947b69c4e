"""Several processes on one store, as they are started: a short run of `bench.cluster`."""

from pathlib import Path

import pytest

from bench.cluster import Options, run

SHORT = Options(
    messages=150,
    groups=12,
    receivers=2,
    workers=2,
    fault_every_s=1.5,
    faults="sleep,kill,cut,commit,stall,restart,upgrade",
    per_second=4.0,
    seed=3,
)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_each_mention_is_answered_once_and_in_order_though_processes_die_and_are_replaced(
    tmp_path: Path,
) -> None:
    result = await run(SHORT, tmp_path)
    assert result.mentions >= 10
    assert result.answered == result.mentions
    assert (result.twice, result.missing, result.out_of_order) == (0, 0, 0)
    assert (result.undecided, result.doubled, result.over_budget) == (0, 0, 0)
    assert sum(result.record.faults.values()) == 7
