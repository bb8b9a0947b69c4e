"""What `/dou status` says of connections."""

import pytest

from bot.group.status import status_text
from knowledge.types import Status

STATUS = Status(
    snapshot="snapshot-1",
    documents=2,
    pieces=7,
    skipped=0,
    sources=("kettle", "teapot"),
    built_at=0.0,
    thresholds=(0.5, 0.25),
    examples_fit=True,
    recall=1.0,
)
COUNTS = {"messages": 5, "answers": 2, "unfinished": 0, "helpful": 1, "unhelpful": 0}
LINK = {"up": True, "age": 7300.0, "last_event_age": None, "reconnects": 1, "recovered": 3}
HEALTH = {
    "degraded": ["adapter wecom: no route"],
    "adapters": {"lark": LINK, "wecom": LINK | {"up": False, "age": 5.2, "last_event_age": 9e4}},
}


@pytest.mark.parametrize(
    ("chinese", "said"),
    [
        (
            False,
            [
                "sources: kettle, teapot",
                "lark: connected for 2 h, last event - ago, 1 reconnects, 3 recovered",
                "wecom: not connected for 5 s, last event 1 d ago, 1 reconnects, 3 recovered",
                "problems: adapter wecom: no route",
            ],
        ),
        (
            True,
            [
                "来源：kettle、teapot",
                "lark：已连接 2 小时，上次事件 -，重连 1 次，补回 3 条",
                "wecom：未连接 5 秒，上次事件 1 天，重连 1 次，补回 3 条",
                "问题：adapter wecom: no route",
            ],
        ),
    ],
)
def test_each_connection_has_its_line(said: list[str], *, chinese: bool) -> None:
    lines = status_text(STATUS, COUNTS, None, HEALTH, chinese=chinese).splitlines()
    assert set(said) <= set(lines)
    assert all(lines)
