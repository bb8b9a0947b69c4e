"""What statuses, headers and sentences of servers mean."""

import pytest

from bot.llm.error_mapping import LONGEST_PAUSE_S, message_of, of_status, retry_after
from bot.llm.types import (
    AuthError,
    BadRequest,
    ContextTooLong,
    LlmError,
    ModelMissing,
    RateLimited,
    ServerFault,
    Unavailable,
)

NOON = 1_700_049_600.0  # 2023-11-15 12:00:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, 0.0),
        ({"retry-after": "nan"}, 0.0),
        ({"retry-after": "inf"}, 0.0),
        ({"retry-after": "1e12"}, LONGEST_PAUSE_S),
        ({"retry-after": "Wed, 15 Nov 2023 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 15 Nov 2023 11:00:00 GMT"}, 0.0),
        # a server whose clock is an hour behind ours
        ({"retry-after": "Wed, 15 Nov 2023 11:00:30 GMT",
          "date": "Wed, 15 Nov 2023 11:00:10 GMT"}, 20.0),
    ],
)  # fmt: skip
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(headers, NOON) == seconds


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "temperature must be a number", BadRequest),
        (400, "request (40030 tokens) exceeds the available context size (8192 tokens)",
         ContextTooLong),
        (413, "Request too large for model", ContextTooLong),
        (401, "invalid key", AuthError),
        (403, "You are not allowed to request logprobs from this model", BadRequest),
        (403, "Your input was flagged", BadRequest),
        (403, "This key may not be used from here", AuthError),
        (404, "The model `x` does not exist", ModelMissing),
        (405, "Method Not Allowed", ModelMissing),
        (429, "insufficient_quota", AuthError),
        (429, "slow down", RateLimited),
        (500, "oops", ServerFault),
        (503, "loading", Unavailable),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, message: str, kind: type[LlmError]) -> None:
    assert type(of_status(status, "remote", message)) is kind


def test_a_busy_server_that_names_a_pause_is_given_it() -> None:
    error = of_status(503, "remote", "overloaded", 4.0)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 4.0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "no"}, "no"),
        ({"error": {"message": "no", "code": "bad_key"}}, "no (bad_key)"),
        ({"error": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ("no", "no"),
        ({"error_code": 10402, "text": "no"}, "no"),
    ],
)
def test_the_sentence_of_an_error(body: object, said: str) -> None:
    assert message_of(body) == said
