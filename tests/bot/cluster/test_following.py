"""A worker serves what the scheduler builds, and asks it for whatever changes that."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.cluster.executing import Executor
from bot.cluster.following import (
    KNOWLEDGE,
    SCHEDULER,
    FollowedKnowledge,
    Follower,
    PublishedKnowledge,
    methods_of_scheduler,
)
from bot.cluster.holds import Holds
from bot.cluster.wakes import Wakes
from bot.config.schema import Config, load_config
from bot.store.cluster.published import publish, published
from bot.store.database import Database
from bot.store.store import StoreError, open_store
from common.tasks import Tasks
from knowledge.gate.examples import Example
from knowledge.ingest.build import build
from knowledge.sharing.places import FolderShare, Share
from knowledge.sharing.publishing import Publisher, open_share
from knowledge.sharing.settings import S3Place, S3Settings
from knowledge.types import KnowledgeError
from tests.daemon import arguments
from tests.fakes.s3_server import BUCKET, KEY, REGION, SECRET, FakeS3, s3_server

POLL_S, LONG_S = 0.02, 90.0
WHISTLE = "# Whistle\n\nThe kettle's whistle is tuned with `kettle whistle --pitch 440`.\n"
ASKED = "how do I tune the whistle?"


def configured(folder: Path, name: str) -> Config:
    """The same for all, but for the data folder."""
    own = ["--set", f"bot.data_dir={folder / name}"]
    return load_config(None, [*arguments(folder), *own][1::2])


def follower_of(config: Config, share: Share, database: Database) -> Follower:
    return Follower(Path(config.plan.folder), share, database, Wakes(POLL_S))


@asynccontextmanager
async def scheduler(
    config: Config, share: Share, database: Database, name: str
) -> AsyncIterator[PublishedKnowledge]:
    """A scheduler that has the jobs, if no other has them."""
    holds = Holds([SCHEDULER], database, name, LONG_S)
    await holds.renew()

    async def announce(versions: Mapping[str, str]) -> bool:
        return await database.run(publish, versions, SCHEDULER, name)

    knowledge = PublishedKnowledge(
        config,
        follower_of(config, share, database),
        Publisher(Path(config.plan.folder), share),
        lambda: holds.token(SCHEDULER) is not None,
        announce,
    )
    targets = {SCHEDULER: methods_of_scheduler(knowledge)}
    async with knowledge, Tasks(tolerated=StoreError) as tasks:
        executor = Executor(targets, database, holds, Wakes(POLL_S), tasks, LONG_S)
        tasks.spawn(executor.run(SCHEDULER))
        yield knowledge
        await tasks.drain(0.0)


@pytest.fixture
async def bucket() -> AsyncIterator[FakeS3]:
    async with s3_server() as server:
        yield server


def share_in(server: FakeS3) -> Share:
    settings = S3Settings(
        endpoint=server.url,
        region=REGION,
        access_key_id=SecretStr(KEY),
        secret_access_key=SecretStr(SECRET),
        timeout_s=60.0,
    )
    return open_share(S3Place(BUCKET, "bot"), settings)


@asynccontextmanager
async def published_in(
    share: Share, folder: Path
) -> AsyncIterator[tuple[PublishedKnowledge, Follower, Database]]:
    """A scheduler that has published, and a worker's follower that has fetched."""
    own = configured(folder, "scheduler")
    await asyncio.to_thread(build, own.plan)
    async with (
        open_store(folder / "bot.sqlite", durable=False) as store,
        scheduler(own, share, store.database, "s1") as building,
    ):
        await building.publish()
        follower = follower_of(configured(folder, "worker"), share, store.database)
        await follower.first()
        yield building, follower, store.database


def contents(folder: Path, server: FakeS3) -> list[bytes]:
    """All that is shared."""
    files = [path.read_bytes() for path in (folder / "share").rglob("*") if path.is_file()]
    return files + [body for body, _ in server.files.values()]


