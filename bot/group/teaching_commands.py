"""The commands that teach: what the gate promises in this group, what it is told and makes of that,
and which answers of people go into the documents."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from adapters.base import Labelled
from bot.group.command_audit import sender
from bot.group.command_parser import CommandMessage
from bot.group.labels import label_message
from bot.group.learning import Learning
from bot.group.status import one_line
from bot.group.types import GroupOptions
from bot.pages import ApprovedAnswer, PageRefused, WrittenPages, keep_answer
from bot.store.examples import Origin, TriedRefit
from bot.store.gaps import GivenAnswer, OpenQuestion
from bot.store.store import Store
from bot.texts.gate import gate_lines
from bot.texts.notices import notice
from bot.types import Knowledge
from common.clock import Clock
from knowledge.gate.refit import Refit
from knowledge.types import GateState, KnowledgeError

log = logging.getLogger(__name__)


class TeachingCommands:
    """Each returns the line to post. `knowledge` is None until it is loaded; `reload` is the
    command of that name."""

    def __init__(
        self,
        store: Store,
        options: GroupOptions,
        clock: Clock,
        pages: WrittenPages,
        reload: Callable[[CommandMessage], Awaitable[str]],
    ) -> None:
        self._store, self._options, self._clock = store, options, clock
        self._pages, self._reload = pages, reload
        self.knowledge: Knowledge | None = None
        self.by_name = {
            "gate": self.gate,
            "good": self.good,
            "bad": self.bad,
            "approve": self.approve,
        }

    async def text(self, sent: CommandMessage) -> str:
        """The promise, the labels, and the last change."""
        if self.knowledge is None:
            return ""
        weekly = await self._store.weekly_messages(sent.group, self._clock.now())
        return gate_text(
            self.knowledge.status().gate,
            ":".join(sent.group),
            weekly,
            await self._store.labels_by_origin(),
            await self._store.refits(),
            chinese=sent.chinese,
        )

    async def gate(self, sent: CommandMessage) -> str:
        """What the gate learned from labels; or it learns now, or goes back a step."""
        if self.knowledge is None:
            return notice("loading", sent.chinese)
        learning = Learning(store=self._store, knowledge=self.knowledge, clock=self._clock)
        try:
            match sent.command.argument.lower():
                case "":
                    return await self.text(sent)
                case "refit":
                    return refit_text(await learning.refit(), chinese=sent.chinese)
                case "undo":
                    aside = await learning.undo()
                    name = "refit_none" if aside is None else "refit_undone"
                    return notice(name, sent.chinese, labels=aside)
                case _:
                    return notice("bad_gate", sent.chinese)
        except KnowledgeError as error:
            log.error("the gate could not be refitted: %s", error)
            return notice("refit_failed", sent.chinese, error=sent.said(error))

    async def good(self, sent: CommandMessage) -> str:
        """Somebody says that the bot should answer messages like the one replied to."""
        return await self._label(sent, good=True)

    async def bad(self, sent: CommandMessage) -> str:
        """Somebody says that it should not."""
        return await self._label(sent, good=False)

    async def _label(self, sent: CommandMessage, *, good: bool) -> str:
        message = sent.message
        asked = message.reply_to or sent.command.argument
        if not asked:
            return notice("label_what", sent.chinese, prefix=self._options.command_prefix)
        said = Labelled(
            adapter=message.adapter,
            group=message.group,
            message_id=asked,
            user=message.user,
            good=good,
            at=self._clock.now(),
            login=message.login,
        )
        found = await label_message(self._store, said, self._options.admins, Origin.COMMAND)
        if found is None:
            return notice("label_unknown", sent.chinese)
        name = "labelled_good" if good else "labelled_bad"
        return notice(name, sent.chinese, text=one_line(found.text))

    async def approve(self, sent: CommandMessage) -> str:
        """A person's answer, the message replied to, becomes a page of a writable source."""
        message, prefix = sent.message, self._options.command_prefix
        if self.knowledge is None:
            return notice("loading", sent.chinese)
        given = await self._store.given_answer(sent.group, message.reply_to or "")
        if given is None or not given.text.strip():
            return notice("approve_what", sent.chinese, prefix=prefix)
        question = await self._answered(given, self.knowledge)
        if question is None:
            return notice("approve_unclear", sent.chinese)
        source = await self._source(sent)
        if source is None:
            known = ", ".join(self._pages.folders)
            name = "approve_where" if known else "approve_nowhere"
            return notice(name, sent.chinese, prefix=prefix, known=known)
        approved = ApprovedAnswer(
            adapter=question.adapter,
            group=question.group,
            question_id=question.message_id,
            question=question.text,
            answer=given.text,
            source=source,
            approved_by=sender(message),
            at=self._clock.now(),
        )
        try:
            path = await keep_answer(self._store, self._pages, approved)
        except (PageRefused, OSError) as error:
            log.error("an approved answer could not be kept: %s", error)
            return notice("approve_failed", sent.chinese)
        asked = one_line(question.text)
        kept = notice("approved", sent.chinese, path=f"{source}/{path}", text=asked)
        return f"{kept}\n{await self._reload(sent)}"

    async def _answered(self, given: GivenAnswer, knowledge: Knowledge) -> OpenQuestion | None:
        """What it is an answer to: as it says itself, else the question that is nearest to it."""
        if given.direct or not given.questions:
            return given.questions[0] if given.questions else None
        texts = [one.text for one in given.questions]
        try:
            near = await knowledge.similarity(given.text, texts)
        except KnowledgeError as error:
            log.warning("an answer is compared with no question: %s", error)
            return None
        best = max(range(len(near)), key=lambda number: near[number])
        return given.questions[best] if near[best] >= self._options.human_similarity else None

    async def _source(self, sent: CommandMessage) -> str | None:
        """The writable source that is named; without a name the only one that answers here."""
        if named := sent.command.argument:
            return named if named in self._pages.folders else None
        bound = await self._store.bound_sources(*sent.group)
        fit = [name for name in self._pages.folders if not bound or name in bound]
        return fit[0] if len(fit) == 1 else None


