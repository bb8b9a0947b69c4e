"""The console's knowledge and gaps over HTTP: documents, what would be answered, and people's
answers that become pages."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.schema import Config
from bot.pages import MAX_CHARS
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.settings import KnowledgeSettings, SourceSettings
from tests.bot.console.running import ASK, CHAT, Running, running_bot
from tests.knowledge.library import gate_options, plan_of, source, write_pages

WALRUS = "how do I connect a walrus boiler?"
ANSWER = "Connect the walrus boiler by its adapter plug, then start `kettle serve --boiler walrus`."


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Kettle's documents, and a folder that may be written to."""
    (tmp_path / "answers").mkdir()
    docs = SourceSettings(name="kettle", path=write_pages(tmp_path / "docs"))
    answers = SourceSettings(name="answers", path=tmp_path / "answers", writable=True)
    return Config(knowledge=KnowledgeSettings(sources=(docs, answers)))


@pytest.fixture
async def bot(tmp_path: Path, config: Config) -> AsyncIterator[Running]:
    sources = [source(one.name, path=one.path) for one in config.knowledge.sources]
    made = plan_of(tmp_path / "index", *sources)
    build(made)
    async with (
        KnowledgeBase(made, gate_options(tmp_path)) as knowledge,
        running_bot(tmp_path / "data", knowledge, config) as running,
    ):
        yield running


async def reloaded(bot: Running) -> dict[str, object]:
    async with asyncio.timeout(60):
        while (found := await bot.get("knowledge"))["reloading"] is not None:
            await asyncio.sleep(0.02)
    report: dict[str, object] = found["report"]
    return report


async def test_documents_are_listed_with_their_pieces_and_their_use(bot: Running) -> None:
    await bot.say("alice", ASK)
    found = await bot.get("knowledge/documents", "viewer")
    by_path = {one["path"]: one for one in found["documents"]}
    assert by_path["en/serving.md"]["cited"] == 1
    assert by_path["en/serving.md"]["pieces"] > 0
    never = await bot.get("knowledge/documents", use="never", search="EN/")
    assert {one["path"] for one in never["documents"]} == {"en/install.md", "en/faq.md"}
    pieces = await bot.get("knowledge/pieces", source="kettle", path="en/serving.md")
    assert "7311" in "".join(piece["text"] for piece in pieces["pieces"])
    await bot.ask("GET", "knowledge/pieces?source=kettle&path=none.md", status=404)


async def test_a_question_is_tried_without_a_trace_in_the_store(bot: Running) -> None:
    tried = await bot.ask("POST", "knowledge/try", "viewer", json={"text": ASK})
    assert (tried["outcome"], tried["reason"]) == ("answer", "answered")
    assert "7311" in tried["text"]
    assert tried["passages"][0]["path"] == "en/serving.md"
    assert [stage["stage"] for stage in tried["words"]["en"]][:2] == ["preprocess", "reject"]
    silent = await bot.ask("POST", "knowledge/try", json={"text": CHAT, "mention": False})
    assert silent["reason"] == "off_topic"
    assert (await bot.parts.store.counts())["messages"] == 0


async def test_where_only_the_nearest_passage_was_shown_is_a_gap(bot: Running) -> None:
    asked = await bot.say("alice", "what is the timeout of a request?", mention=True)
    assert (asked["outcome"], asked["reason"]) == ("answer", "nearest")
    await bot.say("alice", ASK, group="other", mention=True)
    (topic,) = (await bot.get("gaps", "viewer"))["topics"]
    assert [one["message_id"] for one in topic["questions"]] == [asked["message_id"]]


async def test_a_persons_answer_becomes_a_page_that_is_cited(bot: Running, tmp_path: Path) -> None:
    asked = await bot.say("alice", WALRUS, mention=True)
    assert asked["outcome"] == "silence"
    body = {"group": "lobby", "user": "bob", "text": ANSWER, "reply_to": asked["message_id"]}
    async with bot.http.post(f"{bot.url}api/messages", json=body) as response:
        assert response.status == 202
    found = await bot.get("gaps", "viewer")
    (topic,) = found["topics"]
    (question,) = topic["questions"]
    assert (question["text"], topic["count"], topic["weeks"]) == (WALRUS, 1, [0, 0, 0, 1])
    assert [(said["user"], said["text"]) for said in question["answers"]] == [("bob", ANSWER)]
    assert found["writable"] == ["answers"]
    decision = {
        "adapter": "web",
        "group": "lobby",
        "question_id": asked["message_id"],
        "decision": "approve",
        "source": "answers",
        "question": WALRUS,
        "answer": ANSWER,
    }
    await bot.ask("POST", "gaps", "labeller", json=decision, status=403)
    path = (await bot.ask("POST", "gaps", json=decision))["path"]
    assert "added" in await reloaded(bot)
    page = (tmp_path / "answers" / path).read_text()
    assert page.startswith(f"# {WALRUS}\n\n{ANSWER}")
    assert asked["message_id"] in page
    again = await bot.say("carol", WALRUS, mention=True)
    assert again["outcome"] == "answer"
    assert again["citations"][0]["path"] == path
    assert "approved by" not in again["text"]
    found = await bot.get("gaps")
    assert found["topics"] == []
    assert (found["approved"][0]["path"], found["approved"][0]["old"]) == (f"answers/{path}", False)
    assert (await bot.parts.audit.page())[0].action == "gap.approve"


async def test_what_is_thrown_away_does_not_come_back(bot: Running) -> None:
    asked = await bot.say("alice", WALRUS, mention=True)
    decision = {
        "adapter": "web",
        "group": "lobby",
        "question_id": asked["message_id"],
        "decision": "reject",
    }
    await bot.ask("POST", "gaps", json=decision)
    assert (await bot.get("gaps"))["topics"] == []


async def test_pages_are_written_only_where_that_is_allowed(bot: Running, tmp_path: Path) -> None:
    page = {"source": "answers", "path": "notes/a.md", "text": "# Notes\n\nNothing yet."}
    await bot.ask("PUT", "page", json=page)
    assert (tmp_path / "answers" / "notes" / "a.md").read_text() == page["text"]
    assert (await bot.get("page", source="answers", path="notes/a.md"))["text"] == page["text"]
    (tmp_path / "answers" / "out").symlink_to(tmp_path)
    for path in ("../a.md", "/etc/a.md", "a.txt", "notes/../../a.md", ".hidden.md", "out/a.md"):
        await bot.ask("PUT", "page", json={**page, "path": path}, status=400)
    await bot.ask("PUT", "page", json={**page, "path": "页" * 100 + ".md"}, status=400)
    (tmp_path / "answers" / "old.md").write_bytes("旧".encode("gbk"))
    for method in ("GET", "DELETE"):
        await bot.ask(method, "page?source=answers&path=old.md", status=400)
    await bot.ask("PUT", "page", json={**page, "source": "kettle"}, status=400)
    await bot.ask("PUT", "page", "labeller", json=page, status=403)
    long = "长" * (MAX_CHARS // 2)
    await bot.ask("PUT", "page", json={**page, "text": long})
    assert (await bot.get("page", source="answers", path="notes/a.md"))["text"] == long
    await bot.ask("PUT", "page", json={**page, "text": "x" * (MAX_CHARS + 1)}, status=400)
    await bot.ask("DELETE", "page?source=answers&path=notes/a.md")
    await bot.ask("GET", "page?source=answers&path=notes/a.md", status=404)
    await reloaded(bot)
