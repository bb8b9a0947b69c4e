"""What is kept of a person, shown and erased wherever it is: in the store, in the label files of
the gate, and in the bot's memory."""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from bot.group.duplicates import RecentAnswers
from bot.store.erasing import Erased, Kept
from bot.store.store import Store
from bot.texts.notices import notice
from bot.types import Group, Knowledge
from common.clock import Clock
from knowledge.gate.refit import forget_labels
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Erasing:
    """`knowledge`, whose index is in `folder`, is None until it is loaded. `seen` is the count of
    erasures that what the bot remembers knows of; where a `group` is given, that is of no other."""

    store: Store
    recent: RecentAnswers
    clock: Clock
    folder: Path
    seen: int
    knowledge: Knowledge | None = None
    group: Group | None = None

    async def erase(self, adapter: str, user: str) -> Erased:
        """Erases all that is kept of a person; what went. Raises StoreError."""
        found = await self.store.erase_person(adapter, user, self.clock.now())
        self.recent.forget_all(found.keys)
        person = f"{adapter}:{user}"
        try:
            if self.knowledge is None:  # `catch_up` has the gate fitted anew once it is loaded
                await asyncio.to_thread(forget_labels, self.folder, found.texts, person)
            elif found.labels:
                await self.knowledge.forget(found.texts, person)
        except (KnowledgeError, OSError) as error:
            log.error("the gate goes on as it was until the next start: %s", error)
        # No names: who it was is nobody's business any more.
        log.info("erased %d messages, %d labels of a person", found.messages, found.labels)
        return found

    async def catch_up(self) -> None:
        """Takes up what `run_bot.py forget` erased beside the running bot."""
        count = await self.store.erasures()
        if count == self.seen:
            return
        self.seen = count
        self.recent.clear()
        since = self.clock.now() - self.recent.window_s
        self.recent.restore(await self.store.recent_answers(since, self.group))
        if self.knowledge:
            await self.knowledge.forget(())


def kept_text(kept: Kept, user: str, prefix: str, *, chinese: bool) -> str:
    """How much is kept of somebody, and how it can be erased."""
    if kept.since is None and not (kept.votes or kept.labels):
        return notice("kept_nothing", chinese, user=user)
    day = time.strftime("%Y-%m-%d", time.localtime(kept.since)) if kept.since else "-"
    figures = {"messages": kept.messages, "votes": kept.votes, "labels": kept.labels}
    return notice("kept", chinese, user=user, since=day, prefix=prefix, **figures)
