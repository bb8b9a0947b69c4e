"""Lark's error codes, and what they mean for us. Errors are told by code: the HTTP status lies."""

import re

from adapters.base import (
    AdapterError,
    LoginRefused,
    NetworkError,
    RateLimited,
    SendRefused,
    SetupRefused,
)
from adapters.codes import Codes, Meaning, all_mean
from adapters.payload import text
from adapters.rest import Response, TokenRefused

LONGEST_PAUSE_S = 60.0


class Gone(SendRefused):
    """The message that the request is about is no longer there."""


class ScopeMissing(SetupRefused):
    """The app has not the permission; an administrator has to grant it."""


class ThreadRefused(SendRefused):
    """There is no thread to answer in."""


class CardRefused(SendRefused):
    """The platform can't show the card: it is too long, or holds something that is not shown."""


_TOO_MANY = Meaning("too many requests", RateLimited, 1.0)
_UNKNOWN = Meaning("nobody knows whether it was done; the same key tells", NetworkError)
_MUTED = Meaning("the group does not let the bot post")
_PARAMETER = Meaning("a parameter is wrong")
_SCOPE = Meaning(
    "a permission is missing: add it in the developer console under Permissions, publish a version "
    "and let the administrator approve it.",
    ScopeMissing,
    zh="缺少权限：请在开发者后台的“权限管理”里添加，发布版本并由管理员审核",
)

CODES: Codes = {
    **all_mean((99991400, 230020, 11232), _TOO_MANY),
    **all_mean((2200, 230049, 1000040343, 1), _UNKNOWN),
    **all_mean(
        (99991661, 99991663, 99991664, 99991665, 99991671),
        Meaning("the token was refused", TokenRefused),
    ),
    **all_mean((99991672, 99991679, 230027), _SCOPE),
    230011: Meaning("the message to answer was recalled", Gone),
    230110: Meaning("the message to answer was deleted", Gone),
    230050: Meaning("the bot can't see the message to answer", Gone),
    231003: Meaning("the message is gone", Gone),
    **all_mean((230071, 230019), Meaning("it can't be answered in a thread", ThreadRefused)),
    **all_mean(
        (230025, 230099, 200621, 300305, 11310), Meaning("the card was refused", CardRefused)
    ),
    230002: Meaning("the bot is not in this group"),
    232009: Meaning("the group was dissolved"),
    **all_mean((230018, 230035), _MUTED),
    230022: Meaning("the platform refused the words"),
    230028: Meaning("the company's data protection refused the words"),
    230026: Meaning("only messages of the bot itself can be withdrawn"),
    230009: Meaning("too old: the company's time limit for withdrawing messages has passed"),
    231001: Meaning("there is no such emoji"),
    **all_mean((230001, 99992402), _PARAMETER),
}


def code_of(response: Response) -> int | None:
    """The platform's code; None where it is not the platform that answered."""
    code = response.data.get("code")
    return code if isinstance(code, int) else None


def result_of(response: Response) -> str:
    """What is counted."""
    code = code_of(response)
    return "ok" if code == 0 else str(code or response.status)


def problem(call: str, response: Response) -> AdapterError | None:
    """What is wrong with an answer; None when all went well. Texts of the platform are quoted
    only where they can't hold what people wrote."""
    code = code_of(response)
    if code == 0:
        return None
    meaning = CODES.get(code or 0, Meaning("refused"))
    if response.status == 429:
        meaning = _TOO_MANY
    elif meaning is not _TOO_MANY and (code is None or response.status >= 500):
        meaning = Meaning(f"HTTP status {response.status}", NetworkError)
    more = _more(meaning, response)
    error = meaning.as_error(
        f"{call}: code {code}{_log_id(response)}: {meaning.words}{more}", code or "", more
    )
    if isinstance(error, RateLimited):
        error.retry_after_s = _pause(response, meaning.pause_s)
    return error


def login_problem(response: Response) -> AdapterError | None:
    """What is wrong with the answer to a request for a token."""
    found = problem("token", response)
    if found is None or isinstance(found, RateLimited | NetworkError):
        return found
    said = text(response.data, "msg")[:200]
    error = LoginRefused(f"{found} ({said}); look at app_id, app_secret and domain")
    error.code = found.code
    error.zh = f"平台拒绝登录（{found.code}）：请检查 app_id、app_secret 和 domain"
    return error


def _more(meaning: Meaning, response: Response) -> str:
    said = text(response.data, "msg")
    if meaning.error is ScopeMissing:
        return f" {said[:300]}"
    sub_code = re.search(r"ErrCode: ?(\d+)", said) if meaning.error is CardRefused else None
    return f" with {sub_code[1]}" if sub_code else ""


def _pause(response: Response, usual_s: float) -> float:
    asked = response.headers.get("x-ogw-ratelimit-reset", "")
    seconds = float(asked) if re.fullmatch(r"\d{1,6}(\.\d+)?", asked) else usual_s
    return min(max(seconds, 0.1), LONGEST_PAUSE_S)


def _log_id(response: Response) -> str:
    found = response.headers.get("X-Tt-Logid", "")
    return f", log id {found[:80]}" if found else ""
