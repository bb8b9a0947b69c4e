"""Reading fetched pages in a process of their own, which a hostile page can't leave."""

import asyncio
import base64
import logging
from typing import Self

from common.process import ONE_THREAD, ChildFailed, Limits, Message, environment, module
from common.process_async import AsyncChild
from knowledge.web.types import Content, Fetched, PageError

log = logging.getLogger(__name__)

LIMITS = Limits(memory_bytes=1_000_000_000, cpu_s=60, file_bytes=10_000_000)


class PageReader:
    """Reads one page after the other, each within `page_s` seconds. Use it with `async with`: it
    ends its process."""

    def __init__(self, page_s: float) -> None:
        self.page_s = page_s
        self._child: AsyncChild | None = None
        self._reading = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Its process, if there is one."""
        return self._child.pid if self._child else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def read(self, page: Fetched) -> Content:
        """What a page says. Raises PageError."""
        async with self._reading:
            answer = await self._answer(page)
        if "error" in answer:
            raise PageError(answer["error"])
        return Content(page.url, answer["title"], answer["text"])

    async def _answer(self, page: Fetched) -> Message:
        answered = False
        try:
            async with asyncio.timeout(self.page_s):
                child = await self._running()
                data = base64.b64encode(page.data).decode()
                await child.send({"kind": page.kind, "charset": page.charset, "data": data})
                answer = await child.receive()
            answered = True
        except TimeoutError:
            raise PageError(f"reading it took more than {self.page_s:g} s") from None
        except (OSError, ChildFailed) as error:
            log.debug("the reader of pages: %s %s", error, getattr(error, "last_words", ""))
            raise PageError("its reader broke down on it") from None
        finally:
            if not answered:
                await self._end()  # its answer must not be taken for that to the next page
        return answer

    async def _running(self) -> AsyncChild:
        if self._child is None:
            command = module("knowledge.web.reader_process", environment(**ONE_THREAD), LIMITS)
            self._child = await AsyncChild.start(command)
            await self._child.send({})
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            await child.end()
