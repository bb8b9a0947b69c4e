"""A bot of nonebot2 that repeats what it is called for, for `bench.load`: the peer that decides
nothing. It runs in an environment of its own below `.bench/`."""

import asyncio
import re
import socket
import subprocess
import sys
import time
import venv
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
from aiohttp import web

from bench.load_client import Message, ask_once, post_all, request

PACKAGES = ("nonebot2[fastapi,httpx]==2.5.0", "nonebot-adapter-onebot==2.4.6")
SELF = 10000
PATIENCE_S = 60.0

PROGRAM = """
import sys
import nonebot
from nonebot.adapters.onebot.v11 import Adapter, MessageEvent
from nonebot.rule import to_me

nonebot.init(driver="~fastapi+~httpx", host="127.0.0.1", port=int(sys.argv[1]),
             log_level="WARNING", onebot_api_roots={"10000": sys.argv[2]})
nonebot.get_driver().register_adapter(Adapter)
echo = nonebot.on_message(rule=to_me())


@echo.handle()
async def _(event: MessageEvent) -> None:
    await echo.finish(event.get_message())


nonebot.run()
"""


def install(work: Path) -> Path:
    """Its interpreter; installs it, once, from the package index."""
    folder = work / "peer"
    python = folder / "bin/python"
    if not (folder / "ready").exists():
        venv.create(folder, clear=True, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(install, check=True, timeout=600, capture_output=True)
        (folder / "ready").touch()
    return python


async def run(work: Path, said: Sequence[Message]) -> tuple[list[float], list[float], float]:
    """Seconds until each message was acknowledged, and until each mention was answered; seconds of
    CPU in all. Messages are posted as OneBot v11 does. Raises TimeoutError."""
    python = await asyncio.to_thread(install, work)
    mentions = sum(one.mention for one in said)
    posted: dict[str, float] = {}
    answered: list[float] = []
    done = asyncio.Event()

    async def called(asked: web.Request) -> web.Response:
        number = re.search(r"#(\d+)", await asked.text())
        if number:
            answered.append(time.perf_counter() - posted[number[1]])
        if len(answered) == mentions:
            done.set()
        return web.json_response({"status": "ok", "retcode": 0, "data": {"message_id": 1}})

    def begun(index: int) -> None:
        posted[str(said[index].number)] = time.perf_counter()

    async with _api(called) as root, _bot(python, root) as (port, process):
        began = _cpu(process)
        acknowledged = await post_all(port, [_event(one) for one in said], begun=begun)
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()
        return acknowledged, answered, _cpu(process) - began


def _event(message: Message) -> bytes:
    parts = [{"type": "text", "data": {"text": f"{message.text} #{message.number}"}}]
    if message.mention:
        parts.insert(0, {"type": "at", "data": {"qq": str(SELF)}})
    user = 1 + int(message.user[1:])
    body = {
        "time": int(time.time()),
        "self_id": SELF,
        "post_type": "message",
        "message_type": "group",
        "sub_type": "normal",
        "message_id": message.number,
        "group_id": 1 + int(message.group[1:]),
        "user_id": user,
        "anonymous": None,
        "message": parts,
        "raw_message": message.text,
        "font": 0,
        "sender": {"user_id": user, "nickname": "somebody", "role": "member"},
    }
    return request("POST", "/onebot/v11/", body, f"X-Self-ID: {SELF}")


@asynccontextmanager
async def _api(
    called: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    """The platform that the bot answers through."""
    application = web.Application()
    application.router.add_post("/{call}", called)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _bot(python: Path, root: str) -> AsyncIterator[tuple[int, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        str(python), "-c", PROGRAM, str(port), root, stdout=asyncio.subprocess.DEVNULL,
        stderr=sys.stderr,
    )  # fmt: skip
    try:
        until = time.perf_counter() + PATIENCE_S
        while True:
            try:
                await ask_once(port, "/")
                break
            except OSError:
                if time.perf_counter() > until or process.returncode is not None:
                    raise
                await asyncio.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
