"""How well a piece of code answers: by the verbatim terms it holds, defined before used, then by
its words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from knowledge.code.chunks import Chunk
from knowledge.code.outline import PATH, language_of
from knowledge.code.types import MAX_HITS, CodeHit

DEFINED, USED = 1.0, 0.6
"""What a term is worth that is defined in a piece, or only used there."""

PLAIN = 0.3
"""What a flag's name is worth without its dashes where it is a word like any other."""

WORDS_SHARE = 0.25
"""Of a score, what words that agree can bring, with or without verbatim terms."""

MINOR = 0.7
"""Factor for tests and examples: they show a use, not what happens."""

_MINOR = re.compile(
    r"(?:^|/)(?:tests?|testing|examples?|demos?|samples?|benchmarks?)/|(?:^|/)test_[^/]*$"
    r"|_test\.\w+$|\.(?:test|spec)\.\w+$|(?:^|/)conftest\.py$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:_\w+)*")
_SEPARATOR = re.compile(r"::|->|\.|/")
_MIN_RUN, _MAX_RUN = 3, 40
"""Words of an error line that must follow each other to be it (what is filled in differs), and
those of the longest line that is looked at."""

_CONSTRUCTORS = frozenset({"__init__", "__new__", "__post_init__", "constructor"})
"""They say as much of a class as its head."""

_PER_FILE = 5
"""Chunks of one file among the hits: others should have their say."""

_MIN_INSIDE = 5
"""Shorter terms inside longer names are chance."""


@dataclass(frozen=True, slots=True)
class Term:
    """A verbatim term. `weight` is its share of all terms; `forms` are it and its last part, each
    with what it is worth; `said` are the words of one that is a line."""

    text: str
    weight: float
    forms: tuple[tuple[str, float], ...]
    defining: re.Pattern[str]
    said: tuple[str, ...]


def terms_of(verbatim: Sequence[str], rarity: Mapping[str, float]) -> list[Term]:
    """Terms ready to be looked for; rare ones weigh more."""
    whole = sum(rarity.get(text, 1.0) for text in verbatim) or 1.0
    return [_term(text, rarity.get(text, 1.0) / whole) for text in verbatim]


@lru_cache(4096)
def is_minor(path: str) -> bool:
    """Is it a test or an example?"""
    return bool(_MINOR.search(path))


def score(
    terms: Sequence[Term], path: str, heading: str, text: str, words: float
) -> tuple[float, tuple[str, ...], tuple[str, ...]]:
    """0 to 1, the terms that occur, and those of them that are defined. `words` from 0 to
    1 is how well the words agree."""
    whole = f"{heading}\n{text}"
    piece = _Piece(path.lower(), whole, whole.lower())
    verbatim, matched, defined = 0.0, [], []
    for term in terms:
        worth = _literal(term, piece)
        if worth:
            matched.append(term.text)
            defines = _defines(term, heading, text)
            defined += [term.text] if defines else []
            verbatim += term.weight * worth * (DEFINED if defines else USED)
    total = (1 - WORDS_SHARE) * verbatim + WORDS_SHARE * words
    return total * (MINOR if is_minor(path) else 1.0), tuple(matched), tuple(defined)


def rated(
    terms: Sequence[Term], repo: str, path: str, chunk: Chunk, url: str, words: float = 0.0
) -> CodeHit:
    """A chunk of a file as a hit, see `score`."""
    points, matched, defined = score(terms, path, chunk.heading, chunk.text, words)
    return CodeHit(
        repo=repo,
        path=path,
        line=chunk.line,
        heading=chunk.heading,
        text=chunk.text,
        language=language_of(path),
        url=url,
        score=points,
        matched=matched,
        defined=defined,
    )


def kept(hits: Iterable[CodeHit]) -> list[CodeHit]:
    """The best hits, few of each file; where some hold what was asked for verbatim, only these."""
    ordered = sorted(hits, key=lambda hit: (-hit.score, hit.path, hit.line))
    if any(hit.matched for hit in ordered):
        ordered = [hit for hit in ordered if hit.matched]
    counts: dict[tuple[str, str], int] = {}
    taken: list[CodeHit] = []
    for hit in ordered:
        place = (hit.repo, hit.path)
        counts[place] = counts.get(place, 0) + 1
        if counts[place] <= _PER_FILE and len(taken) < MAX_HITS:
            taken.append(hit)
    return taken


