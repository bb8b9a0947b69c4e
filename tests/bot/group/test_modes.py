"""Modes of a group: off, shadow, mention and live, as conversations."""

from dataclasses import replace
from pathlib import Path

from adapters.base import BotMoved
from bot.types import Mode
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, OPTIONS, Setup, Talk, talking

ASK = "which port does the kettle server listen on?"
SHADOW = Setup(replace(OPTIONS, mode=Mode.SHADOW))


async def said(talk: Talk, user: str, text: str, reply_to: str | None = None) -> list[str]:
    await talk.say(user, text, reply_to=reply_to)
    await talk.idle()
    return [reply.text for reply in talk.heard()]


async def test_in_shadow_nothing_is_posted_and_all_of_it_is_kept(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle, SHADOW) as talk:
        assert await said(talk, "alice", ASK) == []
        assert await said(talk, "bob", f"@bot {ASK}") == []
        assert await said(talk, "bob", "@bot tell me a joke about cats") == []
        assert talk.adapter.drafts == []
        asked, called, joke = talk.ids
        assert await talk.reason(asked) == "shadow"
        assert await talk.reason(joke) == "off_topic"
        found = await talk.store.decision("fake", asked)
        assert found and found["outcome"] == "silence" and found["text"] is None
        assert "7311" in found["draft"]["text"] and found["draft"]["citations"]
        assert (await talk.store.decision("fake", called) or {})["draft"]["kind"] == "answer"
        (summary,) = await said(talk, "root", "/dou shadow")
        assert "answered 2 times, 1 of them unprompted" in summary
        assert ASK in summary and "nobody answered" in summary
        (chinese,) = await said(talk, "root", "豆哥旁听 1d")
        assert "主动 1 次" in chinese
        (denied,) = await said(talk, "mallory", "/dou shadow")
        assert "admins" in denied


async def test_shadow_tells_whether_a_person_answered_instead(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle, SHADOW) as talk:
        await said(talk, "alice", ASK)
        asked = talk.ids[0]
        await talk.wait(300)
        await said(talk, "alice", "I need that really soon")
        await said(talk, "bob", "lovely weather")
        found = await talk.store.decision("fake", asked)
        assert found and found["draft"]["answered_by"] is None
        by_reply = await talk.say("carol", "look into the configuration", reply_to=asked)
        await talk.idle()
        found = await talk.store.decision("fake", asked)
        assert found and found["draft"]["answered_by"] == by_reply
        (summary,) = await said(talk, "root", "/dou shadow")
        assert "a person answered 1 of these" in summary
        assert "a person answered after 6 min" in summary


async def test_who_answers_in_their_own_words_counts_until_an_hour_has_passed(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle, SHADOW) as talk:
        await said(talk, "alice", ASK)
        await talk.wait(3601)
        await said(talk, "bob", "the kettle server listens on port 7311")
        found = await talk.store.decision("fake", talk.ids[0])
        assert found and found["draft"]["answered_by"] is None
        await said(talk, "carol", "why is the first request to kettle slow?")
        asked = talk.ids[-1]
        await talk.wait(60)
        await said(talk, "bob", "the first request is slow, it compiles the kernels of kettle")
        found = await talk.store.decision("fake", asked)
        assert found and found["draft"]["answered_by"] == talk.ids[-1]


async def test_an_admin_sets_the_mode_and_it_outlives_a_restart(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        (denied,) = await said(talk, "mallory", "/dou mode off")
        assert "admins" in denied
        (now,) = await said(talk, "root", "/dou mode")
        assert now.startswith("Live")
        (wrong,) = await said(talk, "root", "/dou mode loud")
        assert "shadow" in wrong
        (now,) = await said(talk, "root", "豆哥模式 mention")
        assert "点名" in now
        assert await said(talk, "alice", ASK) == []
        assert await talk.reason(talk.ids[-1]) == "not_mentioned"
        (answer,) = await said(talk, "alice", f"@bot {ASK}")
        assert "7311" in answer
        await talk.say("alice", ASK, group="another group")
        await talk.idle()
        assert len(talk.heard()) == 1, "the mode is that of one group"
        await said(talk, "root", "/dou mode OFF")
    async with talking(tmp_path, kettle) as talk:
        assert await said(talk, "bob", f"@bot {ASK}") == []
        assert await talk.reason(talk.ids[-1]) == "off"
        (back,) = await said(talk, "root", "/dou mode default")
        assert back.startswith("Live")


async def test_a_mode_that_is_set_while_a_question_waits_holds_for_it(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", ASK)
        await talk.wait(10)
        await talk.say("root", "/dou mode off")
        await talk.idle()
        assert [reply.kind for reply in talk.heard()] == ["notice"]
        assert await talk.reason(talk.ids[0]) == "off"


async def test_a_new_group_begins_in_shadow(tmp_path: Path, kettle: KnowledgeBase) -> None:
    new = Setup(replace(OPTIONS, shadow_s=86400.0))
    async with talking(tmp_path, kettle, new) as talk:
        await talk.receive(BotMoved("fake", GROUP, joined=True))
        assert await said(talk, "alice", ASK) == []
        assert await talk.reason(talk.ids[-1]) == "shadow"
        await talk.wait(86400)
        (answer,) = await said(talk, "alice", ASK)
        assert "7311" in answer


async def test_what_was_said_in_shadow_counts_against_the_budget_after_a_restart(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    setup = replace(SHADOW, burst=1, cooldown_s=0.0)
    async with talking(tmp_path, kettle, setup) as talk:
        await said(talk, "alice", ASK)
        clock = talk.clock
    async with talking(tmp_path, kettle, setup, clock) as talk:
        await said(talk, "bob", "how do I install kettle with pip?")
        assert await talk.reason(talk.ids[-1]) == "budget"
