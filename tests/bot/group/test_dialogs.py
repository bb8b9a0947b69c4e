"""How the bot behaves in a group, as conversations."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import NetworkError, RateLimited, SendRefused
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, OPTIONS, Setup, talking, verify_dialog
from tests.knowledge.library import built, gate_options
from tests.postgres import Server

ASK = "@bot which port does the kettle server listen on?"
UNPROMPTED = "DLL load failed on windows when importing kettle, what now?"


@pytest.fixture(params=["sqlite", "postgresql"])
def stored(request: pytest.FixtureRequest) -> Iterator[Setup]:
    """For what depends on what is kept: a store of each kind."""
    if request.param == "sqlite":
        yield Setup()
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as url:
        yield Setup(store=url)


async def test_it_answers_questions_and_leaves_talk_alone(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await verify_dialog(
            talk,
            [
                ("alice", "@bot how do I install kettle with pip?", "pip install kettle"),
                ("bob", "anyone up for lunch?", None),
                ("carol", "哈哈哈哈", None),
                ("dave", UNPROMPTED, "redistributable"),
                ("erin", "@bot 怎么安装 kettle？", "pip install kettle"),
                ("bob", "thanks, that helped!", None),
            ],
        )


async def test_an_answer_replies_to_the_question_with_its_source(
    tmp_path: Path, kettle: KnowledgeBase, stored: Setup
) -> None:
    async with talking(tmp_path, kettle, stored) as talk:
        asked = await talk.say("alice", ASK)
        await talk.idle()
        (reply,) = talk.heard()
        assert (reply.group, reply.reply_to, reply.kind) == (GROUP, asked, "answer")
        assert "7311" in reply.text
        first = reply.citations[0]
        assert (first.path, first.url) == ("en/serving.md", "https://docs.test/en/serving.md#ports")
        decision = await talk.store.decision("fake", asked)
        assert decision and decision["state"] == "answered"
        assert [e["stage"] for e in decision["trace"]] == [
            "preprocess",
            "reject",
            "retrieve",
            "answer",
            "check",
        ]
        assert decision["trace"][1]["snapshot"] == kettle.status().snapshot
        assert talk.adapter.decisions[-1].reason == "answered"


@pytest.mark.parametrize(
    ("when_unknown", "kinds"), [("say", ["notice"]), ("react", ["reaction"]), ("silent", [])]
)
async def test_a_mention_it_cannot_answer(
    tmp_path: Path, kettle: KnowledgeBase, when_unknown: str, kinds: list[str]
) -> None:
    setup = Setup(options=replace(OPTIONS, when_unknown=when_unknown))
    async with talking(tmp_path, kettle, setup) as talk:
        asked = await talk.say("alice", "@bot what is the weather in Paris tomorrow?")
        await talk.idle()
        assert [reply.kind for reply in talk.heard()] == kinds
        assert await talk.reason(asked) in ("off_topic", "no_evidence")


async def test_consecutive_messages_are_one_question(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", "@bot hello, a question")
        await talk.wait(1)
        last = await talk.say("alice", "which port does the kettle server listen on?")
        await talk.idle()
        (reply,) = talk.heard()
        assert reply.reply_to == last
        assert "7311" in reply.text


async def test_others_talking_in_between_do_not_split_a_question(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", "which port does")
        await talk.say("bob", "good morning everybody")
        last = await talk.say("alice", "the kettle server listen on? it says it is taken")
        await talk.idle()
        (reply,) = talk.heard()
        assert reply.reply_to == last


async def test_a_person_who_answers_first_is_left_to_it(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", UNPROMPTED)
        await talk.wait(10)
        answer = await talk.say("bob", "install that runtime from 2019", reply_to=asked)
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "human_first"
        assert await talk.reason(answer) == "human_answer"


async def test_small_talk_in_the_meantime_does_not_count_as_an_answer(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", UNPROMPTED)
        await talk.wait(10)
        await talk.say("bob", "good morning, is it friday already?")
        await talk.idle()
        assert len(talk.heard()) == 1


async def test_the_budget_of_a_group_is_kept_across_a_restart(
    tmp_path: Path, kettle: KnowledgeBase, stored: Setup
) -> None:
    questions = [
        UNPROMPTED,
        "怎么用 pip 安装 kettle？",
        "why is the first request to kettle slow?",
    ]
    setup = replace(stored, burst=2, cooldown_s=0)
    async with talking(tmp_path, kettle, setup) as talk:
        for user, text in zip(("alice", "bob"), questions, strict=False):
            await talk.say(user, text)
            await talk.idle()
        assert len(talk.heard()) == 2
        clock = talk.clock
    async with talking(tmp_path, kettle, setup, clock) as talk:
        asked = await talk.say("carol", questions[2])
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "budget"
        mentioned = await talk.say("dave", ASK)
        await talk.idle()
        assert [reply.reply_to for reply in talk.heard()] == [mentioned]
        clock.advance(setup.refill_s)
        await talk.say("erin", "the first request to the kettle server is very slow, why?")
        await talk.idle()
        assert len(talk.heard()) == 1


async def test_one_person_is_not_answered_twice_in_a_moment(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", UNPROMPTED)
        await talk.idle()
        again = await talk.say("alice", "why is the first request to the kettle server slow?")
        await talk.idle()
        assert len(talk.heard()) == 1
        assert await talk.reason(again) == "cooldown"


async def test_a_reply_while_the_asker_is_still_writing_counts_too(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", UNPROMPTED)
        await talk.wait(2)
        told = await talk.say("bob", "reinstall it", reply_to=asked)
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "human_first"
        assert await talk.reason(told) == "human_answer"


async def test_a_close_answer_within_the_pause_counts_too(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", UNPROMPTED)
        await talk.wait(0.4)
        told = await talk.say(
            "bob", "the import of kettle fails with DLL load failed when the runtime is missing"
        )
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "human_first"
        assert await talk.reason(told) == "human_answer"


@pytest.mark.parametrize("text", ["same here, DLL load failed on windows", "我也想知道 DLL 的问题"])
async def test_who_has_the_same_question_answers_nothing(
    tmp_path: Path, kettle: KnowledgeBase, text: str
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", UNPROMPTED)
        await talk.wait(8)
        await talk.say("bob", text, reply_to=asked)
        await talk.idle()
        assert talk.heard()[0].reply_to == asked


async def test_a_repeated_question_points_to_the_first_answer(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.say("alice", ASK)
        await talk.idle()
        talk.heard()
        again = await talk.say("bob", ASK)
        await talk.idle()
        (reply,) = talk.heard()
        assert (reply.kind, reply.reply_to) == ("notice", again)
        assert "7311" in reply.text
        assert reply.citations
        assert await talk.reason(again) == "repeated"


async def test_a_message_delivered_twice_is_answered_once(
    tmp_path: Path, kettle: KnowledgeBase, stored: Setup
) -> None:
    async with talking(tmp_path, kettle, stored) as talk:
        await talk.say("alice", ASK, message_id="same")
        await talk.say("alice", ASK, message_id="same")
        await talk.idle()
        assert len(talk.heard()) == 1
        await talk.say("alice", ASK, message_id="same")
        await talk.idle()
        assert not talk.heard()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (("大家中午吃什么",), "我没看出这里要问什么"),
        (("hi all, ok?", "👍"), "I can't tell"),
        ((), None),
    ],
)
async def test_a_mentioned_sticker_is_answered_in_the_language_of_its_group(
    tmp_path: Path, kettle: KnowledgeBase, said: tuple[str, ...], told: str | None
) -> None:
    async with talking(tmp_path, kettle) as talk:
        for text in said:
            await talk.say("bob", text)
        await talk.idle()
        await talk.say("alice", "@bot ", attachments=("sticker",))
        await talk.idle()
        assert [told in reply.text for reply in talk.heard() if told] == [True] * bool(told)
        assert await talk.reason(talk.ids[-1]) == "not_a_question"


async def test_stickers_and_marks_are_no_questions(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        sticker = await talk.say("alice", "", attachments=("sticker",))
        mark = await talk.say("bob", "？？？")
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(sticker) == await talk.reason(mark) == "not_a_question"


async def test_what_a_kill_left_unfinished_is_answered_once(
    tmp_path: Path, kettle: KnowledgeBase, stored: Setup
) -> None:
    async with talking(tmp_path, kettle, stored) as talk:
        asked = await talk.say("alice", ASK)  # received, not decided: the bot stops here
        clock = talk.clock
    for expected in (1, 0):
        async with talking(tmp_path, kettle, stored, clock) as talk:
            await talk.idle()
            assert [reply.reply_to for reply in talk.heard()] == [asked] * expected


async def test_what_is_too_old_after_a_restart_is_dismissed(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", ASK)
        clock = talk.clock
    clock.advance(2 * 3600)
    async with talking(tmp_path, kettle, clock=clock) as talk:
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "stale"


async def test_a_full_queue_drops_the_oldest_unprompted_message_but_no_mention(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    setup = Setup(options=replace(OPTIONS, queue_size=3))
    async with talking(tmp_path, kettle, setup) as talk:
        talk.adapter.failures += [RateLimited("wait", 30.0)]
        first = await talk.say("alice", ASK)
        await talk.wait(2)  # the worker is busy with this answer for the next 30 s
        talks = [await talk.say(f"t{n}", "good morning everybody") for n in range(3)]
        mentions = [await talk.say(f"m{n}", f"{ASK} ({n})") for n in range(5)]
        more = await talk.say("late", "good morning to you too")
        assert [await talk.reason(message) for message in talks] == ["queue_full"] * 3
        assert await talk.reason(more) == "queue_full"
        await talk.idle()
        reasons = [await talk.reason(message) for message in (first, *mentions)]
        assert set(reasons) <= {"answered", "repeated"}
        assert [reply.reply_to for reply in talk.heard()] == [first, *mentions]


async def test_a_platform_that_stumbles_gets_the_answer_in_the_end(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        talk.adapter.failures += [NetworkError("reset"), RateLimited("slow down", 7.0)]
        before = talk.clock.now()
        await talk.say("alice", ASK)
        await talk.idle()
        assert len(talk.heard()) == 1
        assert talk.clock.now() - before >= 7.0


async def test_a_refused_answer_is_recorded_as_failed(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        talk.adapter.failures += [SendRefused("no right to speak")]
        asked = await talk.say("alice", ASK)
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "failed"


async def test_a_question_that_is_taken_back_is_not_answered(
    tmp_path: Path, kettle: KnowledgeBase, stored: Setup
) -> None:
    async with talking(tmp_path, kettle, stored) as talk:
        asked = await talk.say("alice", ASK)
        await talk.take_back(asked)
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "recalled"


async def test_taking_back_a_question_withdraws_its_answer(
    tmp_path: Path, kettle: KnowledgeBase, stored: Setup
) -> None:
    async with talking(tmp_path, kettle, stored) as talk:
        asked = await talk.say("alice", ASK)
        await talk.idle()
        (reply,) = talk.heard()
        await talk.take_back(asked)
        await talk.idle()
        assert talk.adapter.recalled == [f"{GROUP}/platform-{reply.key}"]


async def test_groups_do_not_share_their_budgets(tmp_path: Path, kettle: KnowledgeBase) -> None:
    setup = Setup(burst=1, cooldown_s=0)
    async with talking(tmp_path, kettle, setup) as talk:
        for group in ("one", "two"):
            await talk.say("alice", UNPROMPTED, group=group)
        await talk.idle()
        assert sorted(reply.group for reply in talk.heard()) == ["one", "two"]


async def test_while_the_documents_cannot_be_asked_a_line_says_why_and_nothing_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = built(tmp_path)
    knowledge = KnowledgeBase(made, gate_options(tmp_path))  # not open: whatever it is asked fails
    async with talking(tmp_path, knowledge) as talk:
        asked = await talk.say("alice", ASK)
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "failed"
        (line,) = [one for one in caplog.records if one.levelname == "ERROR"]
        assert "the knowledge base is not open" in line.getMessage()
        assert line.exc_info is None
        async with knowledge:
            await talk.say("bob", ASK)
            await talk.idle()
            assert "7311" in talk.heard()[0].text
