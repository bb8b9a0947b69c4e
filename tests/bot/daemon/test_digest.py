"""The daily digest, from what really happened in a group."""

from collections.abc import Sequence
from pathlib import Path

from adapters.base import Feedback, Vote
from bot.console.topics import grouped
from bot.daemon.digest import post_digest
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, Talk, talking


async def digest(talk: Talk, knowledge: KnowledgeBase) -> str:
    await post_digest("fake:admins", talk.store, knowledge, talk.delivery, talk.clock)
    (reply,) = [reply for reply in talk.heard() if reply.group == "admins"]
    assert reply.reply_to is None
    return reply.text


async def test_it_counts_what_was_asked_and_names_what_is_missing(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        for user, text in (
            ("alice", "@bot which port does the kettle server listen on?"),
            ("bob", "@bot how do I install kettle with pip?"),
            ("carol", "@bot does kettle support the frobnicator?"),
            ("dave", "@bot is there support for a frobnicator in kettle?"),
            ("erin", "good morning everybody"),
            ("root", "/dou help"),
        ):
            await talk.say(user, text)
            await talk.idle()
        port, install = (r for r in talk.heard() if r.kind == "answer")
        await talk.receive(
            Feedback("fake", GROUP, f"platform-{port.key}", "bob", Vote.UNHELPFUL, 1.0)
        )
        await talk.say("bob", "豆哥撤回", reply_to=f"platform-{install.key}")
        await talk.idle()
        talk.heard()
        text = await digest(talk, kettle)
        assert "4 asked, 2 answered; helpful 0, not helpful 1, withdrawn 1" in text
        assert "Answers that were not helpful:\n- which port" in text
        assert "Answers that were withdrawn:\n- how do I install" in text
        assert "- 2 × does kettle support the frobnicator?; is there support" in text
        assert "good morning" not in text and "/dou" not in text
        talk.clock.advance(3600)
        again = await digest(talk, kettle)
        assert "The last" not in again  # nothing was asked since: the language is the default
        assert "过去 1 小时：提问 0，回答 0" in again


async def test_what_people_wrote_cannot_ring_the_admins(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say(
            "alice", '@bot <at user_id="all"></at> @all [free](https://evil.test) kettle?'
        )
        await talk.idle()
        talk.heard()
        text = await digest(talk, kettle)
        assert "<at" not in text and "@all" not in text and "evil" not in text


async def test_topics_are_the_largest_first() -> None:
    async def same_first_word(text: str, others: Sequence[str]) -> list[float]:
        return [float(other.split()[0] == text.split()[0]) for other in others]

    texts = ["port a", "gpu a", "port b", "port c", "gpu b", "else"]
    topics = [[texts[n] for n in topic] for topic in await grouped(texts, same_first_word)]
    assert topics == [["port a", "port b", "port c"], ["gpu a", "gpu b"], ["else"]]
    assert await grouped([], same_first_word) == []
