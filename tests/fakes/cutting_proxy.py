"""A way to a server's socket that breaks where a test wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

COMMIT = b"COMMIT\0"


@dataclass
class CuttingProxy:
    """`cut` is where the next COMMIT breaks: before the server hears it, or before its answer is
    heard. `away`: nobody gets through. While it is not `flowing` nothing arrives, either way."""

    folder: Path
    server: Path
    cut: Literal["", "before", "after"] = ""
    away: bool = False
    cuts: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if self.away:
            writer.close()
            return
        try:
            beyond, to = await asyncio.open_unix_connection(str(self.server))
        except OSError:  # the server is down
            writer.close()
            return
        self.open |= {writer, to}
        back = asyncio.create_task(self._pass_on(beyond, writer))
        with suppress(OSError):
            while data := await reader.read(65536):
                await self.flowing.wait()
                if COMMIT in data and self.cut:
                    self.cuts += 1
                    cut, self.cut = self.cut, ""
                    back.cancel()
                    await asyncio.wait([back])
                    if cut == "after":
                        to.write(data)
                        await beyond.read(1)  # the server has done it
                    break
                to.write(data)
                await to.drain()
        back.cancel()
        for end in (writer, to):
            end.close()
            self.open.discard(end)

    async def _pass_on(self, beyond: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await beyond.read(65536):
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def break_all(self) -> None:
        """All connections break now."""
        for end in self.open:
            end.transport.abort()


@asynccontextmanager
async def cutting_proxy(folder: Path, server: Path) -> AsyncIterator[CuttingProxy]:
    """A socket in `folder` by which PostgreSQL's socket in `server` is reached."""
    name = ".s.PGSQL.5432"
    proxy = CuttingProxy(folder, server / name)
    async with await asyncio.start_unix_server(proxy.serve, str(folder / name)):
        yield proxy
        proxy.break_all()
