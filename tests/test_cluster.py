"""Several processes on one store, as they are started: a receiver, workers, a scheduler."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster import cluster
from tests.fakes.lark_server import BOT, FakeLark
from tests.postgres import Server

GROUPS, ROUNDS = 6, 10


def answers(lark: FakeLark, chat: str) -> list[str]:
    """The tokens that the bot named in a chat, in order."""
    texts = [item["body"]["content"] for item in lark.chats.posted(chat)]
    return [token for text in texts for token in re.findall(r"frob\d{5}", text)[:1]]


async def ask(lark: FakeLark, chat: str, number: int) -> None:
    """Somebody asks what the documents don't say: the answer names the token. It is delivered
    again until it is acknowledged, and once more."""
    text = f"{{0}} does the kettle server support frob{number:05}?"
    item = lark.chats.say(chat, text, user=f"ou_{number}", mentions=(BOT,))
    while (await lark.push_message(item)).get("code") != 200:
        await asyncio.sleep(0.05)
    if number % 5 == 0:
        await lark.push_message(item)


async def until_all_are_answered(lark: FakeLark, asked: dict[str, list[str]]) -> None:
    async with asyncio.timeout(90):
        while any(len(answers(lark, chat)) < len(tokens) for chat, tokens in asked.items()):
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_each_mention_is_answered_once_and_in_order_though_processes_die(
    tmp_path: Path, postgres: Server
) -> None:
    asked = {f"oc_{group}": list[str]() for group in range(GROUPS)}
    with postgres.database() as url:
        async with FakeLark() as lark, cluster(tmp_path, url.whole, lark) as processes:
            await asyncio.gather(
                *map(processes.start, ("receiver-1", "scheduler-1", "worker-1", "worker-2"))
            )
            for number in range(ROUNDS * GROUPS):
                chat = f"oc_{number % GROUPS}"
                asked[chat].append(f"frob{number:05}")
                await ask(lark, chat, number)
                if number == ROUNDS * GROUPS // 3:
                    await processes.kill("worker-1")
                if number == ROUNDS * GROUPS // 2:
                    await processes.kill("receiver-1")
                    await processes.start("receiver-1")
            await until_all_are_answered(lark, asked)
            assert await processes.stop("worker-2") == 0
    for chat, tokens in asked.items():
        assert Counter(answers(lark, chat)) == Counter(tokens)
        assert answers(lark, chat) == tokens
