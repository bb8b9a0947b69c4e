"""What comes in from a platform besides questions, and when questions are not taken up."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.base import (
    EVERYBODY,
    BotMoved,
    Feedback,
    IncomingMessage,
    LoginRefused,
    MessageEdited,
    NetworkError,
    NotSupported,
    RecallAsked,
    Unconfirmed,
    Vote,
)
from common.hours import Hours, parse_span
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.plan import EmbedderSpec
from tests.bot.dialog import GROUP, OPTIONS, Setup, Talk, talking
from tests.fakes.clock import FakeClock
from tests.fakes.embeddings_api import embeddings_api
from tests.fakes.recording_adapter import RecordingAdapter
from tests.knowledge.library import gate_options, plan, write_pages

ASK = "@bot which port does the kettle server listen on?"
UNPROMPTED = "which port does the kettle server listen on?"
SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Hours([parse_span("mon-fri 09:00-18:00")], SHANGHAI)


def night() -> FakeClock:
    """Monday, three in the morning."""
    return FakeClock(datetime(2026, 11, 23, 3, tzinfo=SHANGHAI).timestamp())


async def answered(talk: Talk, text: str = ASK) -> str:
    """Asks, and returns the platform's id of the answer."""
    await talk.say("alice", text)
    await talk.idle()
    (reply,) = talk.heard()
    return f"platform-{reply.key}"


