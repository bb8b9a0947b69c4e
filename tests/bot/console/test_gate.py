"""The console's gate and overview over HTTP: figures, previews, refit and undo."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.types import Used
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.bot.console.running import ASK, CHAT, Running, running_bot
from tests.knowledge.library import BAD, GOOD, gate_options, plan, write_pages

PATIENCE_S = 60.0


@pytest.fixture
async def own_kettle(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    """A knowledge base of the test's own: its gate is going to change."""
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs"), "https://docs.test/")
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as opened:
        yield opened


async def labelled(bot: Running, text: str, label: str) -> None:
    asked = await bot.say("carol", text)
    one = {"adapter": "web", "message_id": asked["message_id"], "label": label}
    await bot.ask("POST", "labels", json={"labels": [one]})


async def test_the_gate_says_what_it_promises_and_how_good_it_is(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("alice", ASK)
        await bot.say("bob", CHAT)
        await labelled(bot, "how do I warm the kettle server up?", "good")
        state = await bot.get("gate", "viewer")
        assert (state["good"], state["bad"], state["waiting"]) == (len(GOOD), len(BAD), 1)
        assert state["origins"] == {"console": {"good": 1, "bad": 0}}
        assert state["week"]["questions"] == 3
        assert state["lines"]["zh"] and state["lines"]["en"]
        figures = await bot.get("gate/figures", "viewer")
        points = figures["points"]
        assert [one["threshold"] for one in points] == sorted(
            (one["threshold"] for one in points), reverse=True
        )
        assert all(one["least_precision"] <= one["precision"] for one in points)
        assert points[-1]["recall"] == 1.0
        assert figures["week"][-1] <= 3
        (example,) = (await bot.get("gate/examples", origin="console"))["examples"]
        assert (example["text"], example["taken"]) == ("how do I warm the kettle server up?", False)
        assert (await bot.get("gate/examples", origin="vote"))["examples"] == []


async def test_the_curve_speaks_of_the_traffic_that_there_is(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    ahead_s = 0.0
    async with running_bot(tmp_path, kettle, wall=lambda: time.time() + ahead_s) as bot:
        await bot.say("alice", CHAT)
        ahead_s = 7 * 86400.0 - 60.0
        assert round((await bot.get("gate"))["weekly"]) == 1
        points = (await bot.get("gate/figures"))["points"]
        assert points and all(one["unwanted"] < 1.0 for one in points)


async def test_a_preview_changes_nothing_and_a_refit_can_be_undone(
    tmp_path: Path, own_kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, own_kettle) as bot:
        await labelled(bot, "where is the walrus kept in the server?", "bad")
        before = (await bot.get("gate"))["unprompted"]
        preview = await bot.ask("POST", "gate/preview", "labeller")
        assert preview["looked_at"] == 1
        assert (await bot.get("gate"))["unprompted"] == before
        assert await bot.parts.store.refits() == []
        await bot.ask("POST", "gate/undo", status=409)
        refit = await bot.ask("POST", "gate/refit")
        assert refit["changed"]
        assert (await bot.ask("POST", "gate/refit"))["changed"] is not refit["taken"]
        state = await bot.get("gate")
        assert state["waiting"] == (0 if refit["taken"] else 1)
        assert (state["bad"] == len(BAD) + 1) is refit["taken"]
        if refit["taken"]:
            assert (await bot.ask("POST", "gate/undo"))["aside"] == 1
            assert (await bot.get("gate"))["bad"] == len(BAD)
        actions = [entry.action for entry in await bot.parts.audit.page()]
        assert actions.count("gate.refit") == 2


async def test_only_an_admin_refits(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.ask("POST", "gate/preview", "viewer", status=403)
        for what in ("refit", "undo"):
            await bot.ask("POST", f"gate/{what}", "labeller", status=403)


async def test_the_overview_counts_by_day_and_says_what_is_wrong(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        asked = await bot.say("alice", ASK)
        await bot.say("bob", CHAT)
        vote = {"group": "lobby", "user": "bob", "message_id": asked["reply_id"]}
        async with bot.http.post(f"{bot.url}api/feedback", json={**vote, "vote": "unhelpful"}):
            pass
        found = await bot.get("overview", "viewer", days="7")
        (day,) = found["days"]
        assert (day["questions"], day["answers"], day["unhelpful"]) == (2, 1, 1)
        assert day["silences"] == {"off_topic": 1}
        assert found["promise"]["kept"] == {"answers": 1, "unwanted": 1}
        assert found["answer_s"]["half"] >= 0
        assert found["health"]["status"] == "ready"
        assert found["knowledge"]["documents"] == 4
        assert found["disk"]["store"] > 0
        east = await bot.get("overview", offset="43200")
        assert east["days"][0]["start"] % 86400 == 43200


async def test_a_disk_that_does_not_say_how_full_it_is_keeps_nobody_else_waiting(
    tmp_path: Path, kettle: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answering = threading.Event(), threading.Event()

    def disk_usage(path: Path) -> SimpleNamespace:
        asked.set()
        if not answering.wait(PATIENCE_S):
            raise OSError(path)
        return SimpleNamespace(free=1)

    monkeypatch.setattr("shutil.disk_usage", disk_usage)
    async with running_bot(tmp_path, kettle) as bot:
        overview = asyncio.create_task(bot.get("overview"))
        await asyncio.to_thread(asked.wait, PATIENCE_S)
        await bot.get("me")
        assert not overview.done()
        answering.set()
        assert (await overview)["disk"]["low"]


async def test_the_overview_tells_tokens_and_cost_by_day(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        now = bot.parts.clock.now()
        today, old = (
            time.strftime("%Y-%m-%d", time.localtime(at)) for at in (now, now - 60 * 86400)
        )
        for day, group in ((today, "web:lobby"), (today, "web:hall"), (old, "web:lobby")):
            used = Used(day, "remote", "chat", group, calls=1, prompt=900, completion=100, cost=0.5)
            await bot.parts.store.add_usage([used])
        usage = (await bot.get("overview", "viewer"))["usage"]
        (one,) = usage["days"]
        assert (one["day"], one["calls"], one["prompt"], one["cost"]) == (today, 2, 1800, 1.0)
        assert usage["priced"] is False
        assert len((await bot.get("overview", "viewer", days=90))["usage"]["days"]) == 2


async def test_where_sources_lie_is_for_admins(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        (source,) = (await bot.get("knowledge", "viewer"))["sources"]
        assert source["place"] == ""
        (source,) = (await bot.get("knowledge"))["sources"]
        assert source["place"].endswith("docs")
