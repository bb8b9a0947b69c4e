"""The console's shadow mode, connections and logs over HTTP."""

import json
from pathlib import Path

from pydantic import SecretStr

from bot.config.http import HttpSettings
from bot.config.schema import Config
from bot.console.api.config import masked
from knowledge.base import KnowledgeBase
from knowledge.settings import KnowledgeSettings, SourceSettings
from tests.bot.console.running import ASK, CHAT, running_bot


async def test_drafts_stand_beside_what_people_said(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("bob", CHAT)
        await bot.ask("PATCH", "groups/web/lobby", json={"mode": "shadow"})
        asked = await bot.say("alice", ASK)
        assert asked["reason"] == "shadow"
        await bot.say("bob", "it is 7311", reply_to=asked["message_id"])
        (shown,) = (await bot.get("shadow", "viewer", group="web:lobby"))["drafts"]
        assert (shown["question"], shown["by"], shown["said"]) == (ASK, "bob", "it is 7311")
        assert "7311" in shown["text"]
        assert (await bot.get("shadow", group="web:elsewhere"))["drafts"] == []
        one = {"adapter": "web", "message_id": asked["message_id"], "label": "good"}
        await bot.ask("POST", "labels", json={"labels": [one]})
        (figures,) = (await bot.get("shadow/groups"))["groups"]
        assert (figures["drafts"], figures["unprompted"], figures["people"]) == (1, 1, 1)
        assert (figures["good"], figures["bad"]) == (1, 0)
        timeline = (await bot.get("groups/web/lobby/messages"))["messages"]
        assert [row["draft"]["kind"] for row in timeline if "draft" in row] == ["answer"]


async def test_connections_are_shown_and_checked(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        found = await bot.get("connections", "viewer")
        assert [(one["name"], one["up"]) for one in found["adapters"]] == [("web", True)]
        headers = {"Authorization": "Bearer admin"}
        url = f"{bot.url}api/console/connections/web/check"
        async with bot.http.post(url, headers=headers) as response:
            lines = (await response.text()).splitlines()
        assert [json.loads(line)["mark"] for line in lines] == ["ok"]
        await bot.ask("POST", "connections/web/check", "labeller", status=403)
        await bot.ask("POST", "connections/nobody/check", status=404)


async def test_the_configuration_is_shown_without_its_secrets(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    secret = "never-to-be-seen-1234567890"
    config = Config(http=HttpSettings(token=SecretStr(secret)))
    async with running_bot(tmp_path, kettle, config) as bot:
        shown = (await bot.get("config"))["config"]
        assert secret not in str(shown)
        assert shown["http"]["token"] == "•••"
        assert shown["bot"]["language"] == "auto"
        await bot.ask("GET", "config", "labeller", status=403)
    source = SourceSettings(name="docs", git="https://me:password@git.test/docs.git")
    assert "password" not in str(masked(KnowledgeSettings(sources=(source,))))


async def test_the_logs_are_an_admins(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        await bot.say("alice", CHAT)
        await bot.ask("PATCH", "groups/web/lobby", json={"mode": "off"})
        (entry,) = (await bot.get("audit"))["entries"]
        assert (entry["who"], entry["action"]) == ("admin", "group.change")
        assert (await bot.get("audit", before=str(entry["id"])))["entries"] == []
        assert "lines" in await bot.get("log")
        for what in ("audit", "log"):
            await bot.ask("GET", what, "labeller", status=403)
