"""The gate learns from labels of the group, and can be led back: as conversations."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from bot.group.learning import Learning, as_examples
from bot.store.examples import Label, Origin
from bot.types import Knowledge
from knowledge.base import KnowledgeBase
from knowledge.gate.examples import Example
from knowledge.gate.refit import Refit, forget_labels
from knowledge.ingest.build import build
from knowledge.plan import BuildPlan
from tests.bot.dialog import GROUP, OPTIONS, Setup, Talk, talking
from tests.bot.group.posts import ADAPTER
from tests.knowledge.library import gate_options, plan, write_pages

IN_ENGLISH = Setup(replace(OPTIONS, language="en"))

TALK = [
    "shall we have noodles or rice for lunch",
    "the train was late again this morning",
    "who has a spare umbrella",
    "happy birthday to you",
    "明天要下雨，记得带伞",
    "谁有多余的电影票",
]
ASKED = [
    "kettle serve ends with exit status 98",
    "can I change the port of the kettle server",
    "how do I warm the kettle server up",
    "which python does kettle need",
    "缓存占的显存太多怎么调低",
    "在 windows 上导入 kettle 报 DLL load failed",
]
LABEL = Label(
    adapter=ADAPTER,
    group=GROUP,
    message_id="1",
    text="kettle?",
    good=True,
    origin=Origin.COMMAND,
    person="fake:bob",
    weight=0.5,
    at=0.0,
)


@pytest.fixture
def made(tmp_path: Path) -> BuildPlan:
    fresh = plan(tmp_path / "index", write_pages(tmp_path / "docs"))
    build(fresh)
    return fresh


@pytest.fixture
async def learning(made: BuildPlan, tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    async with KnowledgeBase(made, gate_options(tmp_path)) as opened:
        yield opened


async def said(talk: Talk, user: str, text: str) -> str:
    await talk.say(user, text)
    await talk.idle()
    return talk.heard()[-1].text


async def label(talk: Talk, who: str, command: str, texts: list[str]) -> None:
    """Somebody writes the texts, somebody else labels each."""
    for number, text in enumerate(texts):
        asked = await talk.say(f"user{number}", text)
        await talk.wait(7)
        await talk.say(who, f"/dou {command}", reply_to=asked)
        await talk.idle()
    talk.heard()


async def test_labels_are_taken_up_by_a_refit_and_undone_by_a_command(
    made: BuildPlan, tmp_path: Path, learning: KnowledgeBase
) -> None:
    before = learning.status().gate
    async with talking(tmp_path, learning, IN_ENGLISH) as talk:
        assert "no step" in await said(talk, "root", "/dou gate undo")
        assert "no new labels" in await said(talk, "root", "/dou gate refit")
        await label(talk, "root", "bad", TALK)
        await label(talk, "root", "good", ASKED)
        assert "by command 6 good 6 bad" in await said(talk, "root", "/dou status")
        told = await said(talk, "root", "/dou gate refit")
        after = learning.status().gate
        assert f"refitted to {before.good + 6} good and {before.bad + 6} bad" in told
        assert (after.good, after.bad) == (before.good + 6, before.bad + 6)
        assert "last change: refitted" in await said(talk, "root", "/dou gate")
        assert "no new labels" in await said(talk, "root", "/dou gate refit")
    async with KnowledgeBase(made, gate_options(tmp_path)) as again:
        assert again.status().gate == after, "a restart keeps what was learned"
    async with talking(tmp_path, learning, IN_ENGLISH) as talk:
        assert "12 labels are set aside" in await said(talk, "root", "/dou gate undo")
        assert learning.status().gate == before
        assert "a refit was undone" in await said(talk, "root", "/dou status")
        assert "no new labels" in await said(talk, "root", "豆哥门控 refit")
        assert "admins" in await said(talk, "mallory", "/dou gate undo")
        assert "refit, undo" in await said(talk, "root", "/dou gate whatever")


async def test_what_its_author_takes_back_is_gone_from_every_step(
    made: BuildPlan, tmp_path: Path, learning: KnowledgeBase
) -> None:
    steps = Path(made.folder) / "labels"
    async with talking(tmp_path, learning, IN_ENGLISH) as talk:
        asked = await talk.say("ann", ASKED[0])
        await talk.wait(7)
        await talk.say("root", "/dou good", reply_to=asked)
        for texts in (TALK, ASKED[1:]):
            await label(talk, "root", "bad" if texts is TALK else "good", texts)
            assert "refitted" in await said(talk, "root", "/dou gate refit")
        taught = Learning(store=talk.store, knowledge=learning, clock=talk.clock)
        assert not await taught.forget_erased()
        before = learning.status().gate
        await talk.take_back(asked)
        assert await taught.forget_erased()
        files = [path.read_text() for path in steps.iterdir()]
        assert len(files) == 2
        assert not any(ASKED[0] in text for text in files)
        assert all(TALK[0] in text for text in files)
        assert learning.status().gate.good == before.good - 1


class Meanwhile:
    """The knowledge base; while it is at its next refit something else happens."""

    def __init__(self, knowledge: KnowledgeBase, happens: Callable[[], Awaitable[object]]) -> None:
        self._knowledge, self._happens = knowledge, happens

    async def refit(self, labels: Sequence[Example]) -> Refit:
        await self._happens()
        return await self._knowledge.refit(labels)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._knowledge, name)


async def test_who_is_erased_during_a_refit_is_in_none_of_its_steps(
    made: BuildPlan, tmp_path: Path, learning: KnowledgeBase
) -> None:
    async with talking(tmp_path, learning, IN_ENGLISH) as talk:
        before = learning.status().gate.good
        asked = await talk.say("ann", ASKED[0])
        await talk.wait(7)
        await talk.say("root", "/dou good", reply_to=asked)
        await label(talk, "root", "bad", TALK)
        await label(talk, "root", "good", ASKED[1:])

        async def forgotten() -> None:  # as `run_bot.py forget` does it beside the bot
            found = await talk.store.erase_person("fake", "ann", talk.clock.now())
            forget_labels(Path(made.folder), found.texts, "fake:ann")

        taught = Learning(
            store=talk.store,
            knowledge=cast("Knowledge", Meanwhile(learning, forgotten)),
            clock=talk.clock,
        )
        assert (await taught.refit()).taken
        (step,) = (Path(made.folder) / "labels").glob("*.jsonl")
        assert ASKED[0] not in step.read_text() and ASKED[1] in step.read_text()
        assert learning.status().gate.good == before + len(ASKED) - 1


async def test_a_refit_that_costs_precision_is_not_taken(
    tmp_path: Path, learning: KnowledgeBase
) -> None:
    before = learning.status().gate
    async with talking(tmp_path, learning, IN_ENGLISH) as talk:
        await label(talk, "root", "good", TALK)
        await label(talk, "root", "bad", ASKED)
        told = await said(talk, "root", "/dou gate refit")
        assert told.startswith("Not taken"), told
        assert learning.status().gate == before
        assert "tried" in await said(talk, "root", "/dou status")
        assert "no step" in await said(talk, "root", "/dou gate undo")


async def test_status_promises_from_the_group_s_own_traffic(
    tmp_path: Path, learning: KnowledgeBase
) -> None:
    async with talking(tmp_path, learning, IN_ENGLISH) as talk:
        assert "of 1000 messages" in await said(talk, "root", "/dou status")
        for number in range(10):
            await talk.say(f"user{number}", f"lovely weather {number}")
            await talk.idle()
        await talk.wait(7 * 86400)
        told = await said(talk, "root", "/dou status")
        assert "unwanted replies a week of 10 messages" in told
        assert "at most" in await said(talk, "root", "豆哥状态")


def test_nobody_can_turn_the_bot_alone() -> None:
    many = [replace(LABEL, message_id=str(number)) for number in range(100)]
    assert sum(one.weight for one in as_examples(many)) <= 2.0 + 1e-9
    crowd = [
        *(replace(LABEL, person=f"fake:{name}") for name in "abc"),
        replace(LABEL, person="fake:root", weight=1.0, good=False),
    ]
    (decided,) = as_examples(crowd)
    assert (decided.good, decided.weight) == (False, 1.0), "an admin's label decides"


def test_votes_are_set_against_each_other_and_people_outweigh_a_teacher() -> None:
    against = replace(LABEL, person="fake:eve", good=False)
    assert as_examples([LABEL, against]) == []
    (one,) = as_examples([LABEL, replace(LABEL, person="fake:cat"), against])
    assert (one.good, one.weight, one.person) == (True, 0.5, "")
    (many,) = as_examples([replace(LABEL, person=f"fake:{n}") for n in range(9)])
    assert many.weight == 0.9, "votes are never a whole label"
    teacher = replace(LABEL, origin=Origin.TEACHER, person="", good=False)
    (alone,) = as_examples([teacher])
    assert not alone.good
    (people,) = as_examples([teacher, LABEL])
    assert people.good
    later = replace(LABEL, weight=1.0, good=False, at=2.0, person="fake:x")
    (last,) = as_examples([later, replace(later, good=True, at=1.0, person="fake:y")])
    assert not last.good, "of two whole labels the later one counts"
