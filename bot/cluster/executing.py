"""Carries out what other processes ask of the connections, or of the scheduler, that this one
holds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from adapters.base import AdapterError, Decision, NetworkError, Reply, Unconfirmed
from adapters.contract import Adapter
from bot.cluster.holds import Holds
from bot.cluster.wakes import Wakes
from bot.store.cluster.calls import CALLS, Call, Outcome, finish, take_calls
from bot.store.cluster.payloads import error_fields, message_of, picture_fields
from bot.store.database import Database, StoreError
from common.tasks import Tasks

log = logging.getLogger(__name__)

AT_ONCE = 64
SEND_S, CALL_S = 18.0, 20.0
"""A platform that has not answered by then is taken for unreachable."""

Method: TypeAlias = Callable[[Call], Awaitable[Any]]
"""Carries out one kind of call; returns what JSON can hold. Raises AdapterError."""

_REPLY, _DECISION = TypeAdapter(Reply), TypeAdapter(Decision)


class Executor:
    """`targets` are what may be held here, each with its methods by name; none may take longer than
    `most_s`."""

    def __init__(
        self,
        targets: Mapping[str, Mapping[str, Method]],
        database: Database,
        holds: Holds,
        wakes: Wakes,
        tasks: Tasks,
        most_s: float = CALL_S,
    ) -> None:
        self._targets, self._database, self._holds = targets, database, holds
        self._wakes, self._tasks, self._most_s = wakes, tasks, most_s
        self._free = asyncio.Semaphore(AT_ONCE)

    async def run(self, target: str) -> None:
        """Takes the calls of one target while it is held; until cancelled."""
        with self._wakes.listening(CALLS, target) as news:
            while True:
                try:
                    begun = await self._begin(target)
                except StoreError as error:
                    log.error("the calls of %s wait for the store: %s", target, error)
                    begun = 0
                if not begun:
                    await self._wakes.until(news)

    async def _begin(self, target: str) -> int:
        token = self._holds.token(target)
        if token is None:
            return 0
        async with self._free:  # nothing is begun that can't be carried out now
            holder = self._holds.holder
            within_s = 2 * self._most_s  # who asks waits for less
            calls = await self._database.run(
                take_calls, target, token, holder, 1, within_s=within_s
            )
        for call in calls:
            await self._free.acquire()
            self._tasks.spawn(self._carry_out(call, token))
        return len(calls)

    async def _carry_out(self, call: Call, token: int) -> None:
        try:
            found = await self._outcome(call)
        finally:
            self._free.release()
        # Nobody takes over what seems to be under way here, and who asked would never know.
        telling = partial(self._database.run, finish, call.key, token, found)
        await self._wakes.until_stored(telling, f"what came of {call.key} can't be told")

    async def _outcome(self, call: Call) -> Outcome:
        method = self._targets[call.target].get(call.method)
        if method is None:
            return _failed(
                AdapterError(f"{call.target} knows no {call.method}: is another version up?")
            )
        work = asyncio.ensure_future(method(call))
        await asyncio.wait({work}, timeout=self._most_s)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
            return _failed(Unconfirmed(f"{call.target} did not answer in time"))
        error = work.exception()
        if error is None:
            return Outcome(value=work.result())
        if not isinstance(error, AdapterError):
            log.error("%s of %s failed", call.method, call.target, exc_info=error)
            error = Unconfirmed(f"a bug: {type(error).__name__}")
        return _failed(error)


def _failed(error: AdapterError) -> Outcome:
    """It may be asked for again only where it is certain that nothing was done."""
    return Outcome(error=error_fields(error), final=isinstance(error, Unconfirmed))


def methods_of(adapter: Adapter) -> Mapping[str, Method]:
    """What others may ask of an adapter."""
    return {
        name: partial(method, adapter)
        for name, method in (
            *(("send", _send), ("recall", _recall), ("reread", _reread)),
            *(("pictures", _pictures), ("thinking", _thinking), ("show", _show)),
        )
    }


async def _send(adapter: Adapter, call: Call) -> str:
    try:
        reply = _REPLY.validate_python(call.payload["reply"])
    except ValidationError as error:
        # Nothing was sent. It is asked for again, until a receiver is up that knows such replies.
        raise NetworkError("the receiver is of another version; update it") from error
    # It was begun by a process that is gone: the platform may have it.
    if call.begun_s is not None and call.begun_s > adapter.resend_s:
        raise Unconfirmed("it was being sent when its process stopped")
    try:
        async with asyncio.timeout(SEND_S):
            return await adapter.send(reply)
    except TimeoutError as error:
        kind = NetworkError if adapter.resend_s > 0 else Unconfirmed
        raise kind("the platform did not answer in time") from error


async def _recall(adapter: Adapter, call: Call) -> None:
    await adapter.recall(call.payload["group"], call.payload["message_id"])


async def _reread(adapter: Adapter, call: Call) -> dict[str, Any] | None:
    found = await adapter.reread(message_of(call.payload["message"]))
    return None if found is None else asdict(found)


async def _pictures(adapter: Adapter, call: Call) -> list[dict[str, str]]:
    return picture_fields(await adapter.pictures(message_of(call.payload["message"])))


async def _thinking(adapter: Adapter, call: Call) -> None:
    about = call.payload
    await adapter.thinking(about["group"], about["message_id"], on=about["on"])


async def _show(adapter: Adapter, call: Call) -> None:
    await adapter.show(_DECISION.validate_python(call.payload["decision"]))
