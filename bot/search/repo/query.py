"""What Sourcegraph is asked: names only, quoted, and our own filters. A person's words never
become syntax."""

import re
from collections.abc import Iterable, Sequence

from bot.search.repo.languages import language_of

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
