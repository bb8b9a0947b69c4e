"""The knowledge of processes that share a store: the scheduler builds and publishes it, the workers
fetch it and exchange what serves while they answer."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from adapters.base import AdapterError
from bot.cluster.asking import asked
from bot.cluster.executing import Method
from bot.cluster.wakes import Wakes
from bot.config.schema import Config
from bot.store.cluster.calls import Call
from bot.store.cluster.published import PUBLISHED, published
from bot.store.database import Database, StoreError
from knowledge.base import KnowledgeBase
from knowledge.gate.examples import Example
from knowledge.gate.refit import Refit
from knowledge.index.embedding_pool import cores
from knowledge.plan import BuildReport
from knowledge.settings import GateSettings
from knowledge.sharing.places import Share
from knowledge.sharing.publishing import KEPT, Publisher, fetch
from knowledge.types import KnowledgeError, Status

log = logging.getLogger(__name__)

T = TypeVar("T")

SCHEDULER = ":scheduler"
"""What is asked of it goes by this name, which no adapter can have."""

KNOWLEDGE, GATE = "knowledge", "gate"
"""What is published: the index as it is in the share, and the settings that its gate is fitted
with."""

LONGEST_S = 3600.0
"""A build may take as long."""

_REPORT, _REFIT = TypeAdapter(BuildReport), TypeAdapter(Refit)
_LABELS, _TEXTS = TypeAdapter(list[Example]), TypeAdapter(set[str])


class Follower:
    """Keeps the folder of an index what was published last."""

    def __init__(self, folder: Path, share: Share, database: Database, wakes: Wakes) -> None:
        self._folder, self.share = folder, share
        self._database, self._wakes = database, wakes
        self._busy = asyncio.Lock()
        self.version = ""
        self._problem = ""
        self.gate: GateSettings | None = None

    async def catch_up(self) -> bool:
        """Fetches what was published since; was there anything? Raises StoreError, OSError, and
        KnowledgeError."""
        async with self._busy:
            version = await self._fetched()
            if not version:
                return False
            log.info("fetched version %s of the knowledge", version[:12])
            return True

    async def _fetched(self) -> str:
        failed = ""
        while True:
            version, gate = await self._database.run(published, KNOWLEDGE, GATE)
            if not version or version == self.version:
                return ""
            try:
                await asyncio.to_thread(fetch, version, self.share, self._folder)
            except (KnowledgeError, OSError):
                if version == failed:
                    raise
                failed = version  # perhaps another counts by now, and this one was removed
                continue
            self.version, self.gate = version, _settings(gate)
            return version

    async def first(self) -> None:
        """Returns once there is something to serve."""
        with self._wakes.listening(PUBLISHED) as news:
            while not self.version:
                await self._caught_up()
                if not self.version:
                    await self._wakes.until(news)

    async def run(self, serve: Callable[[], Awaitable[None]]) -> None:
        """Has served what is published since, until cancelled."""
        with self._wakes.listening(PUBLISHED) as news:
            while True:
                if await self._caught_up():
                    await serve()
                await self._wakes.until(news)

    async def _caught_up(self) -> bool:
        try:
            found, self._problem = await self.catch_up(), ""
        except (StoreError, KnowledgeError, OSError) as error:
            if str(error) != self._problem:  # it is tried again every few seconds
                log.error("the knowledge can't be fetched: %s", error)
            self._problem = str(error)
            return False
        return found


def _settings(told: str) -> GateSettings | None:
    """What was published; None, and its own count, where another version has other settings."""
    try:
        return GateSettings.model_validate_json(told) if told else None
    except ValidationError as error:
        log.error("the settings of the gate that were published are not known here: %s", error)
        return None


class SharedKnowledge(KnowledgeBase):
    """One whose snapshots come from the share, with the targets of their gate; its examples' files
    are this process's own."""

    def __init__(self, config: Config, follower: Follower, *, apart: bool = False) -> None:
        self._follower, self._gate = follower, config.gate
        self._gate = self._followed()
        super().__init__(config.plan, self._gate, config.knowledge.reranker, apart=apart)

    def _followed(self) -> GateSettings:
        own = {"examples": self._gate.examples, "refit": self._gate.refit}
        return self._follower.gate.model_copy(update=own) if self._follower.gate else self._gate

    async def reopen(self) -> None:
        """Serves what was fetched; the old one goes on where that fails."""
        try:
            async with self._building:
                self._encoder.forget()
                gate = self._followed()
                status = await asyncio.to_thread(self._reader.reopen, gate)
                await KnowledgeBase._serve(self, status)
                self._gate = gate
        except KnowledgeError as error:
            log.error("the knowledge that was published can't be served: %s", error)


