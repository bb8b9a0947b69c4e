"""systemd is told when messages are taken in, that the loop is alive, and when it ends."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.daemon.heartbeat import Supervisor, heartbeat
from bot.metrics import create_metrics


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(0.0)
        yield heard


async def test_ready_alive_and_stopping_in_this_order(systemd: socket.socket) -> None:
    metrics, said = create_metrics(), list[bytes]()
    loop = asyncio.get_running_loop()
    supervisor = Supervisor.of({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "20000"})
    assert supervisor.watchdog_s == 0.02
    async with asyncio.timeout(60), heartbeat(supervisor, metrics):
        while len(said) < 4:
            said.append(await loop.sock_recv(systemd, 100))
    while said[-1] != b"STOPPING=1":
        said.append(systemd.recv(100))
    assert said[0] == b"READY=1"
    assert set(said[1:-1]) == {b"WATCHDOG=1"}
    assert "huixiangdou_loop_lag_seconds_count" in metrics.render().decode()


async def test_without_systemd_nobody_is_told(tmp_path: Path) -> None:
    assert Supervisor.of({"WATCHDOG_USEC": "20000"}) == Supervisor()
    for nobody in (Supervisor(), Supervisor(str(tmp_path / "gone")), Supervisor("@nobody-here")):
        async with heartbeat(nobody, create_metrics()):
            pass
