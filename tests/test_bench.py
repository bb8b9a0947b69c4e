"""The benchmark's command: it shows no figures of something that did not run."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import small_model
from bench.figures import Figure
from bench.setup import Bench

DOCS = Path(__file__).parent.parent / "docs"
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


def test_what_a_small_model_is_asked_stands_in_our_documents() -> None:
    questions = small_model.load()
    kinds = [one.kind for one in questions]
    assert (len(kinds), kinds.count("near miss"), kinds.count("small talk")) == (20, 2, 2)
    for one in questions:
        page = (DOCS / one.page).read_text(encoding="utf-8") if one.page else ""
        assert bool(page and re.search(one.holds, page)) is (one.kind == "documented"), one.question
