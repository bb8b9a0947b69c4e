"""What a day's calls take, and what happens when that is all they may."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.llm.budget import READ_EVERY_S, Books
from bot.llm.llm import Llm
from bot.llm.scoring import Rubric
from bot.llm.types import Spent
from bot.store.store import Store, StoreError, open_store
from bot.texts.answers import decline_text
from bot.types import Used
from tests.bot.llm.models import model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import LlmApi, llm_api

DAY_S = 86400.0


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


async def score(llm: Llm) -> float:
    return (await llm.score(Rubric.QUESTION, chinese=False, message="how?")).value


@pytest.mark.parametrize("limit", [{"day_tokens": 1300}, {"day_cost": 0.0013}])
async def test_a_day_is_over_when_it_is_spent_and_the_next_begins_anew(
    api: LlmApi, limit: dict[str, float]
) -> None:
    clock = FakeClock()
    section = remote(api, prompt_price=1, completion_price=2)
    async with model({"remote": section, "budget": limit}, clock) as llm:
        with pytest.raises(Spent, match=f"llm.budget.{next(iter(limit))}"):
            for _ in range(10):
                await score(llm)
        assert 1 < len(api.calls) < 10
        assert "answers are quoted until midnight" in llm.hybrid.problems()[0]
        clock.advance(DAY_S)
        await score(llm)
        assert llm.hybrid.problems() == []


async def test_one_groups_budget_is_not_anothers(api: LlmApi) -> None:
    async with model({"remote": remote(api), "budget": {"group_tokens": 1}}) as llm:
        ours, theirs = (llm.ranked(mention=True, group=name) for name in ("a:1", "a:2"))
        await score(ours)
        with pytest.raises(Spent, match="the group's"):
            await score(ours)
        await score(theirs)
        await score(llm)


async def test_what_a_model_took_is_told(api: LlmApi) -> None:
    section = remote(api, prompt_price=1000, completion_price=1000)
    async with model({"remote": section}) as llm:
        await score(llm)
        (figures,) = llm.hybrid.figures()
    usage = llm.hybrid.usage
    assert figures["tokens"] == usage.prompt_tokens + usage.completion_tokens
    assert figures["cached"] == round(usage.cached_tokens / usage.prompt_tokens, 3) > 0
    assert figures["cost"] == pytest.approx(figures["tokens"] / 1000, abs=1e-4)
    assert (figures["model"], figures["calls"]) == ("chat", 1)


@pytest.mark.parametrize(
    ("failed", "said"),
    [("Spent", "budget for today"), ("Overdue", "took too long"), ("Down", "can't be reached")],
)
def test_why_there_is_no_model_is_said_as_it_is(failed: str, said: str) -> None:
    assert said in decline_text([{"stage": "llm", "failed": failed}], chinese=False, said="")


def books_in(store: Store) -> Books:
    return Books(store.add_usage, store.usage_of, failing=StoreError)


async def test_what_was_spent_today_is_spent_after_a_restart(api: LlmApi, tmp_path: Path) -> None:
    clock = FakeClock()
    sections = {"remote": remote(api), "budget": {"group_tokens": 1}}
    async with open_store(tmp_path / "bot.sqlite") as store:
        async with model(sections, clock, books=books_in(store)) as llm:
            await score(llm.ranked(mention=True, group="lark:a"))
        async with model(sections, clock, books=books_in(store)) as again:
            with pytest.raises(Spent, match="the group's"):
                await score(again.ranked(mention=True, group="lark:a"))
            await score(again.ranked(mention=True, group="lark:b"))
            (day,) = await store.usage_by_day("1970-01-01")
            (figures,) = again.hybrid.figures()
            clock.advance(DAY_S)
            await score(again.ranked(mention=True, group="lark:a"))
        assert (day.model, day.calls, day.tokens) == ("chat", 2, figures["tokens"])
        assert len(await store.usage_by_day("1970-01-01")) == 2
        assert len(await store.usage_by_day(day.day)) == 2


async def test_what_another_process_spends_counts_too(api: LlmApi, tmp_path: Path) -> None:
    clock = FakeClock()
    sections = {"remote": remote(api), "budget": {"day_tokens": 1500}}
    async with open_store(tmp_path / "bot.sqlite") as store, AsyncExitStack() as stack:
        opening = (model(sections, clock, books=books_in(store)) for _ in range(2))
        one, other = [await stack.enter_async_context(each) for each in opening]
        await score(one)
        with pytest.raises(Spent):
            for _ in range(10):
                await score(other)
        clock.advance(READ_EVERY_S)
        await score(one)
        with pytest.raises(Spent):
            await score(one)


async def test_what_cannot_be_written_down_counts_and_is_written_later(
    api: LlmApi, tmp_path: Path
) -> None:
    async with open_store(tmp_path / "bot.sqlite") as store:
        full: list[StoreError] = [StoreError("the disk is full")]

        async def add(used: Sequence[Used]) -> None:
            if full:
                raise full[0]
            await store.add_usage(used)

        books = Books(add, store.usage_of, failing=StoreError)
        async with model({"remote": remote(api)}, FakeClock(), books=books) as llm:
            await score(llm)
            assert [one["calls"] for one in llm.hybrid.figures()] == [1]
            full.clear()
            await score(llm)
        assert [one.calls for one in await store.usage_by_day("1970-01-01")] == [2]


async def test_what_comes_from_the_providers_cache_costs_less(api: LlmApi) -> None:
    section = remote(api, prompt_price=1000, cached_price=100, completion_price=1000)
    async with model({"remote": section}) as llm:
        await score(llm)
        (figures,) = llm.hybrid.figures()
        usage = llm.hybrid.usage
    paid = usage.prompt_tokens - 0.9 * usage.cached_tokens + usage.completion_tokens
    assert usage.cached_tokens
    assert figures["cost"] == pytest.approx(paid / 1000, abs=1e-4)
