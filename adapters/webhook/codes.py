"""What the platforms answer to a webhook: HTTP 200 even when they refuse, a code in the body."""

from adapters.base import (
    AdapterError,
    NetworkError,
    RateLimited,
    SendRefused,
    SetupRefused,
    Unconfirmed,
)
from adapters.codes import Codes, Meaning, all_mean
from adapters.payload import text
from adapters.rest import Response
from adapters.webhook.settings import Platform


def _setup(words: str, zh: str) -> Meaning:
    return Meaning(words, SetupRefused, zh=zh)


_CHECK_URL = _setup(
    "the robot is gone or `url` is wrong: copy its address again",
    "机器人已被移除，或 `url` 不对：请重新复制它的地址",
)
_KEYWORDS = _setup(
    "no keyword of its security settings occurs in the message: use a signature instead",
    "消息里没有安全设置要求的关键词：请改用签名校验",
)
_ADDRESSES = _setup(
    "its security settings don't allow this machine's address",
    "安全设置里的 IP 白名单不包括这台机器",
)
_SIGNATURE = _setup(
    "the signature does not fit: look at `secret` and at this machine's clock",
    "签名不对：请检查 `secret` 和这台机器的时钟",
)
_SECURITY = _setup(
    "its security settings refuse the message: look at keywords, addresses, signature",
    "安全设置拒绝了消息：请检查关键词、IP 白名单和签名",
)
_TOO_LONG = Meaning("the message is too long")

_BUSY = {-1: Meaning("is busy", NetworkError)}
_FREQUENCY = Meaning("takes no more messages of this robot now", RateLimited, 2.0)
_BLOCKED = Meaning(_FREQUENCY.words, RateLimited, 600.0)
"""DingTalk shuts a robot up for ten minutes."""

CODES: dict[Platform, Codes] = {
    "lark": {
        **_BUSY,
        9499: Meaning("the message is malformed or too long"),
        11232: _FREQUENCY,
        19001: _CHECK_URL,
        19021: _SIGNATURE,
        19022: _ADDRESSES,
        19024: _KEYWORDS,
        19036: _TOO_LONG,
    },
    "dingtalk": {
        **_BUSY,
        **all_mean((300005, 400101, 400106), _CHECK_URL),
        **all_mean((410100, 130101), _BLOCKED),
        310000: _SECURITY,
        400013: _setup("the group is gone", "群已经不在了"),
        400102: _setup(
            "the robot is stopped: start it in the group's settings",
            "机器人被停用：请在群设置里启用",
        ),
        430101: Meaning("its check of contents forbids a link"),
        430102: Meaning("its check of contents forbids the text"),
        430103: Meaning("its check of contents forbids a picture"),
        430104: Meaning("its check of contents forbids the message"),
        460101: _TOO_LONG,
    },
    "wecom": {
        **_BUSY,
        40058: _TOO_LONG,
        44004: Meaning("the message is empty"),
        45009: Meaning(_FREQUENCY.words, RateLimited, 60.0),
        45033: _FREQUENCY,
        93000: _CHECK_URL,
    },
}
_UNKNOWN = Meaning("look this code up in the platform's documentation")

_THROTTLED = 1111
_REASONS = (("签名", _SIGNATURE), ("关键词", _KEYWORDS), ("ip", _ADDRESSES))


def code_of(platform: Platform, response: Response) -> int | None:
    """The platform's code, 0 for obeyed; None where the answer holds none."""
    data = response.data
    names = ("code", "StatusCode") if platform == "lark" else ("errcode",)
    code = next((data[name] for name in names if name in data), None)
    if code is None and platform == "dingtalk" and data.get("status") == _THROTTLED:
        return 130101
    return code if type(code) is int else None


def result_of(platform: Platform, response: Response) -> str:
    """What is counted."""
    code = code_of(platform, response)
    return "ok" if code == 0 else f"HTTP {response.status}" if code is None else str(code)


def refusal(platform: Platform, response: Response) -> AdapterError | None:
    """None where the message was posted, else why it was not."""
    code = code_of(platform, response)
    if code is None:
        return _without_code(platform, response.status)
    if code == 0:
        return None
    said = (text(response.data, "msg") or text(response.data, "errmsg")).lower()
    meaning = CODES[platform].get(code, _UNKNOWN)
    if platform == "lark" and code == 9499 and "frequency" in said:
        meaning = _FREQUENCY
    if code == 310000:
        meaning = next((why for mark, why in _REASONS if mark in said), meaning)
    refuses = "refuses the message " if issubclass(meaning.error, SendRefused) else ""
    text_of_it = f"{refuses}({code}): {meaning.words}" if refuses else f"{meaning.words} ({code})"
    return meaning.as_error(f"{platform} {text_of_it}", code)


def _without_code(platform: Platform, status: int) -> AdapterError:
    if status == 429:
        return RateLimited(f"{platform} takes no more requests now (HTTP 429)", 60.0)
    if status == 503:
        return NetworkError(f"{platform} is out of order (HTTP 503)")
    if status >= 500 or status == 200:
        return Unconfirmed(f"{platform} answers with HTTP {status} and says nothing")
    if 300 <= status < 400:
        return SendRefused(f"{platform} wants the message elsewhere (HTTP {status}), not followed")
    return _CHECK_URL.as_error(
        f"{platform} refuses the message (HTTP {status}): {_CHECK_URL.words}", f"HTTP {status}"
    )
