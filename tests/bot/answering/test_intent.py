"""The bar for a question: who mentions the bot asks, however clumsily."""

import pytest

from bot.answering.reject import intent
from bot.types import Reason, Silence, Trace
from tests.bot.llm.models import model, remote
from tests.fakes.llm_api import SCORES, digit, llm_api


@pytest.mark.parametrize(
    ("question", "unsafe", "mention", "outcome"),
    [
        (9, 0, False, None),
        (4, 0, False, Silence(Reason.NOT_A_QUESTION)),
        (4, 0, True, None),
        (2, 0, True, Silence(Reason.NOT_A_QUESTION)),
        (9, 4, True, Silence(Reason.UNSAFE)),
    ],
)
async def test_a_mention_needs_half_the_score(
    question: int, unsafe: int, outcome: Silence | None, *, mention: bool
) -> None:
    scores = {**SCORES, "question": question, "unsafe": unsafe}
    trace: Trace = []
    async with (
        llm_api(lambda call: digit(scores[call.kind])) as api,
        model({"remote": remote(api)}) as llm,
    ):
        assert await intent("kettle port 7311 refused", llm, trace, mention=mention) == outcome
    assert trace[-1]["at_least"] == (3 if mention else 6)
