"""The daemon with a clock that can be put forward, so that hours pass in a moment; for the soak.

The number in a file is what it is ahead of the real time, in seconds.
"""

import asyncio
import sys
import time
from pathlib import Path

from bot.config.schema import load_config
from bot.daemon.compose import run_daemon
from common.clock import SystemClock


class ShiftedClock(SystemClock):
    """The real time and what the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + shift_in(self._file)


def shift_in(file: Path) -> float:
    """The seconds that a file holds; 0 where there is none."""
    try:
        return float(file.read_text())
    except (OSError, ValueError):
        return 0.0


if __name__ == "__main__":
    shift, config = Path(sys.argv[1]), load_config(Path(sys.argv[2]))
    asyncio.run(run_daemon(config, ShiftedClock(shift), burst=False))
