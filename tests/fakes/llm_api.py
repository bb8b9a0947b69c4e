"""An OpenAI-compatible chat API on loopback that answers, and fails, as a script says."""

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.llm.prompts import load_prompts
from tests.fakes.loop_time import leap

_SENTENCE = re.compile(r'<sentence n="(\d+)">\n(.*?)\n</sentence>', re.DOTALL)
_KINDS = {fixed: key for key, (fixed, _) in load_prompts().by_name.items()}


@dataclass(frozen=True)
class Call:
    """A request that came in: which prompt, in which language, with which texts."""

    kind: str
    language: str
    text: str
    body: dict[str, Any]
    key: str


@dataclass(frozen=True)
class Say:
    """What the server does. `raw` replaces the body, `hang` never answers, `cut` closes the
    connection after so many pieces of a stream (or before a plain answer), `refuse` are fields
    that the server calls unknown, `hold` is waited for before a stream's last piece, `until`
    before anything is sent, `thoughts` are told beside the answer, `counted` says what was used,
    `takes_s` pass in the event loop meanwhile."""

    text: str = ""
    digits: Mapping[int, float] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None
    hang: bool = False
    cut: int | None = None
    finish: str | None = "stop"
    refuse: tuple[str, ...] = ()
    hold: asyncio.Event | None = None
    message: str = "out of order"
    until: asyncio.Event | None = None
    thoughts: str = ""
    counted: bool = True
    takes_s: float = 0.0


Script = Callable[[Call], Say]

SCORES = {"question": 9, "relevance": 9, "dodge": 0, "unsafe": 0}


def agreeable(answer: str = "The server listens on port 7311 [1].") -> Script:
    """A model that finds everything relevant and harmless, and answers the same."""

    return lambda call: judged(call) or Say(answer)


def judged(call: Call, **scores: int) -> Say | None:
    """The judgement of a model that finds everything relevant, harmless and borne out, but for
    these scores; None where something is to be written."""
    if call.kind in SCORES:
        return digit({**SCORES, **scores}[call.kind])
    return verdicts(call) if call.kind == "follows" else None


def verdicts(call: Call, judge: Callable[[str], str] = lambda _: "follows") -> Say:
    """A word on each sentence of an answer, by default that it follows."""
    found = _SENTENCE.findall(call.text)
    return Say("\n".join(f"{number}: {judge(sentence)}" for number, sentence in found))


def digit(number: int, certainty: float = 1.0) -> Say:
    """One digit with its probability."""
    rest = (1.0 - certainty) / 9
    digits = {d: certainty if d == number else rest for d in range(10)}
    return Say(str(number), {d: p for d, p in digits.items() if p > 0})


