"""What a server's failure means: its status, its headers and its sentence as one of our errors.

Errors come in four shapes (flat, below "error" or "detail", plain text), and hosted APIs use the
same status for different things.
"""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from bot.llm.types import (
    AuthError,
    BadRequest,
    ContextTooLong,
    LlmError,
    ModelMissing,
    RateLimited,
    ServerFault,
    Unavailable,
    Unreachable,
)

if TYPE_CHECKING:
    from openai import APIError

LONGEST_PAUSE_S = 86400.0

_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|maximum context|(?:prompt|input|request)\s(?:is\s)?too long"
    r"|exceeds?\b.{0,60}\btokens?\b",
    re.IGNORECASE,
)
_ABOUT_THE_REQUEST = re.compile(
    r"logprobs|parameter|moderat|flagged|polic(?:y|ies)|safety|sensitive|敏感|违规", re.IGNORECASE
)
"""A 403 that says one of these refuses what was asked, not who asks."""


def kind_of_error(error: "APIError", backend: str, now: float) -> LlmError:
    """The error of the client library as one of ours; `now` in seconds since the epoch."""
    import httpx2  # with openai, half a second that a bot without a model need not wait
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIConnectionError):
        cause = error.__cause__
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            return Unreachable(f"{backend} can't be reached: {cause}")
        return Unavailable(f"{backend} broke the connection: {cause or error.message}")
    if isinstance(error, APIStatusError):
        message = message_of(error.body or error.message)[:300]
        pause = retry_after(error.response.headers, now)
        return of_status(error.status_code, backend, message, pause)
    # Inside a stream that began well; some servers repeat the status there.
    message, status = message_of(error.body or error.message)[:300], _status_in(error.body)
    if status:
        return of_status(status, backend, message)
    return ServerFault(f"{backend} failed while answering: {message}")


def of_status(status: int, backend: str, message: str, pause: float = 0.0) -> LlmError:
    """What an HTTP status with this message means."""
    said = f"{backend} answered {status}: {message}"
    if status == 403 and _ABOUT_THE_REQUEST.search(message):
        return BadRequest(said)
    if status in (401, 402, 403) or "insufficient_quota" in message:
        return AuthError(said)
    if status in (404, 405):
        about_model = "model" in message.lower()
        return ModelMissing(said if about_model else f"{said}; is the path in its base_url right?")
    if status == 429:
        return RateLimited(said, pause)
    if status in (408, 409, 425, 502, 503, 504, 529):
        return RateLimited(said, pause) if pause else Unavailable(said)
    if status >= 500:
        return ServerFault(said)
    if status == 413 or _TOO_LONG.search(message):
        return ContextTooLong(said)
    return BadRequest(said)


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Seconds that the server asks to wait: a number, or the time of day when it may be asked."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        return _bounded(seconds)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except ValueError:
        return 0.0
    with suppress(ValueError):  # by the server's own clock, where it tells the time
        now = parsedate_to_datetime(headers.get("date", "")).timestamp()
    return _bounded(until - now)


def message_of(body: Any) -> str:
    """The sentence in an error's body: flat, below "error" or "detail", or just text."""
    if isinstance(body, dict):
        for key in ("message", "error", "detail", "text"):
            if body.get(key):
                code = body.get("code")
                suffix = f" ({code})" if isinstance(code, str) and key == "message" else ""
                return message_of(body[key]) + suffix
    return str(body)


def _status_in(body: Any) -> int:
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 0


def _bounded(seconds: float) -> float:
    return min(LONGEST_PAUSE_S, max(0.0, seconds)) if math.isfinite(seconds) else 0.0
