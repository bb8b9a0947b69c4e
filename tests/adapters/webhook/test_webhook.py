"""Posting through webhooks: signed, within the limits, and harmless."""

import asyncio
from typing import Any

import pytest

from adapters.base import NotSupported
from tests.adapters.webhook.running import PLATFORMS, Platform, reply, webhook
from tests.fakes.clock import FakeClock


async def test_lark_gets_a_signed_card() -> None:
    async with webhook("lark", FakeClock()) as (server, adapter):
        assert await adapter.send(reply()) == "k1"
        (posted,) = server.posted
        assert posted.body["timestamp"] == "1700000000"
        assert posted.body["msg_type"] == "interactive"
        assert posted.body["card"]["schema"] == "2.0"
        assert posted.body["card"]["header"]["title"]["content"] == "豆哥"
        assert posted.text == (
            "**小李**：怎么安装？\n\n运行 `make install` [1]。\n\n来源\n"
            "[1] [docs/install.md › 安装](https://docs.example/install)"
        )


async def test_dingtalk_gets_signed_markdown_with_line_breaks() -> None:
    async with webhook("dingtalk", FakeClock()) as (server, adapter):
        await adapter.send(reply("一\n二\n\n| a | b |\n|---|:-:|\n| 1 | 2 |"))
        (posted,) = server.posted
        assert posted.query["timestamp"] == "1700000000000"
        assert posted.body["msgtype"] == "markdown"
        assert posted.body["markdown"]["title"] == "豆哥"
        assert "at" not in posted.body
        assert posted.text.startswith("一  \n二  \n\n- a: 1; b: 2  \n\n来源  \n[1]")


async def test_wecom_gets_markdown_v2() -> None:
    async with webhook("wecom") as (server, adapter):
        await adapter.send(reply("| a |\n| - |\n| 1 |"))
        assert server.posted[0].body["msgtype"] == "markdown_v2"
        assert server.texts()[0].startswith("| a |\n| - |\n| 1 |")


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_without_a_secret_nothing_is_signed(platform: Platform) -> None:
    async with webhook(platform, secret="") as (server, adapter):
        server.signed = False
        await adapter.send(reply())
        assert "sign" not in server.posted[0].body
        assert "sign" not in server.posted[0].query


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    "text", ["好" * 9000, '"\\\n' * 9000, "line\n" * 9000, "```\n" + "x\n" * 9999]
)
async def test_long_answers_are_cut_to_the_platform_s_limit(platform: Platform, text: str) -> None:
    async with webhook(platform) as (server, adapter):
        await adapter.send(reply(text))
        (shown,) = server.texts()
        assert "（其余部分见来源）" in shown
        assert "docs.example/install" in shown
        assert shown.count("```") % 2 == 0
        assert len(shown.encode()) > 1500


EVIL = (
    '<at user_id="all">所有人</at> <at id=all></at> <person id="ou_1"></person> <@all> @all\n'
    "`<at id=all></at>` [官网](https://evil.test) <link url='https://evil.test'>x</link>"
)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_nobody_is_rung_and_no_address_hides(platform: Platform) -> None:
    async with webhook(platform) as (server, adapter):
        await adapter.send(reply(EVIL, citations=()))
        (shown,) = server.texts()
        assert "<@" not in shown
        assert "](" not in shown
        assert "官网 (https://evil.test)" in shown
        if platform == "lark":
            assert not any(tag in shown for tag in ("<at", "</at", "<person", "<link"))


async def test_lark_keeps_code_and_shows_no_more_tables_than_it_can() -> None:
    async with webhook("lark") as (server, adapter):
        table = "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n"
        await adapter.send(reply("```\nvector<int> x; // a < b\n```\n" + table * 7))
        (shown,) = server.texts()
        assert "vector<int> x; // a < b" in shown
        assert shown.count("| --- |") == 5
        assert shown.count("| 1 | 2 |") == 5
        assert shown.count("- a: 1; b: 2") == 2


async def test_it_hears_nothing_withdraws_nothing_and_stays_up() -> None:
    async with webhook("wecom") as (_, adapter):

        async def publish(_: object) -> bool:
            raise AssertionError

        run = asyncio.create_task(adapter.run(publish))
        await asyncio.sleep(0.01)
        assert adapter.link().up
        with pytest.raises(NotSupported):
            await adapter.recall("", "k1")
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert not adapter.link().up


async def test_which_groups_are_copied() -> None:
    groups: Any = {"from": ["web:lobby", "wecom:user:li"]}
    async with webhook("wecom", **groups) as (_, adapter):
        assert adapter.copies("web", "lobby")
        assert adapter.copies("wecom", "user:li")
        assert not adapter.copies("web", "other")
        assert not adapter.copies("web2", "lobby")
