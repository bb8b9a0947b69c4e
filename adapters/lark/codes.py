"""Lark's error codes, and what they mean for us. Errors are told by code: the HTTP status lies."""

import re

from adapters.base import AdapterError, LoginRefused, NetworkError, RateLimited, SendRefused
from adapters.payload import text
from adapters.rest import Response

OK = 0
RATE = frozenset({99991400, 230020, 11232})
TOKEN = frozenset({99991661, 99991663, 99991664, 99991665, 99991671})
"""The token is missing, bad, expired or malformed: a new one helps."""
UNKNOWN = frozenset({2200, 230049, 1000040343, 1})
"""Nobody can tell whether it was done; the same request under the same key tells."""

GONE = {
    230011: "the message to answer was recalled",
    230110: "the message to answer was deleted",
    230050: "the bot can't see the message to answer",
    231003: "the message is gone",
}
NO_SCOPE = frozenset({99991672, 99991679, 230027})
NO_THREAD = frozenset({230071, 230019})
BAD_CARD = frozenset({230025, 230099, 200621, 300305, 11310})
"""Too long, or with something in it that the platform does not show: plain text is sent then."""

WORDS = {
    230002: "the bot is not in this group",
    232009: "the group was dissolved",
    230018: "the group does not let the bot post",
    230035: "the group does not let the bot post",
    230022: "the platform refused the words",
    230028: "the company's data protection refused the words",
    230026: "only messages of the bot itself can be withdrawn",
    230009: "too old: the company's time limit for withdrawing messages has passed",
    231001: "there is no such emoji",
    230001: "a parameter is wrong",
    99992402: "a parameter is wrong",
}
DEFAULT_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


class Gone(SendRefused):
    """The message that the request is about is no longer there."""


class ScopeMissing(SendRefused):
    """The app has not the permission; an administrator has to grant it."""


class ThreadRefused(SendRefused):
    """There is no thread to answer in."""


class CardRefused(SendRefused):
    """The platform can't show the card."""


class TokenRefused(NetworkError):
    """The platform no longer takes our token."""


def code_of(response: Response) -> int | None:
    """The platform's code; None where it is not the platform that answered."""
    code = response.data.get("code")
    return code if isinstance(code, int) else None


def problem(call: str, response: Response) -> AdapterError | None:
    """What is wrong with an answer; None when all went well. Texts of the platform are quoted
    only where they can't hold what people wrote."""
    code = code_of(response)
    if code == OK:
        return None
    where = f"{call}: code {code}{_log_id(response)}"
    if response.status == 429 or code in RATE:
        return RateLimited(f"{where}: too many requests", _pause(response))
    if code is None or code in UNKNOWN or response.status >= 500:
        return NetworkError(f"{where}, HTTP status {response.status}")
    if code in TOKEN:
        return TokenRefused(f"{where}: the token was refused")
    if code in NO_SCOPE:
        return ScopeMissing(f"{where}: a permission is missing. {text(response.data, 'msg')[:300]}")
    if code in GONE:
        return Gone(f"{where}: {GONE[code]}")
    if code in NO_THREAD:
        return ThreadRefused(f"{where}: it can't be answered in a thread")
    if code in BAD_CARD:
        return CardRefused(f"{where}: the card was refused{_sub_code(response)}")
    return SendRefused(f"{where}: {WORDS.get(code, 'refused')}")


def login_problem(response: Response) -> AdapterError | None:
    """What is wrong with the answer to a request for a token."""
    found = problem("token", response)
    if found is None or isinstance(found, RateLimited | NetworkError):
        return found
    said = text(response.data, "msg")[:200]
    return LoginRefused(f"{found} ({said}); look at app_id, app_secret and domain")


def _pause(response: Response) -> float:
    asked = response.headers.get("x-ogw-ratelimit-reset", "")
    seconds = float(asked) if re.fullmatch(r"\d{1,6}(\.\d+)?", asked) else DEFAULT_PAUSE_S
    return min(max(seconds, 0.1), LONGEST_PAUSE_S)


def _log_id(response: Response) -> str:
    found = response.headers.get("X-Tt-Logid", "")
    return f", log id {found[:80]}" if found else ""


def _sub_code(response: Response) -> str:
    found = re.search(r"ErrCode: ?(\d+)", text(response.data, "msg"))
    return f" with {found[1]}" if found else ""
