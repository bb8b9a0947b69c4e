"""Web and code search as a user sets them up: commands and daemon, servers on loopback."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon import daemon, run
from tests.fakes.serper_api import Listed, finding, serper_api
from tests.fakes.web_pages import Page, docs_page, web_pages
from tests.knowledge.code.code import write

ON_A_PAGE = "which header does kettle trust for the address of the client?"
IN_CODE = "kettle 的 BOIL_LIMIT_C 是多少？"
TEXT = (
    "<h1>Kettle behind a proxy</h1><p>Kettle takes the address of the client from the header "
    "<code>X-Kettle-From</code>, if the header is trusted. Kettle trusts it for the address of "
    "the client when <code>trust_proxy: true</code> is set.</p>"
)


@asynccontextmanager
async def settings(folder: Path, key: str = "") -> AsyncIterator[list[str]]:
    """Options that name a search engine, the only page it knows, and a checkout."""
    write(folder / "checkout")
    page = docs_page("Kettle behind a proxy", TEXT)
    async with web_pages() as site:
        site.pages = {"/proxy": Page(page.encode())}
        listed = Listed(site.url("/proxy"), "Kettle behind a proxy", page)
        async with serper_api(finding([listed])) as api:
            web: dict[str, Any] = {
                "engine": "serper", "api_key": key or api.key, "endpoint": api.url,
                "allow": [site.place], "preferred_domains": ["127.0.0.1"],
            }  # fmt: skip
            repos = [{"name": "kettle", "repo": str(folder / "checkout")}]
            yield ["--set", f"search={json.dumps({'web': web, 'repo': repos})}"]


async def test_what_the_documents_do_not_say_is_answered_from_elsewhere(indexed: Path) -> None:
    async with settings(indexed) as more:
        status, out, _ = await run(indexed, "ask", ON_A_PAGE, "--json", more=more)
        found = json.loads(out)
        assert (status, found["outcome"]) == (0, "answer")
        assert "X-Kettle-From" in found["text"]
        assert [citation["origin"] for citation in found["citations"]] == ["preferred"]
        assert found["text"].startswith("The documents don't say; this is from the web")
        _, out, _ = await run(indexed, "ask", IN_CODE, more=more)
        assert "文档里没有写，以下来自源代码" in out
        assert "BOIL_LIMIT_C = 97" in out
        assert "[1] kettle/kettle/heat.py:" in out
    _, out, _ = await run(indexed, "ask", IN_CODE)
    assert "97" not in out


@pytest.mark.parametrize("key", ["", "refused"])
async def test_check_tries_both_searches(indexed: Path, key: str) -> None:
    async with settings(indexed, key) as more:
        status, out, _ = await run(indexed, "check", more=more)
    assert "ok    search.repo: all can be searched" in out
    assert ("search.web.api_key" in out) == (status == 1) == (key == "refused")


async def test_a_refused_key_degrades_and_is_seen(indexed: Path) -> None:
    async with settings(indexed, "refused") as more, daemon(indexed, more) as bot:
        await bot.post("alice", ON_A_PAGE, mention=True, message_id="q")
        await bot.decided("q")
        assert any("search     web (serper) and code of kettle" in line for line in bot.log)
        ready = await bot.get("readyz")
        assert ready["status"] == "degraded"
        assert any("search.web.api_key" in note for note in ready["degraded"])
        await bot.post("alice", IN_CODE, mention=True, message_id="c")
        decided = await bot.decided("c")
        assert decided["outcome"] == "answer", json.dumps(decided)
        assert await bot.stop() == 0


@pytest.mark.slow
async def test_code_that_changed_is_found_after_a_reload(indexed: Path) -> None:
    async with settings(indexed) as more, daemon(indexed, more) as bot:
        await bot.go_on_without_logins()
        file = indexed / "checkout/kettle/heat.py"
        file.write_text(file.read_text().replace("BOIL_LIMIT_C = 97", "BOIL_LIMIT_C = 91"))
        await bot.post("alice", "/dou reload", message_id="r")
        await bot.decided("r")
        await bot.post("bob", IN_CODE, mention=True, message_id="c")
        decided = await bot.decided("c")
        assert decided["outcome"] == "answer"
        (answer,) = await bot.rows("answer")
        assert "BOIL_LIMIT_C = 91" in answer["text"]
