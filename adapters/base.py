"""What every instant-messaging adapter shares: the values that cross its border and its contract.

AdapterError
├── NetworkError      the platform could not be reached; worth a retry
├── RateLimited       the platform asks to slow down; carries `retry_after_s`
└── SendRefused       the platform said no for good; a retry cannot help
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from aiohttp import web


class AdapterError(Exception):
    """Base of all that can go wrong between an adapter and its platform."""


class NetworkError(AdapterError):
    """The platform could not be reached, or the connection broke."""


class SendRefused(AdapterError):
    """The platform refused the request for good (rights, size, unknown group)."""


class RateLimited(AdapterError):
    """The platform wants fewer requests; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One message that somebody posted in a group.

    `message_id` is unique within the adapter; a platform that redelivers a message sends the
    same id again. `text` holds no mark-up of mentions; what is not text (images, stickers,
    voice) is listed by kind in `attachments`. `sent_at` is in seconds since the epoch.
    """

    adapter: str
    group: str
    user: str
    message_id: str
    text: str
    sent_at: float
    mention: bool = False
    reply_to: str | None = None
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageRecalled:
    """Somebody took back a message of theirs."""

    adapter: str
    group: str
    message_id: str


Event: TypeAlias = IncomingMessage | MessageRecalled

Publish: TypeAlias = Callable[[Event], Awaitable[bool]]
"""Hands an event to the bot. Returns when it is on disk, so that the adapter may acknowledge
it; False means that this message id was known already. Raises OSError or sqlite3.Error when
it could not be stored: then the adapter must not acknowledge it."""


@dataclass(frozen=True, slots=True)
class Citation:
    """One numbered source below an answer. `url` is empty when the source has no address."""

    path: str
    heading: str
    line: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot wants posted.

    `key` is unique per reply and stays the same when a reply is sent again after a crash:
    platforms that take an idempotency key get it. `kind` is "answer" for an answer with
    citations and "notice" for the bot's own short lines. `text` is Markdown.
    """

    key: str
    group: str
    reply_to: str | None
    text: str
    kind: str = "answer"
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a message; adapters that can show it (the web page) do.

    `outcome` is "answer" or "silence"; `reason` is one of the bot's reason words; `trace` is a
    list of stages, each `{"stage", "ms", ...figures}`.
    """

    group: str
    message_ids: tuple[str, ...]
    outcome: str
    reason: str
    trace: Sequence[Mapping[str, Any]] = field(default=())


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
        "reason", "reason_text", "reply_id", "text", "citations", "trace"}`; None for an unknown
        id. `state` is "pending" until it is decided, then "answered" or "dismissed"; `user` is
        the author; `reason_text` is `{"zh", "en"}`."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter is built with besides its own settings.

    `bot_name` is what people call the bot ("@" + bot_name is a mention). `http_token` is the
    bearer token of the HTTP server, empty when none is demanded.
    """

    history: History
    bot_name: str
    http_token: str = field(default="", repr=False)


class Adapter(Protocol):
    """One connection to a platform. Built by its module's `create`; does no work before `run`."""

    name: str

    async def run(self, publish: Publish) -> None:
        """Receives until cancelled. Returns by itself only when there will be no more input."""
        ...

    async def send(self, reply: Reply) -> str:
        """Posts a reply and returns the platform's id of it. Raises AdapterError."""
        ...

    async def recall(self, group: str, message_id: str) -> None:
        """Takes back a reply that `send` posted. Raises AdapterError."""
        ...

    async def draft(self, group: str, reply_to: str, text: str) -> None:
        """Shows an answer that is being written, as far as it is; the next call replaces it, and
        "" takes it away. Most platforms show nothing."""
        ...

    async def show(self, decision: Decision) -> None:
        """Called once a message is decided; most platforms show nothing."""
        ...

    def routes(self) -> Iterable[web.RouteDef]:
        """HTTP routes that the server should serve for this adapter; often none."""
        ...
