"""The benchmark's command: it shows no figures of something that did not run."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.figures import Figure
from bench.setup import Bench

SAID = "the language model can't be asked: it wrote nothing; these are the figures of quotes"


def test_a_part_whose_command_fails_gives_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(bench: Bench) -> Iterator[Figure]:
        yield Figure("written answers", 1.0, 1.0)
        raise subprocess.CalledProcessError(1, [str(bench.work)], stderr=f"building ...\n{SAID}\n")

    monkeypatch.setitem(command.PARTS, "llm", fails)
    monkeypatch.setattr(command, "prepare", lambda data, llm: Bench(data, tmp_path, llm))
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "llm", "--llm", "http://127.0.0.1:9"])
    assert command.main() == 1
    out, err = capsys.readouterr()
    assert err == f"bench: llm: {SAID}\n"
    assert "written answers" not in out
