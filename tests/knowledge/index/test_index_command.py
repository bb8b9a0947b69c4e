"""`index` names what it did: all of it, or on a terminal the first of it and where the rest is."""

import sys
from pathlib import Path

import pytest

from bot.cli.index import index
from common.snapshots import current_snapshot
from knowledge.index.snapshots import CHANGES
from knowledge.plan import BuildPlan
from tests.knowledge.library import plan, write_pages


@pytest.fixture
def made(tmp_path: Path) -> BuildPlan:
    pages = {f"page{n:02}.md": f"# Page {n}\n\nThe port is {7000 + n}.\n" for n in range(25)}
    return plan(tmp_path / "index", write_pages(tmp_path / "docs", pages | {"old.doc": "x"}))


async def test_every_document_is_named_where_no_terminal_is(
    made: BuildPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await index(made) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:25] == [f"+ page{n:02}.md" for n in range(25)]
    assert lines[25] == "! old.doc: can't read .doc; save it as .docx"
    assert lines[26].startswith(
        "25 documents, 25 pieces: 25 added, 0 changed, 0 removed, 1 skipped"
    )


async def test_a_terminal_shows_the_first_and_says_where_the_rest_is(
    made: BuildPlan, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    await index(made)
    lines = capsys.readouterr().out.splitlines()
    snapshot = current_snapshot(Path(made.folder))
    assert snapshot
    assert lines[19:21] == ["+ page19.md", f"+ … and 5 more, see {snapshot / CHANGES}"]
    assert "+ page24.md\n" in (snapshot / CHANGES).read_text()
