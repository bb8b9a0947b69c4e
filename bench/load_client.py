"""The client's side of `bench.load`: messages of many groups, and an HTTP client that takes as
little of the machine as can be, as it shares it with what it measures."""

import asyncio
import json
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

USERS = 10
"""People who write in each group."""

CONNECTIONS = 16

PROBE_S = 0.02


@dataclass(frozen=True, slots=True)
class Message:
    """What is said: `number` counts all of them."""

    number: int
    group: str
    user: str
    mention: bool
    text: str


def messages(data: Path, count: int, groups: int, every: int) -> list[Message]:
    """Real talk in so many groups by turns; with `every` each tenth, say, is a question that
    mentions the bot, 0 for none. No text comes twice but questions, which are few."""
    chance = random.Random(1)  # noqa: S311  # no secret
    talk = list(dict.fromkeys(_field(data / "rejection_dev.jsonl", "text")))
    asked = _field(data / "qa_dev.jsonl", "question")
    found = []
    for number in range(count):
        mention = bool(every) and number % every == every // 2
        text = chance.choice(asked) if mention else f"{chance.choice(talk)} {number}"
        user = f"u{chance.randrange(USERS)}"
        found.append(Message(number, f"g{number % groups}", user, mention, text))
    return found


def _field(path: Path, name: str) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)[name]) for line in lines]


def own_request(message: Message) -> bytes:
    """A message as the HTTP API of the bot takes it."""
    body = {
        "group": message.group,
        "user": message.user,
        "text": message.text,
        "mention": message.mention,
        "message_id": f"m{message.number}",
    }
    return request("POST", "/api/messages", body)


def request(method: str, path: str, body: object = None, *more: str) -> bytes:
    """The bytes of a request; `more` are header lines."""
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(data)}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


class Connection:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connects to this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._writer.write(sent)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        return int(head.split(b" ", 2)[1]), body

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()


async def ask_once(port: int, path: str) -> tuple[int, bytes]:
    """A single GET."""
    connection = await Connection.open(port)
    try:
        return await connection.ask(request("GET", path))
    finally:
        connection.close()


async def post_all(
    port: int,
    sent: Sequence[bytes],
    per_second: float = 0.0,
    begun: Callable[[int], None] = lambda _: None,
) -> list[float]:
    """Posts everything, as fast as it is taken or so many a second; the seconds until each was
    acknowledged, from when it was due. `begun` is told which one is posted now. Raises
    RuntimeError where one was refused."""
    waiting, began = iter(enumerate(sent)), time.perf_counter()
    took: list[float] = []

    async def work() -> None:
        connection = await Connection.open(port)
        for number, data in waiting:
            due = time.perf_counter()
            if per_second:
                due = began + number / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun(number)
            status, body = await connection.ask(data)
            if status >= 300:
                raise RuntimeError(f"message {number} was refused with {status}: {body[:200]!r}")
            took.append(time.perf_counter() - due)
        connection.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return took


async def probe(port: int, path: str, took: list[float]) -> None:
    """Asks for a page that needs no work, again and again, and notes how long each answer took:
    that is how late the event loop is, and a little more."""
    connection = await Connection.open(port)
    while True:
        began = time.perf_counter()
        await connection.ask(request("GET", path))
        took.append(time.perf_counter() - began)
        await asyncio.sleep(PROBE_S)
