"""Building the index: what changes, what stays, and what a failure leaves behind."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from knowledge.catalog import ANSWER, Catalog
from knowledge.embed import EmbedderSpec
from knowledge.ingest import build
from knowledge.plan import BuildPlan
from knowledge.shelf import current_snapshot, is_current
from knowledge.types import KnowledgeError, SourceError
from tests.knowledge.library import PAGES, plan, write_pages


@pytest.fixture
def made(tmp_path: Path) -> BuildPlan:
    return plan(tmp_path / "index", write_pages(tmp_path / "docs"))


def docs(made: BuildPlan) -> Path:
    return Path(made.sources[0].path)


def snapshot(made: BuildPlan) -> Path:
    found = current_snapshot(Path(made.folder))
    assert found
    return found


def test_the_first_build_takes_everything(made: BuildPlan) -> None:
    assert not is_current(made)
    steps: list[tuple[str, int, int]] = []
    report = build(made, lambda *step: steps.append(step))
    assert report.added == tuple(sorted(PAGES))
    assert (report.changed, report.removed, report.skipped) == ((), (), ())
    assert report.documents == len(PAGES)
    assert ("read", len(PAGES), len(PAGES)) in steps
    assert is_current(made)


def test_only_what_changed_is_read_and_embedded_again(made: BuildPlan) -> None:
    build(made)
    (docs(made) / "en/faq.md").write_text(
        PAGES["en/faq.md"] + "\n## New\n\nA section added here.\n"
    )
    (docs(made) / "zh/install.md").unlink()
    write_pages(docs(made), {"en/extra.md": "# Extra\n\nSomething entirely new to read about.\n"})
    os.utime(docs(made) / "en/install.md", (1, 1))  # touched, not changed
    embedded: list[tuple[str, int, int]] = []
    report = build(made, lambda *step: embedded.append(step))
    assert report.added == ("en/extra.md",)
    assert report.changed == ("en/faq.md",)
    assert report.removed == ("zh/install.md",)
    assert max(total for stage, _, total in embedded if stage == "embed") <= 4
    again = build(made)
    assert (again.added, again.changed, again.removed) == ((), (), ())


def test_equal_pieces_are_stored_once_and_know_their_places(made: BuildPlan) -> None:
    text = "# Notes\n\nThe very same paragraph stands on two pages of this documentation.\n"
    write_pages(docs(made), {"a.md": text, "b.md": text})
    build(made)
    catalog = Catalog.open(snapshot(made) / "catalog.sqlite")
    rows = {row.path: row.id for row in catalog.documents()}
    pieces = [piece for piece, document in catalog.piece_documents() if document == rows["a.md"]]
    places = catalog.places_of(pieces[0])
    assert {place.document for place in places} == {rows["a.md"], rows["b.md"]}
    catalog.close()
    (docs(made) / "a.md").unlink()
    assert build(made).removed == ("a.md",)
    catalog = Catalog.open(snapshot(made) / "catalog.sqlite")
    assert len(catalog.places_of(pieces[0])) == 1
    catalog.close()


def test_broken_files_are_skipped_with_their_path_and_reason(made: BuildPlan) -> None:
    (docs(made) / "empty.md").write_text("  \n")
    (docs(made) / "binary.md").write_bytes(b"\0\1\2\3" * 100)
    (docs(made) / "broken.pdf").write_bytes(b"%PDF-1.7 nonsense")
    report = build(made)
    skipped = {item.path: item.reason for item in report.skipped}
    assert set(skipped) == {"empty.md", "binary.md", "broken.pdf"}
    assert all(skipped.values())
    assert report.documents == len(PAGES)
    assert {item.path for item in build(made).skipped} == set(skipped)
    (docs(made) / "empty.md").write_text("Now there is something to read in this file.")
    assert build(made).added == ("empty.md",)


def test_a_failed_build_leaves_the_old_snapshot(made: BuildPlan) -> None:
    build(made)
    before = snapshot(made)
    gone = replace(made, sources=(replace(made.sources[0], path=str(docs(made) / "nowhere")),))
    with pytest.raises(SourceError, match="kettle"):
        build(gone)
    assert snapshot(made) == before
    assert sorted(path.name for path in Path(made.folder).glob("snapshot-*")) == [before.name]


def test_another_layout_or_embedder_builds_from_nothing(made: BuildPlan) -> None:
    build(made)
    wider = replace(made, piece_chars=(400, 800))
    assert not is_current(wider)
    assert len(build(wider).added) == len(PAGES)
    other = replace(wider, embedder=EmbedderSpec("openai", "m", "http://127.0.0.1:9/v1", dim=8))
    assert not is_current(other)


def test_a_damaged_snapshot_is_built_anew(made: BuildPlan) -> None:
    build(made)
    (snapshot(made) / "answer.hnsw").write_bytes(b"x")
    assert len(build(made).added) == len(PAGES)
    assert build(made).added == ()


def test_two_builds_at_once_are_refused(made: BuildPlan) -> None:
    inner: list[str] = []

    def second(*_: object) -> None:
        if not inner:
            inner.append("")
            with pytest.raises(KnowledgeError, match="another process is building"):
                build(made)
            inner.append("refused")

    build(made, second)
    assert inner == ["", "refused"]


def test_pieces_of_both_views_cover_each_other(made: BuildPlan) -> None:
    build(made)
    catalog = Catalog.open(snapshot(made) / "catalog.sqlite")
    answering = {piece for piece, _ in catalog.piece_documents()}
    parents = catalog.parents()
    assert {parent for _, parent in parents} <= answering
    assert len({small for small, _ in parents}) == catalog.counts()["reject"]
    assert catalog.counts()[ANSWER] == len(answering)
    catalog.close()


def test_a_builder_whose_bot_is_gone_ends_without_a_traceback(made: BuildPlan) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "knowledge.build"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin and child.stdout and child.stderr
    child.stdout.close()
    child.stdin.write(json.dumps(asdict(made)).encode() + b"\n")
    child.stdin.close()
    assert (child.stderr.read(), child.wait(60)) == (b"", 1)
    child.stderr.close()
