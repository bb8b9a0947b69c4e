"""`python -m bench.soak`: all platforms at once, with everything that goes wrong there.

One daemon with Lark, DingTalk, WeCom, a webhook and the page on; the official SDKs against the
fakes of the tests. Messages are delivered again, some hours late; connections are cut and once
left half-open; API calls fail; the process is killed with SIGKILL. In the end every mention that
a platform handed over must have been answered exactly once.
"""

import argparse
import asyncio
import os
import random
import re
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import yaml

from bench.figures import Figure, against, at_most, table
from bench.setup import ROOT
from bench.shifted import ShiftedClock
from tests.daemon import arguments
from tests.fakes.dingtalk_server import DingTalkServer, dingtalk
from tests.fakes.lark_server import APP_ID, BOT, SECRET, FakeLark
from tests.fakes.webhook_server import SECRETS as WEBHOOK_SECRETS
from tests.fakes.webhook_server import webhook_server
from tests.fakes.wecom_server import BOT as WECOM_BOT
from tests.fakes.wecom_server import SECRET as WECOM_SECRET
from tests.fakes.wecom_server import WecomServer, wecom_server

BURST, REFILL_S = 3, 600.0
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
    memory: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)


class Soak:
    """The platforms, the daemon, and what is said."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.shift = folder / "shift"
        self.clock = ShiftedClock(self.shift)
        self.random = random.Random(options.seed)  # noqa: S311  # no secret
        self.record = Record()
        self.process: asyncio.subprocess.Process | None = None
        self.port = _free_port()
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
            self.lark.ping_interval_s = 5
            self._write_config()
            yield

    def _write_config(self) -> None:
        sets = arguments(self.folder)[1::2]
        tree: dict[str, Any] = {"flood": {}}
        for line in sets:
            key, _, value = line.partition("=")
            section, name = key.split(".")
            tree.setdefault(section, {})[name] = yaml.safe_load(value)
        tree["http"]["port"] = self.port
        tree["flood"] |= {
            "burst": BURST, "refill_s": REFILL_S, "person_cooldown_s": 0, "repeat_window_s": 0,
        }  # fmt: skip
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
        log = (self.folder / "log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.shifted", str(self.shift),
            str(self.folder / "config.yaml"), cwd=ROOT, stderr=log, stdout=log,
        )  # fmt: skip
        log.close()
        await self._until(lambda: self._lossy_connected or self._ended(), 90)
        self.record.gaps.append(time.monotonic() - began)
        await self._until(lambda: self.connected or self._ended(), 90)
        if self._ended():
            raise RuntimeError(f"the bot ended; see {self.folder / 'log'}")

    def _ended(self) -> bool:
        return self.process is not None and self.process.returncode is not None

    @staticmethod
    async def _until(true: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110  # what we look at has no event
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
        await self._end(signal.SIGKILL)
        await self.start()

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            raise RuntimeError("the bot was not started")
        self._note_memory()
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)

    def _note_memory(self) -> None:
        if self.process and self.process.returncode is None:
            used = psutil.Process(self.process.pid).memory_full_info().pss
            self.record.memory.append(used / 1e6)

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
                self._note_memory()
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Result:
    """What came of it. `unconfirmed` are answers that were being sent when the bot was killed, to
    platforms that can't tell whether they have them; `unheard` mentions that a platform pushed
    into a broken connection, and never again."""

    mentions: Counter[str]
    answered: Counter[str]
    twice: Counter[str]
    missing: Counter[str]
    unconfirmed: int
    unheard: int
    over_budget: int
    too_fast: int
    copies: int
    record: Record


def judge(soak: Soak) -> Result:
    """Compares what was asked with what stands in the groups."""
    said = _posts(soak.lark, soak.ding, soak.wecom)
    states = {
        row[0]: row[1]
        for row in soak.rows(
            "SELECT m.message_id, d.reason FROM messages m JOIN decisions d ON d.id = m.decision_id"
        )
    }
    mentions, answered, twice, missing = (
        Counter[str](),
        Counter[str](),
        Counter[str](),
        Counter[str](),
    )
    failed = {row[0] for row in soak.rows("SELECT reply_to FROM replies WHERE state = 'failed'")}
    unconfirmed = unheard = 0
    for asked in soak.record.mentions:
        mentions[asked.platform] += 1
        posts = said[asked.token]
        answered[asked.platform] += posts > 0
        twice[asked.platform] += posts > 1
        if posts:
            continue
        if states.get(asked.message_id, "stale") == "stale" and asked.platform != "lark":
            unheard += 1  # it never got as far as the bot's disk, or hours later
        elif asked.message_id in failed:
            unconfirmed += 1
        else:
            missing[asked.platform] += 1
    return Result(
        mentions, answered, twice, missing, unconfirmed, unheard, _over_budget(soak),
        len(soak.lark.rest.over_budget) + len(soak.ding.too_fast), len(soak.board.posted),
        soak.record,
    )  # fmt: skip


def _posts(lark: FakeLark, ding: DingTalkServer, wecom: WecomServer) -> Counter[str]:
    """How often each token was named by the bot, on any platform."""
    texts = [
        item["body"]["content"] for chat in lark.chats.chats for item in lark.chats.posted(chat)
    ]
    texts += [one.text for one in ding.posted]
    texts += [bubble.text for bubble in wecom.bubbles.values()]
    texts += [text for _, text in wecom.pushes]
    return Counter(token for text in texts for token in set(re.findall(r"frob\d{5}", text)))


def _over_budget(soak: Soak) -> int:
    """Unprompted answers beyond a group's token bucket, in any stretch of time."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for chat, items in soak.lark.chats.chats.items():
        for item in items:
            if item.get("parent_id") in soak.record.unprompted:
                times[chat].append(int(item["create_time"]) / 1000)
    return sum(_beyond(sorted(moments)) for moments in times.values())


