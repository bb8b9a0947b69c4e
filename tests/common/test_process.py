"""Processes that work for this one: they answer, and none outlives what started it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from common.process import Child, ChildEnded
from tests.knowledge.processes import is_alive, running, wait_until

ECHO = """
import sys, time
from common.process import serve

def start(settings):
    print("a library greets")
    def answer(message):
        if message.get("sleep"):
            time.sleep(message["sleep"])
        if message.get("leave"):
            sys.exit(3)
        return {"settings": settings, "message": message}
    return answer

serve(start)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A child that runs the program above: python finds it by its path."""
    (tmp_path / "echoing.py").write_text(ECHO)
    monkeypatch.setattr(
        "common.process._ENVIRONMENT", {"PYTHONPATH": str(tmp_path), "LC_ALL": "C.UTF-8"}
    )
    with Child("echoing", {"answer": "to all"}) as child:
        yield child


def test_each_message_is_answered_in_its_turn(echo: Child) -> None:
    texts = ["one", "zwei 二", "x" * 1_000_000]
    for text in texts:
        echo.send({"text": text})
        assert echo.receive(10) == {"settings": {"answer": "to all"}, "message": {"text": text}}
    for text in ("first", "second"):
        echo.send({"text": text})
    assert [echo.receive(10)["message"]["text"] for _ in range(2)] == ["first", "second"]


def test_no_answer_in_time_is_an_error(echo: Child) -> None:
    echo.send({"sleep": 30})
    with pytest.raises(TimeoutError):
        echo.receive(0.3)


def test_one_that_ended_says_how(echo: Child) -> None:
    echo.send({"leave": True})
    with pytest.raises(ChildEnded, match="status 3"):
        echo.receive(10)
    echo.send({"text": "nobody hears this"})
    assert running("echoing") == []


def test_one_that_was_killed_says_so(echo: Child) -> None:
    (process,) = running("echoing")
    process.kill()
    with pytest.raises(ChildEnded, match="signal 9"):
        echo.receive(10)


PARENT = """
import sys, time
import common.process as child
child._ENVIRONMENT["PYTHONPATH"] = sys.argv[1]
with child.Child("echoing", {}) as echo:
    echo.send({"sleep": 1000})
    print("started", flush=True)
    time.sleep(1000)
"""


def test_it_ends_with_its_parent_even_when_that_is_killed_and_it_is_busy(tmp_path: Path) -> None:
    (tmp_path / "echoing.py").write_text(ECHO)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout and parent.stdout.readline() == "started\n"
    below: list[psutil.Process] = running("echoing", parent.pid)
    assert len(below) == 1
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_alive(below[0]), 5)
