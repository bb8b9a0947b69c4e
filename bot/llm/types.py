"""The words of the language model's part: what is asked, what comes back, what can go wrong.

LlmError
├── Unavailable        cut, overdue or overloaded: another try may help
│   ├── Unreachable    not even a connection
│   ├── Overdue        not there in the time a try has; the same server won't be faster at once
│   ├── RateLimited    asks for a pause; carries `retry_after_s`
│   ├── Busy           so many others were first that its turn did not come
│   └── Down           left out for now after failures; asked again later, not at once
├── Spent              today's budget is used up
├── ServerFault        it failed on this request (5xx, or an answer that is none)
├── AuthError          the key is wrong, or its account is empty
├── ModelMissing       it has no model of that name
├── ContextTooLong     prompt and answer don't fit
└── BadRequest         it refuses the request for another reason
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TypeAlias

from adapters.base import Picture


class LlmError(Exception):
    """Base of what can go wrong with a language model."""


class Unavailable(LlmError):
    """The server broke off, was too slow, or is overloaded."""


class Unreachable(Unavailable):
    """No connection to the server could be made."""


class Overdue(Unavailable):
    """The server did not answer in the time that a try has."""


class Busy(Unavailable):
    """All turns were taken for too long; nothing was sent."""


class RateLimited(Unavailable):
    """The server asks for a pause of `retry_after_s` seconds; 0 when it doesn't say how long."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Down(Unavailable):
    """Every server of the backend failed lately and is left alone for a while."""


class Spent(LlmError):
    """What the calls of a day, or of a group, may take has been taken; nothing was sent."""


class ServerFault(LlmError):
    """The server failed on this request, or what it sent is no answer."""


class AuthError(LlmError):
    """The server refuses the key."""


class ModelMissing(LlmError):
    """The server doesn't know the model; the message names those it knows."""


class ContextTooLong(LlmError):
    """Prompt and answer are longer than the model's context."""


class BadRequest(LlmError):
    """The server refuses the request."""


class Route(StrEnum):
    """What a call is for; the configuration says which backends serve it, in which order."""

    SCORE = "score"
    KEYWORDS = "keywords"
    ANSWER = "answer"
    CHECK = "check"


class Step(IntEnum):
    """How far the work on a question is: what is nearly done is finished first."""

    CHECK = 0
    ANSWER = 1
    RELEVANCE = 2
    QUESTION = 3


@dataclass(frozen=True, slots=True, order=True)
class Priority:
    """Whose call goes first where all have to wait: mentions, then what is nearly done."""

    unprompted: bool = True
    step: Step = Step.QUESTION


@dataclass(frozen=True, slots=True)
class Prompt:
    """`fixed` is the same for every call of its kind and comes first, so that a server's prefix
    cache serves it; `variable` is what this call is about."""

    fixed: str
    variable: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `digit` asks for a single digit with the probabilities of the others, `verdicts`
    for so many lines with a word of `bot.llm.scoring.Verdict` each. `group` is whose budget it is
    of; `pictures` are left out for a model that doesn't see."""

    prompt: Prompt
    max_tokens: int
    digit: bool = False
    verdicts: int = 0
    priority: Priority = Priority()
    group: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote, without its thinking (`thought`: there was some). `digits` are the
    probabilities of the digits as first token, where the server tells; `cached_tokens` of the
    prompt came from its cache; `estimated`: the server didn't count the tokens, we did; so many
    `pictures` were looked at."""

    text: str
    backend: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cut: bool = False
    thought: bool = False
    estimated: bool = False
    digits: Mapping[int, float] = field(default_factory=dict)
    pictures: int = 0


OnText: TypeAlias = Callable[[str], Awaitable[None]]
"""Awaited with all the text so far whenever there is more. A retry begins from the start."""
