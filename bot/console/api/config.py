"""The configuration: as it holds, and its file, which an admin may change here."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from adapters.http_guard import json_response
from adapters.web.http import read_json_body
from adapters.web.types import parse_body
from bot.config.config_file import Change, ConfigChanged, ConfigFile, changed_keys
from bot.config.located import ConfigError
from bot.config.masking import MASK
from bot.config.yaml_file import MAX_CHARS
from bot.console.access import Role, needs, user_of
from bot.console.config_edits import ConfigEdits, problem_lines, told
from bot.console.describe import takes
from bot.console.parts import ConsoleParts


class ConfigChange(BaseModel):
    """POST to /api/console/config/file and /api/console/config/check: a text with masks, or the
    number of a backup, in place of the file of this version."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    version: Annotated[str, Field(max_length=64)]
    text: Annotated[str, Field(max_length=MAX_CHARS)] | None = None
    backup: Annotated[int, Field(ge=1)] | None = None


def config_routes(parts: ConsoleParts, edits: ConfigEdits) -> list[web.RouteDef]:
    """What the page of connections asks for about the configuration."""
    api = _Configuration(parts, edits)
    return [
        web.get("/api/console/config", api.holding),
        web.get("/api/console/config/file", api.shown),
        web.post("/api/console/config/check", api.check),
        web.post("/api/console/config/file", api.write),
    ]


class _Configuration:
    def __init__(self, parts: ConsoleParts, edits: ConfigEdits) -> None:
        self._parts, self._edits = parts, edits

    @needs(Role.ADMIN)
    async def holding(self, _: web.Request) -> web.Response:
        """The configuration as it holds, defaults and all, with secrets masked."""
        return json_response({"config": masked(self._parts.config)})

    @needs(Role.ADMIN)
    async def shown(self, request: web.Request) -> web.Response:
        """The configuration's file with secrets masked, its backups, and the keys in which it
        differs from what holds."""
        file = self._edits.file(user_of(request))
        try:
            shown = await asyncio.to_thread(file.shown)
        except ConfigError as error:
            raise web.HTTPConflict(text=f"change it with an editor: {error}") from error
        found = {
            "name": file.name,
            "text": shown.text,
            "version": shown.version,
            "backups": list(shown.backups),
        }
        try:
            pending = await self._edits.pending()
        except ConfigError as error:
            return json_response({**found, "pending": [], **problem_lines(error)})
        return json_response({**found, "pending": told(pending), "problems": []})

    @needs(Role.ADMIN)
    @takes(body=ConfigChange)
    async def check(self, request: web.Request) -> web.Response:
        """What a change would do to the file, or what is wrong with it; nothing is written."""
        asked = parse_body(ConfigChange, await read_json_body(request))
        file = self._edits.file(user_of(request))
        try:
            change = await self._judged(file, asked)
        except ConfigError as error:
            return json_response({**problem_lines(error), "difference": [], "keys": []})
        keys = told(changed_keys(await self._edits.before(), change.config))
        return json_response({"problems": [], "difference": list(change.difference), "keys": keys})

    @needs(Role.ADMIN)
    @takes(body=ConfigChange)
    async def write(self, request: web.Request) -> web.Response:
        """Changes the file, which is kept as a numbered backup before."""
        asked = parse_body(ConfigChange, await read_json_body(request))
        user = user_of(request)
        try:
            change = await self._judged(self._edits.file(user), asked)
        except ConfigError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        done = await self._edits.write(user, "config.change", change)
        return json_response(
            {"keys": told(done.keys), "backup": done.backup, "problem": done.problem}
        )

    async def _judged(self, file: ConfigFile, asked: ConfigChange) -> Change:
        try:
            if asked.backup is not None and asked.text is None:
                return await asyncio.to_thread(file.judge_backup, asked.backup, asked.version)
            if asked.text is not None and asked.backup is None:
                return await asyncio.to_thread(file.judge, asked.text, asked.version)
        except ConfigChanged as error:
            raise web.HTTPConflict(text=str(error)) from error
        raise web.HTTPBadRequest(text="send either a text or the number of a backup")


def masked(value: Any) -> Any:
    """A section as plain values; of a secret only whether there is one, of an address no
    password."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            name: MASK if not fields[name].repr and shown else masked(shown)
            for name in fields
            if (shown := getattr(value, name)) is not None or fields[name].repr
        }
    if isinstance(value, Mapping):
        return {str(name): masked(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item) for item in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)
