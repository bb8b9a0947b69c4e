"""Replays from the console: an upload, a process of its own, a report."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.console.api.replays import FOLDER, LEFT_S, REPORT, prune_replays
from knowledge.base import KnowledgeBase
from tests.bot.console.running import ASK, CHAT, Running, running_bot
from tests.daemon import ROOT, arguments

NOON = 1_772_414_045


async def ended(bot: Running) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = await bot.get("replays", "viewer")
            if found["running"] is None:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_an_export_is_replayed_and_its_report_is_read(
    indexed: Path, kettle: KnowledgeBase
) -> None:
    command = (sys.executable, str(ROOT / "run_bot.py"), *arguments(indexed))
    lines = [("alice", ASK, 0), ("bob", CHAT, 120), ("carol", "it is 7311", 240)]
    rows = [
        {"group": "g", "user": user, "text": text, "time": NOON + at} for user, text, at in lines
    ]
    export = "".join(json.dumps(row) + "\n" for row in rows)
    async with running_bot(indexed / "bot", kettle, command=command) as bot:
        await bot.ask("POST", "replays/chat.jsonl", "labeller", data=export, status=403)
        await bot.ask("POST", "replays/chat.jsonl", data=export, status=202)
        await bot.ask("POST", "replays/chat.jsonl", data=export, status=409)
        found = await ended(bot)
        assert found["failed"] == ""
        (done,) = found["done"]
        report = await bot.get(f"replays/{done['id']}", "viewer")
        assert report["messages"] == 3
        assert "7311" in report["replies"]["list"][0]["reply"]
        await bot.ask("DELETE", f"replays/{done['id']}")
        await bot.ask("GET", f"replays/{done['id']}", status=404)
        await bot.ask("POST", "replays/chat.jsonl", data="what is this?", status=202)
        assert "expected" in str((await ended(bot))["failed"])
        assert not list((indexed / "bot/replays").iterdir())


async def test_what_is_no_export_is_refused(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with running_bot(tmp_path, kettle, command=("false",)) as bot:
        await bot.ask("POST", "replays/chat.exe", data="x", status=400)
        await bot.ask("POST", "replays/chat.csv", data="", status=400)
        await bot.ask("GET", "replays/..%2F..%2Fbot.sqlite", status=404)
        assert (await bot.get("replays"))["running"] is None


def test_old_reports_and_what_a_killed_bot_left_are_deleted(tmp_path: Path) -> None:
    day = 86400
    ages = {"old": 91 * day, "kept": 89 * day, "left": LEFT_S + 1, "at_work": LEFT_S - 1}
    folders = {
        name: tmp_path / FOLDER / f"{int(NOON - age)}-{number:08x}"
        for number, (name, age) in enumerate(ages.items())
    }
    for name, folder in folders.items():
        folder.mkdir(parents=True)
        (folder / ("export.txt" if name in ("left", "at_work") else REPORT)).touch()
    prune_replays(tmp_path, NOON, 90 * day)
    assert {name for name, folder in folders.items() if folder.exists()} == {"kept", "at_work"}
