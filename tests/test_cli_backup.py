"""`run_bot.py backup` and `restore`: what is packed comes back, and nothing else does."""

import hashlib
import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

from bot.console.users import StoredUser, UserFile, read_users, write_users
from bot.store.backup import take_up
from bot.store.instance import only_instance
from bot.store.store import open_store
from tests.bot.group.posts import post
from tests.daemon import daemon, run
from tests.knowledge.library import GOOD


async def filled(folder: Path, *texts: str) -> None:
    """A data folder with these messages."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    async with open_store(folder / "data/bot.sqlite") as store:
        for number, text in enumerate(texts):
            await store.add_message(post(f"m{number}", text), 1000.0)


async def counted(folder: Path) -> int:
    async with open_store(folder / "data/bot.sqlite") as store:
        return (await store.counts())["messages"]


def tree(folder: Path) -> dict[str, str]:
    """The files below a folder by what they hold."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


async def test_messages_index_gate_and_labels_come_back(tmp_path: Path) -> None:
    await filled(tmp_path, *GOOD)
    for name in (
        *("current", "vectors.sqlite", "lock", "labels/000001.jsonl", "snapshot-6/old"),
        *("snapshot-7/catalog.sqlite", "snapshot-7/gate.npz", "snapshot-7/words/.managed.json"),
    ):
        path = tmp_path / "data/knowledge" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("snapshot-7" if name == "current" else name)
    write_users(tmp_path / "data", UserFile(users=(StoredUser(name="alice", role="admin"),)))
    packed = tmp_path / "b.tar.gz"
    status, out, err = await run(tmp_path, "backup", str(packed))
    assert (status, err) == (0, "")
    assert packed.stat().st_mode & 0o077 == 0
    assert not list((tmp_path / "data").glob(".backup*"))
    other = tmp_path / "other"
    other.mkdir()
    status, out, err = await run(other, "restore", str(packed))
    assert (status, err) == (0, "")
    assert "all checked" in out
    assert await counted(other) == len(GOOD)
    assert read_users(other / "data") == read_users(tmp_path / "data") != UserFile()
    served = tree(tmp_path / "data/knowledge")
    for name in ("vectors.sqlite", "lock", "snapshot-6/old"):
        del served[name]
    assert tree(other / "data/knowledge") == served


async def test_what_is_there_is_only_replaced_when_told_and_put_aside(tmp_path: Path) -> None:
    await filled(tmp_path, "old")
    packed = tmp_path / "b.tar.gz"
    assert (await run(tmp_path, "backup", str(packed)))[0] == 0
    await filled(tmp_path, "old", "newer")
    status, _, err = await run(tmp_path, "restore", str(packed))
    assert status == 1
    assert "there are messages in" in err
    assert await counted(tmp_path) == 2
    assert (await run(tmp_path, "restore", "--replace", str(packed)))[0] == 0
    assert await counted(tmp_path) == 1
    aside = tmp_path / "data/before-restore/bot.sqlite"
    async with open_store(aside) as store:
        assert (await store.counts())["messages"] == 2


async def test_a_running_bot_takes_a_backup_up_at_its_next_start(tmp_path: Path) -> None:
    await filled(tmp_path, "one")
    packed = tmp_path / "b.tar.gz"
    with only_instance(tmp_path / "data"):
        assert (await run(tmp_path, "backup", str(packed)))[0] == 0
        await filled(tmp_path, "one", "two")
        status, _, err = await run(tmp_path, "restore", str(packed))
        assert status == 1
        assert "a bot runs here: process" in err
        assert (await run(tmp_path, "restore", "--replace", str(packed)))[0] == 0
        assert await counted(tmp_path) == 2
    assert take_up(tmp_path / "data")
    assert not take_up(tmp_path / "data")
    assert await counted(tmp_path) == 1


class Killed(Exception):
    """The process ends here."""


@pytest.mark.parametrize("steps", range(6))
async def test_a_restore_that_is_killed_anywhere_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    data = tmp_path / "data"
    await filled(tmp_path, "old", "older")
    for place, text in (("knowledge", "old"), ("restored/knowledge", "new")):
        (data / place / "git").mkdir(parents=True)
        (data / place / "current").write_text(text)
    (data / "restored/knowledge/git").rmdir()
    await filled(data / "restored", "new")
    (data / "restored/data/bot.sqlite").rename(data / "restored/bot.sqlite")
    (data / "restored/complete").touch()
    moved: list[Path] = []

    def rename(source: Path, target: Path) -> None:
        if len(moved) == steps:
            raise Killed
        moved.append(source)
        source.replace(target)

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(Path, "rename", rename)
        take_up(data)
    take_up(data)
    assert await counted(tmp_path) == 1
    assert (data / "knowledge/current").read_text() == "new"
    assert (data / "knowledge/git").is_dir()
    assert (data / "before-restore/knowledge/current").read_text() == "old"
    assert not (data / "restored").exists()


