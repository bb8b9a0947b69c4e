"""An lmdeploy api_server (TurboMind) that the bot starts, watches and stops with itself.

It runs as a child in a session of its own, in lmdeploy's own environment: its crash, its memory
and its dependencies are not the bot's. A guard (see `common.process_launch`) ends it with the bot,
however that ends. While it is not ready the bot works as without a model.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any

import aiohttp

from bot.llm.lmdeploy.exit_codes import MEMORY_KEYS as MEMORY_KEYS
from bot.llm.lmdeploy.exit_codes import GivesUp, interpreter, meaning, serve_environment
from bot.llm.lmdeploy.orphans import MARK, end_orphans, mark
from bot.llm.settings import ServeSettings
from common.clock import Clock
from common.process import Command
from common.process_async import AsyncChild

log = logging.getLogger(__name__)

LOAD_POLL_S, POLL_S, POLL_TIMEOUT_S = 1.0, 10.0, 12.0
"""Seconds between two looks while it loads, and while it serves; how long a look may take."""

SICK_POLLS = 3
"""Looks in a row that find it unhealthy before it is started again."""

FIRST_PAUSE_S, LAST_PAUSE_S = 5.0, 300.0
STOP_GRACE_S = 15.0
FAILED_STARTS = 3


class State(StrEnum):
    """What the server is at."""

    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    PAUSING = "pausing"  # it failed, and is started again after a pause
    GIVEN_UP = "given up"  # it can't be started like this


class Server:
    """One api_server. `run` until cancelled; `state` and `problem` say how it is."""

    def __init__(
        self,
        settings: ServeSettings,
        clock: Clock,
        ready: Callable[[], Awaitable[None]],
        stop_grace_s: float = STOP_GRACE_S,
    ) -> None:
        self.state, self.problem = State.STOPPED, ""
        self._settings, self._clock, self._ready = settings, clock, ready
        self._grace_s = stop_grace_s
        self._said = ""
        self._failed_starts = 0

    async def run(self) -> None:
        """Starts the server, again when it ends, with growing pauses; stops it when cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            began = self._clock.now()
            try:
                self.problem = await self._once()
            except GivesUp as reason:
                self.state, self.problem = State.GIVEN_UP, str(reason)
                log.error("lmdeploy is not started again: %s\n%s", reason, self._said)
                return
            except OSError as error:  # too many processes, too little memory
                self.problem = f"can't start a process: {error}"
            if self._clock.now() - began > 2 * LAST_PAUSE_S:
                pause = FIRST_PAUSE_S
            self.state = State.PAUSING
            text = "lmdeploy: %s; next start in %.0f s\n%s"
            log.error(text, self.problem, pause, self._said)
            await self._wait(pause)
            pause = min(LAST_PAUSE_S, 2 * pause)

    def command(self) -> list[str]:
        """The command line of the server."""
        settings = self._settings
        return [
            interpreter(settings), "-m", "lmdeploy", "serve", "api_server", settings.model,
            "--model-name", settings.model_name,
            "--server-name", "127.0.0.1",
            "--server-port", str(settings.port),
            "--backend", "turbomind",
            "--tp", str(settings.tp),
            "--session-len", str(settings.session_len),
            "--max-batch-size", str(settings.max_batch_size),
            "--cache-max-entry-count", str(settings.cache_max_entry_count),
            "--quant-policy", str(settings.quant_policy),
            *(["--enable-prefix-caching"] if settings.enable_prefix_caching else []),
            *settings.extra_args,
        ]  # fmt: skip

    async def _once(self) -> str:
        """One life of the server; returns why it ended. Raises GivesUp and OSError."""
        self._said = ""
        port = self._settings.port
        if orphans := await asyncio.to_thread(end_orphans, port):
            log.warning("ended what an earlier bot left running: processes %s", orphans)
            await self._wait(LOAD_POLL_S)
        if await is_taken(port):
            return f"port {port} is taken by another program"
        self.state = State.LOADING
        variables = serve_environment(self._settings, **{MARK: mark(port)})
        command = Command(tuple(self.command()), variables, guarded=True)
        started = await AsyncChild.start(command, heard=_log_line, grace_s=self._grace_s)
        async with started as child:
            sick = await self._watch(child.ended)
        self._said = child.last_words
        return sick or self._why(child.ended.result())

    async def _watch(self, ended: "asyncio.Future[Any]") -> str:
        """Looks after the child; returns what is wrong with it, "" when it has ended."""
        began, sick = self._clock.now(), 0
        async with aiohttp.ClientSession() as http:
            while True:
                pause = LOAD_POLL_S if self.state is State.LOADING else POLL_S
                waiting: asyncio.Future[Any] = asyncio.create_task(self._wait(pause))
                await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if ended.done():
                    return ""
                healthy = await self._healthy(http)
                if healthy and self.state is State.LOADING:
                    self.state, self.problem, self._failed_starts = State.READY, "", 0
                    log.info("lmdeploy serves %s", self._settings.model_name)
                    await self._ready()
                if self.state is State.LOADING:
                    if self._clock.now() - began > self._settings.load_timeout_s:
                        return f"it was not ready within {self._settings.load_timeout_s:g} s"
                    continue
                sick = 0 if healthy else sick + 1
                if sick >= SICK_POLLS:
                    return f"it was unhealthy {sick} times in a row"

    async def _healthy(self, http: aiohttp.ClientSession) -> bool:
        # The port is closed while the model loads.
        try:
            timeout = aiohttp.ClientTimeout(POLL_TIMEOUT_S)
            url = f"http://127.0.0.1:{self._settings.port}/health"
            async with http.get(url, timeout=timeout) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _why(self, code: int) -> str:
        """What an exit code means. Raises GivesUp where another start can't help."""
        said = meaning(code, self._said, self._settings)
        if self.state is State.LOADING:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise GivesUp(f"{self._failed_starts} starts failed in a row: {said}")
        return said

    async def _wait(self, seconds: float) -> None:
        await self._clock.wait(asyncio.Event(), self._clock.now() + seconds)


def _log_line(line: str) -> None:
    log.info("lmdeploy: %s", line)


async def is_taken(port: int) -> bool:
    """Does something listen on a port of this machine?"""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
