"""How the bot behaves in a group with a language model, as conversations."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Picture
from bot.answering.pipeline import Pipeline
from bot.answering.settings import AnswerSettings
from bot.cli.asking import mention
from bot.types import Answer
from knowledge.base import KnowledgeBase
from tests.bot.dialog import OPTIONS, Setup, Talk, talking
from tests.bot.llm.models import model, remote
from tests.fakes.clock import FakeClock
from tests.fakes.llm_api import SCORES, Call, LlmApi, Say, Script, agreeable, digit, judged, llm_api

ASK = "@bot which port does the kettle server listen on?"
UNPROMPTED = "DLL load failed on windows when importing kettle, what now?"
GOOD = "The server listens on port 7311 by default [1]. Change it with `--port` [1]."


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api(agreeable(GOOD)) as running:
        yield running


@asynccontextmanager
async def group(
    folder: Path, kettle: KnowledgeBase, api: LlmApi, setup: Setup | None = None, **llm: Any
) -> AsyncIterator[Talk]:
    """A group with a bot whose model is the scripted one."""
    clock = FakeClock()
    async with (
        model({"remote": remote(api), "retries": 1, **llm}, clock) as made,
        talking(folder, kettle, setup or Setup(), clock, llm=made) as talk,
    ):
        yield talk


def but(answer: str = GOOD, hold: asyncio.Event | None = None, **scores: int) -> Script:
    """An agreeable model with other scores, whose last words wait for `hold`."""

    return lambda call: judged(call, **scores) or Say(answer, hold=hold)


async def ask(talk: Talk, text: str = ASK) -> tuple[str, list[str]]:
    """Asks; returns the recorded reason and the texts of what the bot said."""
    asked = await talk.say("alice", text)
    await talk.idle()
    return await talk.reason(asked), [reply.text for reply in talk.heard()]


async def test_an_answer_is_written_from_the_documents_and_cites_them(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        asked = await talk.say("alice", ASK)
        await talk.idle()
        (reply,) = talk.heard()
        assert reply.text == GOOD
        assert [(c.path, c.url) for c in reply.citations] == [
            ("en/serving.md", "https://docs.test/en/serving.md#serving-models")
        ]
        decision = await talk.store.decision("fake", asked)
        assert decision
        assert [entry["stage"] for entry in decision["trace"]] == [
            "preprocess", "reject", "intent", "retrieve", "relevance", "expand", "answer", "check",
        ]  # fmt: skip
    kinds = api.kinds()
    assert sorted(kinds[:2]) == ["question", "unsafe"]
    assert kinds.count("answer") == 1
    assert sorted(kinds[-2:]) == ["dodge", "unsafe"]


async def test_talk_costs_no_call(tmp_path: Path, kettle: KnowledgeBase, api: LlmApi) -> None:
    async with group(tmp_path, kettle, api) as talk:
        for text in ("anyone up for lunch?", "哈哈哈哈", "thanks!", "see you tomorrow"):
            assert await ask(talk, text) in (("off_topic", []), ("not_a_question", []))
    assert api.calls == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (but(question=3), "not_a_question"),
        (but(unsafe=6), "unsafe"),
        (but(relevance=2), "no_evidence"),
        (but(dodge=9), "unsure"),
        (but("NO_ANSWER"), "unsure"),
        (but(""), "unsure"),
        (but("I don't know which port that is."), "ungrounded"),
        (but("Roses are red and violets are blue [1]."), "ungrounded"),
        (but("Run `kettle serve --listen-on 9999` [1]."), "ungrounded"),
    ],
)
async def test_what_is_not_sure_is_not_said(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, script: Script, reason: str
) -> None:
    api.script = script
    async with group(tmp_path, kettle, api) as talk:
        assert await ask(talk, UNPROMPTED) == (reason, [])


async def test_an_answer_that_turns_unsafe_is_not_posted(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    def script(call: Call) -> Say:
        if call.kind == "unsafe":
            return digit(9 if "7311" in call.text else 0)
        return but()(call)

    api.script = script
    async with group(tmp_path, kettle, api) as talk:
        reason, said = await ask(talk)
        assert reason == "unsafe"
        assert "7311" not in said[0]


async def test_a_made_up_detail_goes_with_its_sentence(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = but(
        "The server listens on port 7311 by default [1]. Change it with `--port` [1]. "
        "Since version 9.4 there is also `--socket` [2]."
    )
    async with group(tmp_path, kettle, api) as talk:
        assert await ask(talk) == ("answered", [GOOD])


async def test_where_the_words_of_the_model_are_wrong_a_mention_gets_the_documents_own(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = but("It listens on port 8080 [1].")
    async with group(tmp_path, kettle, api) as talk:
        reason, (said,) = await ask(talk)
        assert reason == "answered"
        assert "7311" in said
        assert "8080" not in said


async def test_marks_are_valid_and_numbered_in_their_order(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = but("The cache takes 40% of the free memory [2]. It listens on port 7311 [1][77].")
    async with group(tmp_path, kettle, api) as talk:
        await talk.say("alice", "@bot which port does the kettle server use, how much memory?")
        await talk.idle()
        (reply,) = talk.heard()
        assert "memory [1]." in reply.text
        assert "7311 [2]." in reply.text
        assert "77" not in reply.text
        assert len(reply.citations) == 2


async def test_a_long_answer_is_summarised(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    def script(call: Call) -> Say:
        long = "The server listens on port 7311 by default [1]. " * 40
        return Say(GOOD) if call.kind == "shorten" else but(long)(call)

    api.script = script
    async with group(tmp_path, kettle, api) as talk:
        assert await ask(talk) == ("answered", [GOOD])


BROKEN = {
    "500": Say(status=500),
    "429": Say(status=429, headers={"Retry-After": "5"}),
    "401": Say(status=401),
    "unknown model": Say(status=404),
    "too long": Say(status=400, message="exceeds the model context length (512)"),
    "hang": Say(hang=True, takes_s=61),
    "cut": Say("The server", cut=1),
    "no end": Say("The server listens", finish=None),
    "malformed": Say(raw="{oops"),
}


@pytest.mark.parametrize("failure", BROKEN)
@pytest.mark.parametrize("kind", ["question", "relevance", "answer", "dodge"])
async def test_a_failing_model_loses_no_message_and_answers_none_twice(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, kind: str, failure: str
) -> None:
    def script(call: Call) -> Say:
        return BROKEN[failure] if call.kind == kind else but()(call)

    api.script = script
    limits = {"score_s": 60, "keywords_s": 60, "answer_s": 60}
    async with group(tmp_path, kettle, api, timeouts=limits) as talk:
        reason, said = await ask(talk)
        unreadable = failure in ("cut", "no end") and kind != "answer"
        if unreadable:
            # A plain answer can't be cut short; "The server" is no score, so the bot keeps out.
            assert reason in ("not_a_question", "no_evidence", "unsure", "answered")
            assert len(said) == 1
        else:
            assert reason == "answered"  # quoted
            assert len(said) == 1
            assert "7311" in said[0]
        reason, said = await ask(talk, UNPROMPTED)
        assert said == []
        assert reason in ("llm_down", "not_a_question", "no_evidence", "unsure", "ungrounded")
        assert await talk.store.undecided(talk.clock.now(), 1e9) == []
        assert await talk.store.pending_replies(0.0) == []


async def test_a_model_that_is_down_is_said_in_status_and_comes_back(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.down, clock = True, FakeClock()
    sections = {"remote": remote(api), "retries": 1}
    async with (
        model(sections, clock) as llm,
        talking(tmp_path, kettle, Setup(), clock, llm=llm) as talk,
    ):
        for text in (ASK, "@bot is there a port that the kettle server takes by default?"):
            reason, (said,) = await ask(talk, text)
            assert reason == "answered"
            assert "7311" in said
            clock.advance(1801)
        assert not llm.hybrid.up
        api.down = False
        await llm.hybrid.probe()
        assert llm.hybrid.up
        assert await ask(talk, "@bot on which port is kettle serve reachable then?") == (
            "answered", [GOOD],
        )  # fmt: skip


async def test_a_follow_up_is_rewritten_from_what_was_said(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    def script(call: Call) -> Say:
        if call.kind == "rewrite":
            return Say("how do I change the port that the kettle server listens on?")
        return but("Change it with `--port` [1].")(call)

    async with group(tmp_path, kettle, api) as talk:
        await ask(talk, ASK)
        api.script = script
        reason, said = await ask(talk, "@bot and how do I change it?")
        assert (reason, said) == ("answered", ["Change it with `--port` [1]."])
    (rewriting,) = [call for call in api.calls if call.kind == "rewrite"]
    assert "which port does the kettle server listen on?" in rewriting.text
    assert "bot: The server listens on port 7311" in rewriting.text
    assert "alice" not in rewriting.text


async def test_a_rewriting_that_names_what_nobody_named_is_not_used(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    def script(call: Call) -> Say:
        if call.kind == "rewrite":
            return Say("how do I overclock an RTX4090 with nvidia-smi?")
        return but()(call)

    api.script = script
    async with group(tmp_path, kettle, api) as talk:
        await ask(talk, ASK)
        asked = await talk.say("alice", "@bot and how do I change it?")
        await talk.idle()
        decision = await talk.store.decision("fake", asked)
        assert decision
        entry = next(e for e in decision["trace"] if e["stage"] == "rewrite")
        assert "kept" in entry
        assert "rewritten" not in entry


async def test_only_messages_that_lean_on_others_are_rewritten(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        await ask(talk, "that was a long day")  # leans, but nothing was said before
        await ask(talk, ASK)
        await ask(talk, "@bot how do I install kettle with pip on a new machine?")
    assert "rewrite" not in api.kinds()


async def test_the_model_sees_the_askers_history_and_nobody_elses(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        await talk.say("bob", "my password is hunter2 and the kettle server is mine")
        await talk.idle()
        await ask(talk, ASK)
        await ask(talk, "@bot how do I lower the memory that the kettle server's cache takes?")
    answers = [call.text for call in api.calls if call.kind == "answer"]
    assert "which port does the kettle server listen on?" in answers[1]
    assert "hunter2" not in "".join(answers)


async def test_an_answer_is_shown_while_it_is_written(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    hold = asyncio.Event()
    api.script = but(GOOD, hold=hold)
    async with group(tmp_path, kettle, api) as talk:
        asking = asyncio.create_task(ask(talk))
        while not talk.adapter.drafts:
            await asyncio.sleep(0.001)
        hold.set()
        await asking
        first, last = talk.adapter.drafts[0], talk.adapter.drafts[-1]
        assert first.startswith("The server listens on port 7311")
        assert last == ""


async def test_a_draft_never_shows_what_the_check_removes(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = but(
        "Open port 8080 first [1]. @everyone look at https://evil.test/now [1]. It listens on "
        "7311 [1]. Bye now [1]. NO_ANSWER"
    )
    async with group(tmp_path, kettle, api) as talk:
        reason, said = await ask(talk)
        assert reason == "unsure"
        shown = "".join([*talk.adapter.drafts, *said])
        assert "8080" not in shown
        assert "evil.test" not in shown
        assert "@everyone" not in shown
        assert talk.adapter.drafts[-1:] in ([], [""])


async def test_unprompted_answers_are_not_shown_half_done(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = but("Install the redistributable of 2019 and restart the terminal [1].")
    async with group(tmp_path, kettle, api) as talk:
        reason, said = await ask(talk, UNPROMPTED)
        assert (reason, len(said)) == ("answered", 1)
        assert talk.adapter.drafts == []


async def test_a_stop_while_an_answer_is_written_leaves_the_question_for_the_next_start(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    reached = asyncio.Event()

    def script(call: Call) -> Say:
        if call.kind == "answer":
            reached.set()
            return Say(hang=True)
        return but()(call)

    api.script = script
    async with model({"remote": remote(api)}) as llm:
        clock = FakeClock()
        async with talking(tmp_path, kettle, Setup(), clock, llm=llm) as talk:
            asked = await talk.say("alice", ASK)
            while not reached.is_set():
                await asyncio.sleep(0.001)
                if not talk.tasks.active > clock.waiting:
                    clock.jump()
            talk.dispatcher.stop()
            await talk.tasks.drain(0.0)
            assert talk.heard() == []
        api.script = but()
        async with talking(tmp_path, kettle, Setup(), clock, llm=llm) as talk:
            await talk.idle()
            assert [reply.text for reply in talk.heard()] == [GOOD]
            assert await talk.reason(asked) == "answered"


async def test_chinese_is_answered_in_chinese(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = but("运行 `pip install kettle` 安装 [1]。")
    async with group(tmp_path, kettle, api) as talk:
        assert await ask(talk, "@bot 怎么安装 kettle？") == (
            "answered", ["运行 `pip install kettle` 安装 [1]。"],
        )  # fmt: skip
    assert {call.language for call in api.calls} == {"zh"}


async def test_an_unreadable_score_counts_as_the_cautious_one_and_is_counted(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = lambda call: Say("hmm") if call.kind in SCORES else Say(GOOD)
    setup = Setup(options=replace(OPTIONS, when_unknown="silent"))
    async with group(tmp_path, kettle, api, setup) as talk:
        assert await ask(talk) == ("unsafe", [])
    assert json.dumps(api.kinds()).count("answer") == 0


@pytest.mark.parametrize(
    ("question", "draft", "said", "told"),
    [
        (
            "@bot kettle server 默认监听哪个端口（port）？",
            GOOD,
            "服务默认监听 7311 端口 [1]。",
            "中文",
        ),
        (
            "@bot which port does the kettle server use?",
            "服务默认监听 7311 端口 [1]。",
            GOOD,
            "English",
        ),
    ],
)
async def test_an_answer_in_another_language_is_translated(
    tmp_path: Path,
    kettle: KnowledgeBase,
    api: LlmApi,
    question: str,
    draft: str,
    said: str,
    told: str,
) -> None:
    api.script = lambda call: Say(said) if call.kind == "translate" else but(draft)(call)
    async with group(tmp_path, kettle, api) as talk:
        reason, texts = await ask(talk, question)
    assert (reason, texts) == ("answered", [said])
    written = next(call for call in api.calls if call.kind == "answer")
    assert told in written.text.splitlines()[-1]


async def test_who_asks_in_german_is_answered_in_german(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    async with group(tmp_path, kettle, api) as talk:
        await ask(talk, "@bot auf welchem Port hört der Server von kettle, und wie ändere ich den?")
    written = [call for call in api.calls if call.kind == "answer"]
    assert all("in German" in call.text for call in written)
    assert "translate" not in api.kinds()


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_second_search_is_in_the_models_words(
    kettle: KnowledgeBase, api: LlmApi, *, allowed: bool
) -> None:
    def script(call: Call) -> Say:
        if call.kind == "relevance":
            return digit(9 if "7311" in call.text else 0)
        return Say("web: kettle server port") if call.kind == "keywords" else but(GOOD)(call)

    api.script = script
    async with model({"remote": remote(api), "second_search": allowed}) as llm:
        pipeline = Pipeline(kettle, AnswerSettings(max_passages=1), llm)
        for unprompted in (False, True):
            question = replace(
                mention("DLL load failed on windows when importing kettle"), mention=not unprompted
            )
            outcome = await pipeline.respond(question, [])
            assert isinstance(outcome, Answer) is (allowed and not unprompted)
    assert api.kinds().count("keywords") == allowed


@pytest.mark.parametrize("sees", [True, False])
async def test_a_picture_of_the_question_is_shown_to_a_model_that_sees(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, sees: bool
) -> None:
    async with (
        model({"remote": remote(api, vision=sees)}, clock := FakeClock()) as made,
        talking(tmp_path, kettle, Setup(), clock, llm=made) as talk,
    ):
        talk.adapter.shown = [Picture(b"GIF89a", "image/gif")]
        await talk.say("alice", ASK, attachments=("image",))
        await talk.idle()
        (reply,) = talk.heard()
    (asked,) = [call.body["messages"][1]["content"] for call in api.calls if call.kind == "answer"]
    if not sees:
        assert isinstance(asked, str)
        assert reply.text == GOOD
        return
    assert asked[1]["image_url"]["url"] == "data:image/gif;base64,R0lGODlh"
    assert reply.text == f"{GOOD}\n\n(The picture was looked at.)"
