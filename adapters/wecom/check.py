"""Walks through what a WeCom AI bot needs, for `check --adapter`."""

from collections.abc import AsyncIterator

from adapters.base import Finding, LoginRefused, NetworkError
from adapters.link import Link
from adapters.wecom.settings import Settings
from adapters.wecom.socket import Socket
from common.clock import Clock

TAKES_OVER = (
    "signing in now. WeCom allows one connection per bot: a HuixiangDou that is running with this "
    "bot_id loses its connection by this check and comes back by itself after five minutes"
)
UNSEEN = (
    "WeCom does not tell whether the bot stands in a group or who may see it: set its visible "
    "range in the administration (安全与管理 > 管理工具 > 智能机器人), and let a member add it to "
    "the group. Only messages that mention it arrive"
)


async def walk_through(settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    """Is the address reachable, are the credentials right, and what can't be known from here?"""
    socket = Socket(settings, clock, Link(clock))
    try:
        await socket.connect()
        yield Finding("ok", "the long connection can be opened")
        yield Finding("note", TAKES_OVER)
        await socket.sign_in()
        yield Finding("ok", "WeCom accepts bot_id and secret; the bot is set to long connection")
    except LoginRefused as error:
        yield Finding("bad", str(error))
    except NetworkError as error:
        yield Finding("bad", f"{error}; look at ws_url, proxy and the firewall (outbound 443)")
    else:
        yield Finding("note", UNSEEN)
    finally:
        await socket.close()
