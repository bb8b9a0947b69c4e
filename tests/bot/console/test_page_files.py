"""The console's page: its document, its files, and that those which are not ours are unchanged."""

import hashlib
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from adapters.http_guard import security_middlewares
from bot.console.page_files import PAGE_DIR, page_routes
from tests.bot.console.running import identify

VENDORED = json.loads((PAGE_DIR / "vendor" / "vendored.json").read_text())


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application(middlewares=security_middlewares(identify))
    app.add_routes(page_routes('"><script>', "/dou"))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
        yield session
    await runner.cleanup()


async def test_a_bots_name_is_no_markup_and_nothing_is_inline(
    client: aiohttp.ClientSession,
) -> None:
    async with client.get("/") as response:
        page = await response.text()
        assert response.content_type == "text/html"
    assert 'data-bot="&quot;&gt;&lt;script&gt;"' in page
    assert "style=" not in page
    assert "<script>" not in page


async def test_every_file_that_is_named_is_served_with_its_type(
    client: aiohttp.ClientSession,
) -> None:
    named = set(re.findall(r'assets/([\w/.-]+)"', (PAGE_DIR / "index.html").read_text()))
    for path in PAGE_DIR.rglob("*.js"):
        for found in re.findall(r'from "(\.{1,2}/[\w/.-]+)"', path.read_text()):
            named.add(str((path.parent / found).resolve().relative_to(PAGE_DIR)))
    assert len(named) > 15
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    for name in named:
        async with client.get(f"/assets/{name}") as response:
            assert response.status == 200, name
            assert response.content_type == kinds[name.rpartition(".")[2]]
            tag = response.headers["ETag"]
        async with client.get(f"/assets/{name}", headers={"If-None-Match": tag}) as response:
            assert response.status == 304


@pytest.mark.parametrize(
    "name",
    [
        *("index.html", "../page_files.py", "..%2Fpage_files.py", "%00", "app.js/", "views"),
        *("vendor/vendored.json", "vendor/../../routes.py", "//etc/passwd.js"),
    ],
)
async def test_no_other_file_is_served(client: aiohttp.ClientSession, name: str) -> None:
    async with client.get(f"/assets/{name}") as response:
        assert response.status == 404
        assert "error" in await response.json()


def test_what_is_not_ours_is_unchanged_and_has_its_licence() -> None:
    sums = {one["file"]: one["sha256"] for one in VENDORED}
    scripts = [path for path in (PAGE_DIR / "vendor").iterdir() if path.suffix in {".js", ".css"}]
    assert {path.name for path in scripts} == set(sums)
    for path in scripts:
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sums[path.name], path.name
    assert all(one["version"] and one["licence"] and one["package"] for one in VENDORED)


def test_pages_put_in_no_markup() -> None:
    for path in PAGE_DIR.rglob("*.js"):
        if "vendor" not in path.parts:
            found = re.findall(
                r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|document\.write|\beval\(",
                path.read_text(),
            )
            assert not found, path.name


def test_every_word_is_there_in_both_languages() -> None:
    entry = re.compile(r'^  (?:"([\w.]+)"|(\w+)): \[', re.MULTILINE)
    words = {
        found[0] or found[1]
        for path in PAGE_DIR.rglob("*.js")
        if "vendor" not in path.parts
        for found in entry.findall(path.read_text())
    }
    named = {
        found
        for path in PAGE_DIR.rglob("*.js")
        if "vendor" not in path.parts
        for found in re.findall(r'\bt\("([\w.]+)"', path.read_text())
    }
    page = (PAGE_DIR / "index.html").read_text()
    named |= set(re.findall(r'data-i18n(?:-label|-placeholder)?="(\w+)"', page))
    assert named - words == set()
