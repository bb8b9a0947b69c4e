"""A group that is bound to some sources is answered from these alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from tests.bot.dialog import Talk, talking
from tests.knowledge.library import gate_options, plan_of, source, write_pages

TEAPOT = """# The teapot server

## Port

The teapot server listens on port 4180. Change the port with `--port`.

## Start

Start the server with `teapot pour`; the server listens on its port at once.
"""
ASK = "@bot which port does the server listen on?"


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    write_pages(tmp_path / "kettle")
    (tmp_path / "teapot").mkdir()
    (tmp_path / "teapot/serving.md").write_text(TEAPOT)
    both = (source(name, path=tmp_path / name) for name in ("kettle", "teapot"))
    wide = plan_of(tmp_path / "index", *both)
    build(wide)
    async with KnowledgeBase(wide, gate_options(tmp_path)) as opened:
        yield opened


async def said(talk: Talk, user: str, text: str, group: str = "beta") -> str:
    await talk.say(user, text, group=group)
    await talk.idle()
    (reply,) = talk.heard()
    return reply.text


async def test_bound_groups_are_answered_from_their_sources(
    tmp_path: Path, both: KnowledgeBase
) -> None:
    async with talking(tmp_path, both) as talk:
        assert "admins" in await said(talk, "mallory", "/dou bind teapot")
        assert "teapot" in await said(talk, "root", "/dou bind teapot")
        assert "4180" in await said(talk, "alice", ASK)
        assert "kettle" in await said(talk, "root", "豆哥绑定 kettle", "alpha")
        assert "7311" in await said(talk, "alice", ASK, "alpha")
        assert "beta: 4 messages" in (groups := await said(talk, "root", "/dou groups")), groups
        assert ", teapot" in groups and ", kettle" in groups
        assert "all sources" in await said(talk, "root", "/dou unbind", "alpha")
        assert "(left)" not in await said(talk, "root", "/dou groups", "alpha")


async def test_a_binding_outlives_a_restart_and_wrong_names_are_refused(
    tmp_path: Path, both: KnowledgeBase
) -> None:
    async with talking(tmp_path, both) as talk:
        assert "kettle, teapot" in await said(talk, "root", "/dou bind cup")
        assert "kettle, teapot" in await said(talk, "root", "/dou bind")
        await said(talk, "root", "/dou bind teapot")
    async with talking(tmp_path, both) as talk:
        assert "4180" in await said(talk, "alice", ASK)
