"""What WeCom's codes mean for a command that it refused."""

from adapters.base import AdapterError, LoginRefused, NetworkError, RateLimited, SendRefused
from adapters.wecom.socket import NOT_SUBSCRIBED, WRONG_SECRET

TOO_MANY, AT_ONCE = 45009, 45033
STALE_REQUEST, STALE_STREAM = 846605, 846608
GONE = frozenset({STALE_REQUEST, STALE_STREAM})
"""This can't be answered in place any more; a push may still say it."""

BLOCK_S = 60.0
"""How long a chat stays shut after too many messages."""

_REFUSED = {
    40007: "it does not know the file",
    40008: "it does not know this kind of message",
    40058: "the message is malformed or too long",
    40201: "its check of contents forbids it",
    846607: "nobody in this chat has spoken to the bot yet",
}


def refusal(code: int) -> AdapterError:
    """The error for a code other than 0."""
    if code == TOO_MANY:
        return RateLimited("WeCom takes no more messages for this chat now (45009)", BLOCK_S)
    if code == AT_ONCE:
        return RateLimited("WeCom takes fewer messages at once (45033)", 2.0)
    if code == -1:
        return NetworkError("WeCom is busy (-1)")
    if code == NOT_SUBSCRIBED:
        return NetworkError("WeCom wants the bot to sign in again (846609)")
    if code == WRONG_SECRET:
        return LoginRefused("WeCom refuses bot_id and secret (853000)")
    return SendRefused(
        f"WeCom refuses the message: {_REFUSED.get(code, 'unknown reason')} ({code})"
    )
