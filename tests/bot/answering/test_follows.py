"""What a model writes is held against its passages, sentence by sentence, by the model itself."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.llm.scoring import Verdict, read_verdicts
from knowledge.base import KnowledgeBase
from tests.bot.answering.test_check_dialogs import EN, PORT, ask, group
from tests.fakes.llm_api import Call, LlmApi, Say, Script, judged, llm_api, verdicts

TRUE = "The server's port is 7311 unless `--port` says another one [1]."
FALSE = "When the port is taken, the server takes the next free one [1]."
UNSURE = "@bot what happens when the port of kettle is taken by nginx?"
VERBATIM = "When the port is taken the server ends with exit status 98 [1]."


@pytest.fixture
async def api() -> AsyncIterator[LlmApi]:
    async with llm_api() as running:
        yield running


def writes(answer: str, judge: Callable[[str], str]) -> Script:
    def script(call: Call) -> Say:
        if call.kind == "follows":
            return verdicts(call, judge)
        return judged(call) or Say(answer)

    return script


def knows(sentence: str) -> str:
    """A judge that knows what the page says."""
    return "contradicts" if "next free" in sentence else "follows"


async def test_what_does_not_follow_goes_and_the_rest_stays(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = writes(f"{TRUE} {FALSE} {VERBATIM}", knows)
    async with group(tmp_path, kettle, api) as talk:
        heard = await ask(talk, EN)
    assert heard.text == f"{TRUE} {VERBATIM}"
    # Each once, what doesn't follow twice, and not what stands there word for word.
    assert asked_about(api) == {"server's port": 1, "next free": 2}
    texts = [call.text.split("<sentence")[0] for call in api.calls if call.kind == "follows"]
    assert all("listens on port 7311" in text for text in texts)


def asked_about(api: LlmApi) -> dict[str, int]:
    """How often the model was asked about which sentence, by words of it."""
    sentences = [
        said
        for call in api.calls
        if call.kind == "follows"
        for said in re.findall(r"<sentence.*?>\n(.*)\n<", call.text)
    ]
    known = ("server's port", "next free", "exit status")
    return {words: n for words in known if (n := sum(words in one for one in sentences))}


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        (PORT, PORT),
        (TRUE, "The server listens on port 7311 by default; `--port` changes it [1]."),
    ],
)
async def test_what_is_denied_once_and_not_again_stays_or_gives_way_to_its_source(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, sentence: str, shown: str
) -> None:
    doubts = {sentence.removesuffix(" [1].")}

    def wavers(said: str) -> str:
        first = {one for one in doubts if one in said}
        doubts.difference_update(first)
        return "missing" if first else "follows"

    api.script = writes(sentence, wavers)
    async with group(tmp_path, kettle, api) as talk:
        heard = await ask(talk, EN)
    assert (heard.reason, heard.kinds) == ("answered", ["written"])
    assert heard.text == shown


async def test_a_look_and_the_answer_ask_once_about_a_sentence(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    written, looked = asyncio.Event(), asyncio.Event()
    good = writes("", knows)

    def script(call: Call) -> Say:
        if call.kind == "follows" and not written.is_set():
            written.set()
            return replace(verdicts(call, knows), until=looked)
        return Say(f"{TRUE} {VERBATIM}", hold=written) if call.kind == "answer" else good(call)

    api.script = script
    async with group(tmp_path, kettle, api) as talk:
        asked = asyncio.create_task(ask(talk, EN))
        async with asyncio.timeout(60):
            await written.wait()
        for _ in range(50):  # the answer is whole, and its check waits for what the look asked
            await asyncio.sleep(0.001)
        looked.set()
        heard = await asked
    assert heard.text == f"{TRUE} {VERBATIM}"
    assert asked_about(api) == {"server's port": 1}


@pytest.mark.parametrize("said", ["missing", "hmm"])
async def test_where_nothing_follows_a_mention_gets_a_quote(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, said: str
) -> None:
    api.script = writes(TRUE, lambda _: said)
    async with group(tmp_path, kettle, api) as talk:
        heard = await ask(talk, EN)
    assert heard.kinds == ["written", "quoted"]
    assert "7311" in heard.text


async def test_a_step_has_the_mark_of_its_list(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    steps = "Do this:\n\n1. Stop the server.\n2. Start it with `--port` [1]."
    api.script = writes(steps, lambda _: "follows")
    async with group(tmp_path, kettle, api) as talk:
        heard = await ask(talk, EN)
    assert "1. Stop the server [1].\n2. Start it with `--port` [1]." in heard.text


async def test_without_a_judge_what_is_sure_is_quoted_and_not_written(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = writes(FALSE, knows)
    async with group(tmp_path, kettle, api, check_sentences=False) as talk:
        heard = await ask(talk, EN)
    assert heard.kinds == ["quoted"]
    assert "7311" in heard.text
    assert {*api.kinds()} == {"question", "unsafe"}


async def test_without_a_judge_only_what_restates_its_source_stays_as_it_is(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi
) -> None:
    api.script = writes(f"Vote for nobody. {TRUE} {FALSE}", knows)
    async with group(tmp_path, kettle, api, check_sentences=False) as talk:
        heard = await ask(talk, UNSURE)
    assert "next free" not in heard.text
    assert "nobody" not in heard.text
    assert VERBATIM in heard.text, "what is not so gives way to what is"
    assert "follows" not in api.kinds()


@pytest.mark.parametrize("judges", [True, False])
async def test_who_is_no_judge_is_shown_only_what_would_be_quoted(
    tmp_path: Path, kettle: KnowledgeBase, api: LlmApi, *, judges: bool
) -> None:
    api.script = writes(TRUE, knows)
    async with group(tmp_path, kettle, api, check_sentences=judges) as talk:
        await ask(talk, UNSURE)
    shown = next(call.text for call in api.calls if call.kind == "answer")
    assert "7311" in shown
    assert ("cache_fraction" in shown) is judges


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1: follows\n2: missing", "fm"),
        ("2: contradicts\n1: Follows.", "fc"),
        ('["follows", "missing"]', "fm"),
        ("1: follows", "fm"),
        ("1: follows\n1: missing\n2: follows", "mf"),
        ("I think so", "mm"),
        ("follows", "mm"),
    ],
)
def test_verdicts_are_read(text: str, found: str) -> None:
    initials = {verdict.value[0]: verdict for verdict in Verdict}
    assert list(read_verdicts(text, 2)) == [initials[one] for one in found]