@dataclass(slots=True)
class _Piece:
    """A chunk's heading and text as they stand and in small letters; `spoken` are its words, once
    needed."""

    path: str
    text: str
    small: str
    spoken: str = ""


def _term(text: str, weight: float) -> Term:
    tail = _SEPARATOR.split(text)[-1] if not text.startswith("-") else text
    name = text.lstrip("-")
    forms = [(text, 1.0)]
    if tail != text and len(tail) > 2 and not re.search(r"\.\w{1,4}$", text.rsplit("/", 1)[-1]):
        forms.append((tail, 0.9))
    if name != text and "-" in name:
        forms.append((name.replace("-", "_"), 0.8))
    elif name != text:
        forms.append((name, PLAIN))
    words = _WORD.findall(text.lower())
    said = words if _MIN_RUN <= len(words) <= _MAX_RUN else []
    return Term(text, weight, tuple(forms), _defining(tail.lstrip("-")), tuple(said))


def _defining(name: str) -> re.Pattern[str]:
    """What a definition of a name looks like, in whatever language: a keyword before it, a value
    or a type after it, or the option of a command line. An argument that is passed is none."""
    last = re.escape(name).replace(r"\-", "[-_]")
    key = rf"[\"']?(?:--)?{last}[\"']?"
    return re.compile(
        rf"(?:\b(?:def|class|func|function|fn|struct|enum|interface|trait|type|const|let|var|"
        rf"module|namespace|#define)\s+(?:[\w.:]*[.:])?|#\s*define\s+){last}\b"
        rf"|^[ \t]*(?:self\.|this\.|export\s+|-\s+)?{key}(?:\s*:(?!:)|\s+=(?!=))|^{key}=(?!=)"
        rf"|^[ \t]*[\"']--{last}[\"'],"
        rf"|(?:add_argument|option|Field|add_flag)\([^)]{{0,80}}{key}"
    )


def _literal(term: Term, piece: _Piece) -> float:
    """What the best occurrence of a term is worth; 0 where it doesn't occur."""
    best = 0.0
    for form, worth in term.forms:
        lowered = form.lower()
        if lowered in piece.small:
            best = max(best, worth * _closeness(form, lowered, piece))
        elif len(lowered) >= _MIN_INSIDE and lowered in piece.path:
            best = max(best, worth * 0.8)
    return best or (_run(term.said, piece) if term.said else 0.0)


def _closeness(form: str, lowered: str, piece: _Piece) -> float:
    """1 for a name as it was written, less in other letters, least inside a longer name."""
    if form in piece.text and _alone(form, piece.text):
        return 1.0
    if _alone(lowered, piece.small):
        return 0.75
    return 0.45 if len(lowered) >= _MIN_INSIDE else 0.0


def _alone(name: str, text: str) -> bool:
    """Does a name occur with no letter, digit or _ right beside it?"""
    at = text.find(name)
    while at >= 0:
        before, after = text[at - 1 : at] if at else "", text[at + len(name) : at + len(name) + 1]
        if not (_joins(before) or _joins(after)):
            return True
        at = text.find(name, at + 1)
    return False


def _joins(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")


def _run(said: Sequence[str], piece: _Piece) -> float:
    """The share of a line's words that follow each other in the text as they do in it."""
    if sum(word in piece.small for word in said) < _MIN_RUN:
        return 0.0
    piece.spoken = piece.spoken or f" {' '.join(_WORD.findall(piece.small))} "
    best = 0
    for first in range(len(said) - _MIN_RUN + 1):
        last = first + max(_MIN_RUN, best + 1)
        while last <= len(said) and f" {' '.join(said[first:last])} " in piece.spoken:
            best, last = last - first, last + 1
    return best / len(said)


def _defines(term: Term, heading: str, text: str) -> bool:
    last = _SEPARATOR.split(term.text)[-1].lstrip("-")
    *_, around, own = ("", *heading.split(PATH))
    named = around if own in _CONSTRUCTORS else own
    if len(last) > 1 and last in (own, _SEPARATOR.split(named)[-1]):
        return True
    other = last.replace("-", "_")
    lines = (line for line in text.split("\n") if last in line or other in line)
    return any(term.defining.search(line) for line in lines)
