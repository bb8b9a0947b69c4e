"""What happens in a group counts in the order in which it happened, however it arrives."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import (
    Feedback,
    IncomingMessage,
    MessageEdited,
    MessageRecalled,
    RecallAsked,
    Reply,
    Vote,
)
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, talking
from tests.fakes.recording_adapter import RecordingAdapter

PORT = "which port does the kettle server listen on?"
PIP = "how do I install kettle with pip?"
LUNCH = "what's for lunch today?"


class SlowToSay(RecordingAdapter):
    """Posts at once, and tells much later under which id."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def send(self, reply: Reply) -> str:
        """The id, once the platform tells."""
        posted = await super().send(reply)
        await self.told.wait()
        return posted


class Untold(RecordingAdapter):
    """Tells nobody of edits; `stands` is what messages say now, None where they are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.stands: dict[str, str | None] = {}
        self.asked = 0

    async def reread(self, message: IncomingMessage) -> IncomingMessage | None:
        """As it stands there now."""
        self.asked += 1
        text = self.stands.get(message.message_id, message.text)
        return None if text is None else replace(message, text=text)


async def test_questions_that_arrive_together_are_those_that_were_asked(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", f"@bot {PORT}", sent_ago_s=30)
        await talk.say("alice", f"@bot {PIP}", sent_ago_s=4)
        await talk.say("alice", "please", sent_ago_s=3)
        await talk.idle()
        first, second = talk.heard()
        assert "7311" in first.text and "pip install" in second.text
        assert (first.reply_to, second.reply_to) == (talk.ids[0], talk.ids[2])


async def test_what_came_while_the_index_was_loaded_is_not_packed_together(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        talk.inbox.close()
        await talk.say("alice", f"@bot {PORT}")
        talk.clock.advance(26)
        await talk.say("alice", f"@bot {PIP}")
        talk.clock.advance(20)
        await talk.inbox.open(talk.dispatcher)
        await talk.idle()
        assert [reply.reply_to for reply in talk.heard()] == talk.ids


async def test_a_recall_may_come_before_its_message(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        assert not await talk.receive(MessageRecalled("fake", GROUP, "oops"))
        await talk.say("alice", f"@bot {PORT}", message_id="oops")
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason("oops") == "recalled"
        assert await talk.store.messages("fake", GROUP, None, 10) == []
        assert await talk.store.latest("fake") == {GROUP: 0.0}


async def test_what_is_said_of_a_reply_before_its_id_is_known_is_not_lost(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    adapter = SlowToSay()
    async with talking(tmp_path, kettle, adapter=adapter) as talk:
        await talk.say("alice", f"@bot {PORT}")
        while not adapter.sent:
            await talk.settle_once()
        reply_id = f"platform-{adapter.sent[0].key}"
        now = talk.clock.now()
        await talk.receive(Feedback("fake", "", reply_id, "bob", Vote.HELPFUL, now))
        await talk.receive(RecallAsked("fake", GROUP, reply_id, "bob"))
        await talk.say("root", "/dou recall")
        adapter.told.set()
        await talk.idle()
        found = await talk.store.decision("fake", talk.ids[0])
        assert found and found["feedback"]["helpful"] == 1
        assert set(adapter.recalled) == {f"{GROUP}/{reply_id}"}


@pytest.mark.parametrize(
    ("before", "command", "answered"),
    [("", "/dou mute 2h", False), ("/dou mute 2h", "/dou unmute", True), ("", "/dou help", True)],
)
async def test_a_command_counts_for_what_is_said_after_it(
    tmp_path: Path, kettle: KnowledgeBase, before: str, command: str, *, answered: bool
) -> None:
    async with talking(tmp_path, kettle) as talk:
        if before:
            await talk.say("root", before)
            await talk.idle()
        await asyncio.gather(
            talk.say("root", command),
            talk.say("alice", f"@bot {LUNCH}", message_id="edited"),
            talk.receive(MessageEdited("fake", GROUP, "edited", PORT)),
            talk.say("alice", f"@bot {PIP}", message_id="gone"),
            talk.receive(MessageRecalled("fake", GROUP, "gone")),
        )
        await talk.idle()
        answers = [reply for reply in talk.heard() if reply.kind == "answer"]
        assert [("7311" in reply.text) for reply in answers] == [True] * answered
        assert await talk.reason("gone") == "recalled"


async def test_of_two_commands_the_one_that_was_sent_later_counts(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("root", "/dou unmute")
        await talk.say("mallory", "/dou mute 2h")
        await talk.say("root", "/dou mute 2h", sent_ago_s=600)  # from the history, after a gap
        await talk.idle()
        assert "was sent later" in talk.heard()[-1].text
        await talk.say("alice", f"@bot {PORT}")
        await talk.idle()
        assert "7311" in talk.heard()[0].text


async def test_a_mute_counts_from_when_it_was_said(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("root", "/dou mute 20m", sent_ago_s=1100)
        await talk.idle()
        await talk.wait(110)
        await talk.say("alice", f"@bot {PORT}")
        await talk.idle()
        assert talk.heard()[-1].kind == "answer"


@pytest.mark.parametrize("moment", [0, 1, 2, 4])
async def test_an_edit_counts_at_any_moment(
    tmp_path: Path, kettle: KnowledgeBase, moment: int
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", PIP)
        await talk.wait(10)  # it waits for people: what they say now is compared with it
        asked = await talk.say("bob", LUNCH)
        for _ in range(moment):
            await asyncio.sleep(0)
        await talk.receive(MessageEdited("fake", GROUP, asked, PORT))
        await talk.idle()
        assert {reply.reply_to for reply in talk.heard()} == set(talk.ids)


@pytest.mark.parametrize("seconds", [0.0, 1.0])
async def test_an_edit_that_nobody_tells_of_counts_in_the_first_seconds(
    tmp_path: Path, kettle: KnowledgeBase, seconds: float
) -> None:
    adapter = Untold()
    async with talking(tmp_path, kettle, adapter=adapter) as talk:
        asked = await talk.say("alice", f"@bot {LUNCH}")
        await talk.wait(seconds)
        adapter.stands[asked] = PORT
        await talk.idle()
        (answer,) = talk.heard()
        assert "7311" in answer.text
        assert adapter.asked == 1
        gone = await talk.say("alice", f"@bot {PIP}")
        adapter.stands[gone] = None
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(gone) == "recalled"
