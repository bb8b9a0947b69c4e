"""What the commands do. Each returns the line to post."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from adapters.base import AdapterError, IncomingMessage, NotSupported, RecallAsked
from bot.grounding.sanitize import harmless
from bot.group.command_audit import obeyed
from bot.group.command_parser import (
    ABOUT_REPLIES,
    FORGET,
    FREE,
    ME,
    SETTINGS,
    Command,
    CommandMessage,
    parse_duration,
)
from bot.group.context import command_in_chinese
from bot.group.delivery import Delivery, reply_to
from bot.group.erasing import Erasing, kept_text
from bot.group.labels import label_by_recall
from bot.group.status import groups_text, reload_text, shadow_text, status_text, why_text
from bot.group.teaching_commands import TeachingCommands
from bot.group.types import GroupOptions
from bot.metrics import Metrics
from bot.pages import WrittenPages
from bot.store.store import Store
from bot.texts.notices import notice
from bot.types import Knowledge, Mode, Question, Reason, Silence
from common.clock import Clock
from common.tasks import Tasks
from common.visible import visible
from knowledge.plan import BuildReport
from knowledge.types import KnowledgeError

log = logging.getLogger(__name__)

DEFAULT_MODE = "default"
"""Takes back what an admin chose."""

PROGRESS_EVERY_S = 15.0
"""A reload that takes long says how far it is this often."""


class Commands:
    """The commands by name; knows who may use them: the admins of the platforms, and on the bot's
    own page, where a name proves nothing, who sent them with an admin's login."""

    def __init__(
        self,
        *,
        store: Store,
        delivery: Delivery,
        options: GroupOptions,
        clock: Clock,
        metrics: Metrics,
        tasks: Tasks,
        health: Callable[[], Mapping[str, Any]],
        erasing: Erasing,
        pages: WrittenPages,
    ) -> None:
        self._store, self._delivery, self._options = store, delivery, options
        self._clock, self._metrics, self._tasks = clock, metrics, tasks
        self._health, self._erasing = health, erasing
        self._knowledge: Knowledge | None = None
        self._teaching = TeachingCommands(store, options, clock, pages, self._reload)
        self._under_way: set[IncomingMessage] = set()
        self._to_erase: set[IncomingMessage] = set()
        self._set_at: dict[tuple[str, str, str], float] = {}
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
            **self._teaching.by_name,
            "mode": self._mode,
            "shadow": self._shadow,
            FORGET: self._forget,
        }

    def open(self, knowledge: Knowledge) -> None:
        """The knowledge base is loaded: from now on all commands can be obeyed."""
        self._knowledge = knowledge
        self._teaching.knowledge = self._erasing.knowledge = knowledge

    def obey(self, message: IncomingMessage, command: Command) -> asyncio.Event | None:
        """Sets about what a command asks for, unless that is being done. Where it counts for what
        is said after it, the event that is set once it does is returned."""
        if message in self._under_way:
            return None
        self._under_way.add(message)
        done = asyncio.Event()
        self._tasks.spawn(self._obey(message, command, done))
        return done if command.name in SETTINGS else None

    async def _obey(self, message: IncomingMessage, command: Command, done: asyncio.Event) -> None:
        try:
            try:
                chinese = await command_in_chinese(message, self._options, self._store)
                text = await self._run(CommandMessage(message, command, chinese))
            finally:
                done.set()
            reply = reply_to(message, text, chinese=chinese)
            question = Question(message.text, message.mention, (message,))
            await self._delivery.settle(question, Silence(Reason.COMMAND), [], reply)
            if message in self._to_erase:  # the command itself goes, too
                await self._erasing.erase(message.adapter, message.user)
        finally:
            self._to_erase.discard(message)
            self._under_way.discard(message)

    async def _run(self, sent: CommandMessage) -> str:
        """Returns the line to answer with."""
        prefix, message = self._options.command_prefix, sent.message
        name = sent.command.name or "help"
        work = self._by_name.get(name)
        if work is None:
            return notice("unknown_command", sent.chinese, prefix=prefix)
        if name not in FREE and not self._is_admin(message):
            return self._denied(sent)
        if name in ABOUT_REPLIES:
            # It may be about a reply of which the platform has told everybody but us.
            await self._delivery.outbox.settled(*sent.group)
        if setting := SETTINGS.get(name):
            if message.sent_at < self._set_at.get((*sent.group, setting), 0.0):
                return notice("superseded", sent.chinese)
            self._set_at[*sent.group, setting] = message.sent_at
        return await obeyed(self._store, self._clock, sent, work)

    def _is_admin(self, message: IncomingMessage) -> bool:
        user = f"{message.adapter}:{message.user}"
        return bool(message.login) or user in self._options.admins

    def _denied(self, sent: CommandMessage) -> str:
        user = f"{sent.message.adapter}:{sent.message.user}"
        return notice("denied", sent.chinese, user=harmless(visible(user)))

    async def _say(self, sent: CommandMessage, text: str) -> None:
        """Posts one more line in the group of the sent."""
        reply = reply_to(sent.message, text, chinese=sent.chinese)
        await self._delivery.say(sent.message.adapter, reply)

    async def _help(self, sent: CommandMessage) -> str:
        return notice("help", sent.chinese, prefix=self._options.command_prefix)

    async def _status(self, sent: CommandMessage) -> str:
        until = await self._store.muted_until(*sent.group, self._clock.now())
        counts = await self._store.counts()
        counts["unfinished"] = max(0, counts["unfinished"] - 1)  # the command itself
        status = self._knowledge.status() if self._knowledge else None
        gate = await self._teaching.text(sent)
        return status_text(status, counts, until, self._health(), gate, chinese=sent.chinese)

    async def _groups(self, sent: CommandMessage) -> str:
        return groups_text(await self._store.known_groups(), chinese=sent.chinese)

    async def _bind(self, sent: CommandMessage) -> str:
        """Ties the group to some sources: only these answer here."""
        if self._knowledge is None:
            return notice("loading", sent.chinese)
        names = sent.command.argument.replace(",", " ").replace("，", " ").split()
        known = self._knowledge.status().sources
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            listed = {"names": ", ".join(unknown) or "-", "known": ", ".join(known)}
            return notice("bind_unknown", sent.chinese, **listed)
        await self._store.bind_sources(*sent.group, names)
        return notice("bound", sent.chinese, names=", ".join(names))

    async def _unbind(self, sent: CommandMessage) -> str:
        await self._store.bind_sources(*sent.group, ())
        return notice("unbound", sent.chinese)

    async def _reload(self, sent: CommandMessage) -> str:
        if self._knowledge is None:
            return notice("loading", sent.chinese)
        await self._say(sent, notice("reloading", sent.chinese))
        try:
            report = await self._reloaded(sent, self._knowledge)
        except KnowledgeError as error:
            log.error("the reload failed: %s", error)
            self._metrics.reloads.labels("failed").inc()
            return notice("reload_failed", sent.chinese, error=sent.said(error))
        self._metrics.reloads.labels("done").inc()
        return reload_text(report, chinese=sent.chinese)

    async def _reloaded(self, sent: CommandMessage, knowledge: Knowledge) -> BuildReport:
        """Says now and then how far things are."""
        last, telling = self._clock.now(), None

        def progress(stage: str, done: int, total: int) -> None:
            nonlocal last, telling
            now = self._clock.now()
            if now - last >= PROGRESS_EVERY_S and (telling is None or telling.done()):
                name = "reload_read" if stage == "read" else "reload_embed"
                line = notice(name, sent.chinese, done=done, total=total)
                last, telling = now, self._tasks.spawn(self._say(sent, line))

        try:
            return await knowledge.reload(progress)
        finally:
            if telling:  # what is said at the end comes last
                await telling

    async def _mode(self, sent: CommandMessage) -> str:
        """Sets the group's mode, or says what it is."""
        wanted = sent.command.argument.lower()
        if wanted and wanted not in (*Mode, DEFAULT_MODE):
            return notice("bad_mode", sent.chinese)
        if wanted:
            chosen = "" if wanted == DEFAULT_MODE else wanted
            await self._store.set_mode(*sent.group, chosen, self._clock.now())
        mode = await self._delivery.mode(sent.group)
        return notice(f"mode_{mode}", sent.chinese)

    async def _shadow(self, sent: CommandMessage) -> str:
        """What the bot would have said here lately, had it been allowed to."""
        age = parse_duration(sent.command.argument or "7d")
        if age is None:
            return notice("bad_duration", sent.chinese)
        since = self._clock.now() - age.total_seconds()
        found = await self._store.drafts_since(sent.group, since)
        return shadow_text(found, age.total_seconds(), chinese=sent.chinese)

    async def _mute(self, sent: CommandMessage) -> str:
        duration = parse_duration(sent.command.argument or "2h")
        if duration is None:
            return notice("bad_duration", sent.chinese)
        said_at = min(self._clock.now(), sent.message.sent_at)
        until = said_at + duration.total_seconds()
        await self._store.mute(*sent.group, until)
        shown = time.strftime("%m-%d %H:%M", time.localtime(until))
        return notice("muted", sent.chinese, until=shown)

    async def _unmute(self, sent: CommandMessage) -> str:
        await self._store.unmute(*sent.group)
        return notice("unmuted", sent.chinese)

    async def _forget(self, sent: CommandMessage) -> str:
        """What is kept of who asks; `me` erases it, an admin may name anybody."""
        message, asked = sent.message, sent.command.argument
        if not asked:
            kept = await self._store.kept_of(message.adapter, message.user)
            prefix = self._options.command_prefix
            return kept_text(kept, harmless(message.user), prefix, chinese=sent.chinese)
        if asked.lower() == ME:
            # On the bot's own page anybody may call himself anything.
            if self._delivery.names_only(message.adapter) and not self._is_admin(message):
                return notice("forget_names_only", sent.chinese)
            self._to_erase.add(message)
            return notice("forgotten_me", sent.chinese)
        if not self._is_admin(message):
            return self._denied(sent)
        person = asked.removeprefix(f"{message.adapter}:")
        found = await self._erasing.erase(message.adapter, person)
        figures = {"messages": found.messages, "votes": found.votes, "labels": found.labels}
        return notice("forgotten", sent.chinese, user=harmless(person), **figures)

    async def _why(self, sent: CommandMessage) -> str:
        adapter, asked = sent.message.adapter, sent.message.reply_to
        if asked is None:
            found = await self._store.last_decision(*sent.group)
        else:
            found = await self._store.decision(adapter, asked)
            found = found or await self._store.decision_behind(adapter, asked)
        if not found or not found.get("reason"):
            return notice("why_unknown", sent.chinese)
        return why_text(found, chinese=sent.chinese)

    async def _recall(self, sent: CommandMessage) -> str:
        found, answer = None, sent.message.reply_to
        if answer:
            found = await self._store.reply_by_platform_id(sent.message.adapter, answer)
        found = found or await self._store.last_answer(*sent.group)
        if found is None or found.reply.group != sent.message.group:
            return notice("nothing_to_recall", sent.chinese)
        try:
            await self._delivery.withdraw(found)
        except NotSupported as error:
            return notice("not_supported", sent.chinese, error=error)
        except AdapterError as error:
            log.error("withdrawing reply %s failed: %r", found.reply.key, error)
            return notice("recall_failed", sent.chinese, error=sent.said(error))
        if found.platform_id:
            adapter, group, user = sent.message.adapter, sent.message.group, sent.message.user
            recall = RecallAsked(adapter, group, found.platform_id, user)
            await label_by_recall(self._store, recall, self._clock.now())
        return notice("recalled", sent.chinese)
