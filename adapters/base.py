"""The values that cross the border between the bot and its platforms, and what can go wrong there.

AdapterError
├── NetworkError      the platform could not be reached; worth a retry
├── RateLimited       the platform asks to slow down; carries `retry_after_s`
├── Unconfirmed       a request went out, and nobody knows whether it was obeyed
├── LoginRefused      the platform refuses our credentials; a person has to act
├── NotSupported      the platform has no such thing
└── SendRefused       the platform said no for good; a retry cannot help
    └── SetupRefused  it says no until a person changes something there
        └── QuotaGone a month's or a day's requests are used up
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias


class AdapterError(Exception):
    """Base of all that can go wrong between an adapter and its platform. `code` is the platform's
    own; `zh` says in Chinese what the message says, "" where nobody but the log reads it."""

    code: str = ""
    zh: str = ""


class StoreFailed(Exception):
    """The bot's store could not take or tell something, for the moment."""


class NetworkError(AdapterError):
    """The platform could not be reached, or the connection broke."""


class RateLimited(AdapterError):
    """The platform wants fewer requests; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unconfirmed(AdapterError):
    """A request was sent and not answered; repeating it might do the thing twice."""


class LoginRefused(AdapterError):
    """The platform refuses our credentials; the message says which setting to look at."""


class NotSupported(AdapterError):
    """The platform can't do this; the message says what can't be done."""


class SendRefused(AdapterError):
    """The platform refused the request for good (rights, size, unknown group)."""


class SetupRefused(SendRefused):
    """The platform refuses all such requests until a person changes something there; the message
    says what."""


class QuotaGone(SetupRefused):
    """No more requests of this kind are allowed for a long time, by whichever call."""


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One message that somebody posted in a group, or to the bot alone.

    `message_id` is unique within the adapter; a platform that redelivers a message sends the
    same id again. `text` holds no mark-up of mentions; what is not text (images, stickers,
    voice) is listed by kind in `attachments`. `sent_at` is in seconds since the epoch. A message
    to the bot alone is a mention. `mentions` are the ids of other people it speaks to, and
    EVERYBODY where it speaks to all. `thread` is the platform's id of the thread it stands in.
    `login` is the admin's login by which it was sent, where the adapter knows logins and `user` is
    only a name.
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
    mentions: tuple[str, ...] = ()
    thread: str | None = None
    login: str = ""


MAX_PICTURES, MAX_PICTURE_BYTES = 2, 4 << 20
"""Of a message, the first ones; and of each."""

_SIGNS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a message; `kind` is its MIME type, by how it begins."""

    data: bytes = field(repr=False)
    kind: str


def picture_of(data: bytes) -> Picture | None:
    """The picture; None for what is too large, or none of PNG, JPEG and GIF."""
    kind = next((kind for sign, kind in _SIGNS.items() if data.startswith(sign)), None)
    return Picture(data, kind) if kind and len(data) <= MAX_PICTURE_BYTES else None


EVERYBODY = "all"
"""Among `mentions`: the message speaks to the whole group."""


@dataclass(frozen=True, slots=True)
class MessageRecalled:
    """Somebody took back a message of theirs."""

    adapter: str
    group: str
    message_id: str


@dataclass(frozen=True, slots=True)
class MessageEdited:
    """Somebody changed a message of theirs; `text` is what it says now."""

    adapter: str
    group: str
    message_id: str
    text: str


class Vote(StrEnum):
    """What somebody thinks of an answer."""

    HELPFUL = "helpful"
    UNHELPFUL = "unhelpful"
    NONE = "none"  # an earlier vote is taken back


@dataclass(frozen=True, slots=True)
class Feedback:
    """Somebody judged one of the bot's replies, by a button or a reaction. `reply_id` is what
    `send` returned, `at` when it was done; of two votes of a person the later one counts."""

    adapter: str
    group: str
    reply_id: str
    user: str
    vote: Vote
    at: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """Somebody said whether the bot should answer a message such as this one: `good` or not.
    `login` is the login that may label by which it was said, "" where there is only a name."""

    adapter: str
    group: str
    message_id: str
    user: str
    good: bool
    at: float
    login: str = ""


@dataclass(frozen=True, slots=True)
class RecallAsked:
    """Somebody pressed the button that withdraws one of the bot's replies."""

    adapter: str
    group: str
    reply_id: str
    user: str


@dataclass(frozen=True, slots=True)
class BotMoved:
    """The bot came into a group or left it; `title` is what people call the group."""

    adapter: str
    group: str
    joined: bool
    title: str = ""


Event: TypeAlias = (
    IncomingMessage | MessageRecalled | MessageEdited | Feedback | Labelled | RecallAsked | BotMoved
)

Publish: TypeAlias = Callable[[Event], Awaitable[bool]]
"""Hands an event to the bot. Returns when it is on disk and may be acknowledged; False means that
this message id was known already. Raises OSError or StoreFailed: then don't acknowledge it."""


@dataclass(frozen=True, slots=True)
class Citation:
    """One numbered source below an answer. `url` is empty when the source has no address;
    `origin` is "documents", "code", "preferred" or "web"."""

    path: str
    heading: str
    line: int
    url: str = ""
    origin: str = "documents"

    @property
    def place(self) -> str:
        """The path, and what is counted in such a file: "a.md:7", "a.ipynb, cell 7"."""
        unit = _UNITS.get(PurePosixPath(self.path).suffix.lower())
        return f"{self.path}, {unit} {self.line}" if unit else f"{self.path}:{self.line}"


_UNITS = {".ipynb": "cell", ".pdf": "page", ".xlsx": "row"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot wants posted.

    `key` is unique per reply and stays the same when a reply is sent again after a crash:
    platforms that take an idempotency key get it. `kind` is "answer" for an answer with
    citations, "notice" for the bot's own short lines and "reaction" for an emoji below the
    message. `text` is Markdown. Without `reply_to` it is posted into the group; `user` is who is
    answered; `chinese` is the language of what an adapter adds.
    """

    key: str
    group: str
    reply_to: str | None
    text: str
    kind: str = "answer"
    citations: tuple[Citation, ...] = ()
    user: str = ""
    thread: str | None = None
    chinese: bool = False


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


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a platform refuses until a person acts: the name of the call, the platform's code, and
    what to do, in English and Chinese."""

    call: str
    code: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the connection to a platform is. Times are in seconds since the epoch, 0 for never.

    `since` is when it came up or went down, `heard` when the platform last sent anything, `event`
    when it last sent an event. `reconnects` counts connections after the first, `recovered` missed
    messages that were fetched later, `calls` API calls by (name, result). `problem` is why it is
    down, with `problem_zh`; `refused` is what the platform refuses though it may be up.
    """

    up: bool
    since: float = 0.0
    heard: float = 0.0
    event: float = 0.0
    reconnects: int = 0
    recovered: int = 0
    problem: str = ""
    problem_zh: str = ""
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `check --adapter`: what was looked at, and what to do where it is missing."""

    mark: Literal["ok", "bad", "note"]
    text: str
