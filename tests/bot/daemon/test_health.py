"""What is wrong is said where it is seen, by /readyz, `status` and metrics, until it is over."""

import asyncio
from pathlib import Path

import pytest

from adapters.base import IncomingMessage, LinkStatus, Refusal
from bot.config.schema import Config
from bot.daemon.app import STORE_TRY_S, _watch_store
from bot.daemon.assemble import build
from bot.daemon.health import Health, HealthMetrics
from bot.daemon.receiver import FIRST_S, _first
from bot.metrics import create_metrics
from bot.store.database import Connection
from bot.store.store import StoreError, open_store
from knowledge.base import KnowledgeBase
from tests.bot.dialog import Talk, talking
from tests.fakes.clock import FakeClock
from tests.fakes.recording_adapter import RecordingAdapter
from tests.fakes.small_disk import room

PATIENCE_S = 60.0

REFUSED = Refusal("webhook", "19021", "look at `secret` (19021)", "请检查 `secret`（19021）")


class Refusing(RecordingAdapter):
    """Is up, and its platform refuses something."""

    refused: tuple[Refusal, ...] = (REFUSED,)

    def link(self) -> LinkStatus:
        """Up, always."""
        return LinkStatus(up=True, refused=self.refused)


class Broken(RecordingAdapter):
    """Its platform can't be reached."""

    def link(self) -> LinkStatus:
        """Down, always."""
        return LinkStatus(up=False, problem="the connection broke: ClientError")


def test_what_a_platform_refuses_is_told_until_it_is_over() -> None:
    adapter, metrics = Refusing("notes"), create_metrics()
    health = Health({"notes": adapter}, FakeClock(), loading=None)
    HealthMetrics(health).register(metrics.registry)
    report = health.report()
    assert (report["status"], report["problems"]) == ("degraded", [])
    refuses = "the platform refuses webhook: look at `secret` (19021)"
    assert report["degraded"] == [f"adapter notes: {refuses}"]
    assert report["zh"]["degraded"] == ["适配器 notes：平台拒绝 webhook：请检查 `secret`（19021）"]
    assert report["adapters"]["notes"]["refused"][0]["code"] == "19021"
    line = 'huixiangdou_adapter_refused{adapter="notes",call="webhook",code="19021"} 1.0'
    assert line in metrics.render().decode()
    assert 'huixiangdou_problems{level="degraded"} 1.0' in metrics.render().decode()
    adapter.refused = ()
    assert health.report()["status"] == "ready"
    assert "19021" not in metrics.render().decode()


def test_why_a_connection_is_down_is_told_in_both_languages() -> None:
    health = Health({"ding": Broken("ding")}, FakeClock(), loading=None)
    report = health.report()
    assert report["problems"] == ["adapter ding: the connection broke: ClientError"]
    assert report["zh"]["problems"] == ["适配器 ding：连接断了：ClientError"]
    told = report["adapters"]["ding"]
    assert (told["problem"], told["problem_zh"]) == (
        "the connection broke: ClientError",
        "连接断了：ClientError",
    )


def message(name: str) -> IncomingMessage:
    return IncomingMessage("fake", "g", "ann", name, "x" * 100_000, sent_at=FakeClock().now())


async def test_a_full_disk_is_no_ready_daemon(tmp_path: Path) -> None:
    clock, adapter = FakeClock(), Refusing("fake")
    adapter.refused = ()
    async with open_store(tmp_path / "bot.sqlite") as store:
        parts = await build(Config(), clock, store, {"fake": adapter})
        parts.health.loading = None

        def fill(db: Connection) -> None:
            """Room for one message of 25 pages, and none for three."""
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages + 35}").fetchall()

        await store.database.run(fill)
        await parts.inbox.receive(message("fits"))
        assert parts.health.report()["status"] == "ready"
        with pytest.raises(StoreError):
            await parts.inbox.receive(message("does not"))
            await parts.inbox.receive(message("neither"))
        report = parts.health.report()
        assert report["status"] == "not ready"
        assert "the disk is full" in report["problems"][0]
        assert "磁盘满了" in report["zh"]["problems"][0]
        await store.counts()  # reading does well, and nothing is over
        assert parts.health.report()["problems"]

        watching = asyncio.create_task(_watch_store(parts))
        await store.database.run(lambda db: db.execute("PRAGMA max_page_count = 9999").fetchall())
        while parts.health.report()["problems"]:
            clock.advance(STORE_TRY_S)
            await asyncio.sleep(0.001)
        watching.cancel()
        assert parts.health.report()["status"] == "ready"


