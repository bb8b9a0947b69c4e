"""Several questions in one message: told apart where that is clear, answered in one message."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering.pipeline import Pipeline
from bot.answering.settings import AnswerSettings
from bot.answering.several import MOST, split_questions
from bot.cli.asking import mention
from bot.types import Answer, Trace
from knowledge.base import KnowledgeBase
from tests.bot.dialog import Talk, talking

PORT = "which port does the kettle server listen on by default?"
SLOW = "Why is the first request to the kettle server slow?"

SEVERAL = {
    f"{PORT} {SLOW}": (PORT, SLOW),
    f"hi all, {PORT}\n{SLOW} thanks!": (PORT, SLOW),
    "怎么安装 kettle？默认端口是多少？": ("怎么安装 kettle？", "默认端口是多少？"),
    "两个问题：\n1、怎么安装 kettle\n2、缓存占多少显存": ("怎么安装 kettle", "缓存占多少显存"),
    f"1. {PORT}\n2. {SLOW}": (PORT, SLOW),
    f"I use docker. {PORT} {SLOW}": (f"I use docker. {PORT}", SLOW),
}
ONE = [
    "怎么安装？需要 root 吗？",
    "报错了怎么办？是版本问题吗？",
    "how to install? why does it fail?",
    "在吗？怎么安装 kettle？谢谢",
    "What is kettle? thanks?",
    "怎么安装 kettle",
    f"{PORT} Is it 7311?",
    "steps:\n1. pip install kettle\n2. kettle serve\nwhy does the first request take so long?",
    f"```\n{PORT}\n{SLOW}\n```",
    f"Traceback (most recent call last):\nwhat now? {SLOW}",
    " ".join([SLOW] * (MOST + 1)),
]


@pytest.mark.parametrize("text", SEVERAL)
def test_clearly_several_questions_are_told_apart(text: str) -> None:
    assert split_questions(text) == SEVERAL[text]


@pytest.mark.parametrize("text", ONE)
def test_what_may_be_one_question_stays_one(text: str) -> None:
    assert split_questions(text) == (text,)


SAID = [
    "怎么安装 kettle？",
    "？",
    "? ",
    "\n",
    "1. ",
    "- ",
    PORT,
    " ",
    "端口 7311。",
    "it",
    "hi, ",
    "```",
]
messages = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(SAID)).map("".join))


@given(messages)
def test_parts_are_in_the_message_in_its_order(text: str) -> None:
    parts = split_questions(text)
    assert 1 <= len(parts) <= MOST
    if len(parts) == 1:
        assert parts == (text,)
        return
    words, at = text.split(), 0
    for part in parts:
        assert part.strip()
        for word in part.split():
            at = next(n for n in range(at, len(words)) if word in words[n])
        assert split_questions(part) == (part,)


@pytest.mark.parametrize("part", ["a? ", "\n", "1. x\n", "？", "。", " "])
def test_long_messages_take_no_time(part: str) -> None:
    assert split_questions(part * (20_000 // len(part)))


@pytest.fixture
async def talk(tmp_path: Path, kettle: KnowledgeBase) -> AsyncIterator[Talk]:
    async with talking(tmp_path, kettle) as opened:
        yield opened


async def said(talk: Talk, text: str) -> str:
    """The one message that is answered with."""
    await talk.say("alice", text)
    await talk.idle()
    (reply,) = talk.heard()
    assert len(reply.text) <= 1200
    return reply.text


async def test_each_is_answered_below_its_number_in_one_message(talk: Talk) -> None:
    await talk.say("alice", f"@bot {PORT} {SLOW}")
    await talk.idle()
    (reply,) = talk.heard()
    first, second = reply.text.index("**1.**"), reply.text.index("**2.**")
    assert first < reply.text.index("7311") < second < reply.text.index("kettle warmup")
    paths = [citation.path for citation in reply.citations]
    assert paths[:1] == ["en/serving.md"] and "en/faq.md" in paths
    assert reply.text.index("[1]") < second < reply.text.index(f"[{paths.index('en/faq.md') + 1}]")


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (f"{PORT} What shall we have for lunch today?", "Not found in the documents: question 2."),
        (f"下周大家都放假去哪里玩呢？{SLOW}", "第 1 个问题在文档里没有找到依据。"),
    ],
)
async def test_what_is_not_in_the_documents_is_said_to_be_open(
    talk: Talk, ask: str, line: str
) -> None:
    text = await said(talk, f"@bot {ask}")
    assert "7311" in text or "warmup" in text
    assert text.splitlines()[-1] == line


async def test_unprompted_nothing_is_said_of_other_things(talk: Talk) -> None:
    text = await said(talk, f"{PORT} What shall we all have for lunch today?")
    assert "7311" in text and "Not found" not in text and "**" not in text


async def test_where_nothing_is_known_one_line_declines(talk: Talk) -> None:
    text = await said(talk, "@bot What shall we all have for lunch? Who is going to the concert?")
    assert "\n" not in text and "**" not in text


async def test_the_same_text_is_quoted_once(kettle: KnowledgeBase) -> None:
    trace: Trace = []
    asked = f"{PORT} On which port does the server of kettle listen by default?"
    outcome = await Pipeline(kettle, AnswerSettings()).decide(mention(asked), trace)
    assert isinstance(outcome, Answer)
    assert outcome.text.count("The server listens on port 7311") == 1
    assert outcome.text.startswith("**1, 2.**")


async def test_without_room_for_several_the_message_is_one_question(kettle: KnowledgeBase) -> None:
    short = AnswerSettings(max_chars=300)
    outcome = await Pipeline(kettle, short).decide(mention(f"{PORT} {SLOW}"), [])
    assert not isinstance(outcome, Answer) or "**1" not in outcome.text
