"""What `bench.soak` does: all platforms at once, with everything that goes wrong there.

One daemon with Lark, DingTalk, WeCom, a webhook and the page on; the official SDKs against the
fakes of the tests. Messages are delivered again, some hours late; connections are cut and once
left half-open; API calls fail; the process is killed with SIGKILL.
"""

import asyncio
import random
import re
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bench.shifted import ShiftedClock
from bench.soak_process import BotProcess, configuration
from tests.fakes.dingtalk_server import dingtalk
from tests.fakes.lark_server import APP_ID, BOT, SECRET, FakeLark
from tests.fakes.webhook_server import SECRETS as WEBHOOK_SECRETS
from tests.fakes.webhook_server import webhook_server
from tests.fakes.wecom_server import BOT as WECOM_BOT
from tests.fakes.wecom_server import SECRET as WECOM_SECRET
from tests.fakes.wecom_server import wecom_server
from tests.ports import free_port

PORT = "which port does the kettle server listen on?"
CHATTER = ("good morning everybody", "哈哈哈哈", "who is coming to lunch?", "see you tomorrow")
HOURS = 3 * 3600.0


@dataclass(frozen=True)
class Options:
    """How much, and how bad."""

    messages: int = 5000
    groups: int = 200
    kills: int = 5
    half_open: int = 1
    drop_every: int = 500
    failures: float = 0.05
    per_second: float = 30.0
    seed: int = 1


@dataclass
class Asked:
    """A mention: its token occurs in the answer to it and nowhere else. `acked` is whether the
    platform knows that the bot has it; WeCom never knows."""

    platform: str
    group: str
    token: str
    message_id: str = ""
    acked: bool = False


@dataclass
class Record:
    """What was done, to be compared with what the fakes saw."""

    mentions: list[Asked] = field(default_factory=list)
    unprompted: dict[str, str] = field(default_factory=dict)
    pushed: int = 0
    redelivered: int = 0
    late: int = 0
    unheard: int = 0
    gaps: list[float] = field(default_factory=list)


