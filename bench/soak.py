"""`python -m bench.soak`: a soak of all platforms, see `bench.soak_run`, and what came of it. Every
mention that a platform handed over must have been answered exactly once.
"""

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import soak_http
from bench.figures import Figure, against, at_most, table
from bench.setup import ROOT
from bench.soak_http import HttpOptions, HttpSoak
from bench.soak_process import BURST, REFILL_S
from bench.soak_run import Options, Record, Soak
from tests.fakes.dingtalk_server import DingTalkServer
from tests.fakes.lark_server import FakeLark
from tests.fakes.wecom_server import WecomServer


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
    memory: Sequence[float]
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
        mentions=mentions,
        answered=answered,
        twice=twice,
        missing=missing,
        unconfirmed=unconfirmed,
        unheard=unheard,
        over_budget=_over_budget(soak),
        too_fast=len(soak.lark.rest.over_budget) + len(soak.ding.too_fast),
        copies=len(soak.board.posted),
        memory=soak.bot.memory,
        record=soak.record,
    )


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
        if status := await soak.bot.end(signal.SIGTERM):
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
    memory = result.memory
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
    many = "instead of all this so many messages through the HTTP API; of the rest only --kills,"
    parser.add_argument("--http", type=int, default=0, help=f"{many} --groups and --seed count")
    args = vars(parser.parse_args())
    keep, http = args.pop("keep"), args.pop("http")
    options = Options(**args)
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if http:
            return _by_http(
                HttpOptions(
                    messages=http, kills=options.kills, groups=options.groups, seed=options.seed
                ),
                folder,
            )
        result = asyncio.run(run(options, folder))
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


def _by_http(options: HttpOptions, folder: Path) -> int:
    verdict = asyncio.run(HttpSoak(options, folder).run())
    rows = list(soak_http.figures(verdict))
    print(f"{table(rows)}\n\n{soak_http.told(verdict)}")
    return int(any(row.ratio < 1 for row in rows))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    sys.exit(main())
