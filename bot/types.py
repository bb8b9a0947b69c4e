"""The words the bot thinks in: a question, an outcome, its reasons, and what it needs of others."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from adapters.base import Citation, IncomingMessage, Picture
from knowledge.gate.examples import Example
from knowledge.gate.refit import Refit
from knowledge.plan import BuildReport
from knowledge.types import Found, Passage, Quote, Status, Verdict

Group: TypeAlias = tuple[str, str]
"""(adapter, group): groups of different platforms may share a name."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Is told how far a build of the index is: its stage, how much of how much is done."""


class Reason(StrEnum):
    """Why the bot spoke or kept silent; the value is what the API, the trace and metrics show."""

    ANSWERED = "answered"  # the question was answered
    NEAREST = "nearest"  # only the nearest passage was shown, and said to be no more
    REPEATED = "repeated"  # answered lately: pointed to the first answer, or no more to say
    NOT_A_QUESTION = "not_a_question"  # nothing to answer: empty, a sticker, only a mention
    SMALL_TALK = "small_talk"  # thanks, a greeting, "you are wrong": answered by a short line
    OFF_TOPIC = "off_topic"  # the gate: too far from the documents
    NO_EVIDENCE = "no_evidence"  # no passage is close enough to answer from
    UNSURE = "unsure"  # the language model's draft dodges the question
    UNGROUNDED = "ungrounded"  # the draft says what its sources do not
    UNSAFE = "unsafe"  # the question or the draft is harmful
    LLM_DOWN = "llm_down"  # no language model can be reached, and nobody asked the bot
    HUMAN_FIRST = "human_first"  # a person answered before the bot, or its asker settled it
    HUMAN_ANSWER = "human_answer"  # this message answered somebody else's question
    BUDGET = "budget"  # the group's token bucket is empty
    COOLDOWN = "cooldown"  # this person was answered a moment ago
    MUTED = "muted"  # an admin muted the bot in this group
    QUEUE_FULL = "queue_full"  # too many messages at once; the oldest unprompted one went
    STALE = "stale"  # found unfinished after a restart, too old to answer
    RECALLED = "recalled"  # its author took the message back
    COMMAND = "command"  # an admin command, not a question
    ADDRESSED = "addressed"  # it speaks to somebody else: by a mention, or by "you"
    OTHER_BOT = "other_bot"  # another bot of this daemon is in the group and has it
    CLOSED = "closed"  # outside working hours
    SHADOW = "shadow"  # the group is in shadow mode: the answer was drafted and not posted
    NOT_MENTIONED = "not_mentioned"  # the group's mode is mention, and nobody called the bot
    OFF = "off"  # the bot is off in this group
    UNCONFIRMED = "unconfirmed"  # sent, but nobody knows whether it arrived; not sent again
    FAILED = "failed"  # the answer could not be sent, or a bug was hit; see the log


class Mode(StrEnum):
    """What the bot does in a group."""

    OFF = "off"  # nothing
    SHADOW = "shadow"  # decides and drafts, and posts nothing
    MENTION = "mention"  # answers who calls it
    LIVE = "live"  # answers unprompted, too


def joined_texts(texts: Iterable[str]) -> str:
    """What the messages of a question say together; those without a word, a picture say, have
    nothing to add."""
    return "\n".join(text for text in texts if text.strip())


@dataclass(frozen=True, slots=True)
class Turn:
    """Something said before a question in its group; `user` is None for the bot."""

    user: str | None
    text: str
    to_asker: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Consecutive messages of one person in one group, packed into one question.

    `text` is what they wrote, joined by newlines, or what it was rewritten to; `messages` is
    never empty; `history` is what was said before, oldest first; `before`, for a text that leans on
    it, is what it replies to and what its author wrote just before; `sources` are those that the
    group is bound to, none for all. Where the text asks several things, `parts` are those to
    answer, with their number in it, and `left_open` the numbers of others that it must be said of.
    `pictures` are those of its messages, where there is a model that sees.
    """

    text: str
    mention: bool
    messages: tuple[IncomingMessage, ...]
    history: tuple[Turn, ...] = ()
    sources: tuple[str, ...] = ()
    parts: tuple[tuple[int, str], ...] = ()
    left_open: tuple[int, ...] = ()
    before: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()

    @property
    def last(self) -> IncomingMessage:
        """The message that a reply goes to."""
        return self.messages[-1]

    @property
    def written(self) -> str:
        """What its messages say, joined by newlines; `text` may be what was made of that."""
        return joined_texts(message.text for message in self.messages)

    @property
    def group(self) -> Group:
        """Where it was asked."""
        return self.last.adapter, self.last.group


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer worth posting. `exact` is False when it is only the nearest passage; so many
    `pictures` of the question were looked at."""

    text: str
    citations: tuple[Citation, ...]
    exact: bool = True
    pictures: int = 0

    @property
    def reason(self) -> Reason:
        """How it is recorded."""
        return Reason.ANSWERED if self.exact else Reason.NEAREST


