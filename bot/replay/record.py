"""What a replay brought: the platform that posts nothing and remembers what it was given."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.base import Decision, IncomingMessage, Publish, Reply
from adapters.contract import Adapter
from bot.replay.chat import PLATFORM, ChatMessage
from bot.store.decisions import nearest_verdict
from bot.types import Question, Reason, joined_texts
from common.clock import Clock

STILL_OPEN_S = 3600.0
"""For so long it is looked whether a person answers a question."""


@dataclass(slots=True, eq=False)
class Decided:
    """A decision on some messages of one person; times in seconds since the epoch. `score` and
    `threshold` are the gate's, None where it was not asked. `answered_at` is when a person
    answered, as far as that can be told by the bot's own rule."""

    messages: tuple[IncomingMessage, ...]
    label: bool | None
    outcome: str
    reason: Reason
    at: float
    score: float | None
    threshold: float | None
    accepted: bool
    reply: Reply | None = None
    answered_at: float | None = None

    @property
    def question(self) -> Question:
        """The messages as they were packed."""
        text = joined_texts(m.text for m in self.messages)
        return Question(text, any(m.mention for m in self.messages), self.messages)

    @property
    def asked_at(self) -> float:
        """When the last of the messages was sent."""
        return self.messages[-1].sent_at


@dataclass(slots=True, eq=False)
class Record:
    """Everything that was decided, in its order; `open` holds what may still be answered by a
    person, by group."""

    decided: list[Decided] = field(default_factory=list)
    open: dict[str, list[Decided]] = field(default_factory=dict)


class RecordingAdapter(Adapter):
    """Stands in for the platforms of an exported chat."""

    def __init__(self, clock: Clock, chat: Mapping[str, ChatMessage], record: Record) -> None:
        super().__init__(PLATFORM, clock)
        self._clock, self._chat, self._record = clock, chat, record
        self._replies: dict[str, Reply] = {}

    async def run(self, publish: Publish) -> None:
        """Nothing comes by itself: whoever replays hands the messages on."""
        del publish

    async def send(self, reply: Reply) -> str:
        """Remembers the reply until it is known what it was decided for."""
        if reply.reply_to:
            self._replies[reply.reply_to] = reply
        return reply.key

    async def show(self, decision: Decision) -> None:
        """Remembers the decision, which comes after its reply."""
        own = [self._chat[message_id] for message_id in decision.message_ids]
        labels = {one.label for one in own} - {None}
        gate = nearest_verdict(decision.trace)
        decided = Decided(
            messages=tuple(one.message for one in own),
            label=True in labels if labels else None,
            outcome=decision.outcome,
            reason=Reason(decision.reason),
            at=self._clock.now(),
            score=gate.get("score"),
            threshold=gate.get("threshold"),
            accepted=bool(gate.get("accept")),
            reply=self._replies.pop(own[-1].message.message_id, None),
        )
        self._record.decided.append(decided)
        if decided.accepted and not decided.question.mention:
            self._record.open.setdefault(decision.group, []).append(decided)
