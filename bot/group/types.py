"""What the parts of a group's road share: its options, a question on its way, who decides it."""

from dataclasses import dataclass, field
from typing import Protocol

from adapters.base import IncomingMessage
from bot.types import Mode, Question, Reason, Trace
from common.tasks import Off


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOptions:
    """How the bot behaves in groups, made of several sections by `bot.config.options`; all times
    in seconds.

    What is older than `max_age_s` is not answered. `quiet_s`, `max_wait_s` and `mention_wait_s`
    are waited for more of a question, `wait_for_humans_s` for a person's answer. A group's queue
    holds `queue_size` messages, of which `at_once` questions are worked on at once. With
    `keep_for_opening` unprompted messages from outside working hours wait for the opening, else
    they are dropped. `helpers` are named to who wants a person. With `recall_with_question` an
    answer goes when its question does. `mode` is that of groups in which no admin set one; a new
    group is in shadow mode for `shadow_s`.
    """

    language: str
    when_unknown: str
    name: str
    helpers: tuple[str, ...]
    command_prefix: str
    admins: tuple[str, ...]
    max_age_s: float
    quiet_s: float
    max_wait_s: float
    mention_wait_s: float
    wait_for_humans_s: float
    queue_size: int
    at_once: int
    repeat_similarity: float
    human_similarity: float
    keep_for_opening: bool
    recall_with_question: bool
    mode: Mode
    shadow_s: float


@dataclass(slots=True, eq=False)
class PendingQuestion:
    """A question on its way to a decision. `deadline` is when people have had their chance to
    answer, 0 until it is known to be for the bot; `read_at` when it was last looked at as it
    stands in the group.

    `off` is set when it need not be worked on any longer; `reason` is what it is to be recorded
    as then, None where its messages go on in another question.
    """

    question: Question
    trace: Trace = field(default_factory=list)
    deadline: float = 0.0
    read_at: float = 0.0
    off: Off = field(default_factory=Off)
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

    async def heard(self, message: IncomingMessage) -> None:
        """A person said something; it may answer what the bot kept to itself."""
        ...

    async def respond(self, pending: PendingQuestion) -> None:
        """Answers or declines."""
        ...