@dataclass(frozen=True, slots=True)
class Silence:
    """A decision not to answer, and why."""

    reason: Reason


Outcome: TypeAlias = Answer | Silence


class Knowledge(Protocol):
    """What the bot needs of the knowledge base. All raise KnowledgeError."""

    async def judge(
        self, text: str, *, mention: bool, sources: Sequence[str] = (), group: str = ""
    ) -> Verdict:
        """Does this message belong to the documents, or to those of some sources? A group,
        "adapter:group", may have operating points of its own."""
        ...

    async def refit(self, labels: Sequence[Example]) -> Refit:
        """Fits the gate to labels from groups, and serves it if it is no worse."""
        ...

    async def undo_refit(self) -> bool:
        """Serves the gate as it was before the last refit that was taken, if there was one."""
        ...

    async def labelled(self) -> set[str]:
        """The texts of labels from groups that the gate knows, in all its steps."""
        ...

    async def forget(self, texts: Collection[str], person: str = "") -> None:
        """Forgets labels of these texts and of a person, "adapter:user"."""
        ...

    async def search(self, text: str, k: int, sources: Sequence[str] = ()) -> Found:
        """The k best passages for a question, and how well they cover it."""
        ...

    async def quote(
        self, text: str, passages: Sequence[Passage], max_chars: int, *, sure: bool = False
    ) -> list[Quote]:
        """Stretches of the passages that answer, word for word; where the best is `sure` to, others
        only for what it lacks."""
        ...

    async def expand(self, passages: Sequence[Passage], most: int) -> list[Passage]:
        """The passages grown to their sections, then their pages, to `most` characters in all."""
        ...

    async def similarity(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of a text to each of the others, -1..1."""
        ...

    async def alike(self, text: str, others: Sequence[str]) -> list[float]:
        """Cosine of a question to each of the others, 0 where they aren't worded alike."""
        ...

    async def keywords(self, text: str, most: int) -> list[str]:
        """The words of a question that tell most, in its order."""
        ...

    async def assess(self, text: str, others: Sequence[Passage], k: int) -> Found:
        """The k best passages of whole texts from elsewhere, and how well they cover it."""
        ...

    async def reload(self, progress: Progress) -> BuildReport:
        """Brings the index up to date; the old one answers until the new one is complete."""
        ...

    def status(self) -> Status:
        """What is being served now."""
        ...


Trace: TypeAlias = list[Mapping[str, Any]]
"""One entry per stage: {"stage": name, "ms": duration, ...figures}."""


@dataclass(frozen=True, slots=True)
class UnpromptedReply:
    """The bot spoke to `user` without being asked, `at` seconds since the epoch."""

    group: Group
    user: str
    at: float


@dataclass(frozen=True, slots=True)
class PastAnswer:
    """An answer that was posted: `text` is the question, `user` who asked it, `key` the reply's,
    `at` is in seconds since the epoch."""

    key: str
    text: str
    user: str
    answer: str
    citations: tuple[Citation, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Used:
    """What calls of a language model took on a day ("2026-01-31", by the machine's clock): tokens
    of `prompt`, `cached` of which came from the provider's cache, and of what was written; `cost`
    by the configured prices, 0 where they are unknown. `group` is "adapter:group", "" for all."""

    day: str
    backend: str
    model: str
    group: str
    calls: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        """Of prompts and of what was written."""
        return self.prompt + self.completion


class Timed(dict[str, Any]):
    """An entry of a trace that knows when its stage began, in seconds since the epoch."""

    began: float = 0.0


@contextmanager
def stage(trace: Trace, name: str) -> Iterator[dict[str, Any]]:
    """Appends one entry to the trace; figures put into the yielded dict become part of it."""
    figures: dict[str, Any] = {}
    began, started = time.time(), time.perf_counter()
    try:
        yield figures
    finally:
        spent = round((time.perf_counter() - started) * 1000, 2)
        entry = Timed({"stage": name, "ms": spent, **figures})
        entry.began = began
        trace.append(entry)
