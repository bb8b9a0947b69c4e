"""What `/dou status` says of connections and models."""

import pytest

from bot.group.status import status_text
from knowledge.types import Counts, GateState, Point, Status

NOTHING = Counts(good=0, good_passing=0, bad=0, bad_passing=0)

STATUS = Status(
    snapshot="snapshot-1",
    documents=2,
    pieces=7,
    skipped=0,
    sources=("kettle", "teapot"),
    built_at=0.0,
    gate=GateState(
        model="distance",
        why="few",
        index="snapshot-1",
        key="",
        unprompted=Point(0.5, 1.0, 1.0, NOTHING, proven=False),
        mention=Point(0.25, 1.0, 1.0, NOTHING, proven=False),
        groups={},
        good=2,
        bad=2,
        share=0.25,
        weekly=1000.0,
        target=0.9,
        confidence=0.8,
        talk=0.2,
        question=0.45,
    ),
)
COUNTS = {"messages": 5, "answers": 2, "unfinished": 0, "helpful": 1, "unhelpful": 0}
LINK = {"up": True, "age": 7300.0, "last_event_age": None, "reconnects": 1, "recovered": 3}
HEALTH = {
    "degraded": ["adapter wecom: no route"],
    "zh": {"problems": [], "degraded": ["适配器 wecom：连不上"]},
    "adapters": {"lark": LINK, "wecom": LINK | {"up": False, "age": 5.2, "last_event_age": 9e4}},
    "models": [
        {
            "backend": "remote",
            "model": "m",
            "calls": 3,
            "tokens": 900,
            "cached": 0.25,
            "cost": 0.5,
        },
        {"backend": "local", "model": "qwen", "calls": 1, "tokens": 7, "cached": 0.0, "cost": None},
    ],
}


@pytest.mark.parametrize(
    ("chinese", "said"),
    [
        (
            False,
            [
                "sources: kettle, teapot",
                "lark: connected for 2 h, last event - ago, 1 reconnect, 3 recovered",
                "wecom: not connected for 5 s, last event 1 d ago, 1 reconnect, 3 recovered",
                "model remote (m) today: 3 calls, 900 tokens, 25% of prompts from cache, cost 0.5",
                "model local (qwen) today: 1 call, 7 tokens, 0% of prompts from cache, cost -",
                "problems: adapter wecom: no route",
            ],
        ),
        (
            True,
            [
                "来源：kettle、teapot",
                "lark：已连接 2 小时，上次事件 -，重连 1 次，补回 3 条",
                "wecom：未连接 5 秒，上次事件 1 天，重连 1 次，补回 3 条",
                "模型 remote（m）今天：调用 3 次，900 个 token，缓存命中 25%，费用 0.5",
                "问题：适配器 wecom：连不上",
            ],
        ),
    ],
)
def test_each_connection_has_its_line(said: list[str], *, chinese: bool) -> None:
    lines = status_text(STATUS, COUNTS, None, HEALTH, chinese=chinese).splitlines()
    assert set(said) <= set(lines)
    assert all(lines)
