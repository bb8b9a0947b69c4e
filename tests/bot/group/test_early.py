"""What people press below an answer before its platform has told the bot which id it has."""

import asyncio
from pathlib import Path

import pytest

from adapters.base import Event, Feedback, RecallAsked, Reply, Vote
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, Setup, Talk, talking
from tests.fakes.clock import FakeClock
from tests.fakes.recording_adapter import RecordingAdapter

ASK = "@bot which port does the kettle server listen on?"


class Hanging(RecordingAdapter):
    """A platform that shows a reply and does not say so until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_say = asyncio.Event()

    async def send(self, reply: Reply) -> str:
        self.sent.append(reply)
        await self.may_say.wait()
        return f"platform-{reply.key}"


async def asked_and_shown(talk: Talk, adapter: Hanging) -> str:
    """Somebody asks; returns once the answer stands there, and only the bot does not know it."""
    asked = await talk.say("alice", ASK)
    while not adapter.sent:
        await talk.settle_once()
    return asked


def pressed(key: str) -> tuple[Event, ...]:
    reply = f"platform-{key}"
    return (
        Feedback("fake", "", reply, "bob", Vote.HELPFUL, 10.0),
        Feedback("fake", GROUP, reply, "carol", Vote.UNHELPFUL, 11.0),
        Feedback("fake", GROUP, "somebody else's", "carol", Vote.HELPFUL, 12.0),
    )


async def votes(talk: Talk, asked: str) -> dict[str, int]:
    found = await talk.store.decision("fake", asked)
    assert found
    counts: dict[str, int] = found["feedback"]
    return counts


@pytest.mark.parametrize("killed", [False, True])
async def test_a_vote_that_comes_before_the_id_counts_also_after_a_kill(
    tmp_path: Path, kettle: KnowledgeBase, *, killed: bool
) -> None:
    clock, adapter = FakeClock(), Hanging()
    async with talking(tmp_path, kettle, clock=clock, adapter=adapter) as talk:
        asked = await asked_and_shown(talk, adapter)
        (reply,) = adapter.sent
        for event in pressed(reply.key):
            assert not await talk.receive(event)
        assert await votes(talk, asked) == {"helpful": 0, "unhelpful": 0}
        if not killed:
            adapter.may_say.set()
            await talk.idle()
            assert await votes(talk, asked) == {"helpful": 1, "unhelpful": 1}
            assert not await talk.store.early_events()
            return
    async with talking(tmp_path, kettle, clock=clock) as talk:
        await talk.idle()
        assert [again.key for again in talk.heard()] == [reply.key]
        assert await votes(talk, asked) == {"helpful": 1, "unhelpful": 1}
        assert not await talk.store.early_events()


@pytest.mark.parametrize("killed", [False, True])
async def test_where_others_post_a_reaction_that_comes_before_the_id_counts_too(
    tmp_path: Path, kettle: KnowledgeBase, *, killed: bool
) -> None:
    """In a cluster a group's replies are posted by its holder, and reactions name no group."""
    clock, adapter = FakeClock(), Hanging()
    holder, nowhere = Setup(group=("fake", GROUP)), Setup(group=("fake", ""))
    async with talking(tmp_path, kettle, holder, clock=clock, adapter=adapter) as talk:
        async with talking(tmp_path, kettle, nowhere, clock=clock) as other:
            asked = await asked_and_shown(talk, adapter)
            shown = f"platform-{adapter.sent[0].key}"
            for reply in (shown, "somebody else's"):
                vote = Feedback("fake", "", reply, "bob", Vote.HELPFUL, 10.0)
                assert not await other.receive(vote)
            if not killed:
                adapter.may_say.set()
                await other.idle()
        if killed:
            async with talking(tmp_path, kettle, nowhere, clock=clock) as other:
                await other.settle()
                adapter.may_say.set()
                await other.idle()
        assert await votes(talk, asked) == {"helpful": 1, "unhelpful": 0}
        assert not await talk.store.early_events()


async def test_a_wish_to_withdraw_that_comes_before_the_id_is_obeyed_after_a_kill(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    clock, adapter = FakeClock(), Hanging()
    async with talking(tmp_path, kettle, clock=clock, adapter=adapter) as talk:
        await asked_and_shown(talk, adapter)
        wish = RecallAsked("fake", GROUP, f"platform-{adapter.sent[0].key}", "bob")
        assert not await talk.receive(wish)
    async with talking(tmp_path, kettle, clock=clock) as talk:
        await talk.idle()
        assert talk.adapter.recalled == [f"{GROUP}/{wish.reply_id}"]


async def test_who_asks_to_be_forgotten_has_no_vote_waiting(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    adapter = Hanging()
    async with talking(tmp_path, kettle, adapter=adapter) as talk:
        await asked_and_shown(talk, adapter)
        await talk.receive(Feedback("fake", GROUP, "platform-x", "bob", Vote.HELPFUL, 10.0))
        assert len(await talk.store.early_events()) == 1
        await talk.store.erase_person("fake", "bob", talk.clock.now())
        assert not await talk.store.early_events()
