"""What `search.repo` may hold, where repositories are, and the links into them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from knowledge.code.checkout import line_link, link_base, sourcegraph_link
from knowledge.code.settings import RepoList, RepoSettings, code_folder, source_folders
from knowledge.settings import KnowledgeSettings, SourceSettings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "../x"}, "letters"),
        ({"repo": ""}, "at least 1"),
        ({"repo": "a\0b"}, "name of a knowledge source"),
        ({"backend": "sourcegraph", "repo": "kettle"}, "open-compass/opencompass"),
        ({"backend": "sourcegraph", "repo": "a/b$ repo:x"}, "open-compass/opencompass"),
        ({"backend": "ripgrep"}, "'local' or 'sourcegraph'"),
        ({"endpoint": "ftp://x"}, "http"),
        ({"endpoint": ""}, "address"),
        ({"rev": "main repo:x"}, "branch"),
        ({"rev": "-x"}, "branch"),
        ({"include": ("../*",)}, "below"),
        ({"unknown": 1}, "Extra"),
    ],
)
def test_mistakes_are_told(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RepoSettings(**{"name": "kettle", "repo": "kettle", **fields})


def test_names_are_given_once() -> None:
    twice = (RepoSettings(name="a", repo="x"), RepoSettings(name="A", repo="y"))
    with pytest.raises(ValidationError, match="two repositories are named `a`"):
        TypeAdapter(RepoList).validate_python(twice)


def test_secrets_stay_out_of_sight() -> None:
    given = RepoSettings.model_validate({"name": "a", "repo": "a", "token": "geheim"}, strict=False)
    assert "geheim" not in repr(given)


def test_a_repository_is_a_source_or_a_folder() -> None:
    knowledge = KnowledgeSettings(
        sources=(
            SourceSettings(name="here", path=Path("/docs")),
            SourceSettings(name="there", git="https://git.test/x"),
        )
    )
    sources = source_folders(knowledge, Path("/data"))

    def folder(repo: str) -> Path | None:
        return code_folder(RepoSettings(name="a", repo=repo), sources, Path("/base"))

    assert folder("here") == Path("/docs")
    assert folder("there") == Path("/data/knowledge/git/there")
    assert folder("/abs") == Path("/abs")
    assert folder("./rel") == Path("/base/rel")
    assert folder("nowhere") is None


@pytest.mark.parametrize(
    ("remote", "base"),
    [
        ("https://github.com/o/r", "https://github.com/o/r/blob/{commit}"),
        ("ssh://git@github.com:22/o/r.git", "https://github.com/o/r/blob/{commit}"),
        ("git@github.com:o/r.git", "https://github.com/o/r/blob/{commit}"),
        ("https://u:geheim@gitee.com/o/r.git/", "https://gitee.com/o/r/blob/{commit}"),
        ("git@gitlab.corp.test:g/s/r.git", "https://gitlab.corp.test/g/s/r/-/blob/{commit}"),
        ("https://github.com.evil.test/o/r", ""),
        ("https://github.com/o/../r", ""),
        ("https://github.com/o r/x", ""),
        ("file:///srv/r", ""),
        ("/srv/r", ""),
        ("http://[x", ""),
        ("", ""),
    ],
)
def test_known_hosts_have_links(remote: str, base: str) -> None:
    assert link_base(remote) == base


def test_links_are_quoted_and_need_a_commit() -> None:
    base = "https://github.com/o/r/blob/{commit}"
    assert line_link(base, COMMIT, "a b/图#.py", 3) == (
        f"https://github.com/o/r/blob/{COMMIT}/a%20b/%E5%9B%BE%23.py#L3"
    )
    assert line_link(base, "", "a.py", 3) == ""
    assert line_link(base, "main", "a.py", 3) == ""
    assert sourcegraph_link("https://s.test", "h.test/o/r", "HEAD", "a.py", 1) == ""
