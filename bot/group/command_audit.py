"""The work of a command, and what it changed for the audit log: by whom, before and after."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from adapters.base import IncomingMessage
from bot.group.command_parser import FORGET, ME, CommandMessage
from bot.store.store import Store, StoreError
from bot.texts.notices import notice
from bot.types import Group
from common.clock import Clock

log = logging.getLogger(__name__)

CHANGING = ("reload", "mute", "unmute", "recall", "bind", "unbind", "gate", "mode", FORGET)
"""The others only tell."""


def sender(message: IncomingMessage) -> str:
    """The login that sent it, or the person on the platform."""
    return message.login or f"{message.adapter}:{message.user}"


async def obeyed(
    store: Store,
    clock: Clock,
    sent: CommandMessage,
    work: Callable[[CommandMessage], Awaitable[str]],
) -> str:
    """Does the work of a command and returns the line to answer with. Raises StoreError: then it
    stands in the store as it was, and is taken up again."""
    try:
        return await _audited(store, clock, sent, work)
    except StoreError:
        raise
    except Exception as error:
        # One of the few places for a broad except: a bug would end the bot, and as the command
        # would still be undecided, its next start too.
        log.exception("obeying %s in %s failed", sent.command.name, sent.group)
        return notice("a_bug", sent.chinese, error=type(error).__name__)


async def _audited(
    store: Store,
    clock: Clock,
    sent: CommandMessage,
    work: Callable[[CommandMessage], Awaitable[str]],
) -> str:
    """Does it and records it, where it changes something."""
    name, argument = sent.command.name, sent.command.argument
    if name not in CHANGING or (name in ("gate", "mode", FORGET) and not argument):
        return await work(sent)
    if name == FORGET:
        if argument.lower() == ME:
            return await work(sent)  # it would say who it was
        argument = ""
    before = await _state(store, clock, name, sent.group)
    line = await work(sent)
    after = await _state(store, clock, name, sent.group)
    await store.add_audit(
        at=clock.now(),
        who=sender(sent.message),
        action=f"/{name} {argument}".strip(),
        target=":".join(sent.group),
        before=before,
        after=after,
    )
    return line


async def _state(store: Store, clock: Clock, name: str, group: Group) -> str | None:
    """What the command sets, as it is now."""
    match name:
        case "mode":
            return (await store.group_mode(*group))[0] or "default"
        case "mute" | "unmute":
            until = await store.muted_until(*group, clock.now())
            return f"muted until {_shown(until)}" if until else "not muted"
        case "bind" | "unbind":
            return ", ".join(await store.bound_sources(*group)) or "all sources"
        case _:
            return None


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="minutes")
