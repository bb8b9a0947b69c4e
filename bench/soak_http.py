"""`python -m bench.soak --http N --kills M`: so many messages through the HTTP API, to a bot that
is killed again and again, from clients that do as good ones do: what they got no answer for they
post again. Posts break off, before or after their last byte, and are repeated later.

What became of the messages is asked on the pages of the groups, as everybody sees them.
"""

import asyncio
import json
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.figures import Figure, against, at_most
from bench.load_client import Connection, Message, ask_once, own_request, request
from bench.soak_process import BotProcess, configuration
from tests.ports import free_port

CLIENTS = 16
PATIENCE_S = 300.0
AGAIN_S = 0.1
MOST_OPEN = 1000
"""Undecided messages at which the clients wait: so that no queue is ever full."""

TALK = ("good morning everybody {}", "哈哈哈哈 {}", "lunch at {}?", "see you tomorrow {}")
UNPROMPTED = "which port does the kettle server listen on? {}"
ASKED = "does the kettle server support frob{:06}?"


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How much, and how bad: shares of the posts that break off, and that are posted again later
    although they were acknowledged."""

    messages: int = 100_000
    kills: int = 50
    groups: int = 200
    broken: float = 0.02
    again: float = 0.05
    seed: int = 1


@dataclass(slots=True)
class Books:
    """What was done: how often posts broke off, by our doing and the bot's, or had to wait; how
    many were repeated; and how long each start took."""

    acknowledged: int = 0
    broken_off: int = 0
    cut: int = 0
    refused: int = 0
    repeated: int = 0
    starts: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What stands on the pages and in the store in the end. `lost` were acknowledged and stand on
    no page or are undecided, `unanswered` are mentions."""

    messages: int
    mentions: int
    lost: int
    doubled: int
    unanswered: int
    answered_twice: int
    full: int
    seconds: float
    memory: list[float]
    books: Books


