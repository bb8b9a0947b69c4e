"""Nothing that the store acknowledged is lost with the power: writes that were not synced may be
dropped, each sector by itself, at any moment."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.store.backup import check_store
from bot.store.store import StoreError, open_store
from tests.bot.store.test_store_kill import ROOT, STEPS, reached

SECTOR = 512
MESSAGES, CUTS = 90, 30
"""So many that the log is folded into the file now and then; so many moments."""


@dataclass(frozen=True)
class Op:
    """Something that the process did: see powercut.c."""

    kind: str
    name: str
    at: int
    data: bytes


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that records writes; a compiler is there, hnswlib needs one."""
    made = tmp_path_factory.mktemp("powercut") / "powercut.so"
    source = Path(__file__).with_name("powercut.c")
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", str(made), str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return made


def recorded(recorder: Path, folder: Path, *more: str) -> list[Op]:
    """What a process did that answered some messages."""
    work = folder / "work"
    work.mkdir()
    log = folder / "log"
    command = ["-m", "tests.bot.store.victim", str(work / "bot.sqlite"), "1", str(MESSAGES), *more]
    traced = {"LD_PRELOAD": str(recorder), "POWERCUT_DIR": f"{work}/", "POWERCUT_LOG": str(log)}
    subprocess.run(
        [sys.executable, *command],
        check=True, cwd=ROOT, env={**os.environ, **traced}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return list(_read(log.read_bytes()))


def _read(log: bytes) -> Iterator[Op]:
    at = 0
    while at < len(log):
        end = log.index(b"\n", at)
        kind, size, offset, name = log[at:end].decode().split(" ", 3)
        at = end + 1 + int(size)
        yield Op(kind, name, int(offset), log[end + 1 : at])


def after_the_cut(ops: Sequence[Op], chance: random.Random) -> dict[str, bytes]:
    """What the disk holds when the power goes after these operations: of each file what was synced,
    and of later writes some sectors."""
    files: dict[str, bytearray] = {}
    for name in {op.name for op in ops if op.kind in "WT" and not op.name.endswith("-shm")}:
        gone = max(
            (i for i, op in enumerate(ops) if op.name == name and op.kind == "U"), default=-1
        )
        own = [op for op in ops[gone + 1 :] if op.name == name]
        if not own:
            continue
        synced = max((i for i, op in enumerate(own) if op.kind == "S"), default=-1)
        content = files[name] = bytearray()
        for number, op in enumerate(own):
            if op.kind == "T":
                if number <= synced or chance.random() < 0.5:
                    del content[op.at :]
                continue
            for start in range(0, len(op.data), SECTOR):
                if number <= synced or chance.random() < 0.5:
                    _write(content, op.at + start, op.data[start : start + SECTOR])
    return {name: bytes(content) for name, content in files.items()}


def _write(content: bytearray, at: int, data: bytes) -> None:
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(data)] = data


async def lost(ops: Sequence[Op], folder: Path, seed: int) -> list[str]:
    """What was acknowledged and is not there after a cut; ["damaged"] where the store is."""
    acknowledged: dict[int, str] = {}
    for op in ops:
        if op.kind == "A":
            for line in op.data.decode().split("\n")[:-1]:
                step, number = line.split()
                acknowledged[int(number)] = step
    place = folder / f"cut-{seed}-{len(ops)}"
    place.mkdir()
    for name, content in after_the_cut(ops, random.Random(seed)).items():
        (place / name).write_bytes(content)
    try:
        check_store(place / "bot.sqlite")
        async with open_store(place / "bot.sqlite") as store:
            return [
                f"{step} {number}"
                for number, step in acknowledged.items()
                if await store.decision("web", str(number)) is None
                or STEPS.index(await reached(store, number)) < STEPS.index(step)
            ]
    except StoreError:
        return ["damaged"]
    finally:
        shutil.rmtree(place)


def moments(ops: Sequence[Op]) -> list[int]:
    """Where the power goes: right after a promise, where most can be lost, and anywhere."""
    chance = random.Random(5)
    promised = [i + 1 for i, op in enumerate(ops) if op.kind == "A"]
    return [*chance.sample(promised, CUTS // 2), *chance.sample(range(len(ops)), CUTS // 2)]


@pytest.mark.slow
async def test_what_was_acknowledged_outlives_the_power(recorder: Path, tmp_path: Path) -> None:
    ops = recorded(recorder, tmp_path)
    first = next(i for i, op in enumerate(ops) if op.kind == "A")
    folded = [op for op in ops[first:] if op.kind == "S" and op.name == "bot.sqlite"]
    assert folded, "the log was folded into the file meanwhile"
    for seed, end in enumerate(moments(ops)):
        if end > first:
            assert await lost(ops[:end], tmp_path, seed) == []


@pytest.mark.slow
async def test_a_store_that_need_not_outlive_it_does_not(recorder: Path, tmp_path: Path) -> None:
    """So the test above can fail."""
    ops = recorded(recorder, tmp_path, "volatile")
    found = [await lost(ops[:end], tmp_path, 1) for end in moments(ops)]
    assert any(found)
