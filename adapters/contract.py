"""What an adapter is given and what it must be able to do."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from aiohttp import web

from adapters.base import (
    Decision,
    Finding,
    IncomingMessage,
    LinkStatus,
    NotSupported,
    Picture,
    Publish,
    Reply,
)
from adapters.link import Link
from adapters.texts import phrase
from common.clock import Clock


class History(Protocol):
    """What an adapter may read back of what the bot has stored."""

    async def messages(
        self, adapter: str, group: str, after: int | None, limit: int
    ) -> list[dict[str, Any]]:
        """At most `limit` messages and replies of a group, oldest first: the first ones with
        `seq > after`, or the newest ones where `after` is None.

        Each is `{"seq", "message_id", "user", "text", "kind", "mention", "reply_to", "sent_at",
        "recalled", "attachments", "citations"}`; `kind` is "message", "answer" or "notice";
        the bot's own have `"user": null`. A recalled one has an empty text.
        """
        ...

    async def decision(self, adapter: str, message_id: str) -> dict[str, Any] | None:
        """The decision on a message: `{"message_id", "group", "user", "state", "outcome",
        "reason", "reason_text", "reply_id", "replied", "text", "citations", "feedback", "trace"}`;
        None for an unknown id. `state` is "pending" until it is decided, then "answered" or
        "dismissed"; `user` is the author; `reason_text` is `{"zh", "en"}`; `replied` is the kind
        of what was posted, None where nothing was; where the group was in shadow mode there
        is a `draft` too, which is what would have been posted: `{"kind", "text", "at",
        "citations", "answered_by", "answered_at"}`; the last two tell of the person who
        answered instead, else they are null."""
        ...

    async def latest(self, adapter: str) -> dict[str, float]:
        """The groups that the adapter's bot is known to be in, each with the time at which the
        newest message that is stored was sent; 0 where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter is built with besides its own settings.

    `bot_name` is what people call the bot ("@" + bot_name is a mention), `command_prefix` what
    admin commands start with. What is older than `max_age_s` seconds is not answered, and need not
    be fetched from a platform's history. Into a `shared` history other processes write, too.
    """

    history: History
    clock: Clock
    bot_name: str
    max_age_s: float
    command_prefix: str
    shared: bool


class Adapter(ABC):
    """One bot on a platform. Built by its module's `create`; opened with `async with`, which does
    no more than make sending possible; receives while `run` runs. What a platform does not say
    otherwise, it can't do."""

    name: str
    resend_s: float = 0.0
    """For how many seconds after a first try a reply may be sent again under its key without
    standing in the group twice; 0 where the platform can't tell."""

    streams: bool = False
    """Does `draft` show anything?"""

    names_only: bool = False
    """Does nobody prove to be who they say they are?"""

    alone: bool = False
    """Does the platform end an earlier connection when there is another one? Of several processes
    only one connects then."""

    on_page: bool = False
    """Is it the console's page that writes through it? Then whoever serves the page has it."""
    finite: bool = False
    """Does its input come to an end? Who stops when there is nothing left to do waits for it."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name, self._link = name, Link(clock)

    @property
    def platform(self) -> "type[Adapter]":
        """The same for all bots on one platform."""
        return type(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @abstractmethod
    async def run(self, publish: Publish) -> None:
        """Connects and receives until cancelled. Raises AdapterError when the connection can't be
        made or is lost: it is called again after a pause. Returns by itself only when there will
        be no more input."""

    @abstractmethod
    async def send(self, reply: Reply) -> str:
        """Posts a reply and returns the platform's id of it. Raises AdapterError."""

    def link(self) -> LinkStatus:
        """How the connection is."""
        return self._link.status()

    async def recall(self, group: str, message_id: str) -> None:
        """Takes back a reply that `send` posted. Raises AdapterError."""
        del group, message_id
        raise NotSupported(phrase.both("stays"))

    async def draft(self, group: str, reply_to: str, text: str) -> None:
        """Shows an answer that is being written, as far as it is; the next call replaces it, and
        `send` of the reply to the same message completes it. "" takes away what `send` did not
        complete. Most platforms show nothing; a failure is logged, never raised."""
        del group, reply_to, text

    async def thinking(self, group: str, message_id: str, *, on: bool) -> None:
        """Shows, or no longer shows, that the bot works on a message. A failure is logged, never
        raised."""
        del group, message_id, on

    async def reread(self, message: IncomingMessage) -> IncomingMessage | None:
        """The message as it stands in the group now; None when it is gone. The same one where the
        platform tells of changes or can't be asked."""
        return message

    async def pictures(self, message: IncomingMessage) -> Sequence[Picture]:
        """The pictures of a message, fetched from the platform by the ids that it gave them; none
        where it shows none to bots. A failure is logged, never raised."""
        del message
        return ()

    async def show(self, decision: Decision) -> None:
        """Called once a message is decided; most platforms show nothing."""
        del decision

    def copies(self, adapter: str, group: str) -> bool:
        """Should the answers given in this group of another adapter be posted here too?"""
        del adapter, group
        return False

    def routes(self) -> Iterable[web.RouteDef]:
        """HTTP routes that the server should serve for this adapter; often none."""
        return ()

    async def check(self) -> AsyncIterator[Finding]:
        """Walks through what the platform needs, and says what is missing."""
        yield Finding("ok", "nothing to set up")
