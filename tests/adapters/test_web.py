"""The web page's API over real HTTP: posting, reading back, decisions, recall."""

import asyncio
from typing import Any

import aiohttp
import pytest

from adapters.base import Feedback, IncomingMessage, Labelled, MessageRecalled, StoreFailed, Vote
from tests.fakes.web_app import Served

HELLO = {"group": "lobby", "user": "Alice", "text": "hello"}


async def post(client: aiohttp.ClientSession, **more: Any) -> dict[str, Any]:
    async with client.post("/api/messages", json={**HELLO, **more}) as response:
        assert response.status == 202
        answer: dict[str, Any] = await response.json()
        return answer


async def messages(
    client: aiohttp.ClientSession, group: str = "lobby", **query: int
) -> list[dict[str, Any]]:
    async with client.get(f"/api/groups/{group}/messages", params=query) as response:
        assert response.status == 200
        rows: list[dict[str, Any]] = (await response.json())["messages"]
        return rows


async def decision(client: aiohttp.ClientSession, message_id: str) -> dict[str, Any]:
    """Polls until it is decided."""
    async with asyncio.timeout(60):
        while True:
            async with client.get(f"/api/decisions/{message_id}") as response:
                assert response.status == 200
                found: dict[str, Any] = await response.json()
            if found["state"] != "pending":
                return found


async def test_a_question_is_answered_with_citations(client: aiohttp.ClientSession) -> None:
    posted = await post(client, text="@豆哥 how do I install it?")
    decided = await decision(client, posted["message_id"])
    assert (decided["state"], decided["outcome"], decided["reason"]) == (
        "answered",
        "answer",
        "answered",
    )
    assert [stage["stage"] for stage in decided["trace"]] == ["preprocess", "gate", "retrieve"]
    question, answer = await messages(client)
    assert question["text"] == "how do I install it?"
    assert question["mention"] is True
    assert (answer["user"], answer["kind"]) == (None, "answer")
    assert answer["reply_to"] == posted["message_id"]
    assert answer["message_id"] == decided["reply_id"]
    assert answer["citations"][0]["url"] == "https://docs.example/install"


async def test_small_talk_is_left_alone_and_says_why(client: aiohttp.ClientSession) -> None:
    posted = await post(client, text="今天中午吃什么？")
    decided = await decision(client, posted["message_id"])
    assert (decided["state"], decided["reason"]) == ("dismissed", "off_topic")
    assert set(decided["reason_text"]) == {"zh", "en"}
    assert len(await messages(client)) == 1


async def test_what_the_bot_is_handed(client: aiohttp.ClientSession, served: Served) -> None:
    await post(client, message_id="a:1", reply_to="b.2", mention=True, user="  小李 ", text=" x ")
    (event,) = served.bot.events
    assert isinstance(event, IncomingMessage)
    assert (event.adapter, event.group, event.user) == ("web", "lobby", "小李")
    assert (event.message_id, event.reply_to, event.mention) == ("a:1", "b.2", True)
    assert event.text == "x"
    assert event.sent_at > 1_700_000_000


async def test_nothing_hides_in_a_name(client: aiohttp.ClientSession) -> None:
    await post(client, group="a\u202eb", user="Alice\u200b")
    (row,) = await messages(client, "a\u202eb")
    assert row["user"] == r"Alice\u200b"
    assert await messages(client, r"a\u202eb") == [row]


async def test_every_message_gets_an_id_of_its_own(client: aiohttp.ClientSession) -> None:
    ids = {(await post(client))["message_id"] for _ in range(20)}
    assert len(ids) == 20


async def test_a_redelivered_id_counts_once(client: aiohttp.ClientSession) -> None:
    assert await post(client, message_id="m1") == {"message_id": "m1"}
    assert await post(client, message_id="m1", text="again") == {
        "message_id": "m1",
        "duplicate": True,
    }
    assert [row["text"] for row in await messages(client)] == ["hello"]


@pytest.mark.parametrize("failure", [OSError("disk full"), StoreFailed("locked")])
async def test_what_cannot_be_stored_is_not_accepted(
    client: aiohttp.ClientSession, served: Served, failure: Exception
) -> None:
    served.bot.failure = failure
    async with client.post("/api/messages", json={**HELLO, "message_id": "m1"}) as response:
        assert response.status == 503
        assert "try again" in (await response.json())["error"]
    served.bot.failure = None
    assert await post(client, message_id="m1") == {"message_id": "m1"}


async def test_history_is_read_in_pages(client: aiohttp.ClientSession) -> None:
    for number in range(7):
        await post(client, text=f"m{number}")
    first = await messages(client, after=0, limit=3)
    second = await messages(client, after=first[-1]["seq"], limit=3)
    rest = await messages(client, after=second[-1]["seq"], limit=3)
    said = [row["text"] for row in first + second + rest]
    assert said == [f"m{number}" for number in range(7)]
    newest = await messages(client, limit=2)
    assert [row["text"] for row in newest] == ["m5", "m6"]
    assert await messages(client, after=2**63 - 1) == []


