"""The history of a group: order, pages, decisions, and what is deleted by age."""

from bot.store import decisions, incoming
from bot.store.database import Connection, Place, open_database
from bot.store.store import Store
from bot.types import Reason
from tests.bot.group.posts import ADAPTER, GROUP, post
from tests.bot.store.stored import NOON, about, answered, decide, reply


async def page(store: Store, after: int | None, limit: int) -> list[str]:
    rows = await store.messages(ADAPTER, GROUP, after, limit)
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    return [row["message_id"] for row in rows]


async def test_messages_and_replies_have_one_order_and_pages(store: Store) -> None:
    await answered(store, "1", "r1")
    await store.add_message(post("elsewhere", group="other"), NOON)
    await answered(store, "2", "r2")
    assert await page(store, None, 3) == ["p-r1", "2", "p-r2"]
    assert await page(store, 0, 3) == ["1", "p-r1", "2"]
    last = (await store.messages(ADAPTER, GROUP, 0, 3))[-1]["seq"]
    assert await page(store, last, 3) == ["p-r2"]
    assert await page(store, last + 1, 3) == []
    assert await page(store, None, 1) == ["p-r2"]
    assert await store.messages("console", GROUP, None, 3) == []


async def test_rows_are_what_the_page_shows(store: Store) -> None:
    message = post("1", mention=True, reply_to="0", attachments=("image",), sent_at=NOON - 5)
    await store.add_message(message, NOON)
    await decide(store, "1", reason=Reason.ANSWERED, answer=reply("r1"))
    theirs, ours = await store.messages(ADAPTER, GROUP, None, 10)
    assert theirs == {
        "seq": 1,
        "message_id": "1",
        "user": "alice",
        "text": "how do I descale it?",
        "kind": "message",
        "mention": True,
        "reply_to": "0",
        "sent_at": NOON - 5,
        "recalled": False,
        "attachments": ["image"],
        "citations": [],
    }
    assert set(ours) == set(theirs)
    assert (ours["message_id"], ours["user"], ours["kind"], ours["reply_to"], ours["sent_at"]) == (
        "r1",
        None,
        "answer",
        "1",
        NOON,
    )
    assert [cited["line"] for cited in ours["citations"]] == [12]
    assert (await about(store, "1"))["reply_id"] == "r1", "the key, until the platform names it"


async def test_why_without_a_message_is_about_the_newest_real_decision(store: Store) -> None:
    assert await store.last_decision(ADAPTER, GROUP) is None
    await answered(store, "1", "r1")
    for number in "23":
        await store.add_message(post(number), NOON)
    await decide(store, "2", "3")
    await store.add_message(post("4", "/dou why"), NOON)
    await decide(store, "4", reason=Reason.COMMAND)
    found = await store.last_decision(ADAPTER, GROUP)
    assert found == await about(store, "3")
    assert await store.last_decision(ADAPTER, "other") is None


async def test_why_in_reply_to_the_bot_is_about_what_it_answered(store: Store) -> None:
    await answered(store, "1", "r1")
    assert await store.decision_behind(ADAPTER, "p-r1") == await about(store, "1")
    assert await store.decision_behind(ADAPTER, "1") is None
    assert await store.decision(ADAPTER, "p-r1") is None, "only people's messages are decided on"


async def test_old_history_goes_and_the_unfinished_stays(store: Store) -> None:
    await answered(store, "old", "r-old", now=NOON - 100)
    await store.add_message(post("old silence"), NOON - 100)
    await decide(store, "old silence", now=NOON - 99)
    await store.add_reply(ADAPTER, reply("line", kind="notice"), NOON - 100)
    await store.reply_sent("line", "p-line", NOON - 100)
    await store.add_reply(ADAPTER, reply("waiting line", kind="notice"), NOON - 100)
    await store.mute(ADAPTER, GROUP, NOON - 100)
    await store.add_message(post("undecided"), NOON - 100)
    await store.add_message(post("unsent"), NOON - 100)
    await decide(store, "unsent", reason=Reason.ANSWERED, answer=reply("r-unsent"), now=NOON - 99)
    await answered(store, "new", "r-new", now=NOON)
    # Two decisions, two messages, an answer, a line and a mute.
    assert await store.prune(NOON - 50) == 7
    assert await store.prune(NOON - 50) == 0
    assert await page(store, None, 99) == [
        "waiting line",
        "undecided",
        "unsent",
        "r-unsent",
        "new",
        "p-r-new",
    ]
    assert (await about(store, "unsent"))["text"]
    assert await store.decision(ADAPTER, "old") is None


def fill(db: Connection, count: int) -> None:
    for number in range(count):
        incoming.add_message(db, post(str(number)), NOON, NOON)
        decisions.decide(
            db,
            adapter=ADAPTER,
            group=GROUP,
            message_ids=[str(number)],
            outcome="silence",
            reason=Reason.OFF_TOPIC,
            trace=[],
            reply=None,
            now=NOON,
        )


async def test_a_long_history_is_deleted_in_batches_and_numbers_are_not_used_again(
    place: Place,
) -> None:
    count = decisions.PRUNE_BATCH + 7
    async with open_database(place) as database:
        await database.run(fill, count)
        store = Store(database)
        assert await store.prune(NOON + 1) == 2 * count
        assert await store.counts() == {
            "messages": 0,
            "answers": 0,
            "unfinished": 0,
            "helpful": 0,
            "unhelpful": 0,
        }
        await store.add_message(post("later"), NOON)
        assert (await store.messages(ADAPTER, GROUP, None, 1))[0]["seq"] == count + 1
