"""What a day's calls took, in tokens and money, in all and per group, and what they may take."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from bot.llm.types import Completion, Spent
from common.clock import Clock
from common.settings import Section

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens of a prompt, and of what is written; 0 where it is unknown or nothing."""

    prompt: float = 0.0
    completion: float = 0.0


@dataclass(frozen=True, slots=True)
class Spending:
    """What calls took: `tokens` of prompts and answers, `cached` of the prompts' came from a cache,
    `cost` at the full price of a prompt."""

    calls: int = 0
    tokens: int = 0
    prompt: int = 0
    cached: int = 0
    cost: float = 0.0
    model: str = ""


class Budget:
    """The books of a day, by the clock of the machine; a start of the bot begins new ones."""

    def __init__(self, limits: Section, prices: Mapping[str, Price], clock: Clock) -> None:
        self._limits: Mapping[str, float] = limits.model_dump()
        self._prices, self._clock = prices, clock
        self._day = ""
        self._spent: dict[str, Spending] = {}

    @property
    def by_backend(self) -> Mapping[str, Spending]:
        """Today's calls."""
        self._turn_over()
        return {name: self._spent[name] for name in self._prices if name in self._spent}

    def check(self, group: str) -> None:
        """Raises Spent where today's calls, or those for a group, took what they may."""
        self._turn_over()
        if said := self.problem(group):
            raise Spent(said)

    def problem(self, group: str = "") -> str:
        """What is spent, in all or by a group; "" where nothing is."""
        self._turn_over()
        limits = self._limits
        whole = self._sum(self._prices)
        own = self._spent.get(_key(group), Spending()) if group else Spending()
        for spent, name, whose in ((whole, "day", "today's"), (own, "group", "the group's")):
            for what, used in (("tokens", spent.tokens), ("cost", spent.cost)):
                most = limits[f"{name}_{what}"]
                if most and used >= most:
                    key = f"llm.budget.{name}_{what}"
                    return f"{whose} budget is spent ({key}: {used:g} of {most:g})"
        return ""

    def count(self, group: str, done: Completion) -> None:
        """A call was answered."""
        self._turn_over()
        price = self._prices[done.backend]
        cost = done.prompt_tokens * price.prompt + done.completion_tokens * price.completion
        for key in (done.backend, *([_key(group)] if group else [])):
            old = self._spent.get(key, Spending())
            self._spent[key] = Spending(
                calls=old.calls + 1,
                tokens=old.tokens + done.prompt_tokens + done.completion_tokens,
                prompt=old.prompt + done.prompt_tokens,
                cached=old.cached + done.cached_tokens,
                cost=old.cost + cost / MILLION,
                model=done.model,
            )

    def _sum(self, names: Mapping[str, Price]) -> Spending:
        found = [self._spent[name] for name in names if name in self._spent]
        return Spending(
            tokens=sum(one.tokens for one in found), cost=sum(one.cost for one in found)
        )

    def _turn_over(self) -> None:
        day = time.strftime("%Y-%m-%d", time.localtime(self._clock.now()))
        if day != self._day:
            self._day, self._spent = day, {}


def _key(group: str) -> str:
    return f"group {group}"
