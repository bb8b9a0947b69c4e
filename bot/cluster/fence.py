"""A store for who holds a lane, or all of it: each unit of work proves first that this is so."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from bot.store.database import Connection, Database, Fence, StoreError
from common.texts import Said

P = ParamSpec("P")
T = TypeVar("T")


class LeaseLost(StoreError):
    """Somebody else has it by now: nothing was written."""


class FencedDatabase(Database):
    """The database of who `holds` something, and what is to be said where that is lost."""

    def __init__(self, database: Database, holds: Fence, lost: Said) -> None:
        self._database, self._holds, self._lost = database, holds, lost

    @property
    def failures(self) -> int:  # type: ignore[override]  # read-only here
        """What could not be read or stored."""
        return self._database.failures

    @property
    def problem(self) -> Said | None:  # type: ignore[override]  # read-only here
        """Why the last change could not be stored."""
        return self._database.problem

    async def run(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `Database.run`. Raises LeaseLost, and then the work was not begun."""
        found = await self._database.run_held(self._holds, work, *args, **kwargs)
        if found is None:
            error = LeaseLost(self._lost.en)
            error.zh = self._lost.zh
            raise error
        return found[0]

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`: who has lost it does not read on either."""
        return await self.run(work, *args, **kwargs)

    async def fold(self) -> None:
        """See `Database.fold`."""
        await self._database.fold()
