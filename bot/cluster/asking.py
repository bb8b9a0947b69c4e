"""Asks the process that holds something to do what only it can, and waits for what came of it."""

import asyncio
from typing import Any

from adapters.base import NetworkError
from bot.cluster.wakes import Wakes
from bot.store.cluster.calls import RESULTS, Call, Outcome, ask, outcome, take_back
from bot.store.cluster.payloads import error_of
from bot.store.database import Database


async def asked(database: Database, wakes: Wakes, call: Call, wait_s: float) -> Any:
    """What the call brought; asked again under the same key it brings the same. Raises AdapterError
    as its holder did, NetworkError where nothing came in time, and StoreError."""
    with wakes.listening(RESULTS, call.key) as news:
        found = await database.run(ask, call)
        try:
            async with asyncio.timeout(wait_s):
                while found is None:
                    await wakes.until(news)
                    found = await database.run(outcome, call.key)
        except TimeoutError:
            found = await _given_up(database, call)
    if found.error:
        raise error_of(found.error)
    return found.value


async def _given_up(database: Database, call: Call) -> Outcome:
    if await database.run(take_back, call.key):
        name = call.target.lstrip(":")
        raise NetworkError(f"no process holds {name}; is a receiver and a scheduler up?")
    found = await database.run(outcome, call.key)
    if found is None:
        # Asked for again under its key, it brings what became of it.
        raise NetworkError(f"{call.target} has not answered yet")
    return found
