"""Replays of exported chats: uploaded here, run by a process of its own, and read here."""

import asyncio
import json
import os
import re
import secrets
import shutil
from pathlib import Path
from typing import Any

from aiohttp import web

from adapters.http_guard import json_response
from bot.console.access import Role, needs, user_of
from bot.console.parts import ConsoleParts
from common.process import ChildFailed, Command
from common.process_async import AsyncChild

MAX_BYTES = 200 << 20
"""Of an export: years of a busy group."""

MAX_REPORT_BYTES = 16 << 20
ROWS = 200
"""Of each list of a report that is shown here; the file holds all."""

LAST_WORDS = 500
"""Characters of what a replay said before it failed."""

UPLOAD_TIMEOUT_S, REPLAY_TIMEOUT_S = 600.0, 6 * 3600.0
LEFT_S = 2 * (UPLOAD_TIMEOUT_S + REPLAY_TIMEOUT_S)
"""After so long nobody works at an export any more."""

_ID = re.compile(r"[0-9]{10}-[0-9a-f]{8}")
_SUFFIXES = frozenset({".jsonl", ".json", ".csv", ".txt"})
FOLDER, REPORT = "replays", "replay.json"


def replay_routes(parts: ConsoleParts) -> list[web.RouteDef]:
    """What the page of replays asks for."""
    api = _Replays(parts)
    return [
        web.get("/api/console/replays", api.listed),
        web.post("/api/console/replays/{name}", api.upload),
        web.get("/api/console/replays/{name}", api.report),
        web.delete("/api/console/replays/{name}", api.remove),
    ]


def prune_replays(data: Path, now: float, keep_s: float) -> None:
    """Deletes reports that are older, and exports that a bot which was killed left. Raises
    OSError."""
    for folder in (data / FOLDER).glob("*-*"):
        if _ID.fullmatch(folder.name):
            age = now - int(folder.name.partition("-")[0])
            if age > keep_s or (age > LEFT_S and not (folder / REPORT).exists()):
                shutil.rmtree(folder)


class _Replays:
    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._folder = Path(parts.config.bot.data_dir) / FOLDER
        self._running: dict[str, Any] | None = None
        self._failed = ""

    @needs(Role.VIEWER)
    async def listed(self, _: web.Request) -> web.Response:
        """The replays that are done, the newest first, and the one that is under way."""
        done = await asyncio.to_thread(self._done)
        return json_response({"done": done, "running": self._running, "failed": self._failed})

    def _done(self) -> list[dict[str, Any]]:
        found = sorted(self._folder.glob(f"*/{REPORT}"), reverse=True)
        return [
            {"id": file.parent.name, "at": int(file.parent.name.partition("-")[0])}
            for file in found
            if _ID.fullmatch(file.parent.name)
        ]

    @needs(Role.ADMIN)
    async def upload(self, request: web.Request) -> web.Response:
        """Takes an exported chat, the body of the request, and begins to replay it; the name in the
        address is that of the file."""
        suffix = Path(request.match_info["name"]).suffix.lower()
        if suffix not in _SUFFIXES:
            raise web.HTTPBadRequest(text=f"name: must end in {', '.join(sorted(_SUFFIXES))}")
        if not self._parts.command:
            raise web.HTTPConflict(text="this bot was started without its own command line")
        if self._running is not None:
            raise web.HTTPConflict(text="a replay is under way; wait for its end")
        now = self._parts.clock.now()
        number = f"{int(now)}-{secrets.token_hex(4)}"
        self._running, self._failed = {"id": number, "since": now}, ""
        try:
            file = await self._received(request, self._folder / number / f"export{suffix}")
        except BaseException:
            self._running = None
            await asyncio.to_thread(shutil.rmtree, self._folder / number, ignore_errors=True)
            raise
        await self._parts.audit.record(user_of(request), "replay.begin", number)
        self._parts.tasks.spawn(self._replayed(file))
        return json_response({"running": self._running}, 202)

    async def _received(self, request: web.Request, file: Path) -> Path:
        await asyncio.to_thread(file.parent.mkdir, parents=True, mode=0o700)
        taken = 0
        try:
            with file.open("wb") as into:
                async with asyncio.timeout(UPLOAD_TIMEOUT_S):
                    async for part in request.content.iter_chunked(1 << 16):
                        taken += len(part)
                        if taken > MAX_BYTES:
                            raise web.HTTPRequestEntityTooLarge(MAX_BYTES, taken)
                        await asyncio.to_thread(into.write, part)
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="body: did not arrive in time") from None
        if not taken:
            raise web.HTTPBadRequest(text="body: is empty; it must be the exported chat")
        return file

    async def _replayed(self, file: Path) -> None:
        """Runs `replay` with this bot's own configuration; what it says last is why it failed."""
        words = (*self._parts.command, "replay", str(file), "--json", "--out", str(file.parent))
        # It is this program with this configuration, which may name variables.
        command = Command(words, dict(os.environ), folder=Path.cwd())
        try:
            async with await AsyncChild.start(command, MAX_REPORT_BYTES) as child:
                async with asyncio.timeout(REPLAY_TIMEOUT_S):
                    await child.receive()
                    await child.ended
        except ChildFailed as error:
            self._failed = " ".join(error.last_words.split())[-LAST_WORDS:] or str(error)
        except (OSError, TimeoutError) as error:
            self._failed = str(error) or "it took too long"
        finally:
            try:
                await asyncio.to_thread(file.unlink, missing_ok=True)
                if self._failed:
                    await asyncio.to_thread(shutil.rmtree, file.parent, ignore_errors=True)
            finally:
                self._running = None  # only now: who sees it end finds nothing left

    @needs(Role.VIEWER)
    async def report(self, request: web.Request) -> web.Response:
        """The figures of a replay, of each list the first rows; see docs/en/replay.md."""
        file = self._of(request) / REPORT
        try:
            figures = json.loads(await asyncio.to_thread(file.read_text, "utf-8"))
        except FileNotFoundError:
            raise web.HTTPNotFound(text="name: there is no such replay") from None
        for name in ("replies", "held_back"):
            figures[name]["list"] = figures[name]["list"][:ROWS]
        return json_response(figures)

    @needs(Role.ADMIN)
    async def remove(self, request: web.Request) -> web.Response:
        """Deletes a replay's report."""
        folder = self._of(request)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        await self._parts.audit.record(user_of(request), "replay.remove", folder.name)
        return json_response({"id": folder.name})

    def _of(self, request: web.Request) -> Path:
        name = request.match_info["name"]
        if not _ID.fullmatch(name):
            raise web.HTTPNotFound(text="name: there is no such replay")
        return self._folder / name
