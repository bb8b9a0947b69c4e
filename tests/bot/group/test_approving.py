"""An admin keeps a person's answer in the documents, as conversations."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config.schema import Config
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.plan import EmbedderSpec
from knowledge.settings import KnowledgeSettings, SourceSettings
from tests.bot.dialog import GROUP, Setup, Talk, talking
from tests.fakes.embeddings_api import embeddings_api
from tests.knowledge.library import gate_options, plan_of, source, write_pages

ASK = "how do I connect a walrus boiler?"
ANSWER = "Connect the walrus boiler by its adapter plug, then start `kettle serve --boiler walrus`."


def sources(folder: Path) -> dict[str, Path]:
    return {"kettle": folder / "docs", "answers": folder / "answers", "notes": folder / "notes"}


def setup(folder: Path, *writable: str) -> Setup:
    settings = (
        SourceSettings(name=name, path=path, writable=name in writable)
        for name, path in sources(folder).items()
    )
    return Setup(config=Config(knowledge=KnowledgeSettings(sources=tuple(settings))))


@pytest.fixture
async def written(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    """Kettle's documents, and two folders in which nothing stands yet."""
    write_pages(tmp_path / "docs")
    for name in ("answers", "notes"):
        (tmp_path / name).mkdir()
    made = plan_of(
        tmp_path / "index", *(source(name, path=path) for name, path in sources(tmp_path).items())
    )
    build(made)
    async with KnowledgeBase(made, gate_options(tmp_path)) as opened:
        yield opened


async def told(talk: Talk, user: str, text: str, reply_to: str | None = None) -> str:
    await talk.say(user, text, reply_to=reply_to)
    await talk.idle()
    return talk.heard()[-1].text


async def asked_and_answered(talk: Talk, *, reply: bool = True, answer: str = ANSWER) -> str:
    """Returns the id of the person's answer."""
    asked = await talk.say("alice", f"@bot {ASK}")
    await talk.idle()
    said = await talk.say("bob", answer, reply_to=asked if reply else None)
    await talk.idle()
    talk.heard()
    return said


@pytest.mark.parametrize("reply", [True, False])
async def test_an_approved_answer_is_answered_with(
    tmp_path: Path, written: KnowledgeBase, reply: bool
) -> None:
    async with talking(tmp_path, written, setup(tmp_path, "answers")) as talk:
        said = await asked_and_answered(talk, reply=reply)
        assert "admins" in await told(talk, "mallory", "/dou approve", said)
        line = await told(talk, "root", "豆哥收录" if reply else "/dou approve", said)
        assert ASK in line and "answers/answers/" in line
        (page,) = (tmp_path / "answers").rglob("*.md")
        assert page.read_text().startswith(f"# {ASK}\n\n{ANSWER}\n\n<!-- answered in fake:{GROUP}")
        assert "adapter plug" in await told(talk, "carol", f"@bot {ASK}")
        (entry,) = await talk.store.audit_page(None, 10)
        assert (entry.who, entry.action, entry.after) == ("fake:root", "gap.approve", ANSWER)
        (kept,) = await talk.store.approved_proposals(10)
        assert (kept.question_id, kept.person) == (talk.ids[0], "fake:root")
        talk.clock.advance(40 * 86400)
        await told(talk, "root", "/dou approve", said)
        assert list((tmp_path / "answers").rglob("*.md")) == [page]
        (kept,) = await talk.store.approved_proposals(10)
        assert kept.at > entry.at, "it was approved anew"


async def test_what_is_no_answer_to_a_question_is_not_kept(
    tmp_path: Path, written: KnowledgeBase
) -> None:
    async with talking(tmp_path, written, setup(tmp_path, "answers")) as talk:
        said = await asked_and_answered(talk, reply=False, answer="the train was late again")
        assert "which question" in await told(talk, "root", "/dou approve", said)
        assert "/dou approve" in await told(talk, "root", "/dou approve")
        await talk.say("root", "/dou approve", reply_to=said, group="elsewhere")
        await talk.idle()
        assert "Reply to" in talk.heard()[0].text, "a group's answers are approved there"
        status = await talk.say("root", "/dou groups")
        await talk.idle()
        thanks = await talk.say("bob", "thanks, that is all of them", reply_to=status)
        await talk.idle()
        assert "which question" in await told(talk, "root", "/dou approve", thanks)
        await talk.take_back(said)
        assert "taken back" in await told(talk, "root", "/dou approve", said)
        assert list((tmp_path / "answers").rglob("*.md")) == []


async def test_it_is_said_where_an_answer_is_kept(tmp_path: Path, written: KnowledgeBase) -> None:
    async with talking(tmp_path, written, setup(tmp_path)) as talk:
        said = await asked_and_answered(talk)
        assert "No source is writable" in await told(talk, "root", "/dou approve", said)
    async with talking(tmp_path, written, setup(tmp_path, "answers", "notes")) as talk:
        assert "There are: answers, notes" in await told(talk, "root", "/dou approve", said)
        assert "There are" in await told(talk, "root", "/dou approve kettle", said)
        await told(talk, "root", "/dou bind kettle notes")
        assert "notes/answers/" in await told(talk, "root", "/dou approve", said)
        assert list((tmp_path / "answers").rglob("*.md")) == []


async def test_where_nothing_can_be_compared_the_question_has_to_be_named(tmp_path: Path) -> None:
    write_pages(tmp_path / "docs")
    with embeddings_api() as api:
        embedder = EmbedderSpec("openai", "letters", api.url, 3, "key")
        made = plan_of(tmp_path / "index", source("kettle", path=tmp_path / "docs"))
        made = replace(made, embedder=embedder)
        build(made)
        async with (
            KnowledgeBase(made, gate_options(tmp_path)) as knowledge,
            talking(tmp_path, knowledge, setup(tmp_path, "answers")) as talk,
        ):
            said = await asked_and_answered(talk, reply=False)
            await knowledge.forget(())  # no vector is known any more
            api.fail_next, api.fail_status = 1000, 401
            assert "which question" in await told(talk, "root", "/dou approve", said)
