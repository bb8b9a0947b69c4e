"""What the store gives back to a bot that was started again."""

from bot.store.database import Place
from bot.store.store import Store, open_store
from bot.types import Reason, UnpromptedReply
from tests.bot.group.posts import ADAPTER, GROUP, post
from tests.bot.store.stored import CITED, HERE, NOON, about, answered, decide, reply, unfinished


async def test_after_a_restart_only_what_is_young_is_finished(place: Place) -> None:
    async with open_store(place) as store:
        for number, age in (("old", 61), ("young", 60)):
            await store.add_message(post(number), NOON - age)
            await store.add_message(post(f"{number} asked", user="bob"), NOON - age)
            await decide(
                store,
                f"{number} asked",
                reason=Reason.ANSWERED,
                answer=reply(number, f"{number} asked"),
                now=NOON - age,
            )
    async with open_store(place) as store:
        messages, replies = await unfinished(store, NOON, 60)
        assert [message.message_id for message in messages] == ["young"]
        assert [(one.adapter, one.reply.key) for one in replies] == [(ADAPTER, "young")]
        assert await store.dismiss_stale(NOON, 60) == 1
        assert await store.dismiss_stale(NOON, 60) == 0
        await store.fail_stale(NOON, 60)
        for number in ("old", "old asked"):
            found = await about(store, number)
            assert (found["state"], found["reason"]) == ("dismissed", "stale")
        assert (await about(store, "young"))["state"] == "pending"
        assert await unfinished(store, NOON, 60) == (messages, replies)


async def test_the_backlog_of_a_group_is_its_oldest_undecided_messages(store: Store) -> None:
    for number in range(5):
        await store.add_message(post(f"here {number}"), NOON + number)
        await store.add_message(post(f"there {number}", group="other"), NOON)
    await decide(store, "here 1")
    found = await store.backlog(HERE, NOON + 60, 60, limit=2)
    assert [message.message_id for message in found] == ["here 0", "here 2"]
    young = await store.backlog(HERE, NOON + 63, 60, limit=9)
    assert [message.message_id for message in young] == ["here 3", "here 4"]


async def test_muting_ends_by_itself_or_by_command(store: Store) -> None:
    await store.mute(ADAPTER, GROUP, NOON + 60)
    await store.mute(ADAPTER, GROUP, NOON + 120)
    assert await store.muted_until(ADAPTER, GROUP, NOON + 119) == NOON + 120
    assert await store.muted_until(ADAPTER, GROUP, NOON + 120) is None
    assert await store.muted_until(ADAPTER, "other", NOON) is None
    await store.unmute(ADAPTER, GROUP)
    assert await store.muted_until(ADAPTER, GROUP, NOON) is None


async def test_what_the_bot_said_unasked_is_counted_after_a_restart(store: Store) -> None:
    await answered(store, "1", "r1", now=NOON)
    await store.add_message(post("2", user="bob"), NOON)
    await decide(store, "2", reason=Reason.ANSWERED, answer=reply("r2", "2"), now=NOON + 1)
    await store.reply_failed("r2", NOON + 1)
    await store.add_message(post("3", mention=True), NOON)
    await decide(store, "3", reason=Reason.ANSWERED, answer=reply("r3", "3"), now=NOON + 2)
    await store.add_message(post("4", "/dou help"), NOON)
    await decide(store, "4", reason=Reason.COMMAND, answer=reply("r4", "4", "notice"))
    for since, expected in ((NOON, ["alice", "bob"]), (NOON + 1, ["bob"])):
        spoken = await store.unprompted_replies(since)
        assert [one.user for one in spoken] == expected
    assert (await store.unprompted_replies(0))[0] == UnpromptedReply(HERE, "alice", NOON)


async def test_answers_come_back_with_their_questions(store: Store) -> None:
    for number, text in (("1", "my kettle leaks"), ("2", ""), ("3", "what now?")):
        await store.add_message(post(number, text), NOON)
    await decide(store, "1", "2", "3", reason=Reason.ANSWERED, answer=reply("r1", "3"))
    assert await store.recent_answers(NOON) == []
    await store.reply_sent("r1", "p1", NOON)
    ((group, entry),) = await store.recent_answers(NOON)
    assert group == HERE
    assert (entry.key, entry.text, entry.user, entry.at) == (
        "r1",
        "my kettle leaks\nwhat now?",
        "alice",
        NOON,
    )
    assert (entry.answer, entry.citations) == ("With **vinegar** [1].", CITED)
    assert await store.recent_answers(NOON + 1) == []
    await store.recall_message(ADAPTER, "1", NOON)
    assert [entry.text for _, entry in await store.recent_answers(NOON)] == ["what now?"]
    await store.recall_message(ADAPTER, "3", NOON)
    assert await store.recent_answers(NOON) == []
