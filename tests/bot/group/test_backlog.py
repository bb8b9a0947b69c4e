"""Mentions that found no room in their group's queue, and are fetched from the store."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.base import IncomingMessage
from bot.answering.pipeline import Pipeline
from bot.answering.settings import AnswerSettings
from bot.daemon.compose import create_dispatcher, create_handler
from bot.store.store import Store
from bot.types import Reason
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, OPTIONS, Setup, talking

ASK = "@bot which port does the kettle server listen on?"


class Watched(Store):
    """Counts the looks for what found no room."""

    looks = 0

    async def backlog(self, *args: Any) -> Any:
        self.looks += 1
        return await super().backlog(*args)


async def test_who_looks_in_vain_waits_before_the_next_look(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    setup = Setup(options=replace(OPTIONS, queue_size=1), cooldown_s=0.0, repeat_window_s=0.0)
    async with talking(tmp_path, kettle, setup) as talk:
        store = Watched(talk.store.database)
        parts = replace(talk.parts, store=store)
        handler = create_handler(parts, Pipeline(kettle, AnswerSettings(), None))
        await talk.inbox.open(create_dispatcher(parts, handler))
        # Two commands stand before the mention, and somebody is still at them.
        help_asked = IncomingMessage("fake", GROUP, "root", "c0", "/dou help", talk.clock.now())
        commands = [help_asked, replace(help_asked, message_id="c1")]
        for command in commands:
            await store.add_message(command, talk.clock.now())
        first = await talk.say("ann", ASK)
        second = await talk.say("bob", ASK)
        while len(talk.adapter.sent) < 1:
            await talk.wait(1)
        for _ in range(20):
            await talk.wait(0.1)
        assert 1 <= store.looks < 10, "twice a second at most"
        await talk.delivery.dismiss(commands, Reason.COMMAND)
        await talk.idle()
        assert [reply.reply_to for reply in talk.adapter.sent] == [first, second]
        assert (await talk.store.backlog(("fake", GROUP), talk.clock.now(), 1e6, 9)) == []
