"""Labels, refits, drafts and modes in the store."""

from dataclasses import replace

from adapters.base import Reply
from bot.store.examples import Label, Origin
from bot.store.store import Store
from bot.types import Reason, Trace
from common.clock import WEEK_S
from tests.bot.group.posts import ADAPTER, GROUP, post
from tests.bot.store.stored import HERE, NOON, about, answered, decide, reply

LABEL = Label(
    adapter=ADAPTER,
    group=GROUP,
    message_id="1",
    text="how do I descale it?",
    good=True,
    origin=Origin.COMMAND,
    person="web:ann",
    weight=1.0,
    at=NOON,
)


async def test_a_person_has_one_label_per_message_and_origin(store: Store) -> None:
    first = await store.add_label(LABEL)
    second = await store.add_label(replace(LABEL, good=False, at=NOON + 9))
    await store.add_label(replace(LABEL, person="web:bob", weight=0.3))
    await store.add_label(replace(LABEL, origin=Origin.TEACHER, person="", weight=0.5))
    assert second > first
    assert [(one.good, one.person) for one in await store.labels()] == [
        (False, "web:ann"),
        (True, "web:bob"),
        (True, ""),
    ]
    assert await store.labels_by_origin() == {"command": (1, 1), "teacher": (1, 0)}
    assert await store.forget_labels(Origin.TEACHER) == 1
    assert await store.remove_label(ADAPTER, "1", Origin.COMMAND, "web:bob")
    assert not await store.remove_label(ADAPTER, "1", Origin.COMMAND, "web:bob")
    assert await store.labels_by_origin() == {"command": (0, 1)}


async def test_an_undone_refit_sets_its_labels_aside(store: Store) -> None:
    kept = await store.add_label(LABEL)
    first = await store.add_refit(NOON, {"precision": 0.9}, [kept])
    more = await store.add_label(replace(LABEL, message_id="2", good=False))
    second = await store.add_refit(NOON + 1, {"precision": 0.8}, [kept, more])
    assert await store.undo_refit(second, NOON + 2) == 1
    assert [one.id for one in await store.labels()] == [kept]
    assert [(one.step, one.aside) for one in await store.labels(aside=True)] == [
        (first, False),
        (second, True),
    ]
    await store.add_label(replace(LABEL, message_id="2", good=True))
    assert len(await store.labels()) == 2, "who says it again is heard again"
    newest, oldest = await store.refits()
    assert (newest.undone_at, newest.figures) == (NOON + 2, {"precision": 0.8})
    assert (oldest.id, oldest.undone_at, oldest.taken) == (first, None, True)


async def test_labels_outlive_their_messages_but_not_their_recall(store: Store) -> None:
    for number in "12":
        await store.add_message(post(number), NOON)
    await decide(store, "1")
    await decide(store, "2")
    await store.add_label(LABEL)
    await store.add_label(replace(LABEL, message_id="2"))
    await store.recall_message(ADAPTER, "2", NOON)
    assert [one.message_id for one in await store.labels()] == ["1"]
    await store.prune(NOON + 1)
    assert [one.text for one in await store.labels()] == ["how do I descale it?"]


async def test_a_question_is_found_by_its_messages_and_its_answer(store: Store) -> None:
    await store.add_message(post("0", "hello"), NOON)
    await store.add_message(post("1"), NOON)
    await decide(store, "0", "1", reason=Reason.ANSWERED, answer=reply("r1", "1"))
    await store.reply_sent("r1", "p-r1", NOON)
    for name in ("0", "1", "p-r1"):
        found = await store.question_of(ADAPTER, name)
        assert found is not None
        assert (found.message_id, found.text) == ("1", "hello\nhow do I descale it?")
    assert await store.question_of(ADAPTER, "p-r2") is None
    await store.add_message(post("9"), NOON)
    undecided = await store.question_of(ADAPTER, "9")
    assert undecided and undecided.reason == ""


async def test_judged_questions_are_listed_with_the_gate_s_figures(store: Store) -> None:
    trace: Trace = [
        {"stage": "reject", "ms": 1, "score": 0.4, "threshold": 0.5, "judged": "all of it"}
    ]
    for number in "12":
        await store.add_message(post(number), NOON)
        await store.decide(
            adapter=ADAPTER,
            group=GROUP,
            message_ids=[number],
            outcome="silence",
            reason=Reason.OFF_TOPIC,
            trace=trace,
            reply=None,
            now=NOON,
        )
    await answered(store, "3", "r3")  # its trace never came to the gate
    newest, oldest = await store.stored_questions(10)
    assert (newest.message_id, newest.score, newest.threshold) == ("2", 0.4, 0.5)
    assert (newest.text, oldest.message_id) == ("all of it", "1")
    assert await store.stored_questions(10, (ADAPTER, "other")) == []


async def test_a_draft_is_kept_and_never_sent(store: Store) -> None:
    await store.add_message(post("1"), NOON)
    await store.decide(
        adapter=ADAPTER,
        group=GROUP,
        message_ids=["1"],
        outcome="silence",
        reason=Reason.SHADOW,
        trace=[],
        reply=None,
        draft=Reply("k", GROUP, "1", "With vinegar."),
        now=NOON,
    )
    assert await store.pending_replies(0) == []
    (draft,) = await store.open_drafts(HERE, 0)
    assert (draft.question.text, draft.text, draft.unprompted) == (
        "how do I descale it?",
        "With vinegar.",
        True,
    )
    assert [one.user for one in await store.unprompted_replies(0)] == ["alice"]
    await store.draft_answered(draft.decision_id, "2", NOON + 60)
    await store.draft_answered(draft.decision_id, "3", NOON + 90)
    shown = (await about(store, "1"))["draft"]
    assert (shown["text"], shown["answered_by"], shown["answered_at"]) == (
        "With vinegar.",
        "2",
        NOON + 60,
    )
    assert await store.open_drafts(HERE, 0) == []
    assert len(await store.drafts_since(HERE, 0)) == 1
    await store.recall_message(ADAPTER, "1", NOON + 99)
    assert await store.drafts_since(HERE, 0) == []


async def test_a_group_s_mode_and_when_it_was_first_heard_of(store: Store) -> None:
    assert await store.group_mode(*HERE) == ("", None)
    await store.add_message(post("1"), NOON)
    await store.add_message(post("2"), NOON + 5)
    assert await store.group_mode(*HERE) == ("", NOON)
    await store.set_mode(*HERE, "shadow", NOON + 9)
    assert await store.group_mode(*HERE) == ("shadow", NOON)


async def test_the_traffic_of_a_week_is_counted_from_when_the_group_was_heard(store: Store) -> None:
    assert await store.weekly_messages(HERE, NOON) is None
    for number in range(14):
        await store.add_message(post(str(number)), NOON)
        await decide(store, str(number))
    assert await store.weekly_messages(HERE, NOON + 60) is None
    assert await store.weekly_messages(HERE, NOON + WEEK_S / 7) == 98
    assert await store.weekly_messages(HERE, NOON + 2 * WEEK_S) == 7
