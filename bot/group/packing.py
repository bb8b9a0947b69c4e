"""Packs consecutive messages of one person into one question. Pure: the clock is passed in."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from adapters.base import IncomingMessage
from bot.types import Question, joined_texts
from common.language import has_letters
from common.small_talk import SmallTalk, small_talk

MAX_MESSAGES = 20
MAX_CHARS = 8000

WHOLE_SECONDS = 1.0
"""Some platforms tell the time in whole seconds."""


@dataclass(slots=True)
class _Pack:
    """What one person wrote, in order of arrival, and when each message arrived."""

    messages: list[IncomingMessage] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)

    @property
    def mention(self) -> bool:
        return any(message.mention for message in self.messages)

    @property
    def calls(self) -> bool:
        """Does it call the bot with what it has to say? Who only calls or greets it will go on."""
        return self.mention and any(says_something(message.text) for message in self.messages)

    @property
    def chars(self) -> int:
        return sum(len(message.text) for message in self.messages)

    @property
    def full(self) -> bool:
        return len(self.messages) >= MAX_MESSAGES or self.chars >= MAX_CHARS

    def takes(self, message: IncomingMessage) -> bool:
        """Does the message go on with this pack?

        One that replies to something else than the pack is about belongs to another thread.
        """
        if self.chars + len(message.text) > MAX_CHARS:
            return False
        thread = {m.message_id for m in self.messages} | {m.reply_to for m in self.messages}
        return message.reply_to is None or message.reply_to in thread

    def question(self) -> Question:
        """The pack as a question; messages without text (a sticker) add no line."""
        text = joined_texts(message.text for message in self.messages)
        return Question(text, self.mention, tuple(self.messages))


class Packer:
    """The open packs of one group, one per person.

    What others say in between does not end a pack: people type at the same time. A pack is ready
    `quiet_s` after its last message or `max_wait_s` after its first; with a mention in it,
    `mention_wait_s` after its last message is enough. It is ready at once when it is full, and
    when its author goes on in another thread, which starts a new pack. Times are in seconds
    since the epoch. A mention that only calls or greets waits for `quiet_s`: the question follows.
    """

    def __init__(self, quiet_s: float, max_wait_s: float, mention_wait_s: float) -> None:
        self._quiet_s = quiet_s
        self._max_wait_s = max_wait_s
        self._mention_wait_s = min(quiet_s, mention_wait_s)
        self._open: dict[str, _Pack] = {}
        self._closed: list[_Pack] = []

    def add(self, message: IncomingMessage, now: float) -> None:
        """Packs a message that arrived now; one that is packed already is left where it is."""
        if any(m.message_id == message.message_id for p in self._packs() for m in p.messages):
            return
        pack = self._open.get(message.user)
        if pack and (now > self._ready_at(pack) or self._is_apart(pack, message)):
            self._close(message.user)
            pack = None
        if pack and not pack.takes(message):
            self._close(message.user)
            pack = None
        if pack is None:
            pack = self._open[message.user] = _Pack()
        pack.messages.append(message)
        pack.arrived.append(now)
        if pack.full:
            self._close(message.user)

    def put_back(self, messages: Sequence[IncomingMessage], now: float) -> None:
        """Takes in messages that were handed out together, as a pack that is ready."""
        self._closed.append(_Pack(list(messages), [now] * len(messages)))

    def due(self, now: float) -> Question | None:
        """Hands out and forgets the oldest of what is ready, a mention before the rest."""
        for user in [user for user, pack in self._open.items() if self._is_ready(pack, now)]:
            self._close(user)
        if not self._closed:
            return None
        first_of: dict[str, _Pack] = {}  # what one person wrote keeps its order
        for pack in sorted(self._closed, key=lambda pack: pack.arrived[0]):
            first_of.setdefault(pack.messages[0].user, pack)
        oldest = min(first_of.values(), key=lambda pack: (not pack.mention, pack.arrived[0]))
        self._closed.remove(oldest)
        return oldest.question()

    def peek(self) -> list[Question]:
        """What is being packed, as far as it is."""
        return [pack.question() for pack in self._packs()]

    def asked_by_another(self, message: IncomingMessage) -> Question | None:
        """The pack of somebody else that a message replies to, as far as it is."""
        for pack in self._packs():
            ids = {one.message_id for one in pack.messages}
            if message.reply_to in ids and pack.messages[0].user != message.user:
                return pack.question()
        return None

    def oldest_unprompted(self) -> IncomingMessage | None:
        """The message that has waited longest in a pack without a mention."""
        packs = [pack for pack in self._packs() if not pack.mention]
        oldest = min(packs, key=lambda pack: pack.arrived[0], default=None)
        return oldest.messages[0] if oldest else None

    def next_due(self) -> float | None:
        """When the next pack will be ready, if nothing is added to it; None without packs."""
        times = [pack.arrived[-1] for pack in self._closed]
        times += [self._ready_at(pack) for pack in self._open.values()]
        return min(times, default=None)

    def change(self, message_id: str, text: str | None) -> None:
        """Gives a message another text, or with None takes it out again; a pack that is empty
        then vanishes."""
        for pack in self._packs():
            for place, message in enumerate(pack.messages):
                if message.message_id != message_id:
                    continue
                if text is None:
                    del pack.messages[place], pack.arrived[place]
                else:
                    pack.messages[place] = replace(message, text=text)
                break
        self._open = {user: pack for user, pack in self._open.items() if pack.messages}
        self._closed = [pack for pack in self._closed if pack.messages]

    def _packs(self) -> list[_Pack]:
        return [*self._closed, *self._open.values()]

    def _ready_at(self, pack: _Pack) -> float:
        return min(pack.arrived[0] + self._max_wait_s, pack.arrived[-1] + self._pause(pack))

    def _pause(self, pack: _Pack) -> float:
        return self._mention_wait_s if pack.calls else self._quiet_s

    def _is_ready(self, pack: _Pack, now: float) -> bool:
        # A clock that was set back by hours must not hold a question for hours.
        set_back = now < pack.arrived[0] - self._max_wait_s
        return set_back or now >= self._ready_at(pack)

    def _is_apart(self, pack: _Pack, message: IncomingMessage) -> bool:
        """Would the pack have been ready by then, had both arrived when they were sent? They may
        come together, or even the later one first: after a restart, while the index was loaded,
        after a gap of the platform."""
        first, last = pack.messages[0].sent_at, pack.messages[-1].sent_at
        before = first - message.sent_at
        if before > 0:
            called = message.mention and says_something(message.text)
            pause = self._mention_wait_s if called else self._quiet_s
            return before > pause + WHOLE_SECONDS
        ready = min(first + self._max_wait_s, last + self._pause(pack))
        return message.sent_at > ready + WHOLE_SECONDS

    def _close(self, user: str) -> None:
        self._closed.append(self._open.pop(user))


def says_something(text: str) -> bool:
    """Is there more in a message than a call or a greeting?"""
    return has_letters(text) and small_talk(text) is not SmallTalk.HELLO