class HttpSoak:
    """The clients, and the bot that they talk to."""

    def __init__(self, options: HttpOptions, folder: Path) -> None:
        self.options, self._folder, self._port = options, folder, free_port()
        self._config = folder / "config.yaml"
        self._bot = BotProcess(("run_bot.py", "--config", str(self._config), "run"), folder / "log")
        self._random = random.Random(options.seed)  # noqa: S311  # no secret
        self._books = Books()
        self._done: list[Message] = []
        self._free = asyncio.Event()

    async def run(self) -> Verdict:
        """All of it. Raises TimeoutError where the bot does not come to an end."""
        tree = configuration(self._folder, self._port)
        self._config.write_text(yaml.safe_dump(tree, allow_unicode=True))
        await self._start()
        await self._settled()  # the index is built once: no kill comes before it is there
        coming = iter(range(self.options.messages))
        async with asyncio.TaskGroup() as group:
            pacing = group.create_task(self._pace())
            at_work = [
                group.create_task(self._client(coming, random.Random(number)))  # noqa: S311 - no secret
                for number in range(CLIENTS)
            ]
            await self._kill_now_and_then()
            await asyncio.wait(at_work)
            pacing.cancel()
        seconds = time.monotonic() - self._books.began
        await self._settled()
        seen = await self._pages()
        if status := await self._bot.end(signal.SIGTERM):
            raise RuntimeError(f"the bot ended with status {status}; see {self._bot.log}")
        return self._judged(seen, seconds)

    async def _start(self) -> None:
        """Starts the bot and waits until it takes messages."""
        began = time.monotonic()
        await self._bot.start()
        async with asyncio.timeout(PATIENCE_S):
            while await self._open_messages() is None:
                self._bot.demand_life()
                await asyncio.sleep(AGAIN_S)
        self._books.starts.append(time.monotonic() - began)

    async def _kill_now_and_then(self) -> None:
        """At even distances, wherever the messages that are under way stand then."""
        options = self.options
        for number in range(options.kills):
            at = round(options.messages * (number + 1) / (options.kills + 1))
            while self._books.acknowledged < at:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)
            await self._bot.end(signal.SIGKILL)
            await self._start()

    async def _pace(self) -> None:
        """Lets the clients go on while not too much is undecided, and notes the memory."""
        noted = taken = 0
        while True:
            waiting = await self._open_messages()
            if await self._is_ready():
                taken = self._books.acknowledged
            elif waiting is not None:
                waiting = max(waiting, self._books.acknowledged - taken)
            if waiting is not None and waiting < MOST_OPEN:
                self._free.set()
            else:
                self._free.clear()
            if self._books.acknowledged - noted >= 1000:
                noted = self._books.acknowledged
                self._bot.note_memory()
            await asyncio.sleep(AGAIN_S)

    async def _open_messages(self) -> float | None:
        """How many messages wait in the queues; None while nobody answers that."""
        status, page = await self._look("/metrics")
        found = re.search(rb"^huixiangdou_queue_depth (\S+)", page, re.MULTILINE)
        return float(found[1]) if status == 200 and found else None

    async def _is_ready(self) -> bool:
        """Before it is, what it has taken in waits in no queue."""
        return (await self._look("/readyz"))[0] == 200

    async def _look(self, path: str) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(10):
                return await ask_once(self._port, path)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return 0, b""

    async def _client(self, coming: Iterator[int], chance: random.Random) -> None:
        connection: Connection | None = None
        for number in coming:
            await self._free.wait()
            message = self._message(number, chance)
            connection = await self._deliver(message, connection, chance)
            self._done.append(message)
            self._books.acknowledged += 1
            if chance.random() < self.options.again:
                self._books.repeated += 1
                earlier = chance.choice(self._done[-2000:])
                connection = await self._deliver(earlier, connection, chance)
        if connection:
            connection.close()

    def _message(self, number: int, chance: random.Random) -> Message:
        mention = number % 10 == 5
        text = ASKED if mention else UNPROMPTED if chance.random() < 0.02 else chance.choice(TALK)
        group = f"g{number % self.options.groups}"
        return Message(number, group, f"u{number}", mention, text.format(number))

    async def _deliver(
        self, message: Message, connection: Connection | None, chance: random.Random
    ) -> Connection | None:
        """Posts a message until it is acknowledged. Raises TimeoutError."""
        sent = own_request(message)
        if chance.random() < self.options.broken:
            # Before its end, or all of it, and gone before the answer.
            self._books.broken_off += 1
            end = chance.choice((len(sent), chance.randrange(1, len(sent))))
            await self._break_off(sent[:end])
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    connection = connection or await Connection.open(self._port)
                    status, body = await connection.ask(sent)
                except (OSError, asyncio.IncompleteReadError):
                    if connection:
                        self._books.cut += 1
                        connection.close()
                    connection = None
                else:
                    if status == 202:
                        return connection
                    if status not in (429, 503):
                        raise RuntimeError(f"refused with {status}: {body[:200]!r}")
                    self._books.refused += 1
                await asyncio.sleep(AGAIN_S)

    async def _break_off(self, sent: bytes) -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return  # it is being started
        writer.write(sent)
        writer.close()

    async def _settled(self) -> None:
        """Waits until all is decided, and what is answered is posted."""
        async with asyncio.timeout(PATIENCE_S):
            calm = 0
            while calm < 10:
                done = await self._is_ready() and await self._open_messages() == 0
                calm = calm + 1 if done else 0
                await asyncio.sleep(AGAIN_S)

    async def _pages(self) -> list[tuple[str, str, str]]:
        """All that stands in the groups: kind, id, and the id of what it replies to."""
        seen: list[tuple[str, str, str]] = []
        connection = await Connection.open(self._port)
        for number in range(min(self.options.groups, self.options.messages)):
            path, after = f"/api/groups/g{number}/messages?limit=200&after=", 0
            while rows := await self._rows(connection, f"{path}{after}"):
                after = rows[-1]["seq"]
                seen += [(row["kind"], row["message_id"], row["reply_to"] or "") for row in rows]
        connection.close()
        return seen

    async def _rows(self, connection: Connection, path: str) -> list[dict[str, Any]]:
        status, body = await connection.ask(request("GET", path))
        if status != 200:
            raise RuntimeError(f"{path}: {status} {body[:200]!r}")
        found: list[dict[str, Any]] = json.loads(body)["messages"]
        return found

    def _judged(self, seen: list[tuple[str, str, str]], seconds: float) -> Verdict:
        said = Counter(id_ for kind, id_, _ in seen if kind == "message")
        replies = Counter(to for kind, _, to in seen if kind != "message")
        with closing(sqlite3.connect(self._folder / "data/bot.sqlite")) as database:
            rows = database.execute(
                "SELECT m.message_id, d.reason FROM messages m"
                " LEFT JOIN decisions d ON d.id = m.decision_id"
            ).fetchall()
        decided = {id_ for id_, reason in rows if reason}
        ids = [f"m{message.number}" for message in self._done]
        mentions = [f"m{message.number}" for message in self._done if message.mention]
        return Verdict(
            messages=len(ids),
            mentions=len(mentions),
            lost=sum(id_ not in said or id_ not in decided for id_ in ids),
            doubled=sum(count > 1 for count in said.values()),
            unanswered=sum(not replies[id_] for id_ in mentions),
            answered_twice=sum(count > 1 for count in replies.values()),
            full=sum(reason == "queue_full" for _, reason in rows),
            seconds=seconds,
            memory=self._bot.memory,
            books=self._books,
        )


def figures(verdict: Verdict) -> Iterator[Figure]:
    """As a table; all that must not happen has 0 beside it."""
    yield against(
        "mentions answered", verdict.mentions - verdict.unanswered, verdict.mentions, "", "asked",
        more_is_better=True,
    )  # fmt: skip
    yield at_most("answered twice", verdict.answered_twice, 0)
    yield at_most("messages lost", verdict.lost, 0)
    yield at_most("messages doubled", verdict.doubled, 0)
    yield at_most("messages dropped from a full queue", verdict.full, 0)


def told(verdict: Verdict) -> str:
    """The rest of it in words."""
    books, memory = verdict.books, verdict.memory
    tenth = max(1, len(memory) // 10)
    parts = [max(memory[at : at + tenth]) for at in range(0, len(memory), tenth)]
    return (
        f"{verdict.messages} messages, {verdict.mentions} of them mentions, in "
        f"{verdict.seconds:.0f} s ({verdict.messages / verdict.seconds:.0f} a second); "
        f"{len(books.starts) - 1} kills; {books.broken_off} posts broken off by clients, "
        f"{books.cut} by kills, {books.refused} told to come again, {books.repeated} repeated "
        f"though acknowledged; {min(books.starts):.1f} to {max(books.starts):.1f} s from a start "
        f"until messages are taken; memory in MB, the most of each tenth: "
        f"{', '.join(f'{mb:.0f}' for mb in parts)}"
    )
