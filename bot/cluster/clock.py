"""The time of all who share a store: the database's, whatever the clocks of their machines say."""

import time
from collections.abc import Callable

from bot.store.database import Database, server_now
from common.clock import SystemClock


class DatabaseClock(SystemClock):
    """The database's time as this process knows it: what has passed here since it was last asked,
    which no setting of the machine's clock changes. `steady` tells seconds that pass."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        super().__init__(wall=lambda: steady() + self._ahead_s, steady=steady)
        self._ahead_s = 0.0
        self._known = False

    async def learn(self, database: Database) -> None:
        """Asks the database; nothing may look at this clock before that was done once. Raises
        StoreError."""
        before = self._steady()
        told = await database.run(server_now)
        self.told(before, told, self._steady())

    def told(self, before: float, told: float, after: float) -> None:
        """The database said its time between two looks at the seconds that pass here. What is known
        stays as far as that allows it: an answer that took long says little."""
        least, most = told - after, told - before
        known = self._ahead_s if self._known else (least + most) / 2
        self._ahead_s, self._known = min(max(known, least), most), True
