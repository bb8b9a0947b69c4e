"""The messages that can still be answered in place, and how."""

from collections import OrderedDict
from dataclasses import dataclass

from adapters.wecom.pictures import Place
from common.clock import Clock

MAX_MESSAGES, MAX_DOUBTS = 10_000, 1000
KEEP_S = 24 * 3600.0
"""WeCom takes a reply to a message for so long."""


@dataclass(frozen=True, slots=True)
class Callback:
    """`req_id` is what a reply to the message has to carry; `pictures` are where its own lie."""

    req_id: str
    group: str
    at: float
    pictures: tuple[Place, ...] = ()


class Callbacks:
    """By message id; in memory, so that after a restart replies are pushed instead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Callback] = OrderedDict()
        self._doubtful: OrderedDict[str, None] = OrderedDict()

    def remember(
        self, message_id: str, req_id: str, group: str, pictures: tuple[Place, ...] = ()
    ) -> None:
        """A message that comes again keeps the id under which it may have been answered."""
        if self.find(message_id) is None:
            self._known[message_id] = Callback(req_id, group, self._clock.now(), pictures)
        if len(self._known) > MAX_MESSAGES:
            self._known.popitem(last=False)

    def find(self, message_id: str | None) -> Callback | None:
        """None for a message that is unknown, too old, or can't be answered in place."""
        found = self._known.get(message_id or "")
        if found is None or self._clock.now() - found.at < KEEP_S:
            return found
        del self._known[message_id or ""]
        return None

    def forget(self, message_id: str | None) -> None:
        """It can't be answered in place any more."""
        self._known.pop(message_id or "", None)

    def doubt(self, key: str) -> None:
        """Nobody knows whether the reply with this key stands in its chat."""
        self._doubtful[key] = None
        if len(self._doubtful) > MAX_DOUBTS:
            self._doubtful.popitem(last=False)

    def is_doubtful(self, key: str) -> bool:
        """May the reply stand in its chat already?"""
        return key in self._doubtful

    def settled(self, key: str) -> None:
        """The reply stands in its chat."""
        self._doubtful.pop(key, None)
