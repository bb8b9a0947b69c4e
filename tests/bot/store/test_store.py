"""What becomes of messages and replies in the store."""

from pathlib import Path

import pytest

from adapters.contract import History
from bot.store.replies import StoredReply
from bot.store.store import Store
from bot.texts.notices import reason_texts
from bot.types import Reason
from tests.bot.group.posts import ADAPTER, GROUP, post
from tests.bot.store.stored import NOON, TRACE, about, answered, decide, reply, unfinished


async def test_a_redelivered_message_is_known(store: Store) -> None:
    assert await store.add_message(post("1", "first"), NOON)
    assert not await store.add_message(post("1", "again"), NOON + 1)
    (row,) = await store.messages(ADAPTER, GROUP, None, 10)
    assert row["text"] == "first"


async def test_an_undecided_message_is_pending_and_unfinished(store: Store) -> None:
    message = post("1", mention=True, reply_to="0", attachments=("image",), sent_at=NOON - 1)
    await store.add_message(message, NOON)
    assert await about(store, "1") == {
        "message_id": "1",
        "group": GROUP,
        "user": "alice",
        "state": "pending",
        "outcome": None,
        "reason": None,
        "reason_text": None,
        "reply_id": None,
        "replied": None,
        "text": None,
        "citations": [],
        "feedback": {"helpful": 0, "unhelpful": 0},
        "trace": [],
    }
    assert await unfinished(store, NOON, 60) == ([message], [])
    assert await store.counts() == {
        "messages": 1,
        "answers": 0,
        "unfinished": 1,
        "helpful": 0,
        "unhelpful": 0,
    }


async def test_a_dismissed_message_tells_why(store: Store) -> None:
    for number in "12":
        await store.add_message(post(number), NOON)
    assert await decide(store, "1", "2") is not None
    for number in "12":
        found = await about(store, number)
        assert (found["state"], found["outcome"], found["reason"]) == (
            "dismissed",
            "silence",
            "off_topic",
        )
        assert found["reason_text"] == reason_texts(Reason.OFF_TOPIC)
        assert found["trace"] == TRACE
    assert await unfinished(store, NOON, 60) == ([], [])


async def test_an_answer_is_in_the_outbox_until_it_is_sent(store: Store) -> None:
    await store.add_message(post("1"), NOON)
    await decide(store, "1", reason=Reason.ANSWERED, answer=reply("r1"))
    assert await unfinished(store, NOON, 60) == ([], [StoredReply(ADAPTER, reply("r1"))])
    assert (await store.counts())["unfinished"] == 1
    waiting = await store.reply_for(ADAPTER, "1")
    assert waiting is not None
    assert (waiting.state, waiting.platform_id) == ("pending", "")

    await store.reply_sent("r1", "p1", NOON + 1)
    assert await unfinished(store, NOON, 60) == ([], [])
    assert await store.counts() == {
        "messages": 1,
        "answers": 1,
        "unfinished": 0,
        "helpful": 0,
        "unhelpful": 0,
    }
    found = await about(store, "1")
    assert (found["state"], found["reply_id"], found["text"]) == (
        "answered",
        "p1",
        "With **vinegar** [1].",
    )
    assert found["citations"] == [
        {
            "path": "docs/descale.md",
            "heading": "Care > Descaling",
            "line": 12,
            "url": "https://docs.test/descale",
            "origin": "documents",
        }
    ]
    stored = await store.reply_by_platform_id(ADAPTER, "p1")
    assert stored is not None
    assert stored.reply == reply("r1")
    assert stored == await store.reply_for(ADAPTER, "1") == await store.last_answer(ADAPTER, GROUP)


async def test_an_answer_that_cannot_be_sent_is_a_failure(store: Store) -> None:
    await store.add_message(post("1"), NOON)
    await decide(store, "1", reason=Reason.ANSWERED, answer=reply("r1"))
    await store.reply_failed("r1", NOON + 1)
    found = await about(store, "1")
    assert (found["state"], found["outcome"], found["reason"]) == ("dismissed", "silence", "failed")
    assert found["reply_id"] is None
    assert await unfinished(store, NOON, 60) == ([], [])
    assert await store.reply_for(ADAPTER, "1") is None
    assert [row["kind"] for row in await store.messages(ADAPTER, GROUP, None, 9)] == ["message"]


async def test_a_notice_leaves_its_message_dismissed_for_its_own_reason(store: Store) -> None:
    for number, key in (("1", "r1"), ("2", "r2")):
        await store.add_message(post(number, mention=True), NOON)
        await decide(store, number, reason=Reason.NO_EVIDENCE, answer=reply(key, number, "notice"))
    await store.reply_sent("r1", "p1", NOON)
    await store.reply_failed("r2", NOON)
    for number in "12":
        found = await about(store, number)
        assert (found["state"], found["reason"]) == ("dismissed", "no_evidence")
    assert await store.last_answer(ADAPTER, GROUP) is None
    assert (await store.counts())["answers"] == 0


