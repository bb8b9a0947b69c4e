"""The console's messages over HTTP: filters, pages, labels and what they say, exports."""

import asyncio
import csv
import io
import json
from pathlib import Path

import pytest

from adapters.base import IncomingMessage
from bot.store.examples import Origin
from bot.types import Reason
from knowledge.base import KnowledgeBase
from tests.bot.console.running import ASK, CHAT, Running, running_bot


async def texts(bot: Running, **query: object) -> list[str]:
    found = await bot.get("messages", **{name: str(value) for name, value in query.items()})
    return [one["text"] for one in found["messages"]]


async def test_questions_are_filtered(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("alice", ASK)
        await bot.say("bob", CHAT, "water-cooler")
        await bot.say("bob", "how much of 100% memory is taken?", mention=True)
        await bot.say("carol", "/dou help")
        memory = "how much of 100% memory is taken?"
        assert await texts(bot) == [memory, CHAT, ASK], "newest first, commands are none"
        assert await texts(bot, outcome="answer", user="alice") == [ASK]
        assert await texts(bot, group="web:water-cooler") == [CHAT]
        assert await texts(bot, reason="off_topic,no_evidence", user="bob", mention="false") == [
            CHAT
        ]
        assert await texts(bot, text="100%") == [memory]
        assert await texts(bot, text="kettle", most="0.1") == []
        assert await texts(bot, mention="true") == [memory]
        assert await texts(bot, since="2e9") == []
        (asked,) = (await bot.get("messages", user="alice"))["messages"]
        assert (asked["outcome"], asked["reply"][0], asked["draft"]) == ("answer", "answer", False)
        assert asked["score"] >= asked["threshold"]


async def test_pages_follow_each_other_in_both_orders(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        for question in (ASK, CHAT, "how do I install kettle with pip?", "my cat is sick"):
            await bot.say("alice", question)
        for sort in ("newest", "uncertain"):
            whole = await texts(bot, sort=sort)
            assert len(whole) == 4
            paged, cursor = [], None
            while True:
                query = {"sort": sort, "limit": "1"} | ({"cursor": cursor} if cursor else {})
                page = await bot.get("messages", **query)
                paged += [one["text"] for one in page["messages"]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert paged == whole
        listed = (await bot.get("messages", sort="uncertain"))["messages"]
        margins = [abs(one["score"] - one["threshold"]) for one in listed]
        assert margins == sorted(margins)


async def test_labels_are_given_changed_and_taken_back(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        chat = (await bot.say("bob", CHAT))["message_id"]
        ask = (await bot.say("alice", ASK))["message_id"]

        async def label(message_id: str, value: str, role: str = "labeller") -> dict[str, object]:
            one = {"adapter": "web", "message_id": message_id, "label": value}
            told = await bot.ask("POST", "labels", role, json={"labels": [one]})
            return {**told["labels"][0], "waiting": told["waiting"]}

        assert (await label(chat, "good"))["passes_now"] is False
        told = await label(ask, "good")
        assert (told["passes_now"], told["waiting"]) == (True, 2)
        assert await texts(bot, mark="good") == [ASK, CHAT]
        assert await texts(bot, mark="unlabelled") == []
        await label(chat, "bad")
        assert await texts(bot, mark="bad") == [CHAT]
        await label(chat, "unsure")
        assert (await texts(bot, mark="bad"), await texts(bot, mark="unsure")) == ([], [CHAT])
        await label(chat, "none")
        assert await texts(bot, mark="unlabelled") == [CHAT]
        (given,) = await bot.parts.store.labels()
        assert (given.origin, given.person, given.weight) == (
            Origin.CONSOLE,
            "console:labeller",
            1.0,
        )


async def test_who_may_not_label_is_refused(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        asked = (await bot.say("bob", CHAT))["message_id"]
        body = {"labels": [{"adapter": "web", "message_id": asked, "label": "good"}]}
        await bot.ask("POST", "labels", "viewer", status=403, json=body)
        body["labels"][0]["message_id"] = "nobody's"
        await bot.ask("POST", "labels", status=404, json=body)
        await bot.ask("POST", "labels", status=400, json={"labels": []})


async def test_exports_hold_what_is_filtered_and_no_formulas(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    formula = "=HYPERLINK(1) 看看"
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("bob", formula)
        await bot.say("alice", ASK)
        url = f"{bot.url}api/console/messages"
        async with bot.http.get(f"{url}.csv?user=bob") as response:
            text = (await response.read()).decode("utf-8-sig")
            assert response.headers["Content-Disposition"] == "attachment"
        (row,) = csv.DictReader(io.StringIO(text))
        assert (row["text"], row["outcome"], row["label"]) == (f"'{formula}", "silence", "")
        async with bot.http.get(f"{url}.jsonl") as response:
            lines = [json.loads(line) for line in (await response.text()).splitlines()]
        assert [line["text"] for line in lines] == [ASK, formula]
        assert {entry.action for entry in await bot.parts.audit.page()} == {"messages.export"}


async def test_a_person_is_erased(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("bob", CHAT)
        await bot.say("alice", ASK)
        await bot.ask("GET", "people/web/bob", "labeller", status=403)
        assert CHAT in str(await bot.get("people/web/bob"))
        erased = await bot.ask("DELETE", "people/web/bob")
        assert (erased["messages"], erased["pages"]) == (1, [])
        assert await texts(bot) == [ASK, ""], "that something was decided stays, not what on"
        assert CHAT not in str(await bot.get("messages"))
        (entry,) = await bot.parts.audit.page()
        assert entry.action == "person.erase"
        assert "bob" not in str(entry), "the log of it must not keep what was erased"
        await bot.ask("DELETE", "people/web/alice")
        again = await bot.say("carol", ASK, mention=True)
        assert "7311" in again["text"], "nobody is pointed to an answer that was erased"


@pytest.mark.parametrize(
    "query", ["reason=loud", "sort=oldest", "cursor=x", "mark=nice", "limit=1000", "colour=red"]
)
async def test_a_wrong_filter_says_what_is_wrong(
    tmp_path: Path, kettle: KnowledgeBase, query: str
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        refused = await bot.ask("GET", f"messages?{query}", status=400)
        assert query.partition("=")[0] in refused["error"]


async def test_who_leaves_in_the_middle_of_an_export_is_no_failure_of_the_store(
    tmp_path: Path, kettle: KnowledgeBase, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        now = bot.parts.clock.now()
        long = "how do I descale it? " * 10_000
        said = [IncomingMessage("web", "g", "ann", f"m{n}", long, now) for n in range(100)]
        for one in said:
            await bot.parts.store.add_message(one, now)
        await bot.parts.delivery.dismiss(said, Reason.STALE)
        port = int(bot.url.rpartition(":")[2].strip("/"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 12)
        writer.write(b"GET /api/console/messages.jsonl HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in await reader.readline()
        writer.transport.abort()
        left = bot.parts.metrics.http_responses.labels("499")
        async with asyncio.timeout(60):
            while not left._value.get():
                await asyncio.sleep(0.01)
    assert [one.getMessage() for one in caplog.records if one.levelname != "INFO"] == []
