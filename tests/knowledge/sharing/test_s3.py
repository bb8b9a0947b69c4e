"""A bucket is a share like a folder; what goes wrong there is said in words, without a secret."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from knowledge.settings import KnowledgeSettings
from knowledge.sharing.places import Share
from knowledge.sharing.publishing import Publisher, fetch, open_share
from knowledge.sharing.s3 import open_bucket
from knowledge.sharing.settings import S3Place, S3Settings, parse_share
from knowledge.types import KnowledgeError
from tests.fakes.s3_server import BUCKET, KEY, REGION, SECRET, FakeS3, s3_server
from tests.knowledge.sharing.test_publishing import LABEL, PARTS, content, write
from tests.ports import free_port

PLACE = S3Place(BUCKET, "bots/one")
LARGE = bytes(range(256)) * 50_000
"""Goes up in parts."""


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def server() -> AsyncIterator[FakeS3]:
    async with s3_server() as running:
        yield running


def settings(url: str, **changed: object) -> S3Settings:
    given = {"endpoint": url, "region": REGION, "timeout_s": 60.0, **changed}
    keys = {"access_key_id": SecretStr(KEY), "secret_access_key": SecretStr(SECRET)}
    return S3Settings.model_validate({**keys, **given})


def bucket(server: FakeS3, **changed: object) -> Share:
    return open_share(PLACE, settings(server.url, **changed))


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    write(folder, "snapshot-3", {**PARTS, LABEL: "l1", "snapshot-3/empty": ""})
    (folder / "snapshot-3/vectors").write_bytes(LARGE)
    return folder


async def published(built: Path, share: Share) -> str:
    publisher = Publisher(built, share, unused_s=-1.0)
    version = await asyncio.to_thread(publisher.publish)
    await asyncio.to_thread(publisher.clean_up, version)
    return version


async def test_what_is_published_in_a_bucket_arrives_as_it_was(
    server: FakeS3, built: Path, tmp_path: Path
) -> None:
    worker = tmp_path / "worker"
    for number in range(7):
        write(built, "snapshot-3", {"snapshot-3/gate": f"gate {number}"})
        version = await published(built, bucket(server))
    await asyncio.to_thread(fetch, version, bucket(server), worker)
    assert (worker / "snapshot-3/vectors").read_bytes() == LARGE
    assert (worker / "snapshot-3/empty").read_bytes() == b""
    assert (worker / "snapshot-3/gate").read_text() == "gate 6"
    assert (worker / "current").read_text() == "snapshot-3"
    kinds = [name.split("/")[2] for name in server.files]
    assert all(name.startswith("bots/one/") for name in server.files)
    assert kinds.count("versions") == 5, "older ones are forgotten"
    assert kinds.count("objects") == 5 + 5, "so is what only they had"
    ups = [asked for asked in server.asked if asked.startswith("POST")]
    assert len(ups) == 2, "the large file went up once, in parts"


async def test_the_buckets_name_may_stand_in_the_host(
    server: FakeS3, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    share = open_share(PLACE, settings("http://oss.test", virtual_host=True))
    await asyncio.to_thread(fetch, await published(built, share), share, tmp_path / "worker")
    assert (tmp_path / "worker/snapshot-3/vectors").read_bytes() == LARGE
    assert server.files


async def test_what_breaks_off_is_taken_up_and_who_is_busy_is_asked_again(
    server: FakeS3, built: Path, tmp_path: Path
) -> None:
    server.busy = 2
    version = await published(built, bucket(server))
    server.busy, server.halves = 1, 2
    await asyncio.to_thread(fetch, version, bucket(server), tmp_path / "worker")
    assert (tmp_path / "worker/snapshot-3/vectors").read_bytes() == LARGE
    assert (server.busy, server.halves) == (0, 0)


async def test_half_a_file_is_never_served_and_is_put_right(
    server: FakeS3, built: Path, tmp_path: Path
) -> None:
    share, worker = bucket(server), tmp_path / "worker"
    first = await published(built, share)
    await asyncio.to_thread(fetch, first, share, worker)
    before = content(worker / "labels")
    (built / "snapshot-3/vectors").write_bytes(LARGE[1:])
    second = await published(built, share)
    (name,) = [name for name, (body, _) in server.files.items() if body == LARGE[1:]]
    server.files[name] = (LARGE[1:1000], server.files[name][1])
    with pytest.raises(KnowledgeError, match="damaged"):
        await asyncio.to_thread(fetch, second, share, worker)
    assert (worker / "snapshot-3/vectors").read_bytes() == LARGE
    assert content(worker / "labels") == before
    await published(built, share)
    await asyncio.to_thread(fetch, second, share, worker)
    assert (worker / "snapshot-3/vectors").read_bytes() == LARGE[1:]


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        ("AccessDenied", "list the bucket, and get, put and delete"),
        ("InternalSurprise", r"refused \(InternalSurprise\)"),
    ],
)
async def test_a_bucket_that_refuses(server: FakeS3, built: Path, refusal: str, words: str) -> None:
    server.refusal = refusal
    await _fails(bucket(server), built, words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"secret_access_key": SecretStr("guessed")}, "secret_access_key is wrong"),
        ({"access_key_id": SecretStr("AKIAOTHER")}, "does not know"),
        ({"region": "us-east-1"}, "another region"),
    ],
    ids=["secret", "key", "region"],
)
async def test_a_setting_that_is_wrong(
    server: FakeS3, built: Path, changed: dict[str, object], words: str
) -> None:
    await _fails(bucket(server, **changed), built, words)


async def test_a_clock_that_is_wrong(server: FakeS3, built: Path) -> None:
    server.clock_ahead_s = 3600
    await _fails(bucket(server), built, "clock")


async def test_a_bucket_that_is_missing(server: FakeS3, built: Path) -> None:
    share = open_share(S3Place("another", ""), settings(server.url))
    await _fails(share, built, "no such bucket")


async def test_a_server_that_is_away_or_silent(server: FakeS3, built: Path) -> None:
    gone = settings(f"http://127.0.0.1:{free_port()}", timeout_s=1.0)
    await _fails(open_share(PLACE, gone), built, "can't be reached")
    server.open.clear()
    await _fails(bucket(server, timeout_s=1.0), built, "can't be reached")
    server.open.set()


async def _fails(share: Share, built: Path, words: str) -> None:
    """Publishing and fetching both do, soon, and in words."""
    with pytest.raises(OSError, match=words) as putting:
        await published(built, share)
    with pytest.raises(OSError, match=words) as getting:
        await asyncio.to_thread(share.get, "objects/x", built / "x")
    for error in (putting.value, getting.value):
        assert "s3://" in str(error)
        assert not any(secret in str(error) for secret in (KEY, SECRET, "guessed", "AKIAOTHER"))
        assert len(str(error)) < 200
        assert error.__cause__ is None


async def test_what_is_not_there(server: FakeS3, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="objects/x is not there"):
        await asyncio.to_thread(bucket(server).get, "objects/x", tmp_path / "x")


def test_without_the_extra_one_line_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(KnowledgeError, match=r"install\.sh .venv/bin/python requirements-s3\.lock"):
        open_bucket(PLACE, S3Settings())


def test_a_share_is_a_folder_or_a_bucket() -> None:
    assert parse_share("data/share") == Path("data/share")
    assert parse_share("s3://knowledge/bots/one/") == PLACE
    assert str(parse_share("s3://knowledge")) == "s3://knowledge"
    for wrong in ("s3:knowledge", "s3://", "s3://Knowledge", "s3://k:1/x", "s3://knowledge/a//b"):
        with pytest.raises(ValueError, match="s3://bucket/prefix"):
            KnowledgeSettings.model_validate_json(f'{{"share": "{wrong}"}}')
    with pytest.raises(ValueError, match="or neither"):
        S3Settings(access_key_id=SecretStr("k"))
    assert SECRET not in repr(settings("http://s3.test"))
