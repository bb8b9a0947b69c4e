"""What the parts of a group's road share: its options, a question on its way, who decides it."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from adapters.base import IncomingMessage
from bot.types import Question, Reason, Trace


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """How the bot behaves in groups; all times in seconds.

    What is older than `max_age_s` is not answered. `quiet_s`, `max_wait_s` and `mention_wait_s`
    are waited for more of a question, `wait_for_humans_s` for a person's answer. A group's queue
    holds `queue_size` messages, of which `at_once` questions are worked on at once. With
    `keep_for_opening` unprompted messages from outside working hours wait for the opening, else
    they are dropped. With `recall_with_question` an answer goes when its question does.
    """

    language: str = "auto"
    when_unknown: str = "say"
    command_prefix: str = "/dou"
    admins: tuple[str, ...] = ()
    max_age_s: float = 3600.0
    quiet_s: float = 6.0
    max_wait_s: float = 30.0
    mention_wait_s: float = 1.5
    wait_for_humans_s: float = 20.0
    queue_size: int = 100
    at_once: int = 1
    repeat_similarity: float = 0.8
    human_similarity: float = 0.45
    keep_for_opening: bool = False
    recall_with_question: bool = True


@dataclass(slots=True, eq=False)
class PendingQuestion:
    """A question on its way to a decision. `deadline` is when people have had their chance to
    answer, 0 until it is known to be for the bot.

    `off` is set when it need not be worked on any longer; `reason` is what it is to be recorded
    as then, None where its messages go on in another question.
    """

    question: Question
    trace: Trace = field(default_factory=list)
    deadline: float = 0.0
    off: asyncio.Event = field(default_factory=asyncio.Event)
    reason: Reason | None = None

    def call_off(self, reason: Reason | None) -> None:
        """Whoever works on it may stop."""
        if not self.off.is_set():
            self.reason = reason
            self.off.set()

    def holds(self, message_id: str) -> bool:
        """Is the message part of it?"""
        return any(message.message_id == message_id for message in self.question.messages)


class Handler(Protocol):
    """Decides questions and hands the decisions to the delivery."""

    async def triage(self, pending: PendingQuestion) -> bool:
        """True when the bot should answer; else the question is decided."""
        ...

    async def answered_by(self, pending: PendingQuestion, message: IncomingMessage) -> bool:
        """Did a person just answer this question?"""
        ...

    async def respond(self, pending: PendingQuestion) -> None:
        """Answers or declines."""
        ...
