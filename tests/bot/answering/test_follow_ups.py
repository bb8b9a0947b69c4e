"""Which messages are taken for follow-ups, and that small talk is none."""

from pathlib import Path

import pytest

from bot.answering.heuristics import leans
from knowledge.base import KnowledgeBase
from tests.bot.dialog import talking
from tests.bot.llm.models import model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import Call, Say, agreeable, llm_api

ASK = "@bot which port does the kettle server listen on?"
WHOLE = "how do I change the port that the kettle server listens on?"

SMALL_TALK = [
    "好的谢谢", "哈哈哈哈", "thanks a lot!", "那好吧", "lol", "that was fun", "ok", "收到",
    "it works", "谢谢豆哥", "牛啊", "在吗？", "有人吗？", "真的吗？", "really?", "是的呢",
    "多谢大佬！", "got it, thanks", "没什么", "this is great", "666", "👍", "早上好",
    "那我明白了", "anyone here?", "对吧？", "",
]  # fmt: skip
STATEMENTS = [
    "it was a long day", "那我去吃饭了", "这个功能上周刚合并", "and then we went home",
    "他已经睡了",
]  # fmt: skip
FOLLOW_UPS = [
    "那怎么卸载", "卸载呢", "那 windows 呢", "它支持 windows 吗", "怎么改", "为什么",
    "多少合适", "哪个文件", "换成 bert 可以吗", "如果显存不够呢", "刚才说的那个命令怎么写",
    "这俩区别是啥", "and on windows?", "why?", "what about windows", "how do I change it",
    "where is it set?", "then how do I resume?", "which file", "can it be disabled",
    "is that the default?", "그럼 windows?",
]  # fmt: skip


@pytest.mark.parametrize("text", SMALL_TALK)
@pytest.mark.parametrize("mention", [True, False])
def test_small_talk_is_no_follow_up(text: str, *, mention: bool) -> None:
    assert not leans(text, mention=mention)


@pytest.mark.parametrize("text", STATEMENTS)
def test_what_asks_nothing_is_no_follow_up(text: str) -> None:
    assert not leans(text)


@pytest.mark.parametrize("text", FOLLOW_UPS)
def test_a_question_that_leans_on_others_is_one(text: str) -> None:
    assert leans(text)


def test_a_mention_asks_without_a_sign_of_it() -> None:
    assert leans("windows", mention=True)
    assert not leans("windows")


def rewriting(call: Call) -> Say:
    """An agreeable model that rewrites everything into one question."""
    return Say(WHOLE) if call.kind == "rewrite" else agreeable()(call)


async def test_small_talk_after_an_answer_is_not_rewritten(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    clock = FakeClock()
    async with (
        llm_api(rewriting) as api,
        model({"remote": remote(api)}, clock) as llm,
        talking(tmp_path, kettle, clock=clock, llm=llm) as talk,
    ):
        await talk.say("alice", ASK)
        await talk.idle()
        before = len(api.calls)
        for number, text in enumerate(filter(None, [*SMALL_TALK, *STATEMENTS])):
            await talk.say(f"user {number}", text)
            await talk.say("alice", text)
            await talk.idle()
        asked = [call.text for call in api.calls[before:] if call.kind == "rewrite"]
        assert asked == []


async def test_who_continues_a_talk_took_part_in_it_or_follows_the_bot(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    clock = FakeClock()
    async with (
        llm_api(rewriting) as api,
        model({"remote": remote(api)}, clock) as llm,
        talking(tmp_path, kettle, clock=clock, llm=llm) as talk,
    ):
        for asker, lines in (("bob", ()), ("alice", ("thanks!",)), ("carol", ("thanks!",))):
            await talk.say("alice", ASK)
            await talk.idle()
            for line in lines:
                await talk.say("dave", line)
                await talk.idle()
            before = api.kinds().count("rewrite")
            await talk.say(asker, "and how do I change it?")
            await talk.idle()
            rewritten = api.kinds().count("rewrite") - before
            assert rewritten == (asker != "carol"), asker
            clock.advance(3600)