async def test_a_restore_after_an_interrupted_one_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path, "one")
    packed = tmp_path / "backup.tar.gz"
    assert (await run(tmp_path, "backup", str(packed)))[0] == 0
    waiting = tmp_path / "data/restored"
    waiting.mkdir()
    for name in ("complete", "begun"):
        (waiting / name).touch()
    status, _, said = await run(tmp_path, "restore", str(packed), "--replace")
    assert (status, "was interrupted" in said) == (1, True)
    assert take_up(tmp_path / "data")
    assert (await run(tmp_path, "restore", str(packed), "--replace"))[0] == 0


def repacked(packed: Path, target: Path, change: dict[str, bytes], extra: str = "") -> Path:
    """A backup with other bytes in some of its files, and a file that was never in it."""
    with tarfile.open(packed) as old, tarfile.open(target, "w:gz") as new:
        for entry in old:
            file = old.extractfile(entry)
            assert file
            data = change.get(entry.name, file.read())
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))
        if extra:
            new.addfile(tarfile.TarInfo(extra), io.BytesIO())
    return target


async def test_what_is_damaged_foreign_or_newer_is_refused_and_nothing_touched(
    tmp_path: Path,
) -> None:
    await filled(tmp_path, "one")
    async with open_store(tmp_path / "data/bot.sqlite") as store:
        packed = tmp_path / "b.tar.gz"
        assert (await run(tmp_path, "backup", str(packed)))[0] == 0
        await store.database.run(lambda db: db.execute("INSERT INTO migrations VALUES ('m999')"))
        newer = tmp_path / "newer.tar.gz"
        assert (await run(tmp_path, "backup", str(newer)))[0] == 0
    with tarfile.open(packed) as archive:
        file = archive.extractfile("manifest.json")
        assert file
        manifest = json.loads(file.read())
    escaping = {"files": {**manifest["files"], "knowledge/../../x": {"size": 0, "sha256": ""}}}
    data = packed.read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    (tmp_path / "text").write_text("no backup")
    bad = {
        "another size": repacked(packed, tmp_path / "a", {"bot.sqlite": b"SQLite format 3"}),
        "no backup, or damaged": tmp_path / "cut",
        "is no backup": tmp_path / "text",
        "names what no backup holds": repacked(
            packed, tmp_path / "d", {"manifest.json": json.dumps({**manifest, **escaping}).encode()}
        ),
        "does not belong": repacked(packed, tmp_path / "e", {}, extra="../escaped"),
        "damaged: 'made_at'": repacked(
            packed,
            tmp_path / "g",
            {"manifest.json": json.dumps({"format": 1, "files": manifest["files"]}).encode()},
        ),
        "format 2": repacked(
            packed,
            tmp_path / "f",
            {"manifest.json": json.dumps({**manifest, "format": 2}).encode()},
        ),
        "newer version (m999)": newer,
    }
    other = tmp_path / "other"
    other.mkdir()
    for word, path in bad.items():
        status, _, err = await run(other, "restore", str(path))
        assert (status, len(err.splitlines())) == (1, 1), err
        assert word in err
    assert list((other / "data").iterdir()) == []
    assert not (tmp_path / "escaped").exists()


@pytest.mark.slow
async def test_a_bot_at_work_is_backed_up_and_goes_back_when_it_is_restarted(
    indexed: Path,
) -> None:
    packed = str(indexed / "b")
    async with daemon(indexed) as bot:
        for number in range(20):
            assert await bot.post("ann", f"note {number}") == 202
        status, _, err = await run(indexed, "backup", packed)
        assert (status, err) == (0, "")
        assert await bot.post("ann", "after") == 202
        assert (await run(indexed, "restore", "--replace", packed))[0] == 0
        assert len(await bot.rows("message")) == 21
        assert await bot.stop() == 0
    async with daemon(indexed) as bot:
        assert len(await bot.rows("message")) == 20
        assert "took up what was restored" in "".join(bot.log)
