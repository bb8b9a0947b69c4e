"""What each stage saw and how long it took: the answer to "why did the bot do that?"."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.types import Trace


@contextmanager
def stage(trace: Trace, name: str) -> Iterator[dict[str, Any]]:
    """Appends one entry to the trace; figures put into the yielded dict become part of it."""
    figures: dict[str, Any] = {}
    started = time.perf_counter()
    try:
        yield figures
    finally:
        spent = round((time.perf_counter() - started) * 1000, 2)
        trace.append({"stage": name, "ms": spent, **figures})
