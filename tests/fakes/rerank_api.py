"""The rerank APIs on loopback: each kind refuses what the real one would not understand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KINDS = {
    "jina": "/v1/rerank",
    "cohere": "/v2/rerank",
    "siliconflow": "/v1/rerank",
    "vllm": "/v1/rerank",
    "infinity": "/rerank",
    "tei": "/rerank",
}
"""The path of each."""


@dataclass
class RerankApi:
    """A text scores how often it holds one of `liked`. `requests` are the bodies, `keys` their
    Authorization headers. With `status` all is refused, `answer` is sent instead of scores, and
    nothing is answered while `open` is not set."""

    kind: str
    base_url: str = ""
    liked: str = "\n"
    status: int = 200
    answer: Any = None
    open: asyncio.Event = field(default_factory=asyncio.Event)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    async def rerank(self, request: web.Request) -> web.Response:
        """Takes a request as its kind does."""
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization", ""))
        await self.open.wait()
        if self.status != 200:
            return web.json_response({"message": "refused"}, status=self.status)
        wanted = "texts" if self.kind == "tei" else "documents"
        needs_model = self.kind in ("jina", "cohere", "siliconflow")
        if wanted not in body or (needs_model and "model" not in body):
            return web.json_response({"detail": f"missing {wanted} or model"}, status=422)
        if self.answer is not None:
            return web.json_response(self.answer)
        scores = [float(text.count(self.liked)) for text in body[wanted]]
        best = sorted(range(len(scores)), key=lambda index: -scores[index])
        return web.json_response(self._shaped(body, [(i, scores[i]) for i in best]))

    def _shaped(self, body: dict[str, Any], ranked: list[tuple[int, float]]) -> Any:
        if self.kind == "tei":
            return [{"index": index, "score": score} for index, score in ranked]
        rows: list[dict[str, Any]] = [{"index": i, "relevance_score": s} for i, s in ranked]
        if self.kind in ("vllm", "jina"):
            for row in rows:
                row["document"] = {"text": body["documents"][row["index"]]}
        return {"id": "r-1", "results": rows[: body.get("top_n", len(rows))]}


@asynccontextmanager
async def rerank_api(kind: str = "jina") -> AsyncIterator[RerankApi]:
    """Serves one kind until the context ends."""
    api = RerankApi(kind)
    api.open.set()
    app = web.Application()
    app.router.add_post(KINDS[kind], api.rerank)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address,) = runner.addresses
    api.base_url = f"http://127.0.0.1:{address[1]}{KINDS[kind].removesuffix('/rerank')}"
    try:
        yield api
    finally:
        api.open.set()
        await runner.cleanup()
