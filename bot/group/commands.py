"""What the admin commands do. Each takes a request and returns the line to post."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.base import AdapterError, NotSupported
from bot.grounding.sanitize import harmless
from bot.group.command_parser import FREE, Command, parse_duration
from bot.group.delivery import Clerk
from bot.group.status import groups_text, status_text, why_text
from bot.metrics import Metrics
from bot.store.store import Store
from bot.texts.notices import notice
from bot.types import Knowledge
from common.clock import Clock
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 15.0
"""A reload that takes long says how far it is this often."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command that somebody sent: where, who ("adapter:user"), and in reply to what."""

    adapter: str
    group: str
    user: str
    command: Command
    message_id: str
    reply_to: str | None
    chinese: bool


Say = Callable[[str], Awaitable[None]]
"""Posts one more line in the group of the request."""


class Commands:
    """The commands by name; knows who may use them."""

    def __init__(
        self,
        *,
        knowledge: Knowledge,
        store: Store,
        clerk: Clerk,
        clock: Clock,
        metrics: Metrics,
        admins: tuple[str, ...],
        prefix: str,
        health: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._knowledge, self._store, self._clerk = knowledge, store, clerk
        self._clock, self._metrics = clock, metrics
        self._admins, self._prefix, self._health = admins, prefix, health
        self._by_name = {
            "help": self._help,
            "status": self._status,
            "reload": self._reload,
            "mute": self._mute,
            "unmute": self._unmute,
            "why": self._why,
            "recall": self._recall,
            "bind": self._bind,
            "unbind": self._unbind,
            "groups": self._groups,
        }

    async def run(self, request: Request, say: Say) -> str:
        """Does what was asked; returns the line to answer with."""
        name = request.command.name or "help"
        work = self._by_name.get(name)
        if work is None:
            return notice("unknown_command", request.chinese, prefix=self._prefix)
        if name not in FREE and request.user not in self._admins:
            return notice("denied", request.chinese, user=harmless(request.user))
        return await work(request, say)

    async def _help(self, request: Request, _: Say) -> str:
        return notice("help", request.chinese, prefix=self._prefix)

    async def _status(self, request: Request, _: Say) -> str:
        until = await self._store.muted_until(request.adapter, request.group, self._clock.now())
        counts = await self._store.counts()
        counts["unfinished"] = max(0, counts["unfinished"] - 1)  # the command itself
        return status_text(
            self._knowledge.status(), counts, until, self._health(), chinese=request.chinese
        )

    async def _groups(self, request: Request, _: Say) -> str:
        return groups_text(await self._store.chats(), chinese=request.chinese)

    async def _bind(self, request: Request, _: Say) -> str:
        """Ties the group to some sources: only these answer here."""
        names = request.command.argument.replace(",", " ").replace("，", " ").split()
        known = self._knowledge.status().sources
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            listed = {"names": ", ".join(unknown) or "-", "known": ", ".join(known)}
            return notice("bind_unknown", request.chinese, **listed)
        await self._store.bind(request.adapter, request.group, names)
        return notice("bound", request.chinese, names=", ".join(names))

    async def _unbind(self, request: Request, _: Say) -> str:
        await self._store.bind(request.adapter, request.group, ())
        return notice("unbound", request.chinese)

    async def _reload(self, request: Request, say: Say) -> str:
        await say(notice("reloading", request.chinese))
        try:
            async with self._telling(request, say) as progress:
                report = await self._knowledge.reload(progress)
        except KnowledgeError as error:
            log.error("the reload failed: %s", error)
            self._metrics.reloads.labels("failed").inc()
            return notice("reload_failed", request.chinese, error=error)
        self._metrics.reloads.labels("done").inc()
        changes = [f"+{p}" for p in report.added] + [f"~{p}" for p in report.changed]
        changes += [f"-{p}" for p in report.removed]
        changes += [f"!{s.path} ({s.reason})" for s in report.skipped]
        names = "\n".join(changes[:10]) + ("\n…" if len(changes) > 10 else "")
        return notice(
            "reloaded",
            request.chinese,
            seconds=report.seconds,
            added=len(report.added),
            changed=len(report.changed),
            removed=len(report.removed),
            skipped=len(report.skipped),
            documents=report.documents,
            names=f"\n{names}" if names else "",
        )

    @asynccontextmanager
    async def _telling(
        self, request: Request, say: Say
    ) -> AsyncIterator[Callable[[str, int, int], None]]:
        """Yields what to call with (stage, done, total); says now and then how far things are."""
        news, line, told = asyncio.Event(), "", self._clock.now()

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal line, told
            if self._clock.now() - told >= PROGRESS_EVERY_S:
                told = self._clock.now()
                line = notice(
                    "reload_progress", request.chinese, stage=stage, done=done, total=total
                )
                news.set()

        async def tell() -> None:
            while True:
                await news.wait()
                news.clear()
                await say(line)

        teller = asyncio.create_task(tell())
        try:
            yield progress
        finally:
            teller.cancel()
            await asyncio.wait({teller})

    async def _mute(self, request: Request, _: Say) -> str:
        duration = parse_duration(request.command.argument or "2h")
        if duration is None:
            return notice("bad_duration", request.chinese)
        until = self._clock.now() + duration.total_seconds()
        await self._store.mute(request.adapter, request.group, until)
        shown = time.strftime("%m-%d %H:%M", time.localtime(until))
        return notice("muted", request.chinese, until=shown)

    async def _unmute(self, request: Request, _: Say) -> str:
        await self._store.unmute(request.adapter, request.group)
        return notice("unmuted", request.chinese)

    async def _why(self, request: Request, _: Say) -> str:
        if request.reply_to:
            found = await self._store.decision(
                request.adapter, request.reply_to
            ) or await self._store.decision_behind(request.adapter, request.reply_to)
        else:
            found = await self._store.last_decision(request.adapter, request.group)
        if not found or not found.get("reason"):
            return notice("why_unknown", request.chinese)
        return why_text(found, chinese=request.chinese)

    async def _recall(self, request: Request, _: Say) -> str:
        found = None
        if request.reply_to:
            found = await self._store.reply_by_platform_id(request.adapter, request.reply_to)
        found = found or await self._store.last_answer(request.adapter, request.group)
        if found is None or found.group != request.group:
            return notice("nothing_to_recall", request.chinese)
        try:
            await self._clerk.withdraw(request.adapter, request.group, found.key, found.platform_id)
        except NotSupported as error:
            return notice("not_supported", request.chinese, error=error)
        except AdapterError as error:
            log.error("withdrawing reply %s failed: %r", found.key, error)
            return notice("recall_failed", request.chinese, error=error)
        return notice("recalled", request.chinese)
