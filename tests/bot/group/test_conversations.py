"""What is said around questions: calls without words, second thoughts, complaints, statements."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.types import Mode
from knowledge.base import KnowledgeBase
from tests.bot.dialog import OPTIONS, Setup, Talk, talking

ASK = "which port does the kettle server listen on?"
ON_MENTION = Setup(replace(OPTIONS, mode=Mode.MENTION))


async def said(talk: Talk, user: str, text: str, reply_to: str | None = None) -> list[str]:
    await talk.say(user, text, reply_to=reply_to)
    await talk.idle()
    return [reply.text for reply in talk.heard()]


async def test_a_call_without_words_asks_what_its_author_asked_in_vain(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle, ON_MENTION) as talk:
        assert await said(talk, "alice", ASK) == []
        assert await talk.reason(talk.ids[-1]) == "not_mentioned"
        assert await said(talk, "alice", "anyone?") == []
        (answer,) = await said(talk, "alice", "@bot ")
        assert "7311" in answer
        (line,) = await said(talk, "alice", "@bot ？")
        assert "answered above" in line


async def test_a_call_without_words_asks_what_it_replies_to(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", ASK)
        (answer,) = await said(talk, "bob", "@bot ", reply_to=asked)
        assert "7311" in answer, "and alice, who has the answer now, does not get it again"


async def test_who_calls_the_bot_while_it_waits_is_answered_once(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", ASK)
        await talk.wait(8.0)
        (answer,) = await said(talk, "alice", f"@bot {ASK}")
        assert "7311" in answer


SETTLED = ["ah found it, it is in the manual", "never mind", "thanks bob", "算了，我自己看文档"]


@pytest.mark.parametrize("text", SETTLED)
async def test_who_settles_the_own_question_is_not_answered(
    tmp_path: Path, kettle: KnowledgeBase, text: str
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", ASK)
        await talk.wait(8.0)
        assert await said(talk, "alice", text) == []
        assert await talk.reason(asked) == "human_first"


async def test_second_thoughts_within_seconds_count_too(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", ASK)
        assert await said(talk, "alice", "never mind, found it") == []
        await talk.say("bob", ASK)
        (answer,) = await said(talk, "bob", "thanks")
        assert "7311" in answer, "thanks in advance settle nothing"


COMPLAINTS = ["you are wrong", "that's not right", "你说的不对"]


@pytest.mark.parametrize("text", COMPLAINTS)
async def test_a_complaint_does_not_bring_the_answer_again(
    tmp_path: Path, kettle: KnowledgeBase, text: str
) -> None:
    async with talking(tmp_path, kettle) as talk:
        (answer,) = await said(talk, "alice", f"@bot {ASK}")
        assert "7311" in answer
        (line,) = await said(talk, "alice", f"@bot {text}")
        assert "/dou recall" in line


async def test_a_follow_up_never_brings_what_was_said_just_before(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        (answer,) = await said(talk, "alice", f"@bot {ASK}")
        (line,) = await said(talk, "alice", "@bot and what is its default port?")
        assert "7311" in answer
        assert line == "The documents say no more on this than I answered above."
        assert await talk.reason(talk.ids[-1]) == "repeated"


async def test_unprompted_nothing_is_said_to_who_only_tells_something(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        assert await said(talk, "alice", "our kettle server listens on port 7311") == []
        assert await talk.reason(talk.ids[-1]) == "not_a_question"
        assert len(await said(talk, "bob", "the kettle server fails: port 7311 is taken")) == 1


async def test_a_line_is_in_the_language_of_the_message_and_not_of_what_it_leans_on(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", "@bot 这个项目的吉祥物叫什么名字")
        (line,) = await said(talk, "alice", "@bot who is it by?")
        assert "documents" in line


@pytest.mark.parametrize(
    "text", ["which port of the kettle server do you all use?", "你 kettle 的端口改成多少了？"]
)
async def test_who_talks_to_another_person_is_not_answered(
    tmp_path: Path, kettle: KnowledgeBase, text: str
) -> None:
    async with talking(tmp_path, kettle) as talk:
        assert await said(talk, "alice", text) == []
        assert await talk.reason(talk.ids[-1]) == "addressed"
        assert len(await said(talk, "alice", f"@bot {text}")) == 1


async def test_a_command_is_answered_in_the_language_that_its_sender_speaks(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        assert "this list" in (await said(talk, "root", "/dou help"))[0]
        await said(talk, "root", "大家早上好")
        await said(talk, "bob", "good morning")
        assert "这份说明" in (await said(talk, "root", "/dou help"))[0]
        assert "this list" in (await said(talk, "bob", "/dou help"))[0]
