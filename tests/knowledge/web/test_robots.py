"""robots.txt: obeyed, asked for once an hour and host, and harmless itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from yarl import URL

from knowledge.web.robots import KEPT_S, REFUSED_S, Robots
from knowledge.web.types import NotAllowed
from tests.fakes.web_pages import Page, Site, web_pages
from tests.knowledge.web.hostile import TEXT, endless, redirect
from tests.knowledge.web.running import HurriedClock, Names, client


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with web_pages() as running:
        running.pages["/page"] = Page(TEXT.encode())
        yield running


@asynccontextmanager
async def robots(site: Site, clock: HurriedClock | None = None) -> AsyncIterator[Robots]:
    clock = clock or HurriedClock()
    async with client([site.place], clock=clock) as opened:
        yield Robots(opened, clock)


def rules(text: str) -> Page:
    return Page(text.encode(), "text/plain")


async def permitted(site: Site, path: str) -> bool:
    async with robots(site) as made:
        try:
            await made.permit(URL(site.url(path)))
        except NotAllowed:
            return False
        return True


@pytest.mark.parametrize(
    ("text", "path", "permit"),
    [
        ("", "/page", True),
        ("User-agent: *\nDisallow: /", "/page", False),
        ("User-agent: *\nDisallow:", "/page", True),
        ("User-agent: *\nDisallow: /private/", "/page", True),
        ("User-agent: *\nDisallow: /private/", "/private/x", False),
        ("User-agent: *\nDisallow: /\nAllow: /page$", "/page", True),
        ("User-agent: *\nDisallow: /\nAllow: /page$", "/page2", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a/b.pdf", False),
        ("User-agent: HuixiangDou\nDisallow: /\n\nUser-agent: *\nDisallow:", "/page", False),
        ("User-agent: huixiangdou\nAllow: /\n\nUser-agent: *\nDisallow: /", "/page", True),
        ("User-agent: otherbot\nDisallow: /", "/page", True),
        ("<html><body>Not found</body></html>", "/page", True),
        ("\ufeffUser-agent: *\r\nDisallow: /page\r\n", "/page", False),
    ],
)
async def test_rules_are_obeyed(site: Site, text: str, path: str, permit: bool) -> None:
    site.robots = rules(text)
    assert await permitted(site, path) == permit


@pytest.mark.parametrize(
    ("status", "permit"),
    [(401, True), (403, True), (404, True), (410, True), (429, False), (500, False), (503, False)],
)
async def test_a_site_without_rules(site: Site, status: int, permit: bool) -> None:
    site.robots = Page(b"x", "text/plain", status=status)
    assert await permitted(site, "/page") == permit


async def test_rules_that_can_not_be_had_forbid_all_for_a_while(site: Site) -> None:
    clock = HurriedClock()
    site.robots = Page(b"x", "text/plain", status=503)
    async with robots(site, clock) as made:
        for _ in range(2):
            with pytest.raises(NotAllowed, match="can't be had"):
                await made.permit(URL(site.url("/page")))
        assert len(site.visits) == 1
        clock.advance(REFUSED_S)
        site.robots = None
        await made.permit(URL(site.url("/page")))
        assert len(site.visits) == 2


async def test_a_host_is_asked_once_an_hour(site: Site) -> None:
    clock = HurriedClock()
    async with robots(site, clock) as made:
        await asyncio.gather(*(made.permit(URL(site.url(f"/{n}"))) for n in range(5)))
        clock.advance(KEPT_S - 60)
        await made.permit(URL(site.url("/page")))
        assert len(site.visits) == 1
        clock.advance(60)
        await made.permit(URL(site.url("/page")))
        assert len(site.visits) == 2


async def test_each_site_has_its_own(site: Site) -> None:
    names = Names(one__test=[["127.0.0.1"]], two__test=[["127.0.0.1"]])
    places = [f"{name}:{site.port}" for name in ("one.test", "two.test")]
    clock = HurriedClock()
    async with client(places, names, clock) as opened:
        made = Robots(opened, clock)
        for host in ("one.test", "two.test", "one.test"):
            await made.permit(URL(site.url("/page", host)))
    assert [visit.host.partition(":")[0] for visit in site.visits] == ["one.test", "two.test"]


async def test_rules_that_moved_are_followed(site: Site) -> None:
    site.robots = redirect("/rules")
    site.pages["/rules"] = rules("User-agent: *\nDisallow: /page")
    assert not await permitted(site, "/page")
    assert await permitted(site, "/other")


async def test_rules_without_end_forbid_all(site: Site) -> None:
    site.robots = endless()
    assert not await permitted(site, "/page")


async def test_rules_that_take_long_to_parse_forbid_all(site: Site) -> None:
    agents = "".join(f"User-agent: a{n}\n" for n in range(10_000))
    site.robots = rules(agents + "Disallow: /x\n" * 10_000)
    assert not await permitted(site, "/page")


async def test_a_long_honest_file_is_read(site: Site) -> None:
    lines = "".join(f"Disallow: /section{n}/*/print$\n" for n in range(5000))
    site.robots = rules(f"User-agent: *\n{lines}Disallow: /page\n")
    assert not await permitted(site, "/page")
    assert await permitted(site, "/section1/x/read")


async def test_a_redirect_asks_for_the_rules_of_its_target(site: Site) -> None:
    async def robots_txt(request: web.Request) -> web.StreamResponse:
        closed = request.host.startswith("closed")
        return web.Response(text="User-agent: *\nDisallow: /" if closed else "")

    site.robots = robots_txt
    site.pages["/go"] = redirect(site.url("/page", "closed.test"))
    names = Names(open__test=[["127.0.0.1"]], closed__test=[["127.0.0.1"]])
    places = [f"{name}:{site.port}" for name in ("open.test", "closed.test")]
    clock = HurriedClock()
    async with client(places, names, clock) as opened:
        made = Robots(opened, clock)
        with pytest.raises(NotAllowed, match="forbids"):
            await opened.get(URL(site.url("/go", "open.test")), made.permit)
    assert site.paths() == ["/go"]
