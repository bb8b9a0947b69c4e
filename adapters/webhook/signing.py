"""How the platforms want webhooks signed. At the moment of sending: a signature lives an hour."""

import base64
import hashlib
import hmac


def lark_sign(timestamp_s: int, secret: str) -> str:
    """What is signed is the key, and the message is empty."""
    return _hmac(f"{timestamp_s}\n{secret}", "")


def dingtalk_sign(timestamp_ms: int, secret: str) -> str:
    """Bare: whoever puts it into an address has to encode it, once."""
    return _hmac(secret, f"{timestamp_ms}\n{secret}")


def _hmac(key: str, message: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