@pytest.mark.parametrize("place", ["folder", "s3"])
async def test_what_the_scheduler_builds_is_served_by_workers(
    place: str, bucket: FakeS3, tmp_path: Path
) -> None:
    share = FolderShare(tmp_path / "share") if place == "folder" else share_in(bucket)
    own, workers = configured(tmp_path, "scheduler"), configured(tmp_path, "worker")
    await asyncio.to_thread(build, own.plan)
    async with open_store(tmp_path / "bot.sqlite", durable=False) as store:
        database = store.database
        async with scheduler(own, share, database, "s1") as building:
            await building.publish()
            follower = follower_of(workers, share, database)
            await follower.first()
            async with FollowedKnowledge(workers, follower, database, Wakes(POLL_S)) as followed:
                assert replace(followed.status(), built_at=0.0) == replace(
                    building.status(), built_at=0.0
                )
                (tmp_path / "docs" / "whistle.md").write_text(WHISTLE, encoding="utf-8")
                report = await followed.reload()
                assert report.added == ("whistle.md",)
                assert [follower.version] == await database.run(published, KNOWLEDGE)
                found = await followed.search(ASKED, 1)
                assert found.passages[0].path == "whistle.md"
                assert followed.status().snapshot == building.status().snapshot
                label = Example(ASKED, good=True, origin="admin", group="web:g", person="web:a")
                refit = await followed.refit([label])
                assert refit.changed
                assert await followed.labelled() == ({ASKED} if refit.taken else set())
                assert followed.status().gate == building.status().gate
                assert any(ASKED.encode() in kept for kept in contents(tmp_path, bucket))
                await followed.forget([ASKED])
                assert await followed.labelled() == set()
                assert not any(ASKED.encode() in kept for kept in contents(tmp_path, bucket))
                assert await followed.undo_refit() in (True, False)
                await _another_target_is_followed(own, building, follower, followed)
                await _a_second_one_waits(tmp_path, share, database)


async def _another_target_is_followed(
    own: Config, building: PublishedKnowledge, follower: Follower, followed: FollowedKnowledge
) -> None:
    before = followed.status().thresholds
    await building.retarget(own.gate.model_copy(update={"target_precision": 0.75}))
    assert await follower.catch_up()
    await followed.reopen()
    assert followed.status().gate == building.status().gate
    assert followed.status().thresholds == building.status().thresholds != before
    # One that begins now takes what is published over what it was configured with.
    assert follower.gate is not None and follower.gate.target_precision == 0.75


async def _a_second_one_waits(folder: Path, share: Share, database: Database) -> None:
    config = configured(folder, "second")
    await follower_of(config, share, database).first()
    async with scheduler(config, share, database, "s2") as waiting:
        before = await database.run(published, KNOWLEDGE)
        with pytest.raises(KnowledgeError, match="another scheduler"):
            await waiting.reload()
        await waiting.publish()
        assert await database.run(published, KNOWLEDGE) == before


async def test_a_worker_goes_on_while_the_bucket_refuses(
    bucket: FakeS3, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with published_in(share_in(bucket), tmp_path) as (building, follower, _):
        before, caught_up = follower.version, asyncio.Event()

        async def serve() -> None:
            caught_up.set()

        (tmp_path / "docs" / "whistle.md").write_text(WHISTLE, encoding="utf-8")
        bucket.refusal = "AccessDenied"
        with pytest.raises(KnowledgeError, match="can't be published: s3://"):
            await building.reload()
        bucket.refusal = ""
        await building.publish()
        bucket.refusal, asked = "AccessDenied", len(bucket.asked)
        following = asyncio.create_task(follower.run(serve))
        while len(bucket.asked) < asked + 3:  # it looks again and again
            await asyncio.sleep(POLL_S)
        assert (follower.version, caught_up.is_set()) == (before, False)
        bucket.refusal = ""
        await caught_up.wait()
        following.cancel()
        await asyncio.wait([following])
    assert follower.version != before
    assert caplog.text.count("can't be fetched") == 1, "said once"


async def test_an_error_of_the_scheduler_reaches_who_asked(tmp_path: Path) -> None:
    share, workers = FolderShare(tmp_path / "share"), configured(tmp_path, "worker")
    async with published_in(share, tmp_path) as (building, follower, database):

        def wrong() -> tuple[()]:
            raise KnowledgeError("the configuration is wrong by now")

        building.sources_now = wrong
        knowledge = FollowedKnowledge(workers, follower, database, Wakes(POLL_S))
        async with knowledge as followed:
            with pytest.raises(KnowledgeError, match="the configuration is wrong by now"):
                await followed.reload()
