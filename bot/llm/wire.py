"""What goes over the wire: the body of a request, the parts of an answer, errors by their kind.

Servers of "the OpenAI API" differ: fields they don't know are refused by some and ignored by
others, errors come in four shapes, and an answer may be none. `shared` knowledge of what each
kind understands is in `bot.llm.presets`.
"""

import json
import math
import re
from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from bot.llm.presets import Preset
from bot.llm.types import (
    AuthError,
    BadRequest,
    Completion,
    ContextTooLong,
    LlmError,
    ModelMissing,
    RateLimited,
    Request,
    ServerFault,
    Unavailable,
)

if TYPE_CHECKING:
    from openai import APIError

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|maximum context|(?:prompt|input|request)\s(?:is\s)?too long"
    r"|exceeds?\b.{0,60}\btokens?\b",
    re.IGNORECASE,
)
_MARKS = "Ġ▁ \t\n"
"""What tokenizers put before a word: Ġ and ▁ stand for a space."""

THINKING_TOKENS = 2048
"""Room for the thoughts of a model that can't be told not to think."""


class Fields(IntEnum):
    """How much of what servers may not know is sent."""

    ALL = 0
    GREEDY = 1  # no probabilities, no grammar, nothing of one server's own
    NONE = 2  # not even the sampling settings, which some hosted models fix


def body_of(
    request: Request, model: str, preset: Preset, *, thinking: bool, fields: Fields = Fields.ALL
) -> dict[str, Any]:
    """Arguments for `chat.completions.create`, with as many fields as the server takes."""
    room = request.max_tokens + (THINKING_TOKENS if thinking else 0)
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": request.prompt.fixed},
            {"role": "user", "content": request.prompt.variable},
        ],
        preset.max_tokens_key: room,
    }
    if fields is Fields.NONE:
        return body
    if fields is Fields.GREEDY:
        return body | {"temperature": 0.0}
    # One digit out of all: a server that samples before it reports needs the open distribution.
    open_ended = request.digit and preset.sampled and not thinking
    body |= {"temperature": 1.0 if open_ended else 0.0, "top_p": 1.0, "seed": 0}
    extra = dict(preset.extra)
    if not thinking:
        extra |= preset.calm
    if request.digit and not thinking:
        extra |= preset.guide
        if preset.logprobs:
            body |= {"logprobs": True, "top_logprobs": 20}
    if extra:
        body["extra_body"] = extra
    return body


def parse_completion(body: str, backend: str, model: str) -> Completion:
    """A whole answer. Raises ServerFault where it is none, whatever its HTTP status was."""
    try:
        found = json.loads(body)
    except ValueError as error:
        raise ServerFault(f"{backend} sent no JSON: {body[:80]!r}") from error
    choices = found.get("choices") if isinstance(found, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ServerFault(f"{backend} sent no answer: {_message(found)[:200]}")
    choice = choices[0]
    text = (choice.get("message") or {}).get("content") or ""
    return completion_of(
        text, backend, model, choice.get("finish_reason"), found.get("usage"),
        choice.get("logprobs"),
    )  # fmt: skip


def completion_of(
    text: Any, backend: str, model: str, finish: Any, usage: Any, logprobs: Any = None
) -> Completion:
    """An answer from its parts, without the model's thoughts. Raises ServerFault when the server
    says that it broke off."""
    if finish in ("error", "abort"):
        raise ServerFault(f"{backend} broke off its answer ({finish})")
    counts = usage if isinstance(usage, dict) else {}
    details = counts.get("prompt_tokens_details")
    return Completion(
        text=without_thoughts(text if isinstance(text, str) else ""),
        backend=backend,
        model=model,
        prompt_tokens=_count(counts.get("prompt_tokens")),
        completion_tokens=_count(counts.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, dict) else 0,
        cut=finish == "length",
        digits=digits_of(logprobs),
    )


def without_thoughts(text: str) -> str:
    """The text that follows a model's thinking; nothing while it is still thinking."""
    if "</think>" in text and "<think>" not in text:
        text = text.split("</think>", 1)[1]  # some templates open the thought themselves
    return _THOUGHT.sub("", text).strip()


def digits_of(logprobs: Any) -> dict[int, float]:
    """Probability of each digit as the first token; empty where the server tells none.

    The sampled token need not be repeated among the most likely ones, and tokens carry the marks
    of their tokenizer.
    """
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    if not isinstance(first, dict):
        return {}
    seen: dict[str, float] = {}
    for entry in [*(first.get("top_logprobs") or []), first]:
        token, logprob = entry.get("token"), entry.get("logprob")
        if isinstance(token, str) and isinstance(logprob, int | float):
            seen.setdefault(token, math.exp(min(0.0, logprob)))
    digits: dict[int, float] = {}
    for token, probability in seen.items():
        bare = token.strip(_MARKS)
        if len(bare) == 1 and bare in "0123456789":
            digits[int(bare)] = digits.get(int(bare), 0.0) + probability
    return digits


def kind_of_error(error: "APIError", backend: str) -> LlmError:
    """The error of the client library as one of ours."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIConnectionError):
        return Unavailable(f"{backend} can't be reached: {error.__cause__ or error.message}")
    if not isinstance(error, APIStatusError):
        return ServerFault(f"{backend} failed while answering: {_message(error.body or error)}")
    status, message = error.status_code, _message(error.body or error.message)[:300]
    said = f"{backend} answered {status}: {message}"
    pause = _retry_after(error.response.headers)
    if status in (401, 402, 403) or "insufficient_quota" in message:
        return AuthError(said)
    if status == 404:
        return ModelMissing(said)
    if status == 429:
        return RateLimited(said, pause)
    if status in (408, 409, 425, 502, 503, 504, 529):
        return RateLimited(said, pause) if pause else Unavailable(said)
    if status >= 500:
        return ServerFault(said)
    return ContextTooLong(said) if _TOO_LONG.search(message) else BadRequest(said)


def _retry_after(headers: Mapping[str, str]) -> float:
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers.get(name, "")) * scale)
        except ValueError:
            continue
    return 0.0


def _message(body: Any) -> str:
    """The sentence in an error's body: flat, below "error" or "detail", or just text."""
    if isinstance(body, dict):
        for key in ("message", "error", "detail", "text"):
            if body.get(key):
                code = body.get("code")
                suffix = f" ({code})" if isinstance(code, str) and key == "message" else ""
                return _message(body[key]) + suffix
    return str(body)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
