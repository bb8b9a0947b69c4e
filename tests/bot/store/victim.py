"""A process that answers messages, to be killed: `python -m tests.bot.store.victim FILE FIRST`,
for ever, or with a third word so many; with a fourth its store need not outlive the power.

It says on stdout what the store has acknowledged, one "STEP NUMBER" per line.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from adapters.base import Reply
from bot.store.store import open_store
from tests.bot.group.posts import ADAPTER, GROUP, post


def acknowledge(step: str, number: int) -> None:
    sys.stdout.write(f"{step} {number}\n")
    sys.stdout.flush()


async def work(path: Path, first: int, count: int | None, *, durable: bool) -> None:
    numbers = itertools.count(first) if count is None else range(first, first + count)
    async with open_store(path, durable=durable) as store:
        for number in numbers:
            key = str(number)
            await store.add_message(post(key), float(number))
            acknowledge("received", number)
            await store.decide(
                adapter=ADAPTER,
                group=GROUP,
                message_ids=[key],
                outcome="answer",
                reason="answered",
                trace=[],
                reply=Reply(key, GROUP, key, "yes"),
                now=float(number),
            )
            acknowledge("decided", number)
            await store.reply_sent(key, f"p{key}", float(number))
            acknowledge("sent", number)


if __name__ == "__main__":
    file, begin, *more = sys.argv[1:]
    most = int(more[0]) if more else None
    asyncio.run(work(Path(file), int(begin), most, durable=len(more) < 2))
