"""Admin commands, as conversations."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.base import IncomingMessage
from bot.group.command_parser import Command, parse_command, parse_duration
from knowledge.base import KnowledgeBase
from tests.bot.dialog import GROUP, Talk, talking
from tests.knowledge.library import built, gate_options, write_pages

ASK = "@bot which port does the kettle server listen on?"


async def said(talk: Talk, user: str, text: str, reply_to: str | None = None) -> list[str]:
    await talk.say(user, text, reply_to=reply_to)
    await talk.idle()
    return [reply.text for reply in talk.heard()]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/dou status", Command("status")),
        ("/DOU Mute 30m", Command("mute", "30m")),
        ("/dou", Command("")),
        ("豆哥撤回", Command("recall")),
        ("豆哥闭嘴", Command("mute", "2h")),
        ("豆哥闭嘴 30m", Command("mute", "30m")),
        ("重载知识库", Command("reload")),
        ("豆哥 闭嘴！", Command("mute", "2h")),
        ("豆哥 帮助", Command("help")),
        ("豆哥撤回。", Command("recall")),
        ("豆哥绑定 kettle teapot", Command("bind", "kettle teapot")),
        ("/dou recall\n> what was quoted", Command("recall")),
        ("what does /dou status do?", None),
        ("/double trouble", None),
        ("豆哥闭嘴是什么意思", None),
    ],
)
def test_what_is_a_command(text: str, command: Command | None) -> None:
    assert parse_command(text, "/dou") == command


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("30m", 1800),
        ("1d", 86400),
        ("45", 2700),
        ("2小时", 7200),
        ("0m", None),
        ("31d", None),
        ("soon", None),
        ("-5m", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    found = parse_duration(text)
    assert (found.total_seconds() if found else None) == seconds


async def test_only_admins_command_but_anyone_may_ask_for_help(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        for text in ("/dou status", "/dou reload", "/dou mute 1h", "/dou unmute", "/dou why"):
            (line,) = await said(talk, "mallory", text)
            assert "admins" in line
        (line,) = await said(talk, "mallory", "/dou help")
        assert "/dou recall" in line
        (line,) = await said(talk, "mallory", "/dou dance")
        assert "/dou help" in line


async def test_a_login_makes_an_admin_and_a_name_does_not(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        page = IncomingMessage("fake", GROUP, "root2", "m1", "/dou mode off", talk.clock.now())
        await talk.receive(page)
        await talk.idle()
        assert "log in" in talk.heard()[-1].text
        await talk.receive(replace(page, message_id="m2", login="alice"))
        await talk.idle()
        assert "log in" not in talk.heard()[-1].text
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "root", "/dou mute 1h")
        await said(talk, "root", "/dou mode")
        await said(talk, "root", "/dou status")
        mute, mode = await talk.store.audit_page(None, 10)
        assert (mode.who, mode.action, mode.before, mode.after) == (
            "alice",
            "/mode off",
            "default",
            "off",
        )
        assert (mute.who, mute.action, mute.before) == ("fake:root", "/mute 1h", "not muted")


async def test_status_tells_what_is_served(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", ASK)
        (line,) = await said(talk, "root", "/dou status")
        assert "4 documents" in line
        assert "1 answer, " in line
        (line,) = await said(talk, "root", "豆哥状态")
        assert "文档 4 篇" in line


async def test_muted_means_silent_until_the_time_is_over(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        assert len(await said(talk, "root", "/dou mute 30m")) == 1
        assert await said(talk, "alice", ASK) == []
        assert await talk.reason(talk.ids[-1]) == "muted"
        talk.clock.advance(1801)
        assert len(await said(talk, "alice", ASK)) == 1
        await said(talk, "root", "豆哥闭嘴")
        assert await said(talk, "bob", "@bot how do I install kettle?") == []
        await said(talk, "root", "/dou unmute")
        assert len(await said(talk, "bob", "@bot how do I install kettle?")) == 1
        (line,) = await said(talk, "root", "/dou mute forever")
        assert "30m" in line


async def test_anyone_may_recall_the_last_answer_of_this_group(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        (line,) = await said(talk, "bob", "豆哥撤回")
        assert "没有" in line
        await said(talk, "alice", ASK)
        answer = talk.adapter.sent[-1]
        await talk.say("carol", ASK, group="elsewhere")
        await talk.idle()
        talk.heard()
        (line,) = await said(talk, "bob", "豆哥撤回")
        assert talk.adapter.recalled == [f"{GROUP}/platform-{answer.key}"]
        rows = await talk.store.messages("fake", GROUP, 0, 100)
        assert [row["recalled"] for row in rows if row["message_id"].endswith(answer.key)] == [True]
        assert len(await said(talk, "dave", ASK)) == 1, "a withdrawn answer may be given again"


async def test_a_bug_in_a_command_ends_neither_the_bot_nor_its_next_start(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", ASK)
        talk.adapter.failures = [ValueError("not what an adapter raises")]
        (line,) = await said(talk, "bob", "/dou recall")
        assert "ValueError" in line
        assert await talk.store.undecided(talk.clock.now(), 3600) == []
        assert len(await said(talk, "bob", "@bot how do I install kettle with pip?")) == 1


async def test_recalling_by_reply_takes_that_answer(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        await said(talk, "alice", ASK)
        first = talk.adapter.sent[-1]
        await said(talk, "bob", "@bot how do I install kettle with pip?")
        await said(talk, "bob", "/dou recall", reply_to=f"platform-{first.key}")
        assert talk.adapter.recalled == [f"{GROUP}/platform-{first.key}"]


async def test_why_explains_silence_and_speech(tmp_path: Path, kettle: KnowledgeBase) -> None:
    async with talking(tmp_path, kettle) as talk:
        (line,) = await said(talk, "root", "/dou why")
        assert "nothing was decided" in line
        quiet = await talk.say("bob", "what's for lunch today?")
        await talk.idle()
        await said(talk, "alice", ASK)
        (line,) = await said(talk, "root", "/dou why", reply_to=quiet)
        assert line.startswith("This is too far")
        assert "is needed" in line
        (line,) = await said(talk, "root", "/dou why")
        assert line.startswith("The documents answer this")
        assert "en/serving.md" in line
        answer = next(reply for reply in talk.adapter.sent if reply.kind == "answer")
        (line,) = await said(talk, "root", "/dou why", reply_to=f"platform-{answer.key}")
        assert line.startswith("The documents answer this")


async def test_reload_reports_the_difference(tmp_path: Path) -> None:
    made = built(tmp_path)
    async with (
        KnowledgeBase(made, gate_options(tmp_path)) as knowledge,
        talking(tmp_path, knowledge) as talk,
    ):
        write_pages(
            tmp_path / "docs",
            {"teapot.md": "# Teapots\n\nThe teapot protocol answers coffee requests with 418.\n"},
        )
        (tmp_path / "docs/broken.md").write_bytes(b"\0\0\0\0")
        (tmp_path / "docs/program.py").write_text("pass\n")
        first, last = await said(talk, "root", "/dou reload")
        assert "1 added" in last and "+teapot.md" in last
        assert "1 skipped" in last and "!broken.md" in last
        assert "·other files (no documents: 1 .py)" in last
        (answer,) = await said(talk, "alice", "@bot what does the teapot protocol answer?")
        assert "418" in answer
        (tmp_path / "docs").rename(tmp_path / "gone")
        _, last = await said(talk, "root", "重载知识库")
        assert "仍在使用原来的知识库" in last
        assert first


async def test_a_long_reload_says_how_far_it_is(tmp_path: Path) -> None:
    made = built(tmp_path)
    async with (
        KnowledgeBase(made, gate_options(tmp_path)) as knowledge,
        talking(tmp_path, knowledge) as talk,
    ):
        (tmp_path / "docs/more.md").write_text("# More\n\nThe teapot answers with 418.\n")

        async def hours_go_by() -> None:
            while True:
                talk.clock.advance(20)
                await asyncio.sleep(0)

        passing = asyncio.create_task(hours_go_by())
        first, *between, last = await said(talk, "root", "/dou reload")
        passing.cancel()
        assert first == "Updating the knowledge base…"
        assert between and all(line.startswith("Updating: ") for line in between)
        assert "1 added" in last