class FollowedKnowledge(SharedKnowledge):
    """A worker's: what would change it is done by the scheduler, and followed here."""

    def __init__(
        self, config: Config, follower: Follower, database: Database, wakes: Wakes
    ) -> None:
        super().__init__(config, follower, apart=cores() > 1)
        self._database, self._wakes = database, wakes

    async def reload(
        self, progress: Callable[[str, int, int], None] = lambda *_: None
    ) -> BuildReport:
        """See `KnowledgeBase.reload`; how far it is, is not told."""
        del progress
        report: BuildReport = _REPORT.validate_python(await self._asked("reload"))
        return report

    async def refit(self, labels: Sequence[Example]) -> Refit:
        """See `KnowledgeBase.refit`."""
        told = _LABELS.dump_python(list(labels), mode="json")
        found: Refit = _REFIT.validate_python(await self._asked("refit", labels=told))
        return found

    async def undo_refit(self) -> bool:
        """See `KnowledgeBase.undo_refit`."""
        return bool(await self._asked("undo_refit"))

    async def labelled(self) -> set[str]:
        """See `KnowledgeBase.labelled`."""
        return set(await self._asked("labelled"))

    async def forget(self, texts: Collection[str], person: str = "") -> None:
        """See `KnowledgeBase.forget`."""
        await self._asked("forget", texts=sorted(texts), person=person)

    async def _asked(self, method: str, **payload: Any) -> Any:
        key = f"{method} {uuid.uuid4().hex}"
        call = Call(key=key, target=SCHEDULER, method=method, payload=payload)
        try:
            found = await asked(self._database, self._wakes, call, LONGEST_S)
        except AdapterError as error:
            raise KnowledgeError(str(error)) from error
        try:
            if await self._follower.catch_up():
                await self.reopen()
        except OSError as error:
            raise KnowledgeError(f"the knowledge can't be fetched: {error}") from error
        return found


class PublishedKnowledge(SharedKnowledge):
    """A scheduler's: whatever serves is published, while `is_ours` says that this one has the
    jobs; else it follows as a worker does. `announce` tells the others of versions by name, and
    whether they count."""

    def __init__(
        self,
        config: Config,
        follower: Follower,
        publisher: Publisher,
        is_ours: Callable[[], bool],
        announce: Callable[[Mapping[str, str]], Awaitable[bool]],
    ) -> None:
        super().__init__(config, follower)
        self._publisher, self._is_ours, self._announce = publisher, is_ours, announce

    async def publish(self, kept: int = KEPT) -> None:
        """What serves now is what the workers fetch; so many versions are kept in the share. Raises
        KnowledgeError and StoreError."""
        try:
            version = await asyncio.to_thread(self._publisher.publish)
        except OSError as error:
            raise KnowledgeError(f"the knowledge can't be published: {error}") from error
        self._follower.version = version
        if not await self._announce({KNOWLEDGE: version, GATE: self._gate.model_dump_json()}):
            log.warning("another scheduler has the jobs by now: nothing was published")
            return
        try:
            await asyncio.to_thread(self._publisher.clean_up, version, kept)
        except OSError as error:
            raise KnowledgeError(f"older versions can't be removed: {error}") from error

    async def reload(
        self, progress: Callable[[str, int, int], None] = lambda *_: None
    ) -> BuildReport:
        """See `KnowledgeBase.reload`."""
        if not self._is_ours():
            raise KnowledgeError("another scheduler has the jobs; reload there")
        return await super().reload(progress)

    async def retarget(self, gate: GateSettings) -> None:
        """See `KnowledgeBase.retarget`."""
        before, self._gate = self._gate, gate
        try:
            await super().retarget(gate)
        except BaseException:
            self._gate = before
            raise

    async def forget(self, texts: Collection[str], person: str = "") -> None:
        """See `KnowledgeBase.forget`; older versions, which still have it, leave the share."""
        await super().forget(texts, person)
        await self.publish(kept=1)

    async def _serve(self, status: Status) -> None:
        await super()._serve(status)
        await self.publish()


def methods_of_scheduler(knowledge: KnowledgeBase) -> Mapping[str, Method]:
    """What workers may ask of the scheduler."""

    async def reload(_: Call) -> Any:
        return _REPORT.dump_python(await knowledge.reload(), mode="json")

    async def refit(call: Call) -> Any:
        labels = _LABELS.validate_python(call.payload["labels"])
        return _REFIT.dump_python(await knowledge.refit(labels), mode="json")

    async def undo_refit(_: Call) -> Any:
        return await knowledge.undo_refit()

    async def labelled(_: Call) -> Any:
        return sorted(await knowledge.labelled())

    async def forget(call: Call) -> Any:
        texts = _TEXTS.validate_python(call.payload["texts"])
        await knowledge.forget(texts, call.payload["person"])

    return {
        method.__name__: _telling(method)
        for method in (reload, refit, undo_refit, labelled, forget)
    }


def _telling(method: Method) -> Method:
    """What can go wrong with the knowledge is told to who asked, as an error that may cross."""

    async def told(call: Call) -> Any:
        try:
            return await method(call)
        except KnowledgeError as error:
            raise AdapterError(str(error)) from error

    return told