@pytest.mark.parametrize("group", ["大厅", "a b", "a/b", "a?b#c", "a%2Fb", "…", "<b>", "a&b=c"])
async def test_groups_may_have_any_name_and_are_apart(
    client: aiohttp.ClientSession, group: str
) -> None:
    from urllib.parse import quote

    from yarl import URL

    await post(client, text="elsewhere")
    await post(client, group=group, text="here")
    address = URL(f"/api/groups/{quote(group, safe='')}/messages", encoded=True)
    async with client.get(address) as response:
        assert [row["text"] for row in (await response.json())["messages"]] == ["here"]


async def test_a_group_without_messages_is_empty(client: aiohttp.ClientSession) -> None:
    assert await messages(client, "nobody") == []


async def test_an_author_recalls_a_message(client: aiohttp.ClientSession, served: Served) -> None:
    await post(client, message_id="m1", text="a secret")
    author = {"group": "lobby", "user": "Alice"}
    async with client.delete("/api/messages/m1", json=author) as response:
        assert response.status == 200
        assert await response.json() == {"message_id": "m1"}
    assert served.bot.events[-1] == MessageRecalled("web", "lobby", "m1")
    (row,) = await messages(client)
    assert (row["recalled"], row["text"]) == (True, "")


@pytest.mark.parametrize(
    ("message_id", "who", "status", "word"),
    [
        ("m1", {"group": "lobby", "user": "Bob"}, 403, "user"),
        ("m1", {"group": "other", "user": "Alice"}, 404, "message_id"),
        ("m2", {"group": "lobby", "user": "Alice"}, 404, "message_id"),
        ("m1", {"group": "lobby"}, 400, "user"),
        ("m1", {"group": "lobby", "user": "Alice", "why": "x"}, 400, "why"),
    ],
)
async def test_others_cannot_recall_it(
    client: aiohttp.ClientSession,
    served: Served,
    message_id: str,
    who: dict[str, str],
    status: int,
    word: str,
) -> None:
    await post(client, message_id="m1")
    async with client.delete(f"/api/messages/{message_id}", json=who) as response:
        assert response.status == status
        assert word in (await response.json())["error"]
    assert not any(isinstance(event, MessageRecalled) for event in served.bot.events)


async def test_a_recall_that_cannot_be_stored_is_not_accepted(
    client: aiohttp.ClientSession, served: Served
) -> None:
    await post(client, message_id="m1")
    served.bot.failure = StoreFailed("locked")
    author = {"group": "lobby", "user": "Alice"}
    async with client.delete("/api/messages/m1", json=author) as response:
        assert response.status == 503


async def test_an_answer_is_judged_by_its_id(served: Served, client: aiohttp.ClientSession) -> None:
    key = await served.bot.answer(served.adapter, "g", "an answer", None)
    vote = {"group": "g", "user": "bob", "message_id": key, "vote": "unhelpful"}
    async with client.post("/api/feedback", json=vote) as response:
        assert (response.status, (await response.json())["vote"]) == (200, "unhelpful")
    event = served.bot.events[-1]
    assert isinstance(event, Feedback)
    assert (event.reply_id, event.user, event.vote) == (key, "bob", Vote.UNHELPFUL)
    for wrong, status in (
        ({**vote, "message_id": "nobody"}, 404),
        ({**vote, "vote": "great"}, 400),
        ({}, 400),
    ):
        async with client.post("/api/feedback", json=wrong) as response:
            assert response.status == status


async def test_an_id_that_was_used_in_another_group_is_refused(
    client: aiohttp.ClientSession,
) -> None:
    message = {"group": "g", "user": "alice", "text": "hello", "message_id": "m-1"}
    async with client.post("/api/messages", json=message) as response:
        assert response.status == 202
    async with client.post("/api/messages", json={**message, "group": "other"}) as response:
        assert response.status == 409
        assert "another group" in (await response.json())["error"]


async def test_who_is_spoken_to_is_told_apart(
    served: Served, client: aiohttp.ClientSession
) -> None:
    message = {"group": "g", "user": "alice", "text": "@carol how did you install it?"}
    async with client.post("/api/messages", json=message) as response:
        assert response.status == 202
    event = served.bot.events[-1]
    assert isinstance(event, IncomingMessage)
    assert (event.mentions, event.mention) == (("carol",), False)


async def test_a_label_is_handed_over(served: Served, client: aiohttp.ClientSession) -> None:
    label = {"group": "g", "user": "alice", "message_id": "m1", "label": 0}
    async with client.post("/api/labels", json=label) as response:
        assert (response.status, await response.json()) == (200, {"message_id": "m1", "label": 0})
    event = served.bot.events[-1]
    assert isinstance(event, Labelled)
    assert (event.group, event.user, event.message_id, event.good) == ("g", "alice", "m1", False)
    for wrong in ({**label, "label": 2}, {**label, "user": ""}, {"group": "g"}):
        async with client.post("/api/labels", json=wrong) as response:
            assert response.status == 400