def _beyond(moments: list[float]) -> int:
    worst = 0
    for first in range(len(moments)):
        for last in range(first, len(moments)):
            allowed = BURST + (moments[last] - moments[first] + 5) // REFILL_S
            worst = max(worst, last - first + 1 - int(allowed))
    return worst


async def run(options: Options, folder: Path) -> Result:
    """The whole soak."""
    soak = Soak(options, folder)
    async with soak.platforms():
        await soak.start()
        soak.lark.rest_failures = soak.ding.failing = soak.wecom.share = options.failures
        await soak.talk()
        soak.lark.rest_failures = soak.ding.failing = soak.wecom.share = 0.0
        await soak.settle()
        if status := await soak.stop():
            raise RuntimeError(f"the bot ended with status {status}; see {folder / 'log'}")
        return judge(soak)


def figures(result: Result) -> Iterator[Figure]:
    """As a table; all that must not happen has 0 beside it."""
    for platform, asked in result.mentions.items():
        yield against(
            f"{platform}: mentions answered", result.answered[platform], asked, "", "asked",
            more_is_better=True,
        )  # fmt: skip
        yield at_most(f"{platform}: answered twice", result.twice[platform], 0)
        yield at_most(f"{platform}: taken in and not answered", result.missing[platform], 0)
    memory = result.record.memory
    third = max(1, len(memory) // 3)
    early, late = max(memory[:third]), max(memory[-third:])
    yield at_most("groups over their budget of unprompted answers", result.over_budget, 0)
    yield at_most("posts faster than a platform allows", result.too_fast, 0)
    yield at_most("memory late in the run, MB", late, 1.1 * early)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    for name, value in vars(Options()).items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=type(value), default=value, help=f"default {value}")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it")
    args = vars(parser.parse_args())
    keep = args.pop("keep")
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        result = asyncio.run(run(Options(**args), folder))
    record = result.record
    shortest, longest = min(record.gaps), max(record.gaps)
    print(table(list(figures(result))))
    print(
        f"\n{record.pushed} messages pushed, {record.redelivered} of them again and {record.late} "
        f"hours late; {result.copies} answers copied to the webhook; {result.unconfirmed} answers "
        f"were being sent at a kill to platforms that can't tell; {result.unheard} mentions were "
        f"pushed into a broken connection by platforms that do not push again; {shortest:.1f} to "
        f"{longest:.1f} s from a start to a connection with these"
    )
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    sys.exit(main())
