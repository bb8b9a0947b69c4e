"""Reading fetched pages in a process of their own, which a hostile page can't leave."""

import asyncio
import base64
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from knowledge.web.types import Content, Fetched, PageError

ROOT = Path(__file__).parents[2]
MAX_ANSWER_BYTES = 1 << 20
"""More than the longest text takes as JSON."""


class Reader:
    """Reads one page after the other, each within `page_s` seconds. Use it with `async with`: it
    ends its process."""

    def __init__(self, page_s: float) -> None:
        self.page_s = page_s
        self._child: Process | None = None
        self._reading = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Its process, if there is one."""
        return self._child.pid if self._child else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    async def read(self, page: Fetched) -> Content:
        """What a page says. Raises PageError."""
        async with self._reading:
            answer = await self._answer(page)
        if "error" in answer:
            raise PageError(answer["error"])
        return Content(page.url, answer["title"], answer["text"])

    async def _answer(self, page: Fetched) -> dict[str, str]:
        try:
            async with asyncio.timeout(self.page_s):
                return await self._ask(page)
        except asyncio.CancelledError:
            await self._end()  # its answer must not be taken for that to the next page
            raise
        except TimeoutError:
            await self._end()
            raise PageError(f"reading it took more than {self.page_s:g} s") from None
        except (OSError, EOFError, ValueError):
            await self._end()
            raise PageError("its reader broke down on it") from None

    async def _ask(self, page: Fetched) -> dict[str, str]:
        child = await self._running()
        assert child.stdin and child.stdout  # noqa: S101 - both are pipes, see _running
        data = base64.b64encode(page.data).decode()
        question = {"kind": page.kind, "charset": page.charset, "data": data}
        child.stdin.write(json.dumps(question).encode() + b"\n")
        await child.stdin.drain()
        line = await child.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        answer: dict[str, str] = json.loads(line)
        return answer

    async def _running(self) -> Process:
        if self._child is None:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "knowledge.web.reader_process",
                cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=MAX_ANSWER_BYTES,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
                start_new_session=True,
            )  # fmt: skip
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.kill()
        if child.stdin:
            child.stdin.close()
        await child.wait()