def size(path: Path) -> int:
    return path.stat().st_size


async def _well_again(talk: Talk) -> None:
    """Until the bot has found out by itself that it can store again, and done what waited."""
    watching = asyncio.create_task(_watch_store(talk.parts))
    await asyncio.sleep(0)
    talk.clock.advance(STORE_TRY_S)
    async with asyncio.timeout(PATIENCE_S):
        while not talk.tasks.active:
            await asyncio.sleep(0.001)
    await talk.idle()
    watching.cancel()


FORBIDDEN = {"no_decision": "INSERT ON decisions", "no_touch": "UPDATE ON state"}


async def test_what_the_disk_kept_undecided_is_answered_once_it_is_well(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        database = talk.store.database
        await talk.say("ann", "@bot How do I install Kettle with pip?")
        fail = "CREATE TRIGGER {} BEFORE {} BEGIN SELECT RAISE(ABORT, 'full'); END"
        await database.run(lambda db: [db.execute(fail.format(*one)) for one in FORBIDDEN.items()])
        await talk.idle()
        assert not talk.heard()
        assert talk.parts.health.report()["status"] == "not ready"

        await database.run(lambda db: [db.execute(f"DROP TRIGGER {name}") for name in FORBIDDEN])
        await talk.store.touch()  # another group's message was stored first
        await _well_again(talk)
        (answer,) = talk.heard()
        assert answer.kind == "answer"


async def test_what_came_before_the_disk_was_read_only_is_answered_once_it_is_not(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("ann", "@bot How do I install Kettle with pip?")
        with room(size(tmp_path / "bot.sqlite-wal")):
            with pytest.raises(StoreError, match="became read-only"):
                await talk.say("bob", "@bot Does it run on Windows?")
            await talk.idle()
            problem = talk.parts.health.store_problem()
            assert problem and "变成了只读" in problem.zh
        assert not talk.heard()

        await _well_again(talk)
        assert [reply.kind for reply in talk.heard()] == ["answer"]
        assert talk.parts.health.store_problem() is None


@pytest.mark.parametrize(
    "refused",
    ["INSERT ON replies", "UPDATE OF tried_at ON replies WHEN NEW.tried_at IS NOT NULL"],
    ids=["not decided", "not posted"],
)
async def test_what_the_disk_kept_from_being_answered_is_answered_though_it_is_well_soon(
    tmp_path: Path, kettle: KnowledgeBase, refused: str
) -> None:
    """The disk is full at the very moment of the decision or of posting, and not before or
    after."""
    async with talking(tmp_path, kettle) as talk:
        database = talk.store.database
        asked = await talk.say("ann", "@bot How do I install Kettle with pip?")
        fail = f"CREATE TRIGGER full BEFORE {refused} BEGIN SELECT RAISE(ABORT, 'full'); END"
        await database.run(lambda db: db.execute(fail))
        await talk.idle()
        assert not talk.heard()

        await database.run(lambda db: db.execute("DROP TRIGGER full"))
        await _well_again(talk)
        assert [reply.kind for reply in talk.heard()] == ["answer"]
        assert await talk.reason(asked) == "answered"


class Away(RecordingAdapter):
    """Is connected once it says so."""

    up = False

    def link(self) -> LinkStatus:
        """As it says."""
        return LinkStatus(up=self.up)


def test_a_receiver_is_ready_once_it_has_its_own_connection_or_nobody_can_have_it() -> None:
    clock, lark, wecom = FakeClock(), Away("lark"), Away("wecom")
    wecom.alone = True
    elsewhere = {name: Refusing(name) for name in ("lark", "wecom")}
    health = Health(elsewhere, clock, loading=None)
    health.first = _first({"lark": lark, "wecom": wecom}, clock)
    assert health.report()["problems"] == ["adapter lark: not connected yet"]
    lark.up = True
    assert not health.report()["problems"]
    lark.up = False
    assert not health.report()["problems"], "what breaks later is another matter"
    health.first = _first({"lark": lark, "wecom": wecom}, clock)
    clock.advance(FIRST_S)
    assert not health.report()["problems"]
