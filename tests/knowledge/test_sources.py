"""Which files a source has: patterns, links, hostile folders, git repositories."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from knowledge.ingest import build
from knowledge.plan import Source
from knowledge.settings import SourceSettings
from knowledge.sources import list_files, update_git
from knowledge.types import Skipped, SourceError
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
    assert left_out(tmp_path) == []


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


def test_names_that_are_no_text_do_not_stop_the_build(tmp_path: Path) -> None:
    documents = write_pages(tmp_path / "docs")
    Path(os.fsdecode(os.fsencode(documents) + b"/\xff\xfe.md")).write_text(TEXT)
    report = build(plan(tmp_path / "index", documents))
    assert len(report.added) == len(PAGES) + 1


def test_a_folder_that_is_not_there_names_its_source(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source s: .*nowhere.*knowledge\.sources"):
        list_files("s", tmp_path / "nowhere", EVERYTHING, (), 1)


def git(folder: Path, *arguments: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True,
        env={**os.environ, **who, "GIT_COMMITTER_EMAIL": "a@b"},
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = write_pages(tmp_path / "repository")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "pages")
    return folder


def test_a_git_source_is_cloned_and_brought_up_to_date(tmp_path: Path, repository: Path) -> None:
    source = Source("kettle", git=repository.as_uri(), link_base="https://git.test/blob/main")
    made = replace(plan(tmp_path / "index", tmp_path), sources=(source,))
    assert build(made).added == tuple(sorted(PAGES))
    write_pages(repository, {"en/new.md": TEXT})
    (repository / "en/faq.md").unlink()
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--amend", "-m", "history rewritten")
    report = build(made)
    assert (report.added, report.removed) == (("en/new.md",), ("en/faq.md",))


def test_a_repository_that_is_gone_leaves_the_old_checkout(
    tmp_path: Path, repository: Path
) -> None:
    source = Source("kettle", git=repository.as_uri())
    made = replace(plan(tmp_path / "index", tmp_path), sources=(source,))
    build(made)
    repository.rename(tmp_path / "moved")
    report = build(made)
    assert report.documents == len(PAGES)
    assert "kept the old checkout" in report.skipped[0].reason


def test_an_address_that_fails_says_so_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        update_git("s", "https://me:secret@127.0.0.1:9/x.git", tmp_path / "checkout", 20)
    assert "secret" not in str(caught.value)
    assert "source s: git failed" in str(caught.value)
    assert not (tmp_path / "checkout").exists()


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


def test_git_itself_refuses_to_run_commands(tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    with pytest.raises(SourceError):
        update_git("s", f"ext::touch {owned}", tmp_path / "checkout", 20)
    assert not owned.exists()


def test_hooks_of_a_repository_are_not_run(tmp_path: Path, repository: Path) -> None:
    checkout = tmp_path / "checkout"
    update_git("s", repository.as_uri(), checkout, 20)
    hook = checkout / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
    hook.chmod(0o755)
    write_pages(repository, {"en/new.md": TEXT})
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "more")
    update_git("s", repository.as_uri(), checkout, 20)
    assert (checkout / "en/new.md").exists()
    assert not (tmp_path / "owned").exists()
