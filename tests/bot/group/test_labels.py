"""What people say about the gate becomes labels, as conversations."""

from pathlib import Path

import pytest

from adapters.base import Feedback, Labelled, RecallAsked, Vote
from bot.store.examples import Label
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, Talk, talking

ASK = "which port does the kettle server listen on?"


async def said(talk: Talk, user: str, text: str, reply_to: str | None = None) -> list[str]:
    await talk.say(user, text, reply_to=reply_to)
    await talk.idle()
    return [reply.text for reply in talk.heard()]


async def vote(talk: Talk, reply_id: str, user: str, what: Vote) -> None:
    at = talk.clock.now()
    await talk.receive(Feedback("fake", GROUP, reply_id, user, what, at))


def brief(labels: list[Label]) -> list[tuple[str, bool, str, float]]:
    return [(one.person, one.good, one.origin, one.weight) for one in labels]


async def test_anyone_may_say_what_is_for_the_bot_and_admins_count_fully(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", "what's for lunch today?")
        lunch = talk.ids[0]
        (noted,) = await said(talk, "mallory", "/dou good", reply_to=lunch)
        assert "what's for lunch today?" in noted and "are for me" in noted
        (noted,) = await said(talk, "root", f"/dou bad {lunch}")
        assert "not for me" in noted
        (noted,) = await said(talk, "mallory", "豆哥别答", reply_to=lunch)
        assert "不该回答" in noted
        assert brief(await talk.store.labels()) == [
            ("fake:root", False, "command", 1.0),
            ("fake:mallory", False, "command", 0.5),
        ]
        (label, _) = await talk.store.labels()
        assert (label.text, label.group, label.message_id) == (
            "what's for lunch today?",
            GROUP,
            lunch,
        )
        (entry,) = await talk.store.audit_page(None, 10)
        assert (entry.who, entry.action, entry.after) == ("fake:root", "label", "bad")
        (usage,) = await said(talk, "root", "/dou good")
        assert "/dou good ID" in usage
        (unknown,) = await said(talk, "root", "/dou good nothing")
        assert "no such message" in unknown
        await talk.say("root", f"/dou good {lunch}", group="elsewhere")
        await talk.idle()
        assert "no such message" in talk.heard()[0].text, "a group labels its own messages"


async def test_a_label_on_an_answer_is_about_its_question(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", "hello")
        await talk.say("alice", ASK)
        await talk.idle()
        (answer,) = talk.heard()
        await said(talk, "root", "/dou good", reply_to=f"platform-{answer.key}")
        (label,) = await talk.store.labels()
        assert (label.text, label.message_id) == (ASK, talk.ids[1]), "what was judged"


@pytest.mark.parametrize("mention", [False, True])
async def test_votes_count_a_little_and_can_be_taken_back(
    tmp_path: Path, kettle: KnowledgeBase, mention: bool
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", ASK, mention=mention)
        await talk.idle()
        answer = f"platform-{talk.heard()[0].key}"
        await vote(talk, answer, "bob", Vote.HELPFUL)
        await vote(talk, answer, "root", Vote.HELPFUL)
        assert brief(await talk.store.labels()) == [
            ("fake:bob", True, "vote", 0.3),
            ("fake:root", True, "vote", 0.3),
        ]
        await vote(talk, answer, "root", Vote.NONE)
        await vote(talk, answer, "bob", Vote.UNHELPFUL)
        expected = [] if mention else [("fake:bob", False, "vote", 0.3)]
        assert brief(await talk.store.labels()) == expected, "who called it wanted an answer"


async def test_an_answer_nobody_asked_for_that_is_withdrawn_was_none_to_give(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", ASK)
        await said(talk, "bob", "/dou recall")
        assert brief(await talk.store.labels()) == [("fake:bob", False, "recall", 0.3)]
        await talk.say("carol", "@bot how do I install kettle with pip?")
        await talk.idle()
        answer = f"platform-{talk.heard()[-1].key}"
        await talk.receive(RecallAsked("fake", GROUP, answer, "bob"))
        await talk.idle()
        assert len(await talk.store.labels()) == 1


async def test_labels_come_by_the_api_too_and_go_with_a_message_that_is_taken_back(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", "what's for lunch today?")
        lunch, now = talk.ids[0], talk.clock.now()
        assert await talk.receive(Labelled("fake", GROUP, lunch, "root", good=False, at=now))
        assert not await talk.receive(Labelled("fake", "x", lunch, "root", good=False, at=now))
        assert brief(await talk.store.labels()) == [("fake:root", False, "console", 1.0)]
        await talk.take_back(lunch)
        assert await talk.store.labels() == []
