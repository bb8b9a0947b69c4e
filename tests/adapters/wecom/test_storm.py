"""Many groups at once, a platform that fails, connections that drop: nothing is said twice."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from adapters.base import AdapterError, IncomingMessage, NetworkError, RateLimited, Unconfirmed
from tests.adapters.wecom.running import Running, answer, running, until
from tests.fakes.clock import FakeClock
from tests.fakes.wecom_server import Say, Seen

GROUPS, MESSAGES, EVERY = 20, 400, 60


async def keep_connected(live: Running, clock: FakeClock) -> None:
    """What the bot's supervisor does."""
    while True:
        with suppress(AdapterError):
            await live.adapter.run(live.publish)
        await clock.wait(asyncio.Event(), clock.now() + 1)


async def deliver(live: Running, clock: FakeClock, asked: IncomingMessage) -> str:
    """What the bot's outbox does, with more patience."""
    while True:
        try:
            text = f"answer to {asked.message_id}."
            return await live.adapter.send(answer(asked, text, key=f"k-{asked.message_id}"))
        except RateLimited as error:
            pause = error.retry_after_s
        except NetworkError:
            pause = 0.5
        except Unconfirmed:
            return ""
        await clock.wait(asyncio.Event(), clock.now() + pause)


async def work(live: Running, clock: FakeClock, group: str, results: Counter[str]) -> None:
    """What the bot's worker of one group does: one message after the other."""
    done: set[str] = set()
    while True:
        for asked in [e for e in live.events if isinstance(e, IncomingMessage)]:
            if asked.group == group and asked.message_id not in done:
                done.add(asked.message_id)
                results["sent" if await deliver(live, clock, asked) else "unconfirmed"] += 1
        await clock.wait(asyncio.Event(), clock.now() + 0.5)


async def tick(clock: FakeClock) -> None:
    while True:
        await asyncio.sleep(0.002)
        clock.advance(0.25)


@pytest.mark.parametrize("old_ids_hold", [True, False])
async def test_every_message_that_arrived_is_answered_once(old_ids_hold: bool) -> None:
    clock = FakeClock()
    async with running(clock, connect=False) as live, asyncio.TaskGroup() as tasks:
        live.server.share, live.server.old_ids_hold = 0.05, old_ids_hold
        chance = live.server.chance

        def drops_now_and_then(seen: Seen) -> Say | None:
            if seen.command != "aibot_respond_msg" or chance.random() > 0.02:
                return None
            return Say(drop=True, ack=False) if chance.random() < 0.5 else Say(ack=False)

        live.server.script = drops_now_and_then
        results: Counter[str] = Counter()
        helpers = [
            tasks.create_task(keep_connected(live, clock)),
            tasks.create_task(tick(clock)),
            *(tasks.create_task(work(live, clock, f"wrk{n}", results)) for n in range(GROUPS)),
        ]
        for number in range(MESSAGES):
            await until(lambda: live.server.online)
            if number == MESSAGES // 2:
                live.server.go_deaf()
                await until(lambda: not live.server.online or live.server.subscribed > 1)
                await until(lambda: live.server.online)
            elif number % EVERY == EVERY - 1:
                live.server.drop()
            group = f"wrk{number % GROUPS}"
            msgid = await live.server.say(f"question {number}", group=group)
            if number % 10 == 0:
                await live.server.say(f"question {number}", group=group, msgid=msgid)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        await until(lambda: results.total() == len(live.ids()), 60)
        for helper in helpers:
            helper.cancel()
    said = Counter(text for n in range(GROUPS) for text in live.server.in_chat(f"wrk{n}"))
    assert set(said.values()) == {1}
    assert len(said) >= results["sent"]
    assert results["unconfirmed"] == 0 if old_ids_hold else results["unconfirmed"] < MESSAGES / 10
    assert len(live.ids()) >= 0.9 * (MESSAGES - len(live.server.lost))
    assert max(live.server.most_in_a_minute.values()) <= 30
    assert live.adapter.link().reconnects >= MESSAGES // EVERY
