"""A platform as a worker sees it: what is asked of it goes through the store to the process that
holds the connection, see `calls.py`."""

import asyncio
import logging
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from adapters.base import (
    AdapterError,
    Decision,
    IncomingMessage,
    LinkStatus,
    Picture,
    Publish,
    Reply,
)
from adapters.contract import Adapter
from bot.cluster.asking import asked
from bot.cluster.wakes import Wakes
from bot.store.cluster.calls import Call, ask
from bot.store.cluster.payloads import message_of, pictures_of
from bot.store.database import Database

log = logging.getLogger(__name__)

WAIT_S = 25.0
"""So long the holder of a connection is waited for: less than the outbox gives an attempt."""

REREAD_S = 5.0
"""What can't be read again by then counts as it is known."""

PICTURES_S = 15.0
"""Without pictures that are not there by then it is answered."""


class RemoteAdapter(Adapter):
    """Stands for `model`, an adapter of this configuration that is never opened here. `database` is
    the lane's own: who lost the lane can ask for nothing. `links` tells how connections are."""

    resend_s = math.inf  # a call is known by its reply's key, and carried out once
    finite = False

    def __init__(
        self,
        model: Adapter,
        database: Database,
        wakes: Wakes,
        links: Callable[[str], LinkStatus],
        wait_s: float = WAIT_S,
    ) -> None:
        self.name, self.names_only = model.name, model.names_only
        self._wait_s = wait_s
        self._model, self._database, self._wakes, self._links = model, database, wakes, links

    @property
    def platform(self) -> type[Adapter]:
        """That of the adapter which it stands for."""
        return self._model.platform

    async def run(self, publish: Publish) -> None:
        """What comes in comes through the store."""
        del publish
        await asyncio.Event().wait()

    def link(self) -> LinkStatus:
        """As whoever holds it said last."""
        return self._links(self.name)

    def copies(self, adapter: str, group: str) -> bool:
        """As configured."""
        return self._model.copies(adapter, group)

    async def send(self, reply: Reply) -> str:
        """See `Adapter.send`; asked again under the same key it brings the same result."""
        return str(await self._result(f"send {reply.key}", "send", {"reply": asdict(reply)}))

    async def recall(self, group: str, message_id: str) -> None:
        """See `Adapter.recall`."""
        asked = {"group": group, "message_id": message_id}
        await self._result(f"recall {self.name} {message_id}", "recall", asked)

    async def reread(self, message: IncomingMessage) -> IncomingMessage | None:
        """See `Adapter.reread`; the message as it is known where nobody reads it in time."""
        if not self._has("reread"):
            return message
        try:
            found = await self._read("reread", message, REREAD_S)
        except AdapterError:
            return message
        return None if found is None else message_of(found)

    async def pictures(self, message: IncomingMessage) -> Sequence[Picture]:
        """See `Adapter.pictures`; none where they can't be had in time."""
        if not self._has("pictures"):
            return ()
        try:
            return pictures_of(await self._read("pictures", message, PICTURES_S))
        except AdapterError as error:
            log.info("%s: no picture of %s: %s", self.name, message.message_id, error)
            return ()

    async def thinking(self, group: str, message_id: str, *, on: bool) -> None:
        """Told, and not waited for."""
        if self._has("thinking"):
            await self._tell("thinking", {"group": group, "message_id": message_id, "on": on})

    async def show(self, decision: Decision) -> None:
        """Told, and not waited for."""
        if self._has("show"):
            await self._tell("show", {"decision": asdict(decision)})

    def _has(self, method: str) -> bool:
        """Does the platform do more than every adapter does?"""
        return getattr(type(self._model), method) is not getattr(Adapter, method)

    async def _read(self, method: str, message: IncomingMessage, wait_s: float) -> Any:
        asked = {"message": asdict(message)}
        return await self._result(f"{method} {uuid.uuid4().hex}", method, asked, wait_s)

    async def _tell(self, method: str, payload: dict[str, Any]) -> None:
        key = f"{method} {uuid.uuid4().hex}"
        call = Call(key=key, target=self.name, method=method, payload=payload)
        await self._database.run(ask, call)

    async def _result(
        self, key: str, method: str, payload: dict[str, Any], wait_s: float | None = None
    ) -> Any:
        """What the call brought. Raises AdapterError as the platform did, and StoreError."""
        call = Call(key=key, target=self.name, method=method, payload=payload)
        return await asked(self._database, self._wakes, call, wait_s or self._wait_s)
