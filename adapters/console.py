"""A group chat in the terminal: `alice: text`, `alice @bot: text` or `alice: @豆哥 text`."""

import asyncio
import logging
import os
import re
import sys
import threading
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, TextIO
from uuid import uuid4

from pydantic import Field

from adapters.base import IncomingMessage, NetworkError, Publish, Reply, StoreFailed
from adapters.contract import Adapter, Context
from adapters.markup import called_at_first, take_mention
from adapters.payload import clean
from adapters.settings import AdapterSettings, Name
from adapters.texts import phrase

log = logging.getLogger(__name__)

STDIN_FD = 0
MAX_LINE_BYTES = 64 * 1024
MAX_WAITING_LINES = 100

EXAMPLES = "alice: text   |   alice @bot: text"
_LINE = re.compile(
    r"\s*(?P<user>[^:：\s@＠][^:：@＠]{0,63}?)\s*(?P<at>[@＠][^:：]*)?[:：](?P<text>.*)"
)


class Settings(AdapterSettings):
    """Settings of the terminal's group."""

    kind: Literal["console"]
    name: Name = "console"
    group: str = Field(default="console", min_length=1, max_length=64)


def create(settings: Settings, context: Context) -> "ConsoleAdapter":
    """Builds the adapter on the process's standard input and output."""
    return ConsoleAdapter(settings, context)


def parse(
    line: str, settings: Settings, bot_name: str, *, message_id: str, sent_at: float
) -> IncomingMessage | None:
    """Reads one line as a message; None where it is not written as `user: text`."""
    match = _LINE.fullmatch(clean(line).strip("\r\n"))
    if match is None:
        return None
    rest, called = take_mention(match["at"] or "", bot_name)
    if rest:  # "alice @carol: hi" calls somebody else: we can't tell who speaks to whom
        return None
    text, mentioned = take_mention(match["text"], bot_name)
    if not text and not (called or mentioned):
        return None
    return IncomingMessage(
        adapter=settings.name,
        group=settings.group,
        user=match["user"],
        message_id=message_id,
        text=text,
        sent_at=sent_at,
        mention=called or mentioned,
        mentions=(other,) if (other := called_at_first(text)) else (),
    )


def render(reply: Reply, bot_name: str) -> str:
    """What a reply looks like in the terminal: the text, the numbered sources beneath."""
    lines = [f"{bot_name}: {reply.text}"]
    for number, source in enumerate(reply.citations, 1):
        place = source.place + (f" > {source.heading}" if source.heading else "")
        lines.append(f"  [{number}] {place}" + (f"  {source.url}" if source.url else ""))
    return printable("\n".join(lines)) + "\n"


def printable(text: str) -> str:
    """Drops control characters: a document must not be able to steer the terminal."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})


class ConsoleAdapter(Adapter):
    """Reads lines from a file descriptor, writes replies to standard output."""

    finite = True

    def __init__(self, settings: Settings, context: Context, stdin_fd: int = STDIN_FD) -> None:
        super().__init__(settings.name, context.clock)
        self._settings, self._clock = settings, context.clock
        self._bot_name = context.bot_name
        self._stdin_fd = stdin_fd

    async def run(self, publish: Publish) -> None:
        """Publishes what is typed; returns at the end of the input."""
        lines: asyncio.Queue[str | None] = asyncio.Queue(MAX_WAITING_LINES)
        _start_reading(self._stdin_fd, lines, asyncio.get_running_loop())
        with self._link.connected():
            while (line := await lines.get()) is not None:
                self._link.heard(event=True)
                if line.strip():
                    await self._take(line, publish)

    async def send(self, reply: Reply) -> str:
        """Prints a reply. Raises NetworkError when standard output is closed."""
        await _write_out(render(reply, self._bot_name))
        return reply.key

    async def recall(self, group: str, message_id: str) -> None:
        """Says so: what is printed can't be taken back."""
        del group, message_id
        await _write_out(f"{self._bot_name}: ({phrase.both('took_back')})\n")

    async def _take(self, line: str, publish: Publish) -> None:
        # A fresh random id per line: a counter would repeat after a restart.
        message = parse(
            line, self._settings, self._bot_name, message_id=uuid4().hex, sent_at=self._clock.now()
        )
        if message is None:
            await _write_err(f"{phrase.both('usage')}:  {EXAMPLES}")
            return
        try:
            await publish(message)
        except (OSError, StoreFailed) as error:
            log.warning("a line could not be stored: %s", error)
            await _write_err(phrase.both("not_stored"))


def _start_reading(
    fd: int, lines: asyncio.Queue[str | None], loop: asyncio.AbstractEventLoop
) -> None:
    """Feeds the queue from a daemon thread: a blocked read must not hold up the exit."""

    def feed(line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def read() -> None:
        # RuntimeError and CancelledError: the loop is closed or closing, nobody wants more lines.
        with suppress(RuntimeError, asyncio.CancelledError):
            for line in _read_lines(fd):
                feed(line)
            feed(None)

    threading.Thread(target=read, name="console-stdin", daemon=True).start()


def _read_lines(fd: int) -> Iterable[str]:
    # os.read instead of sys.stdin: a thread that is blocked in sys.stdin holds its lock, and
    # Python aborts when it exits meanwhile.
    rest = b""
    while chunk := _read(fd):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line[:MAX_LINE_BYTES].decode(errors="replace")
        rest = rest[:MAX_LINE_BYTES]
    if rest:
        yield rest.decode(errors="replace")


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError as error:
        log.warning("standard input can't be read: %s", error)
        return b""


async def _write_out(text: str) -> None:
    try:
        await asyncio.to_thread(_write, sys.stdout, text)
    except (OSError, ValueError) as error:  # ValueError: the stream was closed
        raise NetworkError(f"standard output can't be written: {error}") from error


async def _write_err(text: str) -> None:
    with suppress(OSError, ValueError):  # a hint that nobody can see is no loss
        await asyncio.to_thread(_write, sys.stderr, f"{text}\n")


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
