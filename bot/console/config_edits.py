"""Changes of the configuration's file on the console: what of it holds at once, and what waits."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from adapters.http_guard import User
from bot.config.config_file import Change, ConfigChanged, ConfigFile, changed_keys
from bot.config.located import ConfigError
from bot.config.schema import Config
from bot.console.parts import ConsoleParts
from bot.console.users import LOCAL
from bot.texts.translated import in_chinese
from knowledge.types import KnowledgeError

Holds = Literal["now", "reload", "restart"]


def when_it_holds(key: str) -> Holds:
    """From when on a changed key of the configuration counts."""
    if key in ("http.users", "http.token") or (key.startswith("gate.") and key != "gate.refit"):
        return "now"
    return "reload" if key == "knowledge.sources" else "restart"


def told(keys: Iterable[str]) -> list[dict[str, str]]:
    """Changed keys as the page shows them."""
    return [{"key": key, "holds": when_it_holds(key)} for key in keys]


@dataclass(frozen=True, slots=True)
class Written:
    """`backup` is the number under which the file is kept as it was; `problem` what could not be
    made to hold at once."""

    keys: tuple[str, ...]
    backup: int | None
    problem: str = ""


class ConfigEdits:
    """Writes changes, one at a time, and makes hold what can."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts, self._turn = parts, asyncio.Lock()

    def file(self, user: User) -> ConfigFile:
        """The file, for who may change all of it. Raises HTTPForbidden, HTTPConflict."""
        if user == LOCAL:
            raise web.HTTPForbidden(
                text="whoever uses this machine could change it; make an admin first, then log in"
            )
        return self.any_file()

    def any_file(self) -> ConfigFile:
        """The file. Raises HTTPConflict where the bot was started from none."""
        if self._parts.file is None:
            raise web.HTTPConflict(text="this bot was not started from a file")
        return self._parts.file

    async def before(self) -> Config:
        """What the file says as it is, or what holds where it is wrong."""
        try:
            return await asyncio.to_thread(self.any_file().load)
        except ConfigError:
            return self._parts.config

    async def pending(self) -> list[str]:
        """The keys of which the file says something else than what holds. Raises ConfigError."""
        now = await asyncio.to_thread(self.any_file().load)
        return changed_keys(self._parts.config, now)

    async def write(self, user: User, action: str, change: Change) -> Written:
        """Exchanges the file, and makes hold what holds at once. Raises HTTPConflict."""
        file = self.any_file()
        async with self._turn:
            before = await self.before()
            try:
                backup = await asyncio.to_thread(file.write, change)
            except (ConfigError, ConfigChanged) as error:
                raise web.HTTPConflict(text=str(error)) from error
            keys = changed_keys(before, change.config)
            await self._parts.audit.record(
                user,
                action,
                file.name,
                before=_lines(change, "-"),
                after=_lines(change, "+"),
            )
            return Written(tuple(keys), backup, await self._take(change.config))

    async def _take(self, config: Config) -> str:
        parts = self._parts
        http = {"users": config.http.users, "token": config.http.token}
        parts.config = parts.config.model_copy(
            update={"http": parts.config.http.model_copy(update=http)}
        )
        await parts.users.configure(parts.config.http)
        gate = config.gate.model_copy(update={"refit": parts.config.gate.refit})
        if gate == parts.config.gate:
            return ""
        try:
            await parts.loaded().retarget(gate)
        except KnowledgeError as error:
            return str(error)
        parts.config = parts.config.model_copy(update={"gate": gate})
        return ""


def _lines(change: Change, sign: str) -> str:
    return "\n".join(line[1:] for line in change.difference if line.startswith(sign))


def problem_lines(error: ConfigError) -> dict[str, Any]:
    """What is wrong, a line for each, as the page shows it: in English, below "zh" in Chinese."""
    chinese = [one.line(in_chinese(one.text)) for one in error.problems]
    return {"problems": str(error).splitlines(), "zh": chinese or [in_chinese(str(error))]}
