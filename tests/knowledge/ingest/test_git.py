"""Git sources: cloned, brought up to date, replaced; nothing half, nothing secret, no surprises."""

import base64
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from knowledge.ingest.build import build
from knowledge.ingest.git import update_git, without_login
from knowledge.plan import BuildPlan
from knowledge.types import SourceError
from tests.knowledge.library import PAGES, plan_of, source, write_pages
from tests.knowledge.processes import descendants

TEXT = "Enough words for a page about kettles and their ports."


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
    kettle = source("kettle", git=repository.as_uri(), link_base="https://git.test/blob/main")
    made = plan_of(tmp_path / "index", kettle)
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
    kettle = source("kettle", git=repository.as_uri())
    made = plan_of(tmp_path / "index", kettle)
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


def of(tmp_path: Path, repository: Path) -> BuildPlan:
    """A plan for one git source."""
    kettle = source("kettle", git=repository.as_uri())
    return plan_of(tmp_path / "index", kettle)


def checkout_of(made: BuildPlan) -> Path:
    return Path(made.folder) / "git" / "kettle"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another repository, with one page of the same name."""
    folder = write_pages(tmp_path / "other", {"en/faq.md": f"# Other\n\n{TEXT}\n"})
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "other pages")
    return folder


def test_another_address_under_the_same_name_is_another_repository(
    tmp_path: Path, repository: Path, other: Path
) -> None:
    build(of(tmp_path, repository))
    report = build(of(tmp_path, other))
    assert report.changed == ("en/faq.md",)
    assert report.documents == 1


def test_another_address_that_fails_does_not_go_on_with_the_old_one(
    tmp_path: Path, repository: Path
) -> None:
    made = of(tmp_path, repository)
    build(made)
    with pytest.raises(SourceError, match="source kettle: git failed on file:///nope"):
        build(of(tmp_path, Path("/nope")))
    assert build(made).changed == ()


def emptied(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")
    (checkout / ".git").mkdir()


def without_git(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git")


def without_commit(checkout: Path) -> None:
    """What a clone that was interrupted early leaves behind."""
    address = git(checkout, "remote", "get-url", "origin").strip()
    shutil.rmtree(checkout)
    checkout.mkdir()
    git(checkout, "init", "--quiet")
    git(checkout, "remote", "add", "origin", address)


def without_objects(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git/objects")


def locked(checkout: Path) -> None:
    """What a git that was killed leaves behind."""
    for name in ("index.lock", "shallow.lock", "HEAD.lock", "refs/heads/main.lock"):
        (checkout / ".git" / name).touch()


def without_files(checkout: Path) -> None:
    for path in checkout.iterdir():
        if path.name != ".git":
            shutil.rmtree(path)


@pytest.mark.parametrize(
    "harm", [emptied, without_git, without_commit, without_objects, locked, without_files]
)
def test_a_broken_checkout_is_mended(
    tmp_path: Path, repository: Path, harm: Callable[[Path], object]
) -> None:
    made = of(tmp_path, repository)
    build(made)
    harm(checkout_of(made))
    write_pages(repository, {"en/new.md": TEXT})
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "more")
    report = build(made)
    assert (report.added, report.removed, report.skipped) == (("en/new.md",), (), ())


@pytest.mark.parametrize("harm", [emptied, without_git, without_commit])
def test_no_whole_checkout_and_no_repository_is_an_error(
    tmp_path: Path, repository: Path, harm: Callable[[Path], object]
) -> None:
    made = of(tmp_path, repository)
    build(made)
    harm(checkout_of(made))
    repository.rename(tmp_path / "moved")
    with pytest.raises(SourceError, match="source kettle: git failed"):
        build(made)


def test_a_clone_that_breaks_off_leaves_nothing(tmp_path: Path, repository: Path) -> None:
    shutil.rmtree(repository / ".git/objects")
    with pytest.raises(SourceError):
        update_git("s", repository.as_uri(), tmp_path / "git/s", 20)
    assert list((tmp_path / "git").iterdir()) == []
    (tmp_path / "git/s.new").mkdir()  # one that was killed
    with pytest.raises(SourceError):
        update_git("s", repository.as_uri(), tmp_path / "git/s", 20)
    assert list((tmp_path / "git").iterdir()) == []


def test_git_says_what_is_fatal(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        update_git("s", f"file://{tmp_path}/nowhere", tmp_path / "checkout", 20)
    assert "fatal: " in str(caught.value)
    assert "does not appear to be a git repository" in str(caught.value)


class _Server(http.server.ThreadingHTTPServer):
    """Knows what it was `given`, and the `words` of all commands that ran meanwhile."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusing)
        self.given: list[tuple[str, str | None]] = []
        self.words: list[str] = []


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Wants a password, and then knows no repository."""

    server: _Server

    def do_GET(self) -> None:
        given = self.headers.get("Authorization")
        self.server.given.append((self.path, given))
        words = [word for process in descendants() for word in process.cmdline()]
        self.server.words += words
        self.send_response(404 if given else 401)
        self.send_header("WWW-Authenticate", 'Basic realm="kettle"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[_Server]:
    served = _Server()
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_password_reaches_the_server_and_nobody_else(tmp_path: Path, server: _Server) -> None:
    address = f"http://me:pa%24%22ss@127.0.0.1:{server.server_port}/x.git"
    with pytest.raises(SourceError) as caught:
        update_git("s", address, tmp_path / "checkout", 20)
    wanted = "Basic " + base64.b64encode(b'me:pa$"ss').decode()
    assert wanted in [given for _, given in server.given]
    words = server.words
    assert "clone" in words
    for text in (str(caught.value), *words):
        assert "pa%24" not in text
        assert 'pa$"ss' not in text


def test_a_changed_password_is_no_other_repository() -> None:
    before = without_login("https://me:old@git.test/kettle.git")
    after = without_login("https://me:new@git.test/kettle.git")
    assert before[0] == after[0] == "https://git.test/kettle.git"
    assert (before[1], after[1]) == (("me", "old"), ("me", "new"))
    for plain in ("git@git.test:kettle.git", "ssh://git@git.test/x.git", "file:///a@b/c", "/a@b"):
        assert without_login(plain) == (plain, None)