@dataclass
class LlmApi:
    """A running server; `script` may be changed at any time. `list_status` answers for the list
    of models, `list_until` is waited for before; `holding` counts the streams that came to their
    `hold`, and `let` is one that a script may use; `aliases` are served and not listed; `pings`
    are questions of one token; `count` is the tokenizer behind /v1/encode, where there is one."""

    url: str
    script: Script
    calls: list[Call] = field(default_factory=list)
    probes: int = 0
    models: tuple[str, ...] = ("chat",)
    down: bool = False
    at_once: int = 0
    most_at_once: int = 0
    together: asyncio.Barrier | None = None
    aliases: tuple[str, ...] = ()
    pings: int = 0
    list_status: int = 200
    list_until: asyncio.Event | None = None
    holding: int = 0
    let: asyncio.Event = field(default_factory=asyncio.Event)
    count: Callable[[str], int] | None = None

    def kinds(self) -> list[str]:
        """What was asked, in its order."""
        return [call.kind for call in self.calls]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.together:
                await self.together.wait()
            return await self._answer(request)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if self.down:
            return _error(503, "sleeping")
        call = self._call(body, request.headers.get("Authorization", ""))
        if call.kind == "ping" and body["model"] not in (*self.models, *self.aliases):
            return _error(404, f"The model '{body['model']}' does not exist.")
        say = self.script(call)
        if say.until:
            await say.until.wait()
        leap(say.takes_s)
        if unknown := [name for name in say.refuse if name in body]:
            return _error(400, f"unknown field {unknown[0]}")
        if say.hang:
            await asyncio.Event().wait()
        if say.raw is not None:
            kind = "text/event-stream" if say.raw.startswith("data:") else "application/json"
            return web.Response(text=say.raw, status=say.status, content_type=kind)
        if say.status != 200:
            return _error(say.status, say.message, say.headers)
        if body.get("stream"):
            return await self._stream(request, say, body)
        if say.cut is not None:
            assert request.transport
            request.transport.abort()
        return _whole(say, body)

    def _call(self, body: dict[str, Any], key: str) -> Call:
        texts = [_text(message["content"]) for message in body["messages"]]
        if len(texts) == 1:
            self.pings += 1
            return Call("ping", "", texts[0], body, key)
        kind, language = _KINDS[texts[0]]
        self.calls.append(Call(kind, language, texts[1], body, key))
        return self.calls[-1]

    async def list_models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        del request
        self.probes += 1
        if self.list_until:
            await self.list_until.wait()
        if self.down:
            return _error(503, "sleeping")
        if self.list_status != 200:
            return _error(self.list_status, "no list here")
        return web.json_response({"object": "list", "data": [{"id": m} for m in self.models]})

    async def encode(self, request: web.Request) -> web.Response:
        """POST /v1/encode, as lmdeploy has it."""
        texts = (await request.json())["input"]
        if self.count is None:
            return web.json_response({"detail": "Not Found"}, status=404)
        lengths = [self.count(text) for text in texts]
        return web.json_response({"input_ids": [[0] * n for n in lengths], "length": lengths})

    async def _stream(
        self, request: web.Request, say: Say, body: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if say.thoughts:
            delta = {"reasoning_content": say.thoughts}
            await _event(response, {"choices": [{"index": 0, "delta": delta}]})
        pieces = [say.text[at : at + 8] for at in range(0, len(say.text), 8)]
        for number, piece in enumerate(pieces):
            if say.hold and number == len(pieces) - 1:
                self.holding += 1
                await say.hold.wait()
            if say.cut == number:
                assert request.transport
                request.transport.abort()
                return response
            await _event(response, {"choices": [{"index": 0, "delta": {"content": piece}}]})
        if say.finish:
            last = {"index": 0, "delta": {}, "finish_reason": say.finish}
            await _event(response, {"choices": [last]})
            if say.counted and body.get("stream_options"):
                await _event(response, {"choices": [], "usage": _usage(body, say.text)})
            await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def llm_api(script: Script | None = None) -> AsyncIterator[LlmApi]:
    """Serves until the context ends."""
    api = LlmApi("", script or agreeable())
    application = web.Application()
    application.add_routes(
        [
            web.post("/v1/chat/completions", api.chat),
            web.get("/v1/models", api.list_models),
            web.post("/v1/encode", api.encode),
        ]
    )
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield api
    finally:
        await runner.cleanup()


async def _event(response: web.StreamResponse, chunk: dict[str, Any]) -> None:
    whole = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "chat", **chunk}
    await response.write(f"data: {json.dumps(whole)}\n\n".encode())


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    flat = {"message": message, "type": "error", "code": status, "object": "error"}
    return web.json_response(flat, status=status, headers=headers)


def _whole(say: Say, body: dict[str, Any]) -> web.Response:
    message = {"role": "assistant", "content": say.text}
    if say.thoughts:
        message["reasoning_content"] = say.thoughts
    choice = {"index": 0, "finish_reason": say.finish, "logprobs": _logprobs(say, body)}
    answer: dict[str, Any] = {
        "object": "chat.completion",
        "choices": [{**choice, "message": message}],
    }
    if say.counted:
        answer["usage"] = _usage(body, say.text)
    return web.json_response({**answer, "model": body["model"]})


def _logprobs(say: Say, body: dict[str, Any]) -> dict[str, Any] | None:
    if not say.digits or not body.get("logprobs"):
        return None
    top = [{"token": str(d), "logprob": math.log(p)} for d, p in say.digits.items()]
    return {"content": [{"token": say.text, "logprob": top[0]["logprob"], "top_logprobs": top}]}


def _usage(body: dict[str, Any], text: str) -> dict[str, Any]:
    prompt = sum(len(message["content"]) for message in body["messages"]) // 3
    return {
        "prompt_tokens": prompt,
        "completion_tokens": len(text) // 3 + 1,
        "total_tokens": prompt + len(text) // 3 + 1,
        "prompt_tokens_details": {"cached_tokens": len(body["messages"][0]["content"]) // 3},
    }


def _text(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")
