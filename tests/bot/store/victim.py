"""A process that answers messages for ever, to be killed: `python -m tests.bot.victim FILE FIRST`.

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


async def work(path: Path, first: int) -> None:
    async with open_store(path) as store:
        for number in itertools.count(first):
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
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
