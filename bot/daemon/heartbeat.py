"""The daemon's pulse: how late the event loop is, and what systemd is told.

systemd's side of it is sd_notify(3), a datagram to the socket that `NOTIFY_SOCKET` names; with
`WatchdogSec` in the unit it ends and restarts a daemon whose loop has stopped.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.metrics import Metrics

log = logging.getLogger(__name__)

TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who watches the process: systemd, where it said so in the environment. `watchdog_s` is the
    time in which it wants to hear of us, 0 where it doesn't."""

    address: str = ""
    watchdog_s: float = 0.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Supervisor":
        """As the environment says."""
        address = environment.get("NOTIFY_SOCKET", "")
        usec = environment.get("WATCHDOG_USEC", "")
        return cls(address, int(usec) / 1e6 if address and usec.isdecimal() else 0.0)

    def tell(self, state: str) -> None:
        """Sends one state, such as READY=1; nothing where nobody listens."""
        if not self.address:
            return
        name = self.address
        if name.startswith("@"):  # a socket that is no file
            name = "\0" + name[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
                told.settimeout(0)
                told.sendto(state.encode(), name)
        except OSError as error:
            log.warning("systemd could not be told %s: %s", state, error)


NOBODY = Supervisor()


@asynccontextmanager
async def heartbeat(supervisor: Supervisor, metrics: Metrics) -> AsyncIterator[None]:
    """From now on the daemon takes in messages, and until the context ends it is alive."""
    supervisor.tell("READY=1")
    beating = asyncio.create_task(_beat(supervisor, metrics))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        supervisor.tell("STOPPING=1")


async def _beat(supervisor: Supervisor, metrics: Metrics) -> None:
    loop, patience_s = asyncio.get_running_loop(), supervisor.watchdog_s / 2
    tick_s = min(TICK_S, patience_s) if patience_s else TICK_S
    told = -patience_s
    while True:
        began = loop.time()
        if patience_s and began - told >= patience_s - tick_s:
            supervisor.tell("WATCHDOG=1")
            told = began
        await asyncio.sleep(tick_s)
        metrics.loop_lag.observe(loop.time() - began - tick_s)
