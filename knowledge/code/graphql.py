"""Sourcegraph's GraphQL API: its schema may change without notice, so all of it is here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from knowledge.code.outline import language_of
from knowledge.code.stream import Answer, cleaned, commit_id, matches_of

SEARCH = (
    "query($q:String!){search(query:$q,version:V3,patternType:keyword){results{matchCount limitHit"
    " alert{title description} results{__typename ... on FileMatch{repository{name} file{path}"
    " lineMatches{lineNumber preview}}}}}}"
)
MOST_FILES = 3
"""Whole files that are asked for at once."""


def contents_request(repository: str, rev: str, paths: Sequence[str]) -> tuple[str, dict[str, str]]:
    """A query for the commit and whole files of a repository, and its variables: the names."""
    declared = "".join(f",$p{number}:String!" for number in range(len(paths)))
    blobs = " ".join(
        f"f{number}:blob(path:$p{number}){{content byteSize binary}}"
        for number in range(len(paths))
    )
    head = f"query($r:String!,$v:String!{declared})"
    files = {f"p{number}": path for number, path in enumerate(paths)}
    return (
        f"{head}{{repository(name:$r){{commit(rev:$v){{oid {blobs}}}}}}}",
        {"r": repository, "v": rev or "HEAD", **files},
    )


def found(data: Mapping[str, Any]) -> Answer:
    """The answer to SEARCH."""
    results = _at(data, "data", "search", "results")
    errors = data.get("errors")
    answer = Answer(matches_of(_at(results, "results")), done=bool(results) and not errors)
    if alert := _at(results, "alert"):
        answer.complain(alert)
    if errors:
        answer.complain(errors[0] if isinstance(errors, list) else {})
    return answer


def contents(data: Mapping[str, Any], paths: Sequence[str]) -> tuple[str, dict[str, str]]:
    """The commit, and the text of each file that there is and that is text."""
    commit = _at(data, "data", "repository", "commit")
    texts: dict[str, str] = {}
    for number, path in enumerate(paths):
        blob = _at(commit, f"f{number}")
        text = _at(blob, "content")
        if isinstance(text, str) and not _at(blob, "binary"):
            texts[path] = cleaned(text)
    return commit_id(_at(commit, "oid")), texts


def _at(found: Any, *keys: str) -> Any:
    for key in keys:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


MAX_QUERIES = 3
"""Queries for one question, over all servers."""

COUNT = 10
_TIMEOUT_S = 10
_MAX_CHARS = 100
_MIN_NAME_CHARS = 4
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(?: [A-Za-z_][A-Za-z0-9_.-]*)*")


def full_name(repo: str) -> str:
    """How Sourcegraph calls a repository: with its host, GitHub's where none is given."""
    return repo if "." in repo.split("/")[0] and repo.count("/") > 1 else f"github.com/{repo}"


def query(phrase: str, repository: str, rev: str) -> str:
    """Looks for a phrase, as `phrases` gives it, in one repository without its tests."""
    revision = f" rev:{rev}" if rev else ""
    return (
        f'"{phrase}" repo:^{repository.replace(".", chr(92) + ".")}${revision} '
        rf"-file:(^|/)(tests?|testing)/ type:file fork:yes archived:yes count:{COUNT} "
        f"timeout:{_TIMEOUT_S}s"
    )


def phrases(verbatim: Iterable[str], terms: Iterable[str], most: int) -> list[str]:
    """The phrases to look for, the most telling first: of each term its longest run of names.
    They hold letters, digits, blanks and _ . - only."""
    found = dict.fromkeys(_longest(term) for term in (*verbatim, *terms))
    kept: list[str] = []
    for phrase in found:
        if len(phrase) > 2 and not any(phrase in other for other in kept):
            kept.append(phrase)
    return _telling(kept)[:most]


def _telling(found: Sequence[str]) -> list[str]:
    """Names that look like code before plain words; otherwise as they came."""
    return sorted(found, key=lambda phrase: not re.search(r"[_. ]|[a-z][A-Z]|\d", phrase))


def _longest(term: str) -> str:
    runs = [run.strip(".- ") for run in _NAMES.findall(term.replace("::", "."))]
    best = max(runs, key=len, default="")
    owner, _, name = best.rpartition(".")
    if owner and len(name) >= _MIN_NAME_CHARS and not language_of(best) and " " not in best:
        best = name  # a class and its function rarely stand together in code
    return best if len(best) <= _MAX_CHARS else best[:_MAX_CHARS].rpartition(" ")[0]
