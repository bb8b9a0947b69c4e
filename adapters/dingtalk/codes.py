"""What DingTalk's answers mean: which error follows from a status and a code. Pure.

There are two kinds of API. The new one answers 4xx and 5xx with `{"code": "words", "message"}`;
the old one, to which the session webhooks belong, answers 200 with `{"errcode": number}`.
"""

import re

from adapters.base import (
    AdapterError,
    LoginRefused,
    NetworkError,
    QuotaGone,
    RateLimited,
    SendRefused,
    SetupRefused,
    Unconfirmed,
)
from adapters.codes import Codes, Meaning, all_mean
from adapters.payload import Json, number, text
from adapters.rest import Response, TokenRefused

GROUP_PAUSE_S = 600.0
"""A robot that was too fast in a group is silenced there for ten minutes."""
ADDRESS_PAUSE_S = 5.0
THROTTLED = 1111
"""`status` of the gate in front of the API, which shuts out addresses that ask too much."""


class SessionGone(AdapterError):
    """A session webhook does not take messages any more; the message was not posted."""


_SLOW_DOWN = Meaning("DingTalk asks to slow down", RateLimited, 2.0)
_TOO_FAST = Meaning("the robot was too fast in this group", RateLimited, GROUP_PAUSE_S)
QUOTA = Meaning(
    "the month's quota of the organisation is used up: wait for the next month, or buy more in the "
    "administration",
    QuotaGone,
    zh="组织本月的调用额度已用完：等下个月，或在管理后台购买",
)
_TOKEN = Meaning("the access token is not valid", TokenRefused)
_LOGIN = Meaning(
    "both stand in the developer console under Credentials and Basic Information",
    LoginRefused,
    zh="钉钉拒绝登录：请检查 client_id 和 client_secret，它们在开发者后台的“凭证与基础信息”里",
)

SESSION_CODES: Codes = {
    **all_mean((130101, 410100), _TOO_FAST),
    **all_mean((90002, 90018), _SLOW_DOWN),
    **all_mean((90020, 90030), QUOTA),
    310000: Meaning(
        "the security settings of the robot forbid the message",
        SetupRefused,
        zh="机器人的安全设置拒绝了消息",
    ),
    460101: Meaning("the message is too long"),
    40035: Meaning("a parameter is missing"),
    -1: Meaning("nobody knows whether it was posted", Unconfirmed),
}
"""All that a session webhook says besides is taken for an expired session, whose code is not
documented."""

API_CODES = {"40014": _TOKEN, "88": _TOKEN, "42001": _TOKEN}
API_CODES |= {"90020": QUOTA, "90002": _SLOW_DOWN, "90018": _SLOW_DOWN}
API_WORDS = (
    ("InvalidAuthentication", _TOKEN),
    ("ApiCountLimit", QUOTA),
    ("QpsLimit", _SLOW_DOWN),
    (
        "robotCode",
        Meaning(
            "look at robot_code and the app's robot in the developer console",
            SetupRefused,
            zh="请检查 robot_code 和开发者后台里这个应用的机器人",
        ),
    ),
    (
        "bot.stopped",
        Meaning(
            "the robot is switched off: publish the app's version again",
            SetupRefused,
            zh="机器人已停用：请重新发布应用版本",
        ),
    ),
    ("group.disbanded", Meaning("the group does not exist any more")),
    ("openConversationId", Meaning("the robot is not in this group, or belongs to another app")),
    ("tooLong", Meaning("the message is too long")),
    (
        "template",
        Meaning(
            "look at card_template_id, and whether the template is published",
            SetupRefused,
            zh="请检查 card_template_id，以及模板是否已发布",
        ),
    ),
)
"""By a part of the code."""

_PERMISSION = re.compile(r"qyapi_\w+|[A-Z]\w+(?:\.[A-Z]\w+){1,3}")


def code_of(response: Response) -> str:
    """What a platform answered, in a word, for the books: "ok", its code, or the status."""
    data = response.data
    code = data.get("errcode") if "errcode" in data else data.get("code")
    status = data.get("status", response.status)
    if code in (0, "0") or (code is None and response.status < 300 and status != THROTTLED):
        return "ok"
    return str(status if code is None else code)[:64]


def api_problem(
    response: Response, *, repeatable: bool, login: bool = False
) -> AdapterError | None:
    """What went wrong with a call of the new API, or with a `login`, which carries the client's id
    and secret; None where nothing did."""
    code, status = code_of(response), response.status
    if code == "ok" and status < 300:
        return None
    if throttled := _throttled(response.data):
        return throttled
    meaning = _meaning(code, status, response.data)
    if not issubclass(meaning.error, SendRefused) and not (login and meaning is _TOKEN):
        return meaning.as_error(f"{meaning.words} ({code})", code)
    if status >= 500:
        # 503 says that nothing was done; of the others nobody knows.
        error = NetworkError if repeatable or status == 503 else Unconfirmed
        return error(f"DingTalk answers {status}")
    if login:
        return _LOGIN.as_error(
            f"DingTalk refuses client_id or client_secret ({code}); {_LOGIN.words}", code
        )
    return meaning.as_error(f"DingTalk refused the call: {code}; {meaning.words}", code)


def session_problem(response: Response) -> AdapterError | None:
    """What went wrong with a message to a session webhook; None where nothing did."""
    found = response.data.get("errcode")
    code = found if isinstance(found, int) else None
    if code == 0:
        return None
    if throttled := _throttled(response.data):
        return throttled
    meaning = _SLOW_DOWN if response.status == 429 else SESSION_CODES.get(code or 0)
    if meaning is None and (response.status >= 500 or (code is None and response.status < 400)):
        meaning = SESSION_CODES[-1]
    if meaning is None:
        return SessionGone(f"the session webhook is not valid any more ({code})")
    return meaning.as_error(f"{meaning.words} ({response.status}, {code})", code or "")


def missing_permissions(response: Response) -> list[str]:
    """The permissions that a refusal names, such as qyapi_robot_sendmsg."""
    if "Permission" not in code_of(response):
        return []
    return _PERMISSION.findall(text(response.data, "message")) or ["?"]


def _meaning(code: str, status: int, data: Json) -> Meaning:
    if status == 401:
        return _TOKEN
    if code in API_CODES:
        return API_CODES[code]
    for word, meaning in API_WORDS:
        if word.lower() in code.lower():
            return meaning
    if status == 429:
        return _SLOW_DOWN
    if "Permission" in code:
        names = ", ".join(_PERMISSION.findall(text(data, "message")))
        return Meaning(
            f"grant the app the permission {names} in the developer console",
            SetupRefused,
            zh=f"应用缺少权限 {names}：请在开发者后台的“权限管理”里添加",
        )
    return Meaning("look this code up in DingTalk's documentation")


def _throttled(data: Json) -> AdapterError | None:
    if data.get("status") != THROTTLED:
        return None
    pause_s = min(max(number(data, "wait"), ADDRESS_PAUSE_S), GROUP_PAUSE_S)
    return RateLimited("DingTalk shuts out this machine's address for a while", pause_s)
