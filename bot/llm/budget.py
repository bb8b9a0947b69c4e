"""What a day's calls took, in tokens and money, in all and per group, and what they may take."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bot.llm.settings import BudgetSettings, RemoteSettings
from bot.llm.types import Completion, Spent
from bot.types import Used
from common.clock import Clock

log = logging.getLogger(__name__)

Counts: TypeAlias = dict[tuple[str, str, str, str], Used]
"""By day, backend, model and group."""

MILLION = 1_000_000
READ_EVERY_S = 30.0
"""How often the books are read while calls go on: other processes may write into them, too."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens of a prompt, of those that came from a cache, and of what is written; 0
    where it is unknown or nothing. Where that of the cache is unknown, the full price counts."""

    prompt: float = 0.0
    cached: float = 0.0
    completion: float = 0.0

    @property
    def known(self) -> bool:
        """Is there any?"""
        return bool(self.prompt or self.completion)

    def of(self, prompt: float, cached: float, completion: float) -> float:
        """The price of so many tokens; the `cached` ones are among those of the prompt."""
        discount = cached * (self.prompt - self.cached) if self.cached else 0.0
        return (prompt * self.prompt - discount + completion * self.completion) / MILLION


def price_of(remote: RemoteSettings) -> Price:
    """The prices of the remote model."""
    return Price(remote.prompt_price, remote.cached_price, remote.completion_price)


@dataclass(frozen=True, slots=True)
class Books:
    """Where what calls took is kept: `add` adds to it, `read` gives all of a day (as "2026-01-31"),
    and either may fail with `failing`."""

    add: Callable[[Sequence[Used]], Awaitable[None]]
    read: Callable[[str], Awaitable[Sequence[Used]]]
    failing: type[Exception]


class Budget:
    """The calls of a day, by the clock of the machine. With `books` they are kept over a restart;
    without, a start begins at nothing."""

    def __init__(
        self,
        limits: BudgetSettings,
        prices: Mapping[str, Price],
        clock: Clock,
        books: Books | None = None,
    ) -> None:
        self._limits, self._prices, self._clock, self._books = limits, prices, clock, books
        self._writing = asyncio.Lock()
        self._read_at = 0.0
        self._kept: Counts = {}
        self._going: Counts = {}
        self._new: Counts = {}

    async def open(self) -> None:
        """Takes up what was used today before the bot was started."""
        async with self._writing:
            await self._read()

    @property
    def by_backend(self) -> Mapping[str, Used]:
        """Today's calls of each backend; the model is the one that most of them were of."""
        today = self._today()
        each = {name: [one for one in today if one.backend == name] for name in self._prices}
        most = {name: max(of, key=lambda one: one.calls) for name, of in each.items() if of}
        return {name: replace(_sum(each[name]), model=one.model) for name, one in most.items()}

    def check(self, group: str) -> None:
        """Raises Spent where today's calls, or those for a group, took what they may."""
        if said := self.problem(group):
            raise Spent(said)

    def problem(self, group: str = "") -> str:
        """What is spent, in all or by a group; "" where nothing is."""
        limits = self._limits
        if limits == BudgetSettings():  # none, so nothing need be summed up
            return ""
        today = self._today()
        own = [one for one in today if group and one.group == group]
        all_of_it, its = _sum(today), _sum(own)
        for key, used, most, whose in (
            ("day_tokens", all_of_it.tokens, limits.day_tokens, "today's"),
            ("day_cost", all_of_it.cost, limits.day_cost, "today's"),
            ("group_tokens", its.tokens, limits.group_tokens, "the group's"),
            ("group_cost", its.cost, limits.group_cost, "the group's"),
        ):
            if most and used >= most:
                return f"{whose} budget is spent (llm.budget.{key}: {used:g} of {most:g})"
        return ""

    async def count(self, group: str, done: Completion) -> None:
        """A call was answered. It counts at once, and for good once it is written down."""
        price = self._prices[done.backend]
        tokens = done.prompt_tokens, done.cached_tokens, done.completion_tokens
        used = Used(self._day(), done.backend, done.model, group, 1, *tokens, price.of(*tokens))
        _add(self._new, [used])
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        """Into the books, with what others counted meanwhile; later where that fails."""
        self._going, self._new = self._new, {}
        try:
            if self._books and self._going:
                await self._books.add(tuple(self._going.values()))
        except self._failing as error:
            log.warning("what calls took can't be written down, and will be later: %s", error)
            _add(self._new, self._going.values())
        else:
            _add(self._kept, self._going.values())
        self._going = {}
        if self._clock.now() >= self._read_at + READ_EVERY_S:
            await self._read()

    async def _read(self) -> None:
        day, self._read_at = self._day(), self._clock.now()
        try:
            rows = await self._books.read(day) if self._books else self._kept.values()
        except self._failing as error:
            log.warning("what calls took today can't be read: %s", error)
            return
        self._kept = {}
        _add(self._kept, [used for used in rows if used.day == day])

    @property
    def _failing(self) -> tuple[type[Exception], ...]:
        return (self._books.failing,) if self._books else ()

    def _today(self) -> list[Used]:
        day, counted = self._day(), (self._kept, self._going, self._new)
        return [used for counts in counted for used in counts.values() if used.day == day]

    def _day(self) -> str:
        return time.strftime("%Y-%m-%d", time.localtime(self._clock.now()))


def _add(counts: Counts, more: Iterable[Used]) -> None:
    for used in more:
        key = (used.day, used.backend, used.model, used.group)
        counts[key] = _sum([counts[key], used]) if key in counts else used


def _sum(rows: Sequence[Used]) -> Used:
    """What they took together, under the first one's name."""
    return replace(
        rows[0] if rows else Used("", "", "", ""),
        calls=sum(one.calls for one in rows),
        prompt=sum(one.prompt for one in rows),
        cached=sum(one.cached for one in rows),
        completion=sum(one.completion for one in rows),
        cost=sum(one.cost for one in rows),
    )
