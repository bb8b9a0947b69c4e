"""The line that a mention gets when it can't be answered: true to its reason, short, in its
language."""

import pytest

from bot.texts.answers import DECLINED, decline_text
from bot.types import Reason, Trace

SEARCHED: Trace = [{"stage": "retrieve", "ms": 1.0, "unknown": ["tensorrt"]}]
ASKED = "can it run with TensorRT?"
FAILED = {"stage": "llm", "ms": 0.0, "failed": "Down"}
SCORED = {"stage": "intent", "ms": 9.0, "question": 8.0}


@pytest.mark.parametrize("chinese", [True, False])
@pytest.mark.parametrize("reason", DECLINED)
def test_each_reason_has_one_short_line(reason: Reason, *, chinese: bool) -> None:
    traces: list[Trace] = [[], SEARCHED, [FAILED]]
    for trace in traces:
        line = decline_text(trace, chinese, reason, said=ASKED)
        assert line.count("\n") == 0
        assert 0 < len(line) <= 120


@pytest.mark.parametrize(
    ("reason", "chinese", "said"),
    [
        (Reason.UNSAFE, False, "I'd rather stay out of this."),
        (Reason.UNSAFE, True, "这个话题我不参与。"),
        (Reason.NOT_A_QUESTION, False, "I can't tell what is being asked"),
        (Reason.NOT_A_QUESTION, True, "我没看出这里要问什么"),
        (Reason.NO_EVIDENCE, False, "The documents don't mention tensorrt"),
        (Reason.NO_EVIDENCE, True, "文档里没有提到 tensorrt"),
    ],
)
def test_what_was_not_looked_for_is_not_called_missing(
    reason: Reason, said: str, *, chinese: bool
) -> None:
    line = decline_text(SEARCHED, chinese, reason, said=ASKED)
    assert said in line
    if reason is not Reason.NO_EVIDENCE:
        assert "document" not in line
        assert "文档" not in line


def test_a_model_that_failed_is_the_reason_and_no_gap_in_the_documents() -> None:
    assert "can't be reached" in decline_text([*SEARCHED, FAILED], chinese=False, said=ASKED)
    assert "连不上" in decline_text([*SEARCHED, FAILED], chinese=True, said=ASKED)


def test_a_model_that_came_back_meanwhile_is_none() -> None:
    assert "tensorrt" in decline_text([FAILED, SCORED, *SEARCHED], chinese=False, said=ASKED)


def test_a_name_from_what_the_message_leans_on_is_not_put_into_its_mouth() -> None:
    line = decline_text(SEARCHED, chinese=False, said="and on windows?")
    assert "tensorrt" not in line
