"""One page at a time from servers that mean no good: addresses, redirects, sizes, times, kinds."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from yarl import URL

from knowledge.web.client import Client
from knowledge.web.types import BadStatus, Fetched, NotAllowed, PageError
from tests.fakes.web_pages import HTML, Page, Site, web_pages
from tests.knowledge.web.hostile import TEXT, bomb, endless, redirect, silent
from tests.knowledge.web.running import QUICK, HurriedClock, Names, client

HASTY = replace(QUICK, headers_s=0.1, page_s=0.3)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with web_pages() as running:
        running.pages["/page"] = Page(TEXT.encode())
        yield running


async def fetch(site: Site, path: str, opened: Client | None = None) -> Fetched:
    if opened:
        return await opened.get(URL(site.url(path)))
    async with client([site.place]) as made:
        return await made.get(URL(site.url(path)))


async def test_a_page_is_fetched(site: Site) -> None:
    found = await fetch(site, "/page")
    assert (found.kind, found.charset, found.data) == ("html", "utf-8", TEXT.encode())
    assert str(found.url) == site.url("/page")


async def test_what_a_server_is_told(site: Site) -> None:
    site.pages["/page"] = Page(TEXT.encode(), headers={"Set-Cookie": "who=you"})
    site.pages["/to"] = redirect("/page")
    async with client([site.place], contact="bot@example.org") as opened:
        for path in ("/page", "/to", "/page"):
            await fetch(site, path, opened)
    for visit in site.visits:
        assert visit.headers["User-Agent"] == "HuixiangDou/1.0 (bot@example.org)"
        assert not {"Cookie", "Referer", "Authorization"} & set(visit.headers)


async def test_a_loopback_address_is_not_visited_unless_allowed(site: Site) -> None:
    async with client([]) as opened:
        for url in (site.url("/page"), f"http://localhost:{site.port}/page"):
            with pytest.raises(NotAllowed):
                await opened.get(URL(url))
    assert not site.visits


async def test_a_name_that_leads_inside_is_not_visited(site: Site) -> None:
    names = Names(inside__test=[["127.0.0.1"]])
    async with client([], names) as opened:
        with pytest.raises(NotAllowed, match="private address"):
            await opened.get(URL("http://inside.test/page"))
    assert names.asked == ["inside.test"]
    assert not site.visits


async def test_a_name_may_not_change_its_mind(site: Site) -> None:
    """The check and the connection use the same look-up."""
    public, inside = ["93.184.216.34"], ["127.0.0.1"]
    names = Names(rebind__test=[inside, public], rebind2__test=[public + inside])
    async with client([], names) as opened:
        for name in ("rebind.test", "rebind2.test"):
            with pytest.raises(NotAllowed):
                await opened.get(URL(f"http://{name}/page"))
    assert names.asked == ["rebind.test", "rebind2.test"]
    assert not site.visits


async def test_each_connection_resolves_again(site: Site) -> None:
    site.pages["/page"] = Page(TEXT.encode(), headers={"Connection": "close"})
    names = Names(wiki__test=[["127.0.0.1"]])
    async with client([f"wiki.test:{site.port}"], names) as opened:
        for _ in range(2):
            await opened.get(URL(site.url("/page", "wiki.test")))
    assert names.asked == ["wiki.test", "wiki.test"]
    assert {visit.host for visit in site.visits} == {f"wiki.test:{site.port}"}


async def test_a_missing_name_is_the_pages_problem() -> None:
    async with client([]) as opened:
        with pytest.raises(PageError, match="can't be fetched"):
            await opened.get(URL("http://nowhere.test/"))


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/x", "http://127.0.0.1:1/x", "http://0x7f.1/x", "http://[::1]/x",
        "http://inside.test/x", "//10.0.0.1/x", "file:///etc/passwd", "ftp://1.1.1.1/x",
        "javascript:alert(1)", "http://user:pw@1.1.1.1/", "http://1.1.1.1:22/", "http://[",
        "http://blocked.test/x", "",
    ],
)  # fmt: skip
async def test_a_redirect_leads_nowhere_forbidden(site: Site, target: str) -> None:
    site.pages["/go"] = redirect(target)
    names = Names(inside__test=[["10.0.0.1"]])
    async with client([site.place], names, blocked=["blocked.test"]) as opened:
        with pytest.raises(PageError):
            await fetch(site, "/go", opened)
    assert site.paths() == ["/go"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(site: Site, status: int) -> None:
    site.pages["/a"] = redirect("/b?x=%20#part", status)
    site.pages["/b"] = redirect(site.url("/page"), status)
    found = await fetch(site, "/a")
    assert str(found.url) == site.url("/page")
    assert site.paths() == ["/a", "/b", "/page"]


async def test_five_redirects_and_no_more(site: Site) -> None:
    for number in range(10):
        site.pages[f"/hop{number}"] = redirect(f"/hop{number + 1}")
    site.pages["/hop5"] = Page(TEXT.encode())
    assert (await fetch(site, "/hop0")).kind == "html"
    site.pages["/hop5"] = redirect("/hop6")
    with pytest.raises(PageError, match="more than 5 redirects"):
        await fetch(site, "/hop0")


async def test_a_loop_ends(site: Site) -> None:
    site.pages["/loop"] = redirect("/loop")
    with pytest.raises(PageError, match="redirects"):
        await fetch(site, "/loop")
    assert len(site.visits) == 6


async def test_a_body_that_does_not_end_is_left(site: Site) -> None:
    site.pages["/big"] = handler = endless()
    with pytest.raises(PageError, match="longer than 2097152 bytes"):
        await fetch(site, "/big")
    while not handler.counts["broken"]:  # type: ignore[attr-defined]  # see endless
        await asyncio.sleep(0.005)
    assert handler.counts["sent"] < 64 << 20  # type: ignore[attr-defined]  # see endless


async def test_a_body_that_says_how_long_it_is_is_not_even_read(site: Site) -> None:
    site.pages["/big"] = handler = endless(headers={"Content-Length": str(1 << 30)})
    with pytest.raises(PageError, match="longer than"):
        await fetch(site, "/big")
    assert handler.counts["sent"] < 64 << 20  # type: ignore[attr-defined]  # see endless


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_packed_bomb_is_left(site: Site, encoding: str) -> None:
    site.pages["/bomb"] = page = bomb(64 << 20, encoding)
    assert len(page.body) < 100_000
    with pytest.raises(PageError, match="longer than"):
        await fetch(site, "/bomb")


async def test_a_packed_page_is_unpacked(site: Site) -> None:
    packed = gzip.compress(TEXT.encode())
    site.pages["/packed"] = Page(packed, HTML, {"Content-Encoding": "gzip"})
    assert (await fetch(site, "/packed")).data == TEXT.encode()


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"no gzip", "gzip"),
        (gzip.compress(TEXT.encode(), mtime=0)[:40], "gzip"),
        (b"\x0b\x02", "br"),
    ],
)
async def test_what_can_not_be_unpacked(site: Site, body: bytes, encoding: str) -> None:
    site.pages["/odd"] = Page(body, HTML, {"Content-Encoding": encoding})
    with pytest.raises(PageError):
        await fetch(site, "/odd")


@pytest.mark.parametrize("headers", [False, True])
async def test_who_falls_silent_is_left(site: Site, headers: bool) -> None:
    site.pages["/slow"] = silent(headers=headers)
    async with client([site.place], limits=HASTY) as opened:
        with pytest.raises(PageError):
            await fetch(site, "/slow", opened)


async def test_a_page_that_drips_is_left(site: Site) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        while True:
            await response.write(b"<p>")
            await asyncio.sleep(0.02)

    site.pages["/drip"] = drip
    async with client([site.place], limits=replace(HASTY, headers_s=60)) as opened:
        with pytest.raises(PageError, match=r"not there within 0\.3 s"):
            await fetch(site, "/drip", opened)


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        (HTML, b"<p>x", "html"),
        ("Text/HTML;charset=GBK", b"<p>x", "html"),
        ("application/xhtml+xml", b"<p>x", "html"),
        ("text/plain", b"# Title", "text"),
        ("text/plain", b"  <!DOCTYPE html><p>x", "html"),
        ("text/markdown; charset=utf-8", b"# Title", "markdown"),
        ("", b"plain words", "text"),
        ("application/octet-stream", b"%PDF-1.4 ...", "pdf"),
        ("text/html", b"\n%PDF-1.7 ...", "pdf"),
        ("application/pdf", b"%PDF-1.7 ...", "pdf"),
        ("text/plain; charset=utf-16", "wide".encode("utf-16"), "text"),
    ],
)
async def test_kinds(site: Site, content_type: str, body: bytes, kind: str) -> None:
    site.pages["/kind"] = Page(body, content_type)
    assert (await fetch(site, "/kind")).kind == kind


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("image/png", b"\x89PNG\r\n"),
        ("video/mp4", b"xxx"),
        ("application/zip", b"PK\3\4"),
        ("application/json", b"{}"),
        ("text/html", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("text/html", b"PK\3\4\x14\0\0\0"),
        ("application/pdf", b"<html>not found</html>"),
        ("text/html", b""),
        ("text/html", b" \n"),
    ],
)
async def test_what_is_no_text(site: Site, content_type: str, body: bytes) -> None:
    site.pages["/kind"] = Page(body, content_type)
    with pytest.raises(PageError):
        await fetch(site, "/kind")


@pytest.mark.parametrize("status", [204, 304, 401, 403, 404, 429, 500, 503])
async def test_other_statuses(site: Site, status: int) -> None:
    site.pages["/status"] = Page(b"" if status in (204, 304) else b"x", status=status)
    with pytest.raises(BadStatus) as caught:
        await fetch(site, "/status")
    assert caught.value.status == status


async def test_a_connection_that_breaks(site: Site) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        assert request.transport
        request.transport.abort()
        return web.Response()

    site.pages["/broken"] = broken
    with pytest.raises(PageError, match="can't be fetched"):
        await fetch(site, "/broken")


async def test_nobody_listens() -> None:
    async with client(["127.0.0.1:1"]) as opened:
        with pytest.raises(PageError, match="can't be fetched"):
            await opened.get(URL("http://127.0.0.1:1/"))


async def test_garbage_instead_of_http() -> None:
    async def garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x16\x03\x01 not http at all\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(garbage, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client([f"127.0.0.1:{port}"]) as opened:
            for scheme in ("http", "https"):
                with pytest.raises(PageError, match="can't be fetched"):
                    await opened.get(URL(f"{scheme}://127.0.0.1:{port}/"))


async def test_a_host_is_asked_once_a_second(site: Site) -> None:
    clock = HurriedClock()
    names = Names(one__test=[["127.0.0.1"]], two__test=[["127.0.0.1"]])
    places = [f"{name}:{site.port}" for name in ("one.test", "two.test")]
    async with client(places, names, clock) as opened:
        started = clock.now()
        for host in ("one.test", "two.test", "one.test", "one.test"):
            await opened.get(URL(site.url("/page", host)))
    assert clock.now() - started == pytest.approx(2, abs=0.1)


async def test_a_cancelled_fetch_leaves_nothing_behind(site: Site) -> None:
    site.pages["/slow"] = silent(headers=True)
    async with client([site.place]) as opened:
        fetching = asyncio.create_task(fetch(site, "/slow", opened))
        while not site.visits:
            await asyncio.sleep(0.005)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
