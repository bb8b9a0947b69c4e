"""The console's groups over HTTP: the list, a group's timeline in both directions, changes."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from adapters.base import IncomingMessage
from bot.store.store import Store
from knowledge.base import KnowledgeBase
from tests.bot.console.running import ASK, CHAT, running_bot

ELSEWHERE = "测试 & co/1"


async def fill(store: Store, group: str, count: int, adapter: str = "lark") -> None:
    for n in range(count):
        message = IncomingMessage(adapter, group, "ann", f"{group}-{n}", f"message {n}", 1e9 + n)
        await store.add_message(message, 1e9 + n)


async def test_all_groups_are_listed_searched_and_paged(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await fill(bot.parts.store, "oc_1", 3)
        await fill(bot.parts.store, "100%", 2)
        await bot.say("alice", ASK, ELSEWHERE)
        found = await bot.get("groups")
        assert [one["group"] for one in found["groups"]] == [ELSEWHERE, "100%", "oc_1"]
        first = found["groups"][0]
        assert (first["questions"], first["answers"], first["mode"]) == (1, 1, "live")
        assert [one["unread"] for one in found["groups"]] == [1, 2, 3]
        page = await bot.get("groups", limit=2)
        assert page["next"] == 2
        rest = await bot.get("groups", limit=2, offset=2)
        assert [one["group"] for one in rest["groups"]] == ["oc_1"]
        assert rest["next"] is None
        assert [one["group"] for one in (await bot.get("groups", search="%"))["groups"]] == ["100%"]


async def test_a_timeline_is_read_in_both_directions(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await fill(bot.parts.store, "oc_1", 10)

        async def texts(**query: Any) -> list[str]:
            page = await bot.get("groups/lark/oc_1/messages", **query)
            return [row["text"].removeprefix("message ") for row in page["messages"]]

        assert await texts(limit=3) == ["7", "8", "9"]
        assert await texts(limit=3, before=8) == ["4", "5", "6"]
        assert await texts(limit=3, after=8) == ["8", "9"]
        assert await texts(limit=4, around="oc_1-5") == ["3", "4", "5", "6", "7", "8"]
        await bot.ask("GET", "groups/lark/oc_1/messages?around=nobody", status=404)
        await bot.ask("POST", "groups/lark/oc_1/seen", json={"seq": 8})
        (group,) = (await bot.get("groups"))["groups"]
        assert group["unread"] == 2


async def test_a_timeline_tells_what_was_decided(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        asked = await bot.say("alice", ASK)
        await bot.say("bob", CHAT)
        await bot.say("carol", "what is a walrus?", mention=True)
        vote = {"group": "lobby", "user": "bob", "message_id": asked["reply_id"]}
        async with bot.http.post(
            f"{bot.url}api/feedback", json={**vote, "vote": "helpful"}
        ) as response:
            assert response.status == 200
        rows = (await bot.get("groups/web/lobby/messages"))["messages"]
        told = {row["user"]: row["decision"] for row in rows if row["user"]}
        assert (told["alice"]["outcome"], told["alice"]["replied"]) == ("answer", "answer")
        assert (told["bob"]["reason"], told["bob"]["replied"]) == ("off_topic", None)
        assert (told["carol"]["outcome"], told["carol"]["replied"]) == ("silence", "notice")
        answer = next(row for row in rows if row["kind"] == "answer")
        assert answer["votes"] == {"bob": "helpful"}
        why = await bot.get(f"decisions/web/{asked['message_id']}")
        assert [stage["title"] for stage in why["words"]["zh"]][:2] == ["预处理", "门控"]
        assert "close enough to the documents" in why["words"]["en"][1]["lines"][0]


async def test_an_admin_changes_a_group_and_it_is_in_the_audit_log(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    path = f"groups/web/{quote(ELSEWHERE, safe='')}"
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("alice", CHAT, ELSEWHERE)
        change = {
            "mode": "shadow",
            "sources": ["kettle"],
            "muted_s": 3600,
            "budget": {"burst": 1, "refill_s": 60},
        }
        changed = await bot.ask("PATCH", path, json=change)
        assert (changed["mode"], changed["sources"]) == ("shadow", ["kettle"])
        assert changed["budget"] == {"burst": 1, "refill_s": 60}
        assert changed["muted_until"] > 0
        (entry,) = await bot.parts.audit.page()
        assert (entry.who, entry.action) == ("admin", "group.change")
        assert "mode shadow" in (entry.after or "")
        assert "mode live" in (entry.before or "")
        back = {"mode": "default", "sources": [], "muted_s": 0, "budget": None}
        changed = await bot.ask("PATCH", path, json=back)
        assert (changed["mode"], changed["sources"], changed["budget"]) == ("live", [], None)
        assert changed["muted_until"] is None


async def test_a_groups_own_budget_holds(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("alice", CHAT)
        budget = {"budget": {"burst": 1, "refill_s": 3600}}
        await bot.ask("PATCH", "groups/web/lobby", json=budget)
        assert (await bot.say("alice", ASK))["reason"] == "answered"
        other = "how do I install kettle with pip?"
        assert (await bot.say("bob", other))["reason"] == "budget"


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "loud"},
        {"sources": ["nowhere"]},
        {"budget": {"burst": 0, "refill_s": 1}},
        {"muted_s": -1},
        {"colour": "red"},
    ],
)
async def test_a_wrong_change_says_what_is_wrong(
    tmp_path: Path, kettle: KnowledgeBase, change: dict[str, object]
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("alice", CHAT)
        refused = await bot.ask("PATCH", "groups/web/lobby", json=change, status=400)
        assert next(iter(change)) in refused["error"]


async def test_an_answer_is_taken_back_and_labels_its_question(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        asked = await bot.say("alice", ASK)
        path = f"replies/web/{asked['reply_id']}/recall"
        await bot.ask("POST", path, "viewer", status=403)
        await bot.ask("POST", path, "labeller")
        await bot.ask("POST", path, status=404)
        (label,) = await bot.parts.store.labels()
        assert (label.origin, label.good, label.person) == ("recall", False, "web:console/labeller")
        rows = (await bot.get("groups/web/lobby/messages"))["messages"]
        assert [row["recalled"] for row in rows] == [False, True]


async def test_viewers_may_look_and_nothing_else(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("alice", CHAT)
        me = await bot.get("me", "viewer")
        assert (me["role"], me["adapters"]) == ("viewer", [{"name": "web", "kind": "web"}])
        await bot.get("groups", "viewer")
        for role in ("viewer", "labeller"):
            await bot.ask("PATCH", "groups/web/lobby", role, json={"mode": "off"}, status=403)
        await bot.ask("GET", "groups", "nobody", status=401)
