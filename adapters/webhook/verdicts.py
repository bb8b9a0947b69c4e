"""What the platforms answer to a webhook: HTTP 200 even when they refuse, a code in the body."""

from collections.abc import Mapping
from typing import Any

from adapters.base import AdapterError, NetworkError, RateLimited, SendRefused, Unconfirmed
from adapters.rest import Response
from adapters.webhook.settings import Platform

_CHECK_URL = "the robot is gone or `url` is wrong: copy its address again"
_KEYWORDS = "no keyword of its security settings occurs in the message: use a signature instead"
_ADDRESSES = "its security settings don't allow this machine's address"
_SIGNATURE = "the signature does not fit: look at `secret` and at this machine's clock"
_TOO_LONG = "the message is too long"

_REFUSED: dict[Platform, dict[int, str]] = {
    "lark": {
        9499: "the message is malformed or too long",
        19001: _CHECK_URL,
        19021: _SIGNATURE,
        19022: _ADDRESSES,
        19024: _KEYWORDS,
        19036: _TOO_LONG,
    },
    "dingtalk": {
        300005: _CHECK_URL,
        310000: "its security settings refuse the message: look at keywords, addresses, signature",
        400013: "the group is gone",
        400101: _CHECK_URL,
        400102: "the robot is stopped: start it in the group's settings",
        400106: _CHECK_URL,
        430101: "its check of contents forbids a link",
        430102: "its check of contents forbids the text",
        430103: "its check of contents forbids a picture",
        430104: "its check of contents forbids the message",
        460101: _TOO_LONG,
    },
    "wecom": {
        40058: _TOO_LONG,
        44004: "the message is empty",
        93000: _CHECK_URL,
    },
}
_LIMITED: dict[Platform, dict[int, float]] = {
    "lark": {11232: 2.0},
    "dingtalk": {410100: 600.0, 130101: 600.0},
    "wecom": {45009: 60.0, 45033: 2.0},
}
"""Seconds to wait; DingTalk shuts a robot up for ten minutes."""

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


def refusal(platform: Platform, response: Response) -> AdapterError | None:
    """None where the message was posted, else why it was not."""
    code = code_of(platform, response)
    if code is None:
        return _without_code(platform, response.status)
    if code == 0:
        return None
    if code == -1:
        return NetworkError(f"{platform} is busy (-1)")
    limited = _LIMITED[platform].get(code)
    if platform == "lark" and code == 9499 and "frequency" in _words(response.data):
        limited = _LIMITED["lark"][11232]
    if limited is not None:
        return RateLimited(f"{platform} takes no more messages of this robot now ({code})", limited)
    return SendRefused(f"{platform} refuses the message ({code}): {_why(platform, code, response)}")


def _why(platform: Platform, code: int, response: Response) -> str:
    if code == 310000:
        words = _words(response.data)
        return next((why for mark, why in _REASONS if mark in words), _REFUSED[platform][code])
    return _REFUSED[platform].get(code, "look this code up in the platform's documentation")


def _words(data: Mapping[str, Any]) -> str:
    return str(data.get("msg") or data.get("errmsg") or "").lower()


def _without_code(platform: Platform, status: int) -> AdapterError:
    if status == 429:
        return RateLimited(f"{platform} takes no more requests now (HTTP 429)", 60.0)
    if status == 503:
        return NetworkError(f"{platform} is out of order (HTTP 503)")
    if status >= 500 or status == 200:
        return Unconfirmed(f"{platform} answers with HTTP {status} and says nothing")
    if 300 <= status < 400:
        return SendRefused(f"{platform} wants the message elsewhere (HTTP {status}), not followed")
    return SendRefused(f"{platform} refuses the message (HTTP {status}): {_CHECK_URL}")
