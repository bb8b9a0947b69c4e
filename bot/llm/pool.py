"""The servers of one backend: the least busy of the healthy ones is asked, the others probed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.llm.presets import BEST, CHEAP
from bot.llm.server import ApiServer
from bot.llm.settings import BackendOptions
from bot.llm.types import Down, LlmError, ModelMissing, RateLimited, Unreachable

log = logging.getLogger(__name__)


class Pool:
    """Servers of the same model."""

    def __init__(self, options: BackendOptions, servers: Sequence[ApiServer]) -> None:
        self.servers = list(servers)
        self._options, self._name = options, options.name
        self._model, self._preset = options.model, options.preset
        self._stand_in = ""
        self._turn = 0

    @property
    def up(self) -> bool:
        """Is there a server that is not left alone?"""
        return any(server.breaker.closed for server in self.servers)

    def problems(self) -> list[str]:
        """What keeps it, or one of several servers, from being asked as it is configured."""
        wrong = [server for server in self.servers if not server.breaker.closed]
        said = [(server.url, server.breaker.problem) for server in wrong if server.breaker.problem]
        if self.up:
            return [*filter(None, [self.note]), *(f"{url}: {problem}" for url, problem in said)]
        return list(dict.fromkeys(problem for _, problem in said)) or ["not reachable"]

    @property
    def note(self) -> str:
        """What is not as configured, though it works; "" where nothing."""
        if not self._stand_in:
            return ""
        key = f"llm.{self._name}.model"
        return f"{self._model} is not served, {self._stand_in} is asked instead; correct {key}"

    def pause(self) -> float:
        """Seconds until a server may be asked, by their own wish; 0 when one may be now."""
        return min(
            (server.pause() for server in self.servers if server.breaker.closed), default=0.0
        )

    def has_other(self, tried: set[ApiServer]) -> bool:
        """Is there a healthy server that was not tried yet?"""
        return any(server.breaker.closed for server in self.servers if server not in tried)

    @asynccontextmanager
    async def lent(self, tried: set[ApiServer], call: int) -> AsyncIterator[ApiServer]:
        """The best server for one request; it learns how that went. That we give a request up
        ourselves tells nothing about the server. Raises LlmError."""
        server = await self._pick(tried)
        tried.add(server)
        server.in_flight += 1
        try:
            yield server
        except LlmError as error:
            if server.learn(error, call):
                log.warning("%s at %s is left alone: %s", self._name, server.url, error)
            raise
        else:
            server.breaker.worked()
        finally:
            server.in_flight -= 1

    def any_server(self) -> ApiServer | None:
        """A healthy server for a small question; None where there is none."""
        return next((server for server in self.servers if server.breaker.closed), None)

    async def model_of(self, server: ApiServer) -> str:
        """The name to ask a server for. Raises LlmError."""
        if self._stand_in:
            return self._stand_in
        if not self._is_left_to_us:
            return self._model
        try:
            names = await server.listed()
        except Unreachable:
            raise
        except LlmError:
            if not self._preset.models:
                raise
            names = []  # not every API has a list, or shows it to every key
        wish, context = self._model or CHEAP, self._options.context_tokens
        if chosen := self._preset.chosen(wish, names, context):
            return chosen
        shown = ", ".join(names[:8]) or "nothing"
        raise ModelMissing(f"{self._name} lists {shown}; set llm.{self._name}.model to one of them")

    async def find_stand_in(self, server: ApiServer) -> bool:
        """Looks for a model to ask instead of one that the server does not know, and says so."""
        if self._is_left_to_us or self._stand_in:
            return False
        try:
            names = await server.models()
        except LlmError:
            return False
        context = self._options.context_tokens
        found = self._preset.instead_of(self._model, names, context) if names else ""
        if not found or found == self._model:
            return False
        self._stand_in = found
        log.warning("%s: %s", self._name, self.note)
        return True

    @property
    def _is_left_to_us(self) -> bool:
        return self._model in ("", CHEAP, BEST)

    async def probe(self, *, everything: bool = False) -> None:
        """Asks servers that were left alone long enough, or all, whether they can be used."""
        servers = [server for server in self.servers if everything or server.breaker.due()]
        await asyncio.gather(*(self._probe(server, always=everything) for server in servers))

    async def _pick(self, tried: set[ApiServer]) -> ApiServer:
        """The server with the least in flight, one that was not tried yet if there is one."""
        for server in self.servers:
            if not self.up and server.breaker.due():
                await self._probe(server)
        ready = [server for server in self.servers if server.breaker.closed]
        if not ready:
            raise Down(f"{self._name} failed lately: {'; '.join(self.problems())}")
        free = [server for server in ready if not server.pause()]
        if not free:
            raise RateLimited(f"{self._name} asked for a pause", self.pause())
        self._turn += 1
        turn = self._turn % len(free)
        turned = free[turn:] + free[:turn]
        return min(turned, key=lambda server: (server in tried, server.in_flight))

    async def _probe(self, server: ApiServer, *, always: bool = False) -> None:
        """Opens or closes the breaker. Who comes while a probe is under way waits for it; a
        server that is in use is not disturbed by it."""
        async with server.probing:
            breaker = server.breaker
            if not always and not breaker.due():
                return
            answered = breaker.answered
            try:
                await self._examine(server)
            except LlmError as error:
                log.warning("%s at %s can't be used: %s", self._name, server.url, error)
                if not breaker.closed or breaker.answered == answered:
                    breaker.open(error)
            else:
                if not breaker.closed:
                    breaker.close()

    async def _examine(self, server: ApiServer) -> None:
        """Does it serve the model? Raises LlmError.

        The list of models costs nothing, but not every API has one, lists aliases, or shows it to
        every key; and a server may list its models while it fails to answer. Then an answer of
        one token settles it.
        """
        names: list[str] = []
        chat = server.breaker.needs_chat
        try:
            names = await server.models()
        except Unreachable:
            raise
        except LlmError as error:
            log.info("%s at %s lists no models: %s", self._name, server.url, error)
            chat = True
        missing = not self._is_left_to_us and bool(names) and self._model not in names
        if not missing:
            self._stand_in = ""  # it is served again, or we choose
        if not (chat or missing):
            return
        try:
            key = self._preset.max_tokens_key
            await server.ping(await self.model_of(server), self._name, key)
        except ModelMissing as error:
            if await self.find_stand_in(server):
                return
            if not missing:
                raise
            known = ", ".join(names[:8])
            raise ModelMissing(f"{self._name} has no model {self._model}, but {known}") from error
