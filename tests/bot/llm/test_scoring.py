"""Scores in a model's own words, and what a failed score does to the passages."""

import pytest

from bot.answering.retrieve import relevance
from bot.llm.scoring import CAUTIOUS, Rubric, read_score, value_in
from bot.llm.types import Completion, LlmError
from bot.metrics import create_metrics
from bot.types import Trace
from knowledge.types import Passage
from tests.bot.llm.models import model, remote
from tests.fakes.llm_api import Call, Say, digit, llm_api


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7.778), ("**7**", 7.778), ("７", 7.778), ("7分", 7.778), ("`0`", 0.0),
        # a terse verdict, then words with numbers
        ("9\n\nReason: has 2 parts", 10.0), ("9. 因为有3个原因", 10.0),
        # with its label, then the reasons
        ("Score: 8\nReason: 2 parts", 8.889), ("评分：6（满分9分）", 6.667),
        ("I found 2 issues. My score: 6", 6.667), ("Rating - 3 because of 4 things", 3.333),
        # with its scale
        ("8/9", 8.889), ("8/10", 8.0), ("The score is 7 out of 9.", 7.778),
        ("6分（满分9分）", 6.667), ("on this scale from 0 to 9: 8", 8.889),
        ("Between 0 and 9, 5", 5.556), ("从0到9：3", 3.333), ("0-9 scale: 4", 4.444),
        # talkative: the last word counts
        ("I rate this 3. Actually 10", 10.0), ("Level 2: 9", 10.0),
    ],
)  # fmt: skip
def test_a_verdict_in_words(text: str, value: float) -> None:
    assert value_in(text) == pytest.approx(value, abs=0.001)


@pytest.mark.parametrize("text", ["", "fine", "2024", "1.5.3", "-1", "0.8", "100", "0 to 9"])
def test_what_is_no_verdict(text: str) -> None:
    assert value_in(text) is None
    for rubric in Rubric:
        assert read_score(rubric, Completion(text, "b", "m")).value == CAUTIOUS[rubric]


def found(*texts: str) -> list[Passage]:
    return [
        Passage("docs", f"{text}.md", text, 1, text, score=0.5, rank_score=0.5) for text in texts
    ]


async def test_a_passage_whose_score_failed_counts_as_no_help() -> None:
    def script(call: Call) -> Say:
        if "poison" in call.text:
            return Say(status=400, message="content policy violation")
        return digit(9 if "port" in call.text else 1)

    metrics = create_metrics()
    trace: Trace = []
    async with llm_api(script) as api, model({"remote": remote(api)}, metrics=metrics) as llm:
        texts = ("the port is 7311", "poison", "lunch")
        kept = await relevance("which one?", found(*texts), llm, trace)
        assert [entry.passage.text for entry in kept.evidence] == ["the port is 7311"]
        (entry,) = trace
        assert (entry["failed"], entry["scores"]) == (1, [10.0, 0.0, 1.111])
        with pytest.raises(LlmError):
            await relevance("which one?", found("poison 1", "poison 2"), llm, trace)
    counted = b'huixiangdou_llm_unreadable_scores_total{rubric="relevance"} 3.0'
    assert counted in metrics.render()
