"""The group in the terminal: what a line means, and that it ends when it should."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Citation, Event, IncomingMessage, Reply
from adapters.console import EXAMPLES, ConsoleAdapter, Settings, parse, render
from tests.fakes.context import context

SETTINGS = Settings(kind="console")
ROOT = Path(__file__).parents[2]


def read(line: str) -> IncomingMessage | None:
    return parse(line, SETTINGS, "豆哥", message_id="m1", sent_at=7.0)


@pytest.mark.parametrize(
    ("line", "user", "text", "mention"),
    [
        ("alice: hello", "alice", "hello", False),
        ("小李：你好", "小李", "你好", False),
        ("  alice :  hello  ", "alice", "hello", False),
        ("Mary Ann: hello", "Mary Ann", "hello", False),
        ("alice @bot: how to install?", "alice", "how to install?", True),
        ("alice @豆哥：怎么安装", "alice", "怎么安装", True),
        ("alice@bot: hi", "alice", "hi", True),
        ("alice: @豆哥 怎么安装", "alice", "怎么安装", True),
        ("alice: hey @bot, how?", "alice", "hey , how?", True),
        ("alice @bot:", "alice", "", True),
        ("alice: see https://docs.example/a", "alice", "see https://docs.example/a", False),
        ("alice: /dou status\n", "alice", "/dou status", False),
    ],
)
def test_a_line_is_a_message(line: str, user: str, text: str, mention: bool) -> None:
    message = read(line)
    assert message == IncomingMessage("console", "console", user, "m1", text, 7.0, mention)


@pytest.mark.parametrize(
    "line", ["", "hello", ": hello", "alice:", "alice:  ", "@bot: hi", "alice @carol: hi", "a" * 99]
)
def test_other_lines_are_none(line: str) -> None:
    assert read(line) is None


@given(st.text())
def test_any_line_is_a_message_or_none(line: str) -> None:
    message = read(line)
    if message is not None:
        assert 0 < len(message.user) <= 64
        assert message.user == message.user.strip()
        assert message.text == message.text.strip()
        assert message.text or message.mention


@given(
    st.from_regex(r"[a-z]{1,20}", fullmatch=True),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
)
def test_what_is_written_comes_back(user: str, text: str) -> None:
    plain = text.replace("@", "").replace("＠", "")
    message = read(f"{user}: {plain}")
    assert (message.text if message else "") == plain.strip()


def test_a_reply_has_its_sources_beneath() -> None:
    citations = (
        Citation("docs/a.md", "Install", 3, "https://docs.example/a"),
        Citation("b.md", "", 1),
    )
    shown = render(Reply("k", "console", None, "run `make`", citations=citations), "豆哥")
    assert shown.splitlines() == [
        "豆哥: run `make`",
        "  [1] docs/a.md:3 > Install  https://docs.example/a",
        "  [2] b.md:1",
    ]


def test_a_document_cannot_steer_the_terminal() -> None:
    shown = render(Reply("k", "console", None, "a\x1b[2Jb\x9bc\rd\ttab\n"), "豆哥")
    assert shown == "豆哥: a[2Jbcd\ttab\n\n"


@dataclass(frozen=True)
class Pipe:
    """Stands for the keyboard."""

    read_end: int
    write_end: int

    def type(self, text: bytes) -> None:
        os.write(self.write_end, text)


@pytest.fixture
def keyboard() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    yield pipe
    for end in (pipe.write_end, pipe.read_end):
        try:
            os.close(end)
        except OSError:
            assert end == pipe.write_end  # a test closed it: the end of the input


async def test_lines_are_published_until_the_end_of_the_input(
    keyboard: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = []

    async def publish(event: Event) -> bool:
        events.append(event)
        return True

    keyboard.type("alice: 你好\n\nnonsense\nbob @bot: how?\r\ncarol: last".encode())
    os.close(keyboard.write_end)
    adapter = ConsoleAdapter(SETTINGS, context(), keyboard.read_end)
    async with asyncio.timeout(60):
        await adapter.run(publish)

    messages = [event for event in events if isinstance(event, IncomingMessage)]
    said = [(one.user, one.text, one.mention) for one in messages]
    assert said == [("alice", "你好", False), ("bob", "how?", True), ("carol", "last", False)]
    assert len({one.message_id for one in messages}) == 3
    assert all(abs(one.sent_at - time.time()) < 60 for one in messages)
    assert capsys.readouterr().err.splitlines() == [f"用法 / usage:  {EXAMPLES}"]


async def test_a_line_that_cannot_be_stored_is_reported_and_the_next_one_taken(
    keyboard: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    stored: list[Event] = []

    async def publish(event: Event) -> bool:
        if isinstance(event, IncomingMessage) and event.text == "one":
            raise OSError("disk full")
        stored.append(event)
        return True

    keyboard.type(b"alice: one\nalice: two\n")
    os.close(keyboard.write_end)
    async with asyncio.timeout(60):
        await ConsoleAdapter(SETTINGS, context(), keyboard.read_end).run(publish)
    assert len(stored) == 1
    assert "not stored" in capsys.readouterr().err


async def test_a_burst_of_lines_waits_for_the_bot(keyboard: Pipe) -> None:
    count = 0

    async def publish(event: Event) -> bool:
        nonlocal count
        del event
        count += 1
        return True

    keyboard.type(b"a: b\n" * 2000)
    os.close(keyboard.write_end)
    async with asyncio.timeout(60):
        await ConsoleAdapter(SETTINGS, context(), keyboard.read_end).run(publish)
    assert count == 2000


async def test_replies_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    adapter = ConsoleAdapter(SETTINGS, context())
    assert await adapter.send(Reply("key-1", "console", "m1", "hello")) == "key-1"
    await adapter.recall("console", "key-1")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "豆哥: hello"
    assert "took back" in out[1]


def start_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.console_app"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_process_answers_and_ends_with_its_input() -> None:
    with start_process() as process:
        out, err = process.communicate(b"alice @bot: how do I install?\n", timeout=60)
    assert process.returncode == 0, err.decode()
    assert "Install it" in out.decode()
    assert err == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_waits_for_input_ends_on_a_signal(number: signal.Signals) -> None:
    with start_process() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"alice @bot: how do I install?\n")
        process.stdin.flush()
        assert process.stdout.readline()  # it is up and reading
        process.send_signal(number)
        assert process.wait(timeout=60) == 0  # its input stays open
        assert process.stderr is not None
        assert process.stderr.read() == b""
