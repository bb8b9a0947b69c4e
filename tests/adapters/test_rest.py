"""Calls to a platform's API: what comes in several pieces is one answer."""

import asyncio
import json

from aiohttp import web

from adapters.link import Link
from adapters.rest import Rest
from common.clock import SystemClock


async def test_a_long_answer_in_pieces_is_read_whole() -> None:
    names = ["kettle" * 50] * 1000
    body = json.dumps({"names": names}).encode()

    async def serve(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for start in range(0, len(body), len(body) // 3):
            await answer.write(body[start : start + len(body) // 3])
            await asyncio.sleep(0.01)
        return answer

    application = web.Application()
    application.add_routes([web.get("/names", serve)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with Rest(Link(SystemClock()), lambda answer: str(answer.status)) as rest:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/names"
            answer = await rest.request("names", "GET", url, repeatable=True)
        assert answer.data == {"names": names}
    finally:
        await runner.cleanup()