def gate_text(
    state: GateState,
    group: str,
    weekly: float | None,
    labels: Mapping[str, tuple[int, int]],
    refits: Sequence[TriedRefit],
    *,
    chinese: bool,
) -> str:
    """The promise where `weekly` messages come, as configured where that is not known, by the
    operating points of a group where it has its own; the labels by origin; and the last change."""
    if group in state.groups:
        unprompted, mention = state.groups[group]
        state = replace(state, unprompted=unprompted, mention=mention)
    lines = gate_lines(state, weekly=weekly, chinese=chinese)
    if labels:
        told = (
            notice("labels_of", chinese, origin=notice(f"origin_{name}", chinese), good=g, bad=b)
            for name, (g, b) in labels.items()
        )
        lines.append(notice("labels", chinese, labels=notice("comma", chinese).join(told)))
    if refits:
        lines.append(_tried(refits[0], chinese=chinese))
    return "\n".join(lines)


def refit_text(refit: Refit, *, chinese: bool) -> str:
    """What became of a refit."""
    if not refit.changed:
        return notice("refit_unchanged", chinese)
    name = "refit_taken" if refit.taken else "refit_left"
    figures = {"before": _share(refit.before), "after": _share(refit.after)}
    state = refit.state
    return notice(name, chinese, good=state.good, bad=state.bad, **figures)


def _tried(refit: TriedRefit, *, chinese: bool) -> str:
    name = "last_refit_undone" if refit.undone_at else "last_refit_taken"
    at = refit.undone_at or refit.at
    return notice(
        name if refit.taken else "last_refit_left",
        chinese,
        time=time.strftime("%m-%d %H:%M", time.localtime(at)),
        before=_share(refit.figures.get("before")),
        after=_share(refit.figures.get("after")),
    )


def _share(value: float | None) -> str:
    """A precision; "-" where there was none to measure."""
    return "-" if value is None else f"{value:.1%}"
