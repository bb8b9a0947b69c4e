"""A database that goes away and comes back."""

from collections.abc import Callable
from typing import TypeVar

from bot.store.database import Connection, StoreError
from bot.store.engines.base import Engine

T = TypeVar("T")


class Failing:
    """An engine whose database is away while `away` says so."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.away, self.failures = engine, False, 0

    def transact(self, work: Callable[[Connection], T]) -> tuple[T, bool]:
        if self.away:
            self.failures += 1
            raise StoreError("the database is away")
        return self.engine.transact(work)

    def fold(self) -> None:
        self.engine.fold()

    def close(self) -> None:
        self.engine.close()
