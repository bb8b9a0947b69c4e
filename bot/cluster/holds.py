"""What only one process may have, kept while this one is well: the connection of an adapter, the
work of the scheduler."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from bot.store.cluster.leases import hold
from bot.store.database import Database, StoreError

log = logging.getLogger(__name__)

HOLD_S = 7.5
"""A process that was not heard of for so long has lost what it held."""


class Holds:
    """Takes `names` for `holder` as far as they are free, and keeps them."""

    def __init__(
        self, names: Sequence[str], database: Database, holder: str, hold_s: float = HOLD_S
    ) -> None:
        self.names, self.holder = names, holder
        self._database, self._hold_s = database, hold_s
        self._tokens: dict[str, int] = {}
        self._until = 0.0
        self._changed = asyncio.Event()

    def token(self, name: str) -> int | None:
        """The token by which it is held now; None where it is not, or perhaps not any more."""
        return self._tokens.get(name) if time.monotonic() < self._until else None

    @property
    def held(self) -> list[str]:
        """What is held now."""
        return [name for name in self.names if self.token(name) is not None]

    async def run(self) -> None:
        """Keeps them until cancelled."""
        while True:
            await self.renew()
            await asyncio.sleep(self._hold_s / 3)

    async def renew(self) -> None:
        """Takes and keeps what is free; nothing where the store fails."""
        asked = time.monotonic()
        try:
            tokens = await self._database.run(hold, self.names, self.holder, self._hold_s)
        except StoreError as error:
            log.error("what this process holds could not be kept: %s", error)
        else:
            if tokens != self._tokens:
                log.info("holds %s", ", ".join(tokens) or "nothing")
            # Counted from before it was asked for: never longer than the database counts.
            self._tokens, self._until = tokens, asked + self._hold_s
        self._changed.set()

    async def while_held(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does the work whenever it is held, and cancels it when it is not any more; until
        cancelled."""
        while True:
            while self.token(name) is None:
                await self._look()
            working = asyncio.ensure_future(work())
            try:
                while self.token(name) is not None and not working.done():
                    await asyncio.wait({working}, timeout=self._hold_s / 9)
            finally:
                working.cancel()
                await asyncio.wait({working})
            if not working.cancelled():
                working.result()

    async def _look(self) -> None:
        self._changed.clear()
        await self._changed.wait()
