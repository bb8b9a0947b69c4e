"""A question on its way to a decision, and who decides it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from adapters.base import IncomingMessage
from bot.types import Group, Question, Reason, Trace


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to wait for more of a question and for a person's answer, the queue's bound, and how
    many cases of a group are worked on at once."""

    quiet_s: float = 6.0
    max_wait_s: float = 30.0
    mention_wait_s: float = 1.5
    wait_for_humans_s: float = 20.0
    queue_size: int = 100
    at_once: int = 1


@dataclass(slots=True, eq=False)
class Case:
    """A question on its way to a decision. `deadline` is when people have had their chance.

    `off` is set when it need not be worked on any longer; `reason` is what it is to be recorded
    as then, None where its messages go on in another case.
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


class Desk(Protocol):
    """Decides cases and records the decisions."""

    async def triage(self, case: Case) -> bool:
        """True when the bot should answer; else the case is decided and recorded."""
        ...

    async def respond(self, case: Case) -> None:
        """Answers or declines, and records it."""
        ...

    async def dismiss(
        self, messages: Sequence[IncomingMessage], reason: Reason, trace: Trace
    ) -> None:
        """Records that messages stay unanswered."""
        ...

    async def settles(self, case: Case, message: IncomingMessage) -> bool:
        """Did a person just answer this question?"""
        ...

    async def backlog(self, group: Group) -> Sequence[IncomingMessage]:
        """Undecided messages of a group, oldest first."""
        ...
