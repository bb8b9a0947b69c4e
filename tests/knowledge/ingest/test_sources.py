"""Which files a source has: patterns, links, hostile folders, addresses."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from common.visible import visible
from knowledge.ingest.build import build
from knowledge.ingest.sources import list_files
from knowledge.plan import Skipped
from knowledge.settings import SourceSettings
from knowledge.types import SourceError
from tests.knowledge.library import PAGES, plan, write_pages

EVERYTHING = ("**/*",)
TEXT = "Enough words for a page about kettles and their ports."


def listed(
    root: Path, include: tuple[str, ...] = EVERYTHING, exclude: tuple[str, ...] = ()
) -> list[str]:
    files, _ = list_files("s", root, include, exclude, 20_000_000)
    return [file.path for file in files]


def left_out(root: Path) -> list[Skipped]:
    return list_files("s", root, EVERYTHING, (), 20_000_000)[1]


def test_documents_are_listed_in_order_and_other_files_are_not(tmp_path: Path) -> None:
    for name in ("b.md", "a/b.rst", "a/图.txt", "a/picture.png", "program.py", ".git/x.md"):
        write_pages(tmp_path, {name: TEXT})
    assert listed(tmp_path) == ["a/b.rst", "a/图.txt", "b.md"]
    assert left_out(tmp_path) == [Skipped("other files", "no documents: 1 .py", document=False)]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (("**/*.md",), (), ["a.md", "docs/b.md", "docs/deep/c.md"]),
        (("*.md",), (), ["a.md"]),
        (("docs/**",), (), ["docs/b.md", "docs/d.rst", "docs/deep/c.md"]),
        (("docs/*",), (), ["docs/b.md", "docs/d.rst"]),
        (("**/?.rst",), (), ["docs/d.rst"]),
        (("**/*",), ("docs/deep/**",), ["a.md", "docs/b.md", "docs/d.rst"]),
        (("**/*",), ("**/*.md",), ["docs/d.rst"]),
        (("[a].md",), (), []),
    ],
)
def test_patterns_choose(
    tmp_path: Path, include: tuple[str, ...], exclude: tuple[str, ...], expected: list[str]
) -> None:
    for name in ("a.md", "docs/b.md", "docs/deep/c.md", "docs/d.rst"):
        write_pages(tmp_path, {name: TEXT})
    assert listed(tmp_path, include, exclude) == expected


def test_links_are_followed_inside_only(tmp_path: Path) -> None:
    write_pages(tmp_path, {"secret/passwords.md": TEXT, "docs/a.md": TEXT, "docs/b/c.md": TEXT})
    docs = tmp_path / "docs"
    (docs / "leak.md").symlink_to(tmp_path / "secret/passwords.md")
    (docs / "leaks").symlink_to(tmp_path / "secret")
    (docs / "dangling.md").symlink_to(tmp_path / "nowhere.md")
    (docs / "b/round").symlink_to(docs)
    (docs / "circle.md").symlink_to(docs / "circle.md")
    (docs / "same.md").symlink_to(docs / "a.md")
    assert listed(docs) == ["a.md", "b/c.md"]
    reasons = {item.path: item.reason for item in left_out(docs)}
    assert reasons == {
        "leak.md": "a link that leads out of the source",
        "leaks": "a link that leads out of the source",
        "dangling.md": "a link that leads nowhere",
        "circle.md": "a link that leads nowhere",
    }


def test_a_source_that_is_itself_a_link_is_read(tmp_path: Path) -> None:
    write_pages(tmp_path, {"real/a.md": TEXT})
    (tmp_path / "docs").symlink_to(tmp_path / "real")
    assert listed(tmp_path / "docs") == ["a.md"]


def test_huge_and_strange_files_are_left_out_with_a_reason(tmp_path: Path) -> None:
    with (tmp_path / "sparse.md").open("wb") as file:
        file.truncate(100_000_000)
    os.mkfifo(tmp_path / "pipe.md")
    reasons = {item.path: item.reason for item in left_out(tmp_path)}
    assert "knowledge.max_file_mb" in reasons["sparse.md"]
    assert reasons["pipe.md"] == "not a regular file"
    assert listed(tmp_path) == []


def test_documents_that_nothing_can_read_are_reported_with_what_to_do(tmp_path: Path) -> None:
    for name in ("a.doc", "b.XLS", "c.ppt", "d.odt", "e.adoc", "f.zip", "g.csv", "drafts/h.doc"):
        write_pages(tmp_path, {name: TEXT})
    skipped = list_files("s", tmp_path, EVERYTHING, ("drafts/**",), 20_000_000)[1]
    reasons = {item.path: item.reason for item in skipped}
    assert set(reasons) == {
        *("a.doc", "b.XLS", "c.ppt", "d.odt", "e.adoc", "g.csv", "other files"),
    }
    assert reasons["a.doc"] == "can't read .doc; save it as .docx"
    assert reasons["e.adoc"] == "can't read .adoc; save it as .html, with asciidoctor"


def test_a_submodule_that_is_not_there_is_reported(tmp_path: Path) -> None:
    write_pages(tmp_path, {"a.md": TEXT, "there/b.md": TEXT})
    (tmp_path / "missing").mkdir()
    text = "".join(f'[submodule "{name}"]\n\tpath = {name}\n' for name in ("there", "missing"))
    (tmp_path / ".gitmodules").write_text(text)
    (module,) = (item for item in left_out(tmp_path) if item.path == "missing")
    assert "git submodule update" in module.reason


def test_what_can_not_be_listed_is_not_taken_for_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pages(tmp_path, {"a.md": TEXT, "closed/b.md": TEXT})
    scandir = os.scandir

    def failing(error: OSError) -> None:
        def listing(path: str) -> object:
            if str(path).endswith("closed"):
                raise error
            return scandir(path)

        monkeypatch.setattr(os, "scandir", listing)

    closed = str(tmp_path / "closed")
    failing(PermissionError(13, "Permission denied", closed))
    files, skipped = list_files("s", tmp_path, EVERYTHING, (), 20_000_000)
    assert [file.path for file in files] == ["a.md"]
    assert skipped == [Skipped("closed", "no permission to list it")]
    failing(OSError(5, "Input/output error", closed))
    with pytest.raises(SourceError, match=r"source s: can't list .*closed: Input/output error"):
        list_files("s", tmp_path, EVERYTHING, (), 20_000_000)


def test_a_file_that_vanishes_while_it_is_listed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pages(tmp_path, {"a.md": TEXT, "b.md": TEXT})
    lstat = os.lstat

    def vanishing(path: str) -> os.stat_result:
        (tmp_path / "b.md").unlink(missing_ok=True)
        return lstat(path)

    monkeypatch.setattr(os, "lstat", vanishing)
    assert listed(tmp_path) == ["a.md"]
    assert left_out(tmp_path) == []


def test_names_that_are_no_text_do_not_stop_the_build(tmp_path: Path) -> None:
    documents = write_pages(tmp_path / "docs")
    Path(os.fsdecode(os.fsencode(documents) + b"/\xff\xfe.md")).write_text(TEXT)
    report = build(plan(tmp_path / "index", documents))
    assert len(report.added) == len(PAGES) + 1


def test_nothing_hides_in_the_name_of_a_file(tmp_path: Path) -> None:
    name = "guide\u202edm.exe.md"
    (tmp_path / name).write_text("# Guide\n")
    files, _ = list_files("s", tmp_path, EVERYTHING, (), 1000)
    assert [(file.path, file.absolute.name) for file in files] == [(visible(name), name)]


def test_a_folder_that_is_not_there_names_its_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source s: .*nowhere.*knowledge\.sources"):
        list_files("s", tmp_path / "nowhere", EVERYTHING, (), 1)


@pytest.mark.parametrize(
    "address",
    [
        "--upload-pack=touch /tmp/owned",
        "ext::sh -c touch% /tmp/owned",
        "http://plain.test/x.git",
        "relative/path",
        "-oProxyCommand=x@host:path",
        "git@-oProxyCommand=x:path",
    ],
)
def test_addresses_that_could_run_something_are_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        SourceSettings(name="s", git=address)
