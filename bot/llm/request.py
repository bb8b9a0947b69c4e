"""One request to one server: sent in the form that the server takes, and read."""

import logging
from dataclasses import replace

from bot.llm import wire
from bot.llm.capabilities import Capabilities
from bot.llm.prompts import estimate
from bot.llm.scoring import readable
from bot.llm.server import ApiServer
from bot.llm.settings import BackendOptions
from bot.llm.types import BadRequest, Completion, OnText, Request

log = logging.getLogger(__name__)


class Sender:
    """Asks the servers of a backend, and learns what they are like."""

    def __init__(self, options: BackendOptions, capabilities: Capabilities) -> None:
        self._options, self._capabilities = options, capabilities

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
        self, node: ApiServer, model: str, request: Request, on_text: OnText | None, room: int
    ) -> Completion:
        """The server's answer; asks again with room for thoughts where a model turns out to need
        it and `room` tokens of its context are enough. Raises LlmError."""
        done = await self._sent(node, model, request, on_text, thinking=self.thinking)
        untried = not self.thinking and self._capabilities.thinks is None
        if untried and _unfinished(request, done) and room >= wire.THINKING_TOKENS:
            done = await self._sent(node, model, request, on_text, thinking=True)
            self._capabilities.note_thinking(thinks=not _unfinished(request, done))
            if self.hint:
                log.warning("%s: %s", self._options.name, self.hint)
        return done if done.prompt_tokens else _estimated(request, done)

    async def _sent(
        self,
        node: ApiServer,
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
                request, model, options.preset, thinking=thinking, stream=on_text is not None,
                left_out=left_out,
            )  # fmt: skip
            try:
                if on_text is None:
                    done = await node.whole(body, options.name)
                else:
                    done = await node.stream(body, options.name, on_text, options.timeouts)
            except BadRequest as refused:
                said = str(refused)
                more = wire.refused_fields(body, said) - left_out
                if not more:
                    raise
                left_out |= more
                continue
            if said:
                log.warning("%s is asked without %s from now on: %s",
                            options.name, ", ".join(sorted(left_out)), said)  # fmt: skip
                self._capabilities.leave_out(left_out)
            return done


def _unfinished(request: Request, done: Completion) -> bool:
    """Did the model stop, or was it stopped, before it came to its answer?"""
    answered = readable(done) if request.digit else bool(done.text)
    return not answered and (done.cut or done.thought)


def _estimated(request: Request, done: Completion) -> Completion:
    """With our own counts, where the server tells none."""
    prompt = estimate(request.prompt.fixed) + estimate(request.prompt.variable)
    return replace(
        done, prompt_tokens=prompt, completion_tokens=estimate(done.text), estimated=True
    )
