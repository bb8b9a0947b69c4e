"""One request to one server: sent in the form that the server takes, and read."""

import logging
from collections.abc import Collection
from dataclasses import replace

from bot.llm import wire
from bot.llm.prompts import estimate
from bot.llm.scoring import readable
from bot.llm.server import ApiServer
from bot.llm.settings import BackendOptions
from bot.llm.types import BadRequest, Completion, OnText, Request
from common.clock import Clock

log = logging.getLogger(__name__)

KEPT_S = 3600.0
"""Servers change: what was learned about them is forgotten after a while, and found out again."""


PICTURE_TOKENS = 1200
"""Of a picture: providers take from 85 to about so many."""


class Capabilities:
    """Which fields a backend's servers refuse, and whether their model thinks though it was told
    not to: learned by asking them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left_out: tuple[frozenset[str], float] = (frozenset(), 0.0)
        self._thinks: tuple[bool | None, float] = (None, 0.0)

    @property
    def left_out(self) -> frozenset[str]:
        """Fields that are not sent."""
        names, until = self._left_out
        return names if self._clock.now() < until else frozenset()

    @property
    def thinks(self) -> bool | None:
        """Does the model think all the same? None where nobody tried lately."""
        thinks, until = self._thinks
        return thinks if self._clock.now() < until else None

    def leave_out(self, names: Collection[str]) -> None:
        """A request was taken without these fields, not with them."""
        self._left_out = (self.left_out | frozenset(names), self._clock.now() + KEPT_S)

    def note_thinking(self, *, thinks: bool) -> None:
        """It was tried whether it answers when it has room for thoughts."""
        self._thinks = (thinks, self._clock.now() + KEPT_S)


class Sender:
    """Asks the servers of a backend, and learns what they are like."""

    def __init__(self, options: BackendOptions, clock: Clock) -> None:
        self._options, self._capabilities = options, Capabilities(clock)

    @property
    def thinking(self) -> bool:
        """Must there be room for thoughts?"""
        return self._options.thinking or bool(self._capabilities.thinks)

    @property
    def hint(self) -> str:
        """What should be changed in the configuration, though it works; "" where nothing."""
        if self._options.thinking or not self._capabilities.thinks:
            return ""
        return (
            "the model thinks though it is told not to, which makes every score slow and dear; "
            f"take another model, or set llm.{self._options.name}.thinking: true"
        )

    async def ask(
        self, server: ApiServer, model: str, request: Request, on_text: OnText | None, room: int
    ) -> Completion:
        """The server's answer; asks again with room for thoughts where a model turns out to need
        it and `room` tokens of its context are enough. Raises LlmError."""
        done = await self._sent(server, model, request, on_text, thinking=self.thinking)
        untried = not self.thinking and self._capabilities.thinks is None
        if untried and _unfinished(request, done) and room >= wire.THINKING_TOKENS:
            done = await self._sent(server, model, request, on_text, thinking=True)
            self._capabilities.note_thinking(thinks=not _unfinished(request, done))
            if self.hint:
                log.warning("%s: %s", self._options.name, self.hint)
        if self._options.vision:
            done = replace(done, pictures=len(request.pictures))
        if done.prompt_tokens:
            return done
        tokens = estimate(done.text)
        return replace(
            done, prompt_tokens=prompt_tokens(request), completion_tokens=tokens, estimated=True
        )

    async def _sent(
        self,
        server: ApiServer,
        model: str,
        request: Request,
        on_text: OnText | None,
        *,
        thinking: bool,
    ) -> Completion:
        """Sends the request, without the fields that the server refuses."""
        options, left_out, said = self._options, self._capabilities.left_out, ""
        while True:
            body = wire.body_of(
                request,
                model,
                options.preset,
                thinking=thinking,
                stream=on_text is not None,
                left_out=left_out,
                sees=options.vision,
            )
            try:
                if on_text is None:
                    done = await server.whole(body, options.name)
                else:
                    done = await server.stream(body, options.name, on_text, options.timeouts)
            except BadRequest as refused:
                said = str(refused)
                more = wire.refused_fields(body, said) - left_out
                if not more:
                    raise
                left_out |= more
                continue
            if said:
                fields = ", ".join(sorted(left_out))
                log.warning("%s is asked without %s from now on: %s", options.name, fields, said)
                self._capabilities.leave_out(left_out)
            return done


def prompt_tokens(request: Request) -> int:
    """Tokens of a request's prompt by our own estimate."""
    of_pictures = PICTURE_TOKENS * len(request.pictures)
    return estimate(request.prompt.fixed) + estimate(request.prompt.variable) + of_pictures


def _unfinished(request: Request, done: Completion) -> bool:
    """Did the model stop, or was it stopped, before it came to its answer?"""
    answered = readable(done) if request.digit else bool(done.text)
    return not answered and (done.cut or done.thought)
