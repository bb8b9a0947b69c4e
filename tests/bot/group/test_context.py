"""A message is judged with what it replies to and what its author wrote just before."""

from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from tests.bot.dialog import Talk, talking

ASK = "which port does the kettle server listen on?"
BEGUN = "port 7311 is taken on my machine"
FRAGMENT = "can I have another one instead?"


async def said(talk: Talk, user: str, text: str, reply_to: str | None = None) -> list[str]:
    await talk.say(user, text, reply_to=reply_to)
    await talk.idle()
    return [reply.text for reply in talk.heard()]


async def test_a_fragment_is_judged_with_the_message_it_replies_to(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        assert await said(talk, "bob", FRAGMENT) == []
        assert await talk.reason(talk.ids[-1]) == "off_topic"
        await said(talk, "alice", ASK)
        asked = talk.ids[-1]
        assert await said(talk, "carol", FRAGMENT) == [], "somebody else's words lead nowhere"
        (answer,) = await said(talk, "dave", FRAGMENT, reply_to=asked)
        assert "--port" in answer
        found = await talk.store.question_of("fake", talk.ids[-1])
        assert found and found.text == f"{ASK}\n{FRAGMENT}", "a label is on what was judged"


async def test_a_reply_to_the_bot_leans_on_what_it_was_asked(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", ASK)
        await talk.idle()
        (first,) = talk.heard()
        assert "--port" in first.text
        reply_to = f"platform-{first.key}"
        assert await said(talk, "dave", FRAGMENT, reply_to=reply_to) == []
        assert await talk.reason(talk.ids[-1]) == "repeated", "it says no more than is there"


@pytest.mark.parametrize(("pause", "reason"), [(60.0, "answered"), (240.0, "off_topic")])
async def test_a_fragment_goes_on_with_what_its_author_wrote_just_before(
    tmp_path: Path, kettle: KnowledgeBase, pause: float, reason: str
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", BEGUN)
        assert await talk.reason(talk.ids[-1]) == "off_topic"
        await talk.wait(pause)
        await said(talk, "alice", "how do I change it?")
        assert await talk.reason(talk.ids[-1]) == reason


@pytest.mark.parametrize("mention", ["", "@bot "])
async def test_what_was_answered_carries_no_talk_that_follows(
    tmp_path: Path, kettle: KnowledgeBase, mention: str
) -> None:
    async with talking(tmp_path, kettle) as talk:
        assert len(await said(talk, "alice", mention + ASK)) == 1
        for text in ("lunch?", "is it raining?", "吃饭去吗？", FRAGMENT):
            await talk.wait(61.0 if text == "lunch?" else 20.0)
            assert await said(talk, "alice", text) == [], text
            assert await talk.reason(talk.ids[-1]) == "off_topic"
        assert len(await said(talk, "alice", f"@bot {FRAGMENT}")) == 1, "asked, it goes on"


async def test_small_talk_and_statements_are_not_carried_by_what_went_before(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", ASK)
        asked = talk.ids[-1]
        for text in ("thanks, that works", "好的收到", "I will have lunch now", "lol ok"):
            assert await said(talk, "alice", text, reply_to=asked) == [], text
