"""Code counts like documents: what a repository defines passes the gate, and answers unread where
it holds all that was asked, whether it is local or on a Sourcegraph server."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.base import IncomingMessage
from bot.answering.definition import answers_unread
from bot.answering.external import ExternalSources
from bot.answering.pipeline import Pipeline
from bot.answering.settings import AnswerSettings
from bot.types import Answer, Outcome, Question, Reason, Silence, Trace
from knowledge.base import KnowledgeBase
from knowledge.code.types import CodeHit
from knowledge.ingest.build import build
from knowledge.settings import GateSettings
from tests.fakes.sourcegraph_api import sourcegraph_api
from tests.knowledge.code.code import built, opened, repo, write
from tests.knowledge.library import plan, write_pages

BREW = '''"""Brewing."""


class Brewer:
    """Brews."""

    def steep_leaves(self, grams: float, minutes: float = 4.5, *, lid: bool = True) -> float:
        """Steeps."""
        return self.wait(seconds=minutes * 60) * grams

    def wait(self, seconds: float) -> float:
        return seconds
'''
FILES = {"kettle/brew.py": BREW, "configs/a.yaml": "steam_pressure: 3\n"}
REMOTE = "github.com/open-kettle/kettle"


FLAT = {
    "en/rent.md": "# Rent\n\n## Paying the rent\n\nThe rent is due on the third of a month.\n\n"
    "## Keys of the flat\n\nThe landlord hands out two keys.\n",
    "zh/房租.md": "# 房租\n\n## 交房租\n\n每月三号之前交房租给房东。\n\n"
    "## 钥匙\n\n房东给两把钥匙。\n",
}
"""Documents that mention no function: the gate rejects all that is asked about code."""

GOOD = [
    "when is the rent due?",
    "how many keys does the landlord hand out?",
    "房租几号交",
    "房东给几把钥匙",
]
BAD = [
    "what is the default of the timeout parameter of open_socket?",
    "read_lines 的 encoding 参数默认值是多少？",
    "what does parse_args return?",
    "my build_index is broken again",
    "load_model 报错怎么办",
    "今天中午吃什么",
    "anyone going to the concert?",
    "how does run_daemon work?",
]


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("flat")
    made = plan(folder / "index", write_pages(folder / "docs", FLAT))
    build(made)
    examples = folder / "examples.json"
    examples.write_text(json.dumps({"good": GOOD, "bad": BAD}))
    gate = GateSettings(examples=(examples,), neighbours=2, mention_precision=0.9)
    opened = KnowledgeBase(made, gate)
    asyncio.run(opened.__aenter__())
    yield opened
    asyncio.run(opened.__aexit__(None, None, None))


@dataclass
class World:
    """The whole pipeline with code beside the documents; `queries` are those of a server."""

    pipeline: Pipeline
    is_local: bool
    queries: list[str]

    async def decide(self, text: str, *, mention: bool = True) -> tuple[Outcome, dict[str, Any]]:
        """The outcome of a question, and what the gate noted."""
        message = IncomingMessage("test", "g", "ann", "1", text, 0.0, mention=mention)
        trace: Trace = []
        outcome = await self.pipeline.decide(Question(text, mention, (message,)), trace)
        return outcome, dict(next(entry for entry in trace if entry["stage"] == "reject"))


@pytest.fixture(params=["local", "sourcegraph"])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, flat: KnowledgeBase
) -> AsyncIterator[World]:
    async with sourcegraph_api() as api:
        api.repos[REMOTE] = FILES
        is_local = request.param == "local"
        folders = {"code": write(tmp_path / "checkout", FILES)} if is_local else {}
        given = {"backend": "sourcegraph", "repo": "open-kettle/kettle", "endpoint": api.url}
        entries = [repo(repo="code")] if is_local else [repo(**given)]
        if is_local:
            built(tmp_path / "index", entries, folders)
        async with opened(tmp_path / "index", entries, folders) as code:
            external = ExternalSources(None, code, ("kettle",), {})
            pipeline = Pipeline(flat, AnswerSettings(), None, external)
            yield World(pipeline, is_local, api.queries)


HELD = [
    "steep_leaves 的 minutes 参数默认值是多少？",
    "what is the default of the minutes parameter of steep_leaves?",
    "在吗？steep_leaves 函数的 minutes 默认是多少",
    "kettle 里 steep_leaves 的 lid 默认值是什么？",
    "what does kettle take as the default value of steep_leaves' minutes argument?",
]


@pytest.mark.parametrize("text", HELD)
async def test_a_definition_that_holds_all_that_was_asked_answers(text: str, world: World) -> None:
    outcome, gate = await world.decide(text)
    assert isinstance(outcome, Answer), (outcome, gate)
    assert "minutes: float = 4.5, *, lid: bool = True" in outcome.text
    assert [citation.origin for citation in outcome.citations] == ["code"]


async def test_the_gate_knows_what_the_code_defines(world: World) -> None:
    _, gate = await world.decide(HELD[0])
    assert gate["in_code"] is True and gate["score"] < gate["threshold"]


NOT_HELD = [
    "steep_leaves 的 humidity 参数默认值是多少？",  # no such parameter
    "steep_leaves 的 grams 默认值是多少？",  # it has none
    "what is the default of the seconds parameter of steep_leaves?",  # another's, in a call
    "boil_leaves 的 minutes 参数默认值是多少？",  # no such function
]


@pytest.mark.parametrize("text", NOT_HELD)
async def test_what_the_code_does_not_say_is_not_answered_from_it(text: str, world: World) -> None:
    outcome, _ = await world.decide(text)
    assert not isinstance(outcome, Answer), outcome


async def test_what_no_code_defines_is_off_topic(world: World) -> None:
    outcome, gate = await world.decide("what is the default of boil_leaves?")
    assert outcome == Silence(Reason.OFF_TOPIC)
    assert gate["in_code"] is False


@pytest.mark.parametrize("text", [HELD[0], "my steep_leaves is broken again"])
async def test_unprompted_only_questions_are_looked_up_and_no_server_is_asked(
    text: str, world: World
) -> None:
    outcome, gate = await world.decide(text, mention=False)
    assert gate["in_code"] == isinstance(outcome, Answer) == (world.is_local and text == HELD[0])
    assert not world.queries


def hit(text: str, heading: str = "", language: str = "python", **more: object) -> CodeHit:
    given = {"matched": ("x",), "defined": ("x",), "score": 0.3, **more}
    return CodeHit("kettle", "a/b.py", 1, heading, text, language, "", **given)  # type: ignore[arg-type]  # of any kind


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        (hit("def f(\n    a: int,\n    b: dict[str, int] = {},\n): ...", "f"), "f b", True),
        (hit("def f(a, b): return g(b=3)", "f"), "f b", False),
        (hit("def f(a=(1, 2), b=3): ...", "f"), "f b", True),
        (hit("class F:\n    b: int = 3", "F"), "F b", True),
        (hit("class F:\n    def __init__(self, b=3): ...", "F"), "F b", True),
        (hit("function f(a: number, b?: string = 'x') {}", "f", "typescript"), "f b", True),
        (hit('parser.add_argument("--b", type=int, default=3)'), "b", True),
        (hit("cache_fraction: 0.4", language="yaml"), "cache_fraction", True),
        (hit("cache_fraction: float"), "cache_fraction", False),
        (hit("LIMIT = 97"), "LIMIT", True),
        (hit("if LIMIT == 97: ..."), "LIMIT", False),
        (hit("def f(b=3): ...", "f"), "f", False),
        (hit("def f(b: int, c: int = 3): ...", "f"), "f b", False),
    ],
)
def test_a_default_must_be_that_of_the_parameter(code: CodeHit, words: str, expected: bool) -> None:
    assert answers_unread(code, "the default?", words.split(), ()) is expected
