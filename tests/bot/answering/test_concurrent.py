"""A slow model holds up nobody else, and what happens meanwhile counts."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import MessageEdited
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, OPTIONS, Setup, Talk, talking
from tests.bot.llm.models import model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import Call, LlmApi, Say, judged, llm_api

PORT = "which port does the kettle server listen on?"
SLOW = "why is the first request to the kettle server slow?"
LEAK = "DLL load failed on windows when importing kettle, what now?"
ANSWERS = {
    PORT: "The server listens on port 7311 by default [1].",
    SLOW: "The first request compiles the kernels, which takes a minute [1].",
    LEAK: "Windows needs the Visual C++ runtime [1].",
}
SETUP = Setup(options=replace(OPTIONS, at_once=4))


class Slow:
    """A model that writes an answer only when it is let."""

    def __init__(self) -> None:
        self.let: dict[str, asyncio.Event] = {text: asyncio.Event() for text in ANSWERS}

    def __call__(self, call: Call) -> Say:
        if judgement := judged(call):
            return judgement
        text = next(text for text in ANSWERS if text in call.text)
        return Say(ANSWERS[text], hold=self.let[text])


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def group(
    folder: Path, kettle: KnowledgeBase, api: LlmApi, setup: Setup = SETUP
) -> AsyncIterator[Talk]:
    clock = FakeClock()
    async with (
        model({"remote": remote(api)}, clock) as made,
        talking(folder, kettle, setup, clock, llm=made) as talk,
    ):
        yield talk


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def api(slow: Slow) -> AsyncIterator[LlmApi]:
    async with llm_api(slow) as running:
        yield running


def answering(api: LlmApi) -> list[str]:
    """The questions that the model was asked to answer, in order."""
    asked = [call for call in api.calls if call.kind == "answer"]
    return [next(text for text in ANSWERS if text in call.text) for call in asked]


async def mention(talk: Talk, user: str, text: str) -> str:
    asked = await talk.say(user, f"@bot {text}")
    await pass_within(talk, 2)
    return asked


async def pass_within(talk: Talk, seconds: float) -> None:
    """Lets time pass as soon as somebody waits for a moment in it."""
    await until(lambda: (talk.clock.deadline or math.inf) <= talk.clock.now() + seconds)
    talk.clock.advance(seconds)


async def test_several_people_are_answered_at_once(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, slow: Slow
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        for user, text in (("alice", PORT), ("bob", SLOW), ("carol", LEAK)):
            await mention(talk, user, text)
        await until(lambda: len(answering(api)) == 3)
        slow.let[LEAK].set()
        await until(lambda: talk.adapter.sent)
        assert "runtime" in talk.adapter.sent[0].text
        slow.let[PORT].set()
        slow.let[SLOW].set()
        await until(lambda: len(talk.adapter.sent) == 3)


async def test_what_was_judged_is_answered_before_the_next_is_judged(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, slow: Slow
) -> None:
    slow.let[PORT].set()
    slow.let[LEAK].set()
    one_by_one = replace(SETUP, options=replace(OPTIONS, at_once=1))
    async with group(tmp_path, kettle, api, one_by_one) as talk:
        await talk.say("alice", f"@bot {PORT}")
        await talk.say("bob", f"@bot {LEAK}")
        await pass_within(talk, 2)
        await until(lambda: len(talk.adapter.sent) == 2)
        steps = [kind for kind in api.kinds() if kind in ("question", "answer")]
        assert steps == ["question", "answer"] * 2


async def test_answers_leave_a_place_for_what_is_to_be_judged(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, slow: Slow
) -> None:
    slow.let[LEAK].set()
    two_places = replace(SETUP, options=replace(OPTIONS, at_once=2))
    async with group(tmp_path, kettle, api, two_places) as talk:
        await mention(talk, "alice", PORT)
        await until(lambda: answering(api) == [PORT])
        await talk.say("bob", f"@bot {SLOW}")
        await talk.say("carol", f"@bot {LEAK}")
        await pass_within(talk, 2)
        await until(lambda: len(answering(api)) == 2)
        assert api.kinds().count("question") == 3, "carol was judged before bob was answered"
        for held in slow.let.values():
            held.set()
        await until(lambda: len(talk.adapter.sent) == 3)


async def test_the_same_question_waits_for_the_answer_and_points_to_it(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, slow: Slow
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        await mention(talk, "alice", PORT)
        await until(lambda: answering(api) == [PORT])
        again = await mention(talk, "bob", PORT)
        await asyncio.sleep(0.1)
        slow.let[PORT].set()
        await until(lambda: len(talk.adapter.sent) == 2)
        assert answering(api) == [PORT], "the model is asked once"
        assert talk.adapter.sent[1].reply_to == again
        assert await talk.reason(again) == "repeated"


async def test_a_person_who_answers_while_the_model_writes_was_first(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        asked = await talk.say("alice", PORT)
        await pass_within(talk, 7)
        await until(lambda: "question" in api.kinds())
        await pass_within(talk, 21)
        await until(lambda: answering(api) == [PORT])
        told = await talk.say("bob", "7311, see the docs", reply_to=asked)
        await talk.idle()
        assert talk.adapter.sent == []
        assert await talk.reason(asked) == "human_first"
        assert await talk.reason(told) == "human_answer"


async def test_a_recall_stops_the_model(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, slow: Slow
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        asked = await mention(talk, "alice", PORT)
        await until(lambda: answering(api) == [PORT])
        await talk.take_back(asked)
        await talk.idle()
        slow.let[PORT].set()
        assert talk.adapter.sent == []
        assert "dodge" not in api.kinds(), "nothing is asked about an answer that nobody wants"
        assert await talk.reason(asked) == "recalled"


async def test_an_edit_while_the_model_writes_is_a_new_question(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, slow: Slow
) -> None:
    slow.let[SLOW].set()
    async with group(tmp_path, kettle, api) as talk:
        asked = await mention(talk, "alice", PORT)
        await until(lambda: answering(api) == [PORT])
        await talk.receive(MessageEdited("fake", GROUP, asked, SLOW))
        await until(lambda: talk.adapter.sent)
        await talk.idle()
        (reply,) = talk.adapter.sent
        assert "kernels" in reply.text
        assert reply.reply_to == asked