class Soak:
    """The platforms, the daemon, and what is said."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.shift = folder / "shift"
        self.clock = ShiftedClock(self.shift)
        self.random = random.Random(options.seed)  # noqa: S311  # no secret
        self.record = Record()
        command = ("-m", "bench.shifted", str(self.shift), str(folder / "config.yaml"))
        self.bot = BotProcess(command, folder / "log")
        self.port = free_port()
        self._repeatable: list[tuple[str, Any]] = []

    @asynccontextmanager
    async def platforms(self) -> AsyncIterator[None]:
        """Serves the fakes and writes the bot's configuration."""
        async with AsyncExitStack() as stack:
            self.http = await stack.enter_async_context(aiohttp.ClientSession())
            self.lark = await stack.enter_async_context(FakeLark(self.clock.now))
            self.ding = await stack.enter_async_context(dingtalk(self.clock.now))
            self.wecom = await stack.enter_async_context(wecom_server(self.clock))
            self.board = await stack.enter_async_context(webhook_server(self.clock))
            self.lark.ping_interval_s, self.lark.ack_s = 5, 3.0
            self._write_config()
            yield

    def _write_config(self) -> None:
        tree = configuration(self.folder, self.port)
        tree["adapters"] = [
            {"kind": "web"},
            {"kind": "lark", "app_id": APP_ID, "app_secret": SECRET, "domain": self.lark.url},
            {
                "kind": "dingtalk", "client_id": "app", "client_secret": "secret",
                "openapi_endpoint": self.ding.url,
            },
            {
                "kind": "wecom", "bot_id": WECOM_BOT, "secret": WECOM_SECRET,
                "ws_url": self.wecom.url,
            },
            {
                "kind": "webhook", "platform": "lark", "url": self.board.address("lark"),
                "secret": WEBHOOK_SECRETS["lark"], "from": [f"lark:oc_{n}" for n in range(10)],
            },
        ]  # fmt: skip
        (self.folder / "config.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True))

    async def start(self) -> None:
        """Starts the daemon and waits until all platforms have it."""
        began = time.monotonic()
        await self.bot.start()
        await self._until(lambda: self._lossy_connected, 300)
        self.record.gaps.append(time.monotonic() - began)
        await self._until(lambda: self.connected, 300)

    async def _until(self, true: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # what we look at has no event
                self.bot.demand_life()
                await asyncio.sleep(0.05)

    @property
    def connected(self) -> bool:
        """Does every platform have a connection?"""
        sockets = any(not socket.closed for socket in self.lark.apps[APP_ID].sockets)
        return sockets and self._lossy_connected

    @property
    def _lossy_connected(self) -> bool:
        """Have those a connection that lose what is sent while there is none?"""
        return bool(self.ding.lines) and self.wecom.online

    async def kill(self) -> None:
        """SIGKILL, and a new start."""
        await self.bot.end(signal.SIGKILL)
        await self.start()

    async def talk(self) -> None:
        """Everything that is said, and everything that goes wrong meanwhile."""
        options, total = self.options, self.options.messages
        kills = {round(total * (n + 1) / (options.kills + 1)) for n in range(options.kills)}
        half_open, late = round(total * 0.55), {round(total * 0.45), round(total * 0.8)}
        pushing: set[asyncio.Task[None]] = set()
        for number in range(total):
            task = asyncio.create_task(self._say(number))
            pushing.add(task)
            task.add_done_callback(pushing.discard)
            await asyncio.sleep(1 / options.per_second)
            if number % options.drop_every == options.drop_every - 1:
                self._drop()
            if number in kills:
                await self.kill()
            if number == half_open and options.half_open:
                await self._half_open()
            if number in late:
                await self._let_hours_pass()
            if number % 100 == 99:
                self.bot.note_memory()
                await self.lark.redeliver()
        await asyncio.gather(*pushing)

    async def _say(self, number: int) -> None:
        """One message; one in ten is a message that was pushed before."""
        if self._repeatable and self.random.random() < 0.1:
            self.record.redelivered += 1
            platform, payload = self.random.choice(self._repeatable[-200:])
            await self._push(platform, payload)
            return
        group = number % self.options.groups
        share = group / self.options.groups
        platform = "lark" if share < 0.5 else "dingtalk" if share < 0.8 else "wecom"
        if platform == "lark" and (kind := self.random.random()) < 0.6:
            text = PORT if kind < 0.15 else self.random.choice(CHATTER)
            item = self.lark.chats.say(f"oc_{group}", text, user=f"ou_{number}")
            if text == PORT:
                self.record.unprompted[item["message_id"]] = item["chat_id"]
            await self._push("lark", item)
            return
        await self._mention(platform, f"{group}", number)

    async def _mention(self, platform: str, group: str, number: int) -> None:
        """The documents know nothing of the token: the bot says so, and names it."""
        token = f"frob{number:05}"
        asked = Asked(platform, group, token)
        self.record.mentions.append(asked)
        text = f"does the kettle server support {token}?"
        payload: Any
        match platform:
            case "lark":
                asked.group = f"oc_{group}"
                payload = self.lark.chats.say(
                    asked.group, "{0} " + text, user=f"ou_{number}", mentions=(BOT,)
                )
                asked.message_id = payload["message_id"]
            case "dingtalk":
                asked.group = f"cid{group}"
                payload = self.ding.message(
                    text, conversationId=asked.group, senderStaffId=f"staff{number}"
                )
                asked.message_id = payload["msgId"]
            case _:
                asked.group = f"wrk{group}"
                payload = (text, asked.group, f"user{number}")
        asked.acked = await self._push(platform, payload, asked)
        if not asked.acked:
            self.record.unheard += 1

    async def _push(self, platform: str, payload: Any, asked: Asked | None = None) -> bool:
        """Hands a message over; True when the platform knows, or must think, that it arrived."""
        self.record.pushed += 1
        if platform == "lark":
            acked = (await self.lark.push_message(payload)).get("code") == 200
            self._repeatable.append((platform, payload))
            return acked or asked is not None  # it is pushed again until it is acknowledged
        if platform == "dingtalk":
            self._repeatable.append((platform, payload))
            return await self._push_dingtalk(payload)
        if asked is None:
            body = payload
        else:
            text, group, user = payload
            body = self.wecom._body(group) | {
                "msgtype": "text", "text": {"content": f"@bot {text}"}, "from": {"userid": user},
            }  # fmt: skip
            asked.message_id = body["msgid"]
            self._repeatable.append((platform, body))
        online = self.wecom.online
        await self.wecom.tell("aibot_msg_callback", body)
        return online

    async def _push_dingtalk(self, payload: Any) -> bool:
        try:
            frame = await self.ding.push(payload)
        except ConnectionError:
            return False  # it was being cut
        for _ in range(60):
            if frame in self.ding.acks:
                return True
            if not frame:
                return False
            await asyncio.sleep(0.05)
        return False

    def _drop(self) -> None:
        self.lark.drop_all()
        self.ding.drop()
        self.wecom.drop()

    async def _half_open(self) -> None:
        """Nothing comes over the open connections any more, in either direction."""
        self.lark.half_open = True
        self.ding.half_open()
        self.wecom.go_deaf()
        # Until the bot has given the dead connection up.
        await self._until(lambda: not self.lark.apps[APP_ID].sockets, 120)
        self.lark.half_open = False
        await self._until(self._all_hear, 120)
        for line in self.ding.lines:
            if line.deaf:  # by now the platform has noticed it too
                line.leaving = True
                line.gone.set()

    def _all_hear(self) -> bool:
        return self.connected and any(not line.deaf for line in self.ding.lines)

    async def _let_hours_pass(self) -> None:
        """Once all is answered the clock goes forward, and old messages are delivered again."""
        await self.settle()
        self.shift.write_text(str(self.clock.now() - time.time() + HOURS))
        for platform, payload in self.random.sample(
            self._repeatable, min(50, len(self._repeatable))
        ):
            if platform == "lark":
                self.record.late += 1
                await self._push(platform, payload)

    async def settle(self) -> None:
        """Waits until everything that arrived is decided and posted."""
        async with asyncio.timeout(240):
            calm = 0
            while calm < 10:
                await self.lark.redeliver()
                idle = not self.lark.unacked and await self._unfinished() == 0
                calm = calm + 1 if idle else 0
                await asyncio.sleep(0.2)

    async def _unfinished(self) -> float:
        async with self.http.get(f"http://127.0.0.1:{self.port}/metrics") as response:
            shown = await response.text()
        found = re.search(r"^huixiangdou_queue_depth (\S+)$", shown, re.MULTILINE)
        return float(found[1]) if found else 1.0

    def rows(self, query: str) -> list[Any]:
        """What the bot's store says, once the bot is stopped: it is the bot's alone before."""
        path = self.folder / "data" / "bot.sqlite"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            return database.execute(query).fetchall()