async def test_a_message_that_arrives_hours_late_is_recorded_and_not_answered(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        late = await talk.say("alice", ASK, sent_ago_s=6 * 3600)
        command = await talk.say("root", "/dou mute 2h", sent_ago_s=6 * 3600)
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(late) == await talk.reason(command) == "stale"
        await talk.say("alice", ASK, sent_ago_s=600)
        await talk.idle()
        assert len(talk.heard()) == 1


async def test_until_the_knowledge_is_loaded_messages_are_kept(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        talk.inbox.close()  # as before the index is loaded, and while the bot stops
        await talk.say("alice", ASK)
        await talk.idle()
        assert not talk.heard()
        await talk.inbox.open(talk.dispatcher)
        await talk.idle()
        assert len(talk.heard()) == 1


async def test_what_comes_while_the_inbox_opens_is_taken_up_once(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        talk.inbox.close()
        await talk.say("alice", ASK)
        await talk.say("root", "/dou status")
        for number in range(200):  # dismissing them takes a while, in which much may happen
            old = IncomingMessage("fake", GROUP, "zoe", f"old {number}", "hello", 1.0)
            await talk.store.add_message(old, received_at=1.0)
        await asyncio.gather(
            talk.say("root", "/dou help"),
            talk.inbox.open(talk.dispatcher),
            talk.say("root", "/dou groups"),
            talk.say("bob", "@bot how do I install kettle with pip?"),
        )
        await talk.idle()
        assert sorted(reply.reply_to or "" for reply in talk.heard()) == sorted(talk.ids)


async def test_what_comes_at_the_moment_of_opening_is_not_left_lying(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        talk.inbox.close()
        opening = asyncio.create_task(talk.inbox.open(talk.dispatcher))
        await asyncio.sleep(0)  # it has asked the store for what is stale
        talk.clock.advance(1.0)
        said = await talk.say("alice", ASK)  # stored before what is undecided is asked for
        await opening
        await talk.idle()
        assert await talk.reason(said) == "answered"


async def test_a_connection_that_breaks_while_a_message_is_stored_leaves_nothing_lying(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        now, asked = talk.clock.now(), "how do I install kettle with pip?"
        event = IncomingMessage("fake", GROUP, "ann", "m1", asked, sent_at=now, mention=True)
        taking = asyncio.create_task(talk.receive(event))
        await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        assert not await talk.receive(event)  # the platform was not told, and sends it again
        await talk.idle()
        assert len(talk.heard()) == 1


async def test_of_many_mentions_at_once_none_is_left_lying(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        for number in range(OPTIONS.queue_size + 20):
            await talk.say(f"user {number}", "@bot ?")
        await talk.idle()
        reasons = {await talk.reason(message_id) for message_id in talk.ids}
        assert reasons == {"not_a_question"}


async def test_where_nothing_can_be_compared_a_reply_still_counts_as_an_answer(
    tmp_path: Path,
) -> None:
    with embeddings_api() as api:
        embedder = EmbedderSpec("openai", "letters", api.url, 3, "key")
        made = replace(plan(tmp_path / "index", write_pages(tmp_path / "docs")), embedder=embedder)
        build(made)
        async with (
            KnowledgeBase(made, gate_options(tmp_path)) as knowledge,
            talking(tmp_path, knowledge) as talk,
        ):
            api.fail_next, api.fail_status = 1000, 401
            asked = await talk.say("alice", UNPROMPTED)
            told = await talk.say("bob", "on 7311", reply_to=asked)
            await talk.idle()
            assert await talk.reason(asked) == "human_first"
            assert await talk.reason(told) == "human_answer"


async def test_a_question_to_somebody_else_is_theirs(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        to_bob = await talk.say("alice", UNPROMPTED, mentions=("bob",))
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(to_bob) == "addressed"
        await talk.say("carol", UNPROMPTED, mentions=(EVERYBODY,))
        await talk.idle()
        assert len(talk.heard()) == 1
        await talk.say("dave", ASK, mentions=("bob",))
        await talk.idle()
        assert len(talk.heard()) == 1, "the bot was asked too"


async def test_an_edited_question_is_answered_as_it_is_now(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", "what's for lunch today?")
        await talk.receive(MessageEdited("fake", GROUP, asked, UNPROMPTED))
        await talk.idle()
        (reply,) = talk.heard()
        assert "7311" in reply.text
        assert not await talk.receive(MessageEdited("fake", GROUP, asked, "too late"))


async def test_an_edit_while_people_have_their_chance_is_judged_anew(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        asked = await talk.say("alice", UNPROMPTED)
        await talk.wait(10)  # packed and judged; people may answer now
        await talk.receive(MessageEdited("fake", GROUP, asked, "never mind, lunch anyone?"))
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "off_topic"


class Silent(RecordingAdapter):
    """A platform that does not tell of edits and recalls; it can only be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.now: dict[str, str | None] = {}

    async def reread(self, message: IncomingMessage) -> IncomingMessage | None:
        text = self.now.get(message.message_id, message.text)
        if text is None:
            return None
        fields = {name: getattr(message, name) for name in message.__slots__} | {"text": text}
        return IncomingMessage(**fields)


async def test_before_an_answer_the_question_is_looked_at_again(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    adapter = Silent()
    async with talking(tmp_path, kettle, adapter=adapter) as talk:
        gone = await talk.say("alice", UNPROMPTED)
        adapter.now[gone] = None
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(gone) == "recalled"
        changed = await talk.say("bob", UNPROMPTED)
        adapter.now[changed] = "how do I install kettle with pip?"
        await talk.idle()
        (reply,) = talk.heard()
        assert "pip install kettle" in reply.text


async def test_what_was_taken_back_unseen_takes_no_room_in_the_queue(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    adapter = Silent()
    async with talking(tmp_path, kettle, adapter=adapter) as talk:
        await talk.say("bob", UNPROMPTED)
        await talk.wait(10)  # people may answer; meanwhile his group's queue stays
        gone = await talk.say("alice", "@bot hello there")
        await talk.say("alice", "@bot how do I install kettle with pip?")
        adapter.now[gone] = None
        await talk.wait(10)
        assert len(talk.heard()) == 1
        assert talk.dispatcher.depth == 1


async def test_votes_are_kept_with_the_decision_and_the_later_one_counts(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        answer = await answered(talk)

        async def vote(user: str, vote: Vote, at: float) -> bool:
            return await talk.receive(Feedback("fake", GROUP, answer, user, vote, at))

        assert await vote("bob", Vote.UNHELPFUL, 10.0)
        assert await vote("bob", Vote.HELPFUL, 20.0)
        assert await vote("bob", Vote.UNHELPFUL, 10.0), "delivered again, hours later"
        assert await vote("carol", Vote.UNHELPFUL, 30.0)
        assert await vote("dave", Vote.HELPFUL, 30.0)
        assert await vote("dave", Vote.NONE, 31.0)
        found = await talk.store.decision("fake", talk.ids[0])
        assert found and found["feedback"] == {"helpful": 1, "unhelpful": 1}
        await talk.say("root", "/dou why")
        await talk.idle()
        assert "👍 1 👎 1" in talk.heard()[0].text
        unknown = Feedback("fake", GROUP, "nobody's", "bob", Vote.HELPFUL, 1.0)
        assert not await talk.receive(unknown)


async def test_the_recall_button_withdraws_that_answer_in_that_group_only(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        answer = await answered(talk)
        assert not await talk.receive(RecallAsked("fake", "elsewhere", answer, "bob"))
        assert await talk.receive(RecallAsked("fake", GROUP, answer, "bob"))
        await talk.idle()
        assert talk.adapter.recalled == [f"{GROUP}/{answer}"]


async def test_an_answer_may_stay_when_its_question_goes(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    setup = Setup(options=replace(OPTIONS, recall_with_question=False))
    async with talking(tmp_path, kettle, setup) as talk:
        await answered(talk)
        await talk.take_back(talk.ids[0])
        await talk.idle()
        assert talk.adapter.recalled == []


async def test_where_the_platform_cannot_recall_the_bot_says_so(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await answered(talk)
        talk.adapter.failures.append(NotSupported("there is no way"))
        await talk.say("bob", "豆哥撤回")
        await talk.idle()
        assert "不允许机器人撤回" in talk.heard()[0].text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_outside_working_hours_a_mention_gets_one_line_and_the_rest_silence(
    tmp_path: Path, kettle: KnowledgeBase, language: str
) -> None:
    ask = ASK if language == "en" else "@bot kettle 服务监听哪个端口？"
    async with talking(tmp_path, kettle, Setup(hours=OFFICE), night()) as talk:
        chat = await talk.say("alice", UNPROMPTED)
        asked = await talk.say("bob", ask)
        await talk.idle()
        (line,) = talk.heard()
        assert line.kind == "notice" and "11-23 09:00" in line.text
        assert await talk.reason(chat) == await talk.reason(asked) == "closed"
        talk.clock.advance(6.5 * 3600)
        assert await talk.inbox.open_hours() == 0
        await talk.say("root", "/dou status")
        await talk.idle()
        assert len(talk.heard()) == 1


async def test_messages_may_wait_for_the_opening(tmp_path: Path, kettle: KnowledgeBase) -> None:
    setup = Setup(hours=OFFICE, options=replace(OPTIONS, keep_for_opening=True))
    clock = night()
    async with talking(tmp_path, kettle, setup, clock) as talk:
        kept = await talk.say("alice", UNPROMPTED)
        await talk.idle()
        assert not talk.heard()
        assert (await talk.store.decision("fake", kept) or {})["state"] == "pending"
    clock.advance(6 * 3600 - 60)
    async with talking(tmp_path, kettle, setup, clock) as talk:
        assert await talk.inbox.open_hours() == 0, "a minute before the opening"
        clock.advance(60)
        assert await talk.inbox.open_hours() == 1
        await talk.idle()
        assert len(talk.heard()) == 1
        assert await talk.inbox.open_hours() == 0


async def test_commands_work_at_any_hour(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle, Setup(hours=OFFICE), night()) as talk:
        await talk.say("root", "/dou help")
        await talk.idle()
        assert "/dou" in talk.heard()[0].text


async def test_an_answer_whose_fate_is_unknown_is_not_sent_twice(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    adapter = RecordingAdapter(resend_s=0.0)
    adapter.failures.append(Unconfirmed("no answer from the platform"))
    async with talking(tmp_path, kettle, adapter=adapter) as talk:
        asked = await talk.say("alice", ASK)
        await talk.idle()
        assert not talk.heard()
        assert await talk.reason(asked) == "unconfirmed"


@pytest.mark.parametrize(("resend_s", "reason"), [(0.0, "unconfirmed"), (3600.0, "answered")])
async def test_a_bug_in_an_adapter_leaves_no_answer_lying_until_the_next_start(
    tmp_path: Path, kettle: KnowledgeBase, resend_s: float, reason: str
) -> None:
    """As after a crash: where the platform takes our key it gets the reply again."""
    adapter = RecordingAdapter(resend_s=resend_s)
    adapter.failures.append(ZeroDivisionError("a bug"))
    async with talking(tmp_path, kettle, adapter=adapter) as talk:
        asked = await talk.say("alice", ASK)
        await talk.idle()
        assert len(talk.heard()) == (reason == "answered")
        assert await talk.reason(asked) == reason
        assert not await talk.store.pending_replies(0.0)


@pytest.mark.parametrize(("resend_s", "expected"), [(0.0, 0), (3600.0, 1), (30.0, 0)])
async def test_after_a_crash_while_sending_the_platform_decides_what_is_safe(
    tmp_path: Path, kettle: KnowledgeBase, resend_s: float, expected: int
) -> None:
    """A platform that takes our key gets the reply again, within the time it remembers keys."""
    clock = FakeClock()
    async with talking(tmp_path, kettle, clock=clock) as talk:
        asked = await talk.say("alice", ASK)
        await talk.idle()
        (reply,) = talk.heard()
        # The process dies between the platform's taking it and the record of that.
        await talk.store.database.run(
            lambda db: (
                db.execute("UPDATE replies SET state = 'pending', platform_id = ''")
                and db.execute("UPDATE messages SET state = 'deciding'")
            )
        )
    clock.advance(60)
    adapter = RecordingAdapter(resend_s=resend_s)
    async with talking(tmp_path, kettle, clock=clock, adapter=adapter) as talk:
        await talk.idle()
        assert [again.key for again in talk.heard()] == [reply.key] * expected
        assert await talk.reason(asked) == ("answered" if expected else "unconfirmed")


async def test_what_was_certainly_not_sent_is_sent_after_a_crash(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    from adapters.base import RateLimited

    clock, adapter = FakeClock(), RecordingAdapter(resend_s=0.0)
    adapter.failures.append(RateLimited("wait", 600.0))
    async with talking(tmp_path, kettle, clock=clock, adapter=adapter) as talk:
        await talk.say("alice", ASK)
        await talk.wait(5)  # refused once; the bot dies while it waits for the next try
    clock.advance(60)
    again = RecordingAdapter(resend_s=0.0)
    async with talking(tmp_path, kettle, clock=clock, adapter=again) as talk:
        await talk.idle()
        assert len(again.sent) == 1


async def test_what_is_on_its_way_is_not_taken_up_beside_it(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        talk.adapter.failures = [NetworkError("down")]
        await talk.say("ann", "@bot How do I install Kettle with pip?")
        while talk.adapter.failures:
            await talk.settle_once()
        await talk.delivery.take_up(talk.parts.options.max_age_s)
        await talk.idle()
        assert len(talk.heard()) == 1


async def test_a_rotated_secret_loses_no_answer(tmp_path: Path, kettle: KnowledgeBase) -> None:
    clock, refused = FakeClock(), RecordingAdapter(resend_s=0.0)
    refused.failures += [LoginRefused("app_secret is wrong")] * 99
    async with talking(tmp_path, kettle, clock=clock, adapter=refused) as talk:
        asked = await talk.say("alice", ASK)
        await talk.wait(5)
        for _ in range(30):
            await talk.wait(60)
        (waiting,) = await talk.store.pending_replies(0)
        assert 20 < 99 - len(refused.failures) < 32, "once a minute at most"
        refused.failures.clear()  # it is put right on the platform's side
        await talk.idle()
        assert [reply.key for reply in talk.heard()] == [waiting.reply.key]
        refused.failures += [LoginRefused("app_secret is wrong")] * 99
        await talk.say("bob", "@bot how do I install kettle with pip?")
        await talk.wait(5)
    async with talking(tmp_path, kettle, clock=clock) as talk:  # or in the configuration
        await talk.idle()
        (answer,) = talk.heard()
        assert "pip install" in answer.text
        assert await talk.reason(asked) == "answered"


class Board(RecordingAdapter):
    """A one-way webhook: gets copies of the answers of one group."""

    def copies(self, adapter: str, group: str) -> bool:
        return (adapter, group) == ("fake", GROUP)


async def test_answers_are_copied_to_where_the_configuration_wants_them(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    board = Board("board")
    async with talking(tmp_path, kettle, others=[board]) as talk:
        await talk.say("alice", f'{ASK} <at id="all"></at> @everyone')
        await talk.say("bob", "@bot what's for lunch?")
        await talk.say("carol", ASK, group="elsewhere")
        await talk.idle()
        (copy,) = board.sent
        assert "7311" in copy.text and "which port" in copy.text
        assert (copy.group, copy.reply_to, copy.citations[0].path) == ("", None, "en/serving.md")
        assert "<at" not in copy.text and "@everyone" not in copy.text


async def test_groups_are_known_by_where_the_bot_was_and_what_it_heard(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await talk.receive(BotMoved("fake", "new", joined=True, title="Kettle beta"))
        await talk.receive(BotMoved("fake", "old", joined=True, title="Kettle alpha"))
        await talk.receive(BotMoved("fake", "old", joined=False))
        await talk.say("alice", "hello all")
        await talk.idle()
        assert await talk.store.latest("fake") == {"new": 0.0, GROUP: talk.clock.now() - 6.0}
        assert await talk.store.latest("other") == {}
        await talk.say("root", "/dou groups")
        await talk.idle()
        text = talk.heard()[0].text
        assert "fake:new Kettle beta: 0 messages" in text
        assert "fake:old Kettle alpha (left)" in text
