"""What a model writes is held against its passages, sentence by sentence, by the model itself."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.llm.scoring import Verdict, read_verdicts
from knowledge.base import KnowledgeBase
from tests.bot.answering.test_check_dialogs import EN, ask, group
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
    asked = [call.text for call in api.calls if call.kind == "follows"]
    # None that stands there word for word. A look at what is half written, which the end of the
    # answer cuts off, may have asked for the first one before.
    sentences = {said for text in asked for said in re.findall(r"<sentence.*?>\n(.*)\n<", text)}
    assert len(sentences) == 2
    assert all("listens on port 7311" in text.split("<sentence")[0] for text in asked)


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
