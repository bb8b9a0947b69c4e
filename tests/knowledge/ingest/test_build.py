"""Building the index: what changes, what stays, and what a failure leaves behind."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from common.snapshots import current_snapshot
from knowledge.index.catalog import ANSWER, Catalog
from knowledge.index.embedders import unit
from knowledge.index.embedding_cache import EmbeddingCache
from knowledge.index.snapshots import CHANGES, is_current
from knowledge.ingest.build import build
from knowledge.ingest.readers import Reading
from knowledge.plan import BuildPlan, Skipped
from knowledge.types import Embedder, KnowledgeError, SourceError, Vectors
from tests.knowledge.library import PAGES, plan, plan_of, source, write_pages


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
    assert max(total for stage, _, total in embedded if stage == "embed") <= 5
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
    api = replace(made.embedder, kind="openai", model="m", base_url="http://127.0.0.1:9/v1", dim=8)
    other = replace(wider, embedder=api)
    assert not is_current(other)


def test_a_damaged_snapshot_is_built_anew(made: BuildPlan) -> None:
    build(made)
    (snapshot(made) / "small.hnsw").write_bytes(b"x")
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
        [sys.executable, "-m", "knowledge.ingest.builder_main"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdin and child.stdout and child.stderr
    child.stdout.close()
    order = {"plan": asdict(made), "dim": 0}
    child.stdin.write(json.dumps(order).encode() + b"\n")
    child.stdin.close()
    assert (child.stderr.read(), child.wait(60)) == (b"", 1)
    child.stderr.close()


def test_another_folder_with_files_of_the_same_size_and_time_is_read(
    made: BuildPlan, tmp_path: Path
) -> None:
    build(made)
    page = PAGES["en/faq.md"]
    other = write_pages(tmp_path / "other", PAGES | {"en/faq.md": page.replace("minute", "decade")})
    for name in PAGES:
        there = (docs(made) / name).stat()
        os.utime(other / name, ns=(there.st_atime_ns, there.st_mtime_ns))
    moved = replace(made, sources=(replace(made.sources[0], path=str(other)),))
    report = build(moved)
    assert (report.added, report.changed, report.removed) == ((), ("en/faq.md",), ())
    catalog = Catalog.open(snapshot(made) / "catalog.sqlite")
    texts = [
        catalog.excerpt(row.id, 0, 10**6) for row in catalog.documents() if row.path == "en/faq.md"
    ]
    catalog.close()
    assert "takes a decade" in texts[0]
    assert build(moved).changed == ()


def test_a_link_to_another_folder_is_another_place(made: BuildPlan, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(docs(made))
    linked = replace(made, sources=(replace(made.sources[0], path=str(tmp_path / "latest")),))
    before = linked.sources[0].origin
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").symlink_to(tmp_path)
    assert linked.sources[0].origin != before


def test_two_sources_with_the_same_paths_are_told_apart(tmp_path: Path) -> None:
    one = write_pages(tmp_path / "one", {"k.md": PAGES["en/faq.md"], "empty.md": ""})
    two = write_pages(tmp_path / "two", {"k.md": PAGES["en/install.md"], "old.doc": "x"})
    sources = (source("one", path=one), source("two", path=two))
    made = plan_of(tmp_path / "index", *sources)
    report = build(made)
    assert report.added == ("one/k.md", "two/k.md")
    assert {item.path for item in report.skipped} == {"one/empty.md", "two/old.doc"}
    (two / "k.md").unlink()
    (one / "k.md").write_text(PAGES["en/serving.md"])
    report = build(made)
    assert (report.changed, report.removed) == (("one/k.md",), ("two/k.md",))
    assert (snapshot(made) / CHANGES).read_text() == "~ one/k.md\n- two/k.md\n"


def test_an_unmounted_folder_is_not_taken_for_an_empty_one(made: BuildPlan) -> None:
    write_pages(
        docs(made), {f"page{n}.md": PAGES["en/faq.md"] + f"\n\nPage {n}." for n in range(9)}
    )
    build(made)
    before = snapshot(made)
    docs(made).rename(docs(made).with_name("mounted"))
    docs(made).mkdir()
    with pytest.raises(SourceError, match=r"kettle: all of its 13 documents are gone.* delete "):
        build(made)
    assert snapshot(made) == before
    docs(made).rmdir()
    docs(made).with_name("mounted").rename(docs(made))
    assert build(made).removed == ()


def test_the_last_few_documents_may_go(made: BuildPlan) -> None:
    build(made)
    for name in PAGES:
        (docs(made) / name).unlink()
    assert build(made).removed == tuple(sorted(PAGES))


def test_what_took_too_long_is_tried_again_with_another_limit(made: BuildPlan) -> None:
    write_pages(docs(made), {"slow.md": "> - > - a\n" * 40_000})
    hasty = replace(made, convert_timeout_s=0.5)
    slow = {item.path for item in build(hasty).skipped}
    assert "slow.md" in slow
    assert {item.path for item in build(hasty).skipped} == slow, "it is not tried every time"
    patient = build(replace(made, convert_timeout_s=3600))
    assert "slow.md" not in {item.path for item in patient.skipped if "took" in item.reason}


def test_a_file_that_fails_to_be_read_is_kept_as_it_was(
    made: BuildPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(made)
    (docs(made) / "en/faq.md").write_text("Something new that can't be read from the disk now.")
    monkeypatch.setattr(
        "knowledge.ingest.changes.DocumentReader.read",
        lambda _, jobs: (Reading(gone="Input/output error") for _ in jobs),
    )
    report = build(made)
    assert (report.documents, report.changed, report.removed) == (len(PAGES), (), ())
    assert report.skipped == (Skipped("en/faq.md", "Input/output error, kept as it was"),)
    monkeypatch.undo()
    assert build(made).changed == ("en/faq.md",)


def test_what_a_killed_build_left_goes_with_the_next_one(made: BuildPlan) -> None:
    build(made)
    left = Path(made.folder) / "snapshot-7"
    left.mkdir()
    (left / "catalog.sqlite").write_bytes(b"half of it")
    assert build(made).added == ()
    assert [path.name for path in left.parent.glob("snapshot-*")] == [snapshot(made).name]


NASTY = {
    "code.md": "# T\n\n```\n" + "x = y + 1\n" * 30_000 + "```\n",
    "headings.md": "# Head\n\nsome text here\n\n" * 12_000,
    "titles.md": "# Head\n\n" * 30_000,
    "table.md": "|a|b|c|\n|-|-|-|\n" + "| option_name | the meaning of it | 42 |\n" * 7_000,
    "oneline.txt": "kettle port server whistle temperature " * 8_000,
    "ticks.md": "`" * 300_000,
    "chinese.md": "".join(chr(0x4E00 + n * 7919 % 16_000) for n in range(300_000)),
    "paragraphs.md": "hello world this is text\n\n" * 12_000,
    "cells.md": "|a" * 20_000 + "\n" + "|-" * 20_000 + "\n" + "|b\n" * 5_000,
}


def test_a_folder_of_nasty_files_is_read_in_seconds(
    made: BuildPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each took more than a minute, or all memory; embedding is left out."""
    monkeypatch.setattr(
        EmbeddingCache, "encode", lambda _, embedder, texts, *__: random_vectors(texts, embedder)
    )
    write_pages(docs(made), NASTY)
    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    report = build(replace(made, convert_timeout_s=200))
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began
    assert spent < 45, "seconds of the processor: on a busy machine they take longer"
    assert set(PAGES) <= set(report.added)
    # They have no words; the others are read.
    assert {item.path for item in report.skipped} == {"ticks.md", "cells.md"}
    assert all("nothing but" in item.reason for item in report.skipped)


def random_vectors(texts: Sequence[str], embedder: Embedder) -> Vectors:
    generator = np.random.default_rng(len(texts))
    return unit(generator.normal(size=(len(texts), embedder.dim)).astype(np.float32))
