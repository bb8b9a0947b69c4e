"""A store for who holds a lane: each unit of work proves first that the lane is still theirs."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from bot.store.cluster.leases import Lane, proven
from bot.store.database import Connection, Database, StoreError
from common.texts import Said

P = ParamSpec("P")
T = TypeVar("T")


class LeaseLost(StoreError):
    """Somebody else has the group by now: nothing was written."""

    zh = "这个群已由另一个进程接管"


class FencedDatabase(Database):
    """The database of a lane's holder."""

    def __init__(self, database: Database, lane: Lane, holder: str) -> None:
        self._database, self._lane, self._holder = database, lane, holder

    @property
    def problem(self) -> Said | None:  # type: ignore[override] # read-only here
        """Why the last change could not be stored."""
        return self._database.problem

    async def run(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `Database.run`. Raises LeaseLost, and then the work was not begun."""

        def fenced(db: Connection) -> tuple[T] | None:
            if not proven(db, self._lane, self._holder):
                return None
            return (work(db, *args, **kwargs),)

        found = await self._database.run(fenced)
        if found is None:
            raise LeaseLost(f"the group {':'.join(self._lane.group)} has another holder by now")
        return found[0]

    async def fold(self) -> None:
        """See `Database.fold`."""
        await self._database.fold()
