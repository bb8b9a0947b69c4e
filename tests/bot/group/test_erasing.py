"""What the bot keeps of a person is shown to them and erased when they say so; the rest stays."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import Feedback, IncomingMessage, Vote
from bot.types import Used
from knowledge.base import KnowledgeBase
from knowledge.gate.examples import Example
from knowledge.gate.refit import forget_labels, take_labels, taken_labels
from tests.bot.dialog import GROUP, Talk, talking

ASK = "@bot which port does the kettle server listen on, says zanzibar?"
SECRET = b"zanzibar"


@pytest.fixture
async def talk(tmp_path: Path, kettle: KnowledgeBase) -> AsyncIterator[Talk]:
    """Ann asked and got an answer that Bob votes for and root labels; Bob replied to her."""
    async with talking(tmp_path, kettle) as running:
        question = await running.say("ann", ASK, message_id="m1")
        await running.idle()
        (answer,) = running.heard()
        assert "7311" in answer.text
        await running.say("bob", "and how do I change it?", mention=True, reply_to=question)
        await running.say("root", "/dou good", reply_to=question)
        await running.idle()
        for user in ("ann", "bob"):
            vote = Feedback(
                "fake", GROUP, f"platform-{answer.key}", user, Vote.HELPFUL, running.clock.now()
            )
            assert await running.receive(vote)
        running.heard()
        yield running


def stored(folder: Path) -> bytes:
    """All bytes of the store, its log included."""
    return b"".join(path.read_bytes() for path in folder.glob("bot.sqlite*"))


async def line(talk: Talk, user: str, text: str) -> str:
    await talk.say(user, text)
    await talk.idle()
    (said,) = talk.heard()
    return said.text


async def test_somebody_sees_what_is_kept_and_has_it_erased(talk: Talk, tmp_path: Path) -> None:
    assert "messages since 2023-11-14, 1 vote, 3 labels" in await line(talk, "ann", "/dou forget")
    assert SECRET in stored(tmp_path)
    assert "All that I kept of you is erased now" in await line(talk, "ann", "/dou forget me")
    left = stored(tmp_path)
    assert SECRET not in left, "neither in tables, nor in free pages, nor in the log"
    assert b"ann" not in left
    assert "Of ann are kept: 1 message " in await line(talk, "ann", "/dou forget"), "this one"


async def test_the_rest_stays_and_a_second_delivery_is_not_answered(talk: Talk) -> None:
    before = await talk.store.kept_of("fake", "bob")
    await line(talk, "ann", "/dou forget me")
    after = await talk.store.kept_of("fake", "bob")
    assert (after.messages, after.votes) == (before.messages, before.votes) == (1, 1)
    assert after.labels == 0, "what his vote said of her question holds her words"
    assert await talk.reason("m1") == "answered", "the figures stay"
    await talk.say("ann", ASK, message_id="m1")
    await talk.idle()
    assert not talk.heard()
    again = await line(talk, "carol", ASK)
    assert "answered above" not in again, "nobody is pointed to what was erased"


async def test_only_an_admin_has_others_erased(talk: Talk, tmp_path: Path) -> None:
    assert "Only admins" in await line(talk, "bob", "/dou forget ann")
    assert SECRET in stored(tmp_path)
    told = await line(talk, "root", "/dou forget ann")
    assert "Erased of ann: 1 message, 1 vote, 3 labels" in told
    assert SECRET not in stored(tmp_path)
    assert "no such command" not in await line(talk, "root", "豆哥忘记")


async def test_where_names_prove_nothing_only_an_admin_may(talk: Talk, tmp_path: Path) -> None:
    talk.adapter.names_only = True
    assert "only an admin" in await line(talk, "ann", "/dou forget me")
    assert SECRET in stored(tmp_path)


async def test_what_is_not_decided_yet_is_not_answered_any_more(talk: Talk) -> None:
    await talk.say("ann", ASK)
    await talk.store.erase_person("fake", "ann", talk.clock.now())
    await talk.idle()
    assert not talk.heard()


async def test_who_is_called_by_others_and_a_private_chat_go_too(
    talk: Talk, tmp_path: Path
) -> None:
    await talk.say("bob", "look at this", mentions=("ann", "carol"))
    await talk.say("ann", "hello there", group="private:ann")
    await talk.idle()
    took = Used("2026-01-31", "remote", "chat", "fake:private:ann", 1, 90, 0, 10, 0.5)
    await talk.store.add_usage([took, replace(took, group="fake:eng")])
    await talk.store.erase_person("fake", "ann", talk.clock.now())
    assert b"ann" not in stored(tmp_path)
    (day,) = await talk.store.usage_by_day("2026-01-31")
    assert (day.calls, day.tokens, day.cost) == (2, 200, 1.0), "of the day it counts all the same"
    assert b"carol" in stored(tmp_path)


async def test_what_a_command_erased_beside_the_bot_is_forgotten_by_it(talk: Talk) -> None:
    erasing = talk.parts.erasing
    assert "answered above" in await line(talk, "carol", ASK)
    await talk.store.erase_person("fake", "ann", talk.clock.now())
    await talk.store.erase_person("fake", "carol", talk.clock.now())
    await erasing.catch_up()
    assert "answered above" not in await line(talk, "dan", ASK)


async def test_labels_go_while_the_knowledge_is_still_being_loaded(
    talk: Talk, tmp_path: Path
) -> None:
    erasing = talk.parts.erasing
    erasing.knowledge, erasing.folder = None, tmp_path
    others = Example("lunch?", good=False, person="fake:bob")
    take_labels(tmp_path, [Example("which port?", good=True, person="fake:ann"), others])
    await erasing.erase("fake", "ann")
    assert taken_labels(tmp_path) == (others,)


async def test_labels_and_the_audit_grow_as_old_as_the_configuration_says(talk: Talk) -> None:
    now = talk.clock.now()
    await talk.store.add_audit(at=now - 50, who="root", action="mute", target="g")
    assert await talk.store.prune_old(labels_before=0.0, audit_before=now - 60) == set()
    kept = [entry.action for entry in await talk.store.audit_page(None, 10)]
    assert kept == ["mute", "label"]  # the label is by a command of this test's group
    gone = await talk.store.prune_old(labels_before=now + 1, audit_before=now)
    assert SECRET.decode() in "".join(gone)
    assert await talk.store.labels() == []
    assert await talk.store.audit_page(None, 10) == []


async def test_the_messages_of_years_go_in_small_bites(talk: Talk) -> None:
    now = talk.clock.now()
    for number in range(450):
        await talk.store.add_message(
            IncomingMessage("fake", GROUP, "dan", f"d{number}", f"note {number}", now), now
        )
    found = await talk.store.erase_person("fake", "dan", now)
    assert found.messages == 450
    assert (await talk.store.kept_of("fake", "dan")).messages == 0


def test_labels_that_the_gate_took_up_go_from_every_step(tmp_path: Path) -> None:
    hers = Example("which port?", good=True, person="fake:ann")
    about = Example("says zanzibar?", good=True)
    others = Example("lunch?", good=False, person="fake:bob")
    take_labels(tmp_path, [hers, others])
    take_labels(tmp_path, [hers, about, others])
    (tmp_path / "labels/000003.jsonl").write_text("{damaged zanzibar")
    assert forget_labels(tmp_path, {"says zanzibar?"}, "fake:ann") == 3
    assert taken_labels(tmp_path) == (others,)
    steps = [path.read_text() for path in (tmp_path / "labels").iterdir()]
    assert len(steps) == 2
    assert not [text for text in steps if "ann" in text or "zanzibar" in text]