async def test_a_message_is_decided_once(store: Store) -> None:
    await answered(store, "1", "r1")
    assert await decide(store, "1", reason=Reason.ANSWERED, answer=reply("r2")) is None
    assert await decide(store, "never seen", reason=Reason.ANSWERED, answer=reply("r3")) is None
    assert (await store.counts())["answers"] == 1
    with pytest.raises(LookupError, match="r2"):
        await store.reply_sent("r2", "p2", NOON)
    with pytest.raises(LookupError, match="r1"):
        await store.reply_failed("r1", NOON)
    assert (await about(store, "1"))["reason"] == "answered"


async def test_what_became_of_a_message_is_kept_when_others_of_the_pack_are_decided(
    store: Store,
) -> None:
    for number in "12":
        await store.add_message(post(number), NOON)
    assert await store.recall_message(ADAPTER, "1", NOON)
    await decide(store, "1", "2", reason=Reason.ANSWERED, answer=reply("r1", "2"))
    await store.reply_sent("r1", "p1", NOON)
    assert (await about(store, "1"))["reason"] == "recalled"
    assert (await about(store, "2"))["reason"] == "answered"


async def test_a_recalled_message_is_blanked_and_no_longer_considered(store: Store) -> None:
    await store.add_message(post("1", "my password is vinegar", attachments=("image",)), NOON)
    assert await store.recall_message(ADAPTER, "1", NOON + 1)
    assert not await store.recall_message(ADAPTER, "1", NOON + 2)
    assert not await store.recall_message(ADAPTER, "never seen", NOON)
    (row,) = await store.messages(ADAPTER, GROUP, None, 10)
    assert (row["text"], row["attachments"], row["recalled"]) == ("", [], True)
    assert (await about(store, "1"))["state"] == "dismissed"
    assert await unfinished(store, NOON, 60) == ([], [])
    assert not await store.add_message(post("1"), NOON), "redelivered after the recall"


async def test_recalling_an_answered_message_keeps_its_reason_but_no_words(store: Store) -> None:
    await answered(store, "1", "r1")
    assert await store.recall_message(ADAPTER, "1", NOON + 1)
    found = await about(store, "1")
    assert (found["state"], found["reason"], found["trace"]) == ("answered", "answered", [])
    assert await store.reply_for(ADAPTER, "1") is not None, "the caller withdraws it"


async def test_a_withdrawn_reply_is_blanked_and_stands_no_longer(store: Store) -> None:
    await answered(store, "1", "r1")
    await answered(store, "2", "r2")
    await store.mark_recalled("r2")
    assert await store.reply_for(ADAPTER, "2") is None
    assert await store.reply_by_platform_id(ADAPTER, "p-r2") is None
    last = await store.last_answer(ADAPTER, GROUP)
    assert last is not None
    assert last.reply.key == "r1"
    row = (await store.messages(ADAPTER, GROUP, None, 10))[-1]
    assert (row["message_id"], row["text"], row["citations"], row["recalled"]) == (
        "p-r2",
        "",
        [],
        True,
    )
    assert [entry.key for _, entry in await store.recent_answers(0)] == ["r1"]


async def test_a_line_without_a_decision_goes_through_the_outbox_too(store: Store) -> None:
    await store.add_reply(ADAPTER, reply("n1", kind="notice"), NOON)
    assert await unfinished(store, NOON, 60) == (
        [],
        [StoredReply(ADAPTER, reply("n1", kind="notice"))],
    )
    await store.reply_sent("n1", "p1", NOON)
    assert await unfinished(store, NOON, 60) == ([], [])
    assert await store.unprompted_replies(0) == []


async def test_half_an_emoji_and_odd_figures_do_not_cost_a_message(store: Store) -> None:
    await store.add_message(post("1", "broken \ud83d"), NOON)
    await store.decide(
        adapter=ADAPTER,
        group=GROUP,
        message_ids=["1"],
        outcome="silence",
        reason=Reason.OFF_TOPIC,
        trace=[{"stage": "x", "ms": 1.0, "path": Path("a")}],
        reply=None,
        now=NOON,
    )
    assert (await about(store, "1"))["trace"] == [{"stage": "x", "ms": 1.0, "path": "a"}]
    (row,) = await store.messages(ADAPTER, GROUP, None, 1)
    assert row["text"] == "broken ?"


async def test_the_store_is_the_history_that_adapters_read(store: Store) -> None:
    history: History = store
    assert await history.decision(ADAPTER, "unknown") is None
    assert await history.messages(ADAPTER, GROUP, None, 5) == []
