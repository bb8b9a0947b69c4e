"""The words of the language model's part: what is asked, what comes back, what can go wrong.

LlmError
├── Unavailable        not reachable, cut, overdue or overloaded: another try may help
│   ├── RateLimited    asks for a pause; carries `retry_after_s`
│   └── Down           left out for now after failures; asked again later, not at once
├── ServerFault        it failed on this request (5xx, or an answer that is none)
├── AuthError          the key is wrong, or its account is empty
├── ModelMissing       it has no model of that name
├── ContextTooLong     prompt and answer don't fit
└── BadRequest         it refuses the request for another reason
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias


class LlmError(Exception):
    """Base of what can go wrong with a language model."""


class Unavailable(LlmError):
    """The server could not be reached, broke off, was too slow, or is overloaded."""


class RateLimited(Unavailable):
    """The server asks for a pause of `retry_after_s` seconds; 0 when it doesn't say how long."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Down(Unavailable):
    """Every server of the backend failed lately and is left alone for a while."""


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


@dataclass(frozen=True, slots=True)
class Prompt:
    """`fixed` is the same for every call of its kind and comes first, so that a server's prefix
    cache serves it; `variable` is what this call is about."""

    fixed: str
    variable: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `digit` asks for a single digit with the probabilities of the others."""

    prompt: Prompt
    max_tokens: int
    digit: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote, without its thinking. `digits` are the probabilities of the digits as
    first token, where the server tells; `cached_tokens` of the prompt came from its cache."""

    text: str
    backend: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cut: bool = False
    digits: Mapping[int, float] = field(default_factory=dict)


OnText: TypeAlias = Callable[[str], Awaitable[None]]
"""Awaited with all the text so far whenever there is more. A retry begins from the start."""
