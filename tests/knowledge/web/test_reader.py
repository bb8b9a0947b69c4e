"""The reading process: what a hostile page does to it stays with it."""

import asyncio
import json
import os

import pytest
from yarl import URL

from knowledge.web.reader import PageReader
from knowledge.web.types import Fetched, PageError
from tests.fakes.web_pages import PDF_LINES, pdf
from tests.knowledge.web.hostile import TEXT, pdf_bomb


def page(data: bytes, kind: str = "html") -> Fetched:
    return Fetched(URL("http://mill.test/"), kind, "", data)


async def test_pages_are_read_one_after_the_other() -> None:
    async with PageReader(60) as reader:
        read = await asyncio.gather(
            reader.read(page(TEXT.encode())),
            reader.read(page(pdf(PDF_LINES), "pdf")),
            reader.read(page("水轮转动。".encode("gbk") * 30, "text")),
        )
    assert "An honest paragraph" in read[0].text
    assert "dump --cold" in read[1].text
    assert read[2].text.startswith("水轮转动。")


async def test_a_page_without_text_is_no_content() -> None:
    async with PageReader(60) as reader:
        with pytest.raises(PageError, match="no text in it"):
            await reader.read(page(b"<html><body></body></html>"))
        assert (await reader.read(page(TEXT.encode()))).text


async def test_a_page_that_takes_too_long_is_given_up_and_the_next_one_read() -> None:
    async with PageReader(60) as reader:
        await reader.read(page(TEXT.encode()))
        reader.page_s = 0.3
        with pytest.raises(PageError, match=r"more than 0\.3 s"):
            await reader.read(page(b"<p>" + b"<b>x</b>" * 200_000))
        reader.page_s = 20
        assert (await reader.read(page(TEXT.encode()))).text


async def test_a_page_that_eats_memory_is_given_up_and_the_next_one_read() -> None:
    async with PageReader(60) as reader:
        with pytest.raises(PageError):
            await reader.read(page(pdf_bomb(1_300_000_000), "pdf"))
        assert (await reader.read(page(TEXT.encode()))).text


async def test_deep_nesting_is_survived() -> None:
    async with PageReader(60) as reader:
        with pytest.raises(PageError):
            await reader.read(page(b"<div>" * 100_000 + b"text" + b"</div>" * 100_000))
        assert (await reader.read(page(TEXT.encode()))).text


async def test_a_reader_that_breaks_down_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async with PageReader(60) as reader:
        monkeypatch.setattr(json, "dumps", lambda _: "not a page")
        with pytest.raises(PageError, match="broke down"):
            await reader.read(page(TEXT.encode()))
        monkeypatch.undo()
        assert (await reader.read(page(TEXT.encode()))).text


async def test_nothing_is_started_for_nothing_and_nothing_is_left_running() -> None:
    async with PageReader(60) as reader:
        assert reader.pid is None
        await reader.read(page(TEXT.encode()))
        pid = reader.pid
        assert pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_cancelled_reading_leaves_nothing_running() -> None:
    async with PageReader(60) as reader:
        await reader.read(page(TEXT.encode()))
        pid = reader.pid or 0
        reading = asyncio.create_task(reader.read(page(b"<p>" + b"<b>x</b>" * 200_000)))
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert "honest" in (await reader.read(page(TEXT.encode()))).text
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
