"""What the admin commands do. Each takes a request and returns the line to post."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.base import AdapterError
from bot.admin import FREE, Command, help_text, parse_duration
from bot.clock import Clock
from bot.flood import Flood
from bot.metrics import Metrics
from bot.notices import notice
from bot.outbox import Outbox
from bot.phrases import REASONS
from bot.store import Store
from bot.types import Knowledge, Reason
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


def _list(found: object) -> list[str]:
    return [str(item) for item in found] if isinstance(found, list) else []


Say = Callable[[str], Awaitable[None]]
"""Posts one more line in the group of the request."""


class Commands:
    """The commands by name; knows who may use them."""

    def __init__(
        self,
        *,
        knowledge: Knowledge,
        store: Store,
        outbox: Outbox,
        flood: Flood,
        clock: Clock,
        metrics: Metrics,
        admins: tuple[str, ...],
        prefix: str,
        health: Callable[[], Mapping[str, object]],
    ) -> None:
        self._knowledge, self._store, self._outbox = knowledge, store, outbox
        self._flood, self._clock, self._metrics = flood, clock, metrics
        self._admins, self._prefix, self._health = admins, prefix, health
        self._by_name = {
            "help": self._help,
            "status": self._status,
            "reload": self._reload,
            "mute": self._mute,
            "unmute": self._unmute,
            "why": self._why,
            "recall": self._recall,
        }

    async def run(self, request: Request, say: Say) -> str:
        """Does what was asked; returns the line to answer with."""
        name = request.command.name or "help"
        work = self._by_name.get(name)
        if work is None:
            return notice("unknown_command", request.chinese, prefix=self._prefix)
        if name not in FREE and request.user not in self._admins:
            return notice("denied", request.chinese)
        return await work(request, say)

    async def _help(self, request: Request, _: Say) -> str:
        return help_text(self._prefix, request.chinese)

    async def _status(self, request: Request, _: Say) -> str:
        status = self._knowledge.status()
        built = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.built_at))
        counts = await self._store.counts()
        until = await self._store.muted_until(request.adapter, request.group, self._clock.now())
        muted = time.strftime("%H:%M", time.localtime(until)) if until else "-"
        health = self._health()
        wrong = [*_list(health.get("problems")), *_list(health.get("degraded"))]
        problems = "; ".join(wrong) or "-"
        zh, en = (
            (
                f"文档 {status.documents} 篇，片段 {status.pieces} 个，跳过 {status.skipped} 个"
                f"（{built}）\n来源：{'、'.join(status.sources)}\n"
                f"阈值：主动 {status.thresholds[0]:.3f}，被提及 {status.thresholds[1]:.3f}\n"
                f"消息 {counts['messages']} 条，回答 {counts['answers']} 条，"
                f"未处理 {counts['unfinished']} 条\n本群静音到：{muted}\n问题：{problems}"
            ),
            (
                f"{status.documents} documents, {status.pieces} pieces, {status.skipped} skipped "
                f"({built})\nsources: {', '.join(status.sources)}\n"
                f"thresholds: {status.thresholds[0]:.3f} unprompted, "
                f"{status.thresholds[1]:.3f} mentioned\n"
                f"{counts['messages']} messages, {counts['answers']} answers, "
                f"{counts['unfinished']} unfinished\nmuted here until: {muted}\n"
                f"problems: {problems}"
            ),
        )
        return zh if request.chinese else en

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
        language = "zh" if request.chinese else "en"
        lines = [f"{found['reason']}: {REASONS[Reason(found['reason'])][language]}"]
        for entry in found["trace"]:
            shown = {k: v for k, v in entry.items() if k not in ("stage", "hits")}
            figures = ", ".join(f"{name} {value}" for name, value in shown.items())
            lines.append(f"{entry['stage']}: {figures}")
            lines += [
                f"  {hit['path']}:{hit['line']} {hit['score']}" for hit in entry.get("hits", ())[:3]
            ]
        return "\n".join(lines)

    async def _recall(self, request: Request, _: Say) -> str:
        found = None
        if request.reply_to:
            found = await self._store.reply_by_platform_id(request.adapter, request.reply_to)
        found = found or await self._store.last_answer(request.adapter, request.group)
        if found is None or found.group != request.group:
            return notice("nothing_to_recall", request.chinese)
        try:
            await self._outbox.withdraw(
                request.adapter, request.group, found.key, found.platform_id
            )
        except AdapterError as error:
            log.error("withdrawing reply %s failed: %r", found.key, error)
            return notice("recall_failed", request.chinese, error=error)
        self._flood.forget((request.adapter, request.group), found.key)
        return notice("recalled", request.chinese)
