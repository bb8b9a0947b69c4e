"""What DingTalk's answers mean: which error follows from a status and a code. Pure.

There are two kinds of API. The new one answers 4xx and 5xx with `{"code": "words", "message"}`;
the old one, to which the session webhooks belong, answers 200 with `{"errcode": number}`.
"""

import re
from collections.abc import Mapping
from typing import Any

from adapters.base import (
    AdapterError,
    LoginRefused,
    NetworkError,
    RateLimited,
    SendRefused,
    Unconfirmed,
)
from adapters.rest import Response

GROUP_PAUSE_S = 600.0
"""A robot that was too fast in a group is silenced there for ten minutes."""

CALL_PAUSE_S = 2.0
ADDRESS_PAUSE_S = 5.0

TOO_FAST_IN_GROUP = {130101, 410100}
TOO_MANY_CALLS = {90002, 90018}
QUOTA_GONE = {90020, 90030}
BAD_TOKEN = {"InvalidAuthentication", "40014", "88", "42001"}

REFUSED = {
    310000: "the security settings of the robot forbid the message",
    460101: "the message is too long",
    40035: "a parameter is missing",
}
"""What a session webhook says for good. All it says besides is taken for an expired session,
whose code is not documented."""

HINTS = (
    ("robotCode", "look at robot_code and the app's robot in the developer console"),
    ("bot.stopped", "the robot is switched off: publish the app's version again"),
    ("group.disbanded", "the group does not exist any more"),
    ("openConversationId", "the robot is not in this group, or belongs to another app"),
    ("tooLong", "the message is too long"),
    ("template", "look at card_template_id, and whether the template is published"),
)

_PERMISSION = re.compile(r"qyapi_\w+|[A-Z]\w+(?:\.[A-Z]\w+){1,3}")


class SessionGone(AdapterError):
    """A session webhook does not take messages any more; the message was not posted."""


class TokenRefused(AdapterError):
    """The access token is not valid any more; the call was not obeyed."""


class QuotaGone(SendRefused):
    """The calls that the organisation may make this month are used up."""


def code_of(response: Response) -> str:
    """What a platform answered, in a word, for the books: "ok", its code, or the status."""
    data = response.data
    code = data.get("errcode") if "errcode" in data else data.get("code")
    if code in (0, "0") or (code is None and response.status < 300 and data.get("status") != 1111):
        return "ok"
    return str(code if code is not None else data.get("status", response.status))[:64]


def api_problem(response: Response, *, repeatable: bool) -> AdapterError | None:
    """What went wrong with a call of the new API; None where nothing did."""
    code = code_of(response)
    if code == "ok" and response.status < 300:
        return None
    return (
        _throttled(response.data)
        or _token_problem(response.status, code)
        or _limits(response.status, code)
        or _server_problem(response.status, repeatable=repeatable)
        or SendRefused(f"DingTalk refused the call: {code}{_hint(code, response.data)}")
    )


def session_problem(response: Response) -> AdapterError | None:
    """What went wrong with a message to a session webhook; None where nothing did."""
    found = response.data.get("errcode")
    code = found if isinstance(found, int) else None
    if code == 0:
        return None
    if throttled := _throttled(response.data):
        return throttled
    if code in TOO_FAST_IN_GROUP:
        return RateLimited("the robot was too fast in this group", GROUP_PAUSE_S)
    if code in QUOTA_GONE:
        return QuotaGone(f"the month's quota of session webhooks is used up ({code})")
    if code in TOO_MANY_CALLS or response.status == 429:
        return RateLimited(f"DingTalk asks to slow down ({code})", CALL_PAUSE_S)
    if code in REFUSED:
        return SendRefused(f"{REFUSED[code]} ({code})")
    if code == -1 or response.status >= 500 or (code is None and response.status < 400):
        return Unconfirmed(f"nobody knows whether it was posted ({response.status}, {code})")
    return SessionGone(f"the session webhook is not valid any more ({code})")


def login_problem(response: Response) -> AdapterError | None:
    """What went wrong with a request that carries the client's id and secret."""
    code = code_of(response)
    if code == "ok" and response.status < 300:
        return None
    return (
        _throttled(response.data)
        or _limits(response.status, code)
        or _server_problem(response.status, repeatable=True)
        or LoginRefused(
            f"DingTalk refuses client_id or client_secret ({code}); both stand in the developer "
            "console under Credentials and Basic Information"
        )
    )


def missing_permissions(response: Response) -> list[str]:
    """The permissions that a refusal names, such as qyapi_robot_sendmsg."""
    if "Permission" not in code_of(response):
        return []
    return _PERMISSION.findall(str(response.data.get("message", ""))) or ["?"]


def _throttled(data: Mapping[str, Any]) -> AdapterError | None:
    """The answer of the gate in front of the API, which shuts out addresses that ask too much."""
    if data.get("status") != 1111:
        return None
    wait = data.get("wait")
    seconds = float(wait) if isinstance(wait, int | float) else 0.0
    return RateLimited(
        "DingTalk shuts out this machine's address for a while",
        min(max(seconds, ADDRESS_PAUSE_S), GROUP_PAUSE_S),
    )


def _token_problem(status: int, code: str) -> AdapterError | None:
    if status == 401 or code in BAD_TOKEN:
        return TokenRefused(f"the access token is not valid ({code})")
    return None


def _limits(status: int, code: str) -> AdapterError | None:
    if "ApiCountLimit" in code or code == "90020":
        return QuotaGone(f"the organisation's API calls of this month are used up ({code})")
    if status == 429 or "QpsLimit" in code or code in {"90002", "90018"}:
        return RateLimited(f"DingTalk asks to slow down ({code})", CALL_PAUSE_S)
    return None


def _server_problem(status: int, *, repeatable: bool) -> AdapterError | None:
    if status < 500:
        return None
    # 503 says that nothing was done; of the others nobody knows.
    error = NetworkError if repeatable or status == 503 else Unconfirmed
    return error(f"DingTalk answers {status}")


def _hint(code: str, data: Mapping[str, Any]) -> str:
    for word, hint in HINTS:
        if word.lower() in code.lower():
            return f"; {hint}"
    if "Permission" in code:
        names = ", ".join(_PERMISSION.findall(str(data.get("message", ""))))
        return f"; grant the app the permission {names} in the developer console"
    return ""
