"""One bot per data folder: a lock that the system takes back when its process ends, however."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from bot.store.database import StoreError

LOCK = "bot.lock"
"""Holds the number of the process, when it began and what it does, for people to read."""

TRIES, PAUSE_S = 10, 0.02
"""Who only looks whether there is a bot holds the lock for a moment, too."""


@contextmanager
def only_instance(folder: Path, does: str = "runs") -> Iterator[None]:
    """Keeps other bots off a data folder, which is made where there is none. Raises StoreError,
    which says who has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StoreError(f"{folder} is a file; name a folder in bot.data_dir") from error
    path = folder / LOCK
    with path.open("a+", encoding="utf-8") as file:
        if not any(_locked(file, fcntl.LOCK_EX) for _ in range(TRIES)):
            raise StoreError(
                f"{folder}: {_told(path)}; stop it, or give this one a folder of its own with "
                "bot.data_dir"
            )
        began = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        file.truncate(0)
        file.write(f"a bot {does} here: process {os.getpid()}, since {began}\n")
        file.flush()
        yield


def running(folder: Path) -> str:
    """Who has a data folder, as a sentence; "" where nobody has."""
    path = folder / LOCK
    try:
        with path.open(encoding="utf-8") as file:
            return "" if _locked(file, fcntl.LOCK_SH) else _told(path)
    except FileNotFoundError:
        return ""


def _locked(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(PAUSE_S)
        return False
    except OSError as error:
        raise StoreError(
            f"{file.name} can't be locked ({error.strerror}); put bot.data_dir on a local disk"
        ) from error
    return True


def _told(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() or "another bot is starting here"
