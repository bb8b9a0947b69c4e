"""What the searches elsewhere bring, as passages that can be judged, quoted and cited."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from common.markdown import fence_for
from knowledge.code.rank import Term, score, terms_of
from knowledge.code.types import CodeHit
from knowledge.types import Passage
from knowledge.web.types import Article

SHOWN_LINES = 40
"""Lines of code that are quoted where nobody can choose among them."""

MAX_GAP = 3
"""Blank lines between two pieces of one whole."""

_LINE_IN_URL = re.compile(r"(?<=[#?]L)\d+$")
_WORD = re.compile(r"\w+")


def code_passage(hit: CodeHit) -> Passage:
    """A piece of code, fenced; its path begins with the repository's name."""
    fence = fence_for(hit.text)
    return Passage(
        source=hit.repo,
        path=f"{hit.repo}/{hit.path}",
        heading=hit.heading,
        line=hit.line,
        text=f"{fence}{hit.language}\n{hit.text}\n{fence}",
        score=hit.score,
        rank_score=hit.score,
        url=hit.url,
        origin="code",
    )


def article_passage(article: Article) -> Passage:
    """A whole page; its path is its address as people read it."""
    parts = urlsplit(article.url)
    place = f"{parts.hostname or ''}{unquote(parts.path)}".rstrip("/")
    origin = "preferred" if article.preferred else "web"
    return Passage(
        source=parts.hostname or "",
        path=place,
        heading=article.title,
        line=1,
        text=article.text,
        score=0.0,
        url=article.url,
        origin=origin,
    )


def joined(hits: Sequence[CodeHit]) -> list[CodeHit]:
    """Hits that follow each other in a file as one, best first."""
    whole: list[CodeHit] = []
    for hit in sorted(hits, key=lambda h: (h.repo, h.path, h.line)):
        last = whole[-1] if whole else None
        gap = hit.line - last.line - last.text.count("\n") if last else 0
        if last and (last.repo, last.path) == (hit.repo, hit.path) and 0 < gap <= MAX_GAP:
            best = last if last.score >= hit.score else hit
            whole[-1] = replace(
                last,
                text=last.text + "\n" * gap + hit.text,
                heading=best.heading,
                score=best.score,
                matched=tuple(dict.fromkeys((*last.matched, *hit.matched))),
                defined=tuple(dict.fromkeys((*last.defined, *hit.defined))),
            )
        else:
            whole.append(hit)
    return sorted(whole, key=lambda hit: -hit.score)


def narrowed(passage: Passage, verbatim: Sequence[str], words: Sequence[str], room: int) -> Passage:
    """The lines of a piece of code that say most of what was asked, in at most `room` characters,
    with its link to them. Of equal stretches the one that begins farthest out, then the last one:
    what a name stands for is said from its definition on."""
    opening, *lines, closing = passage.text.split("\n")
    terms = terms_of(verbatim, {})

    def worth(span: tuple[int, int]) -> tuple[float, int, int]:
        first = lines[span[0]]
        said = _said(lines[slice(*span)], terms, words)
        return said, len(first.lstrip()) - len(first), span[0]

    first, last = max(_stretches(lines, room - len(opening) - len(closing) - 2), key=worth)
    line = passage.line + first
    return replace(
        passage,
        line=line,
        text="\n".join([opening, *lines[first:last], closing]),
        url=_LINE_IN_URL.sub(str(line), passage.url),
    )


def _stretches(lines: Sequence[str], room: int) -> Iterator[tuple[int, int]]:
    """From each line on as many as fit, one in any case."""
    last = 0
    for first in range(len(lines)):
        last = max(last, first + 1)
        while (
            last < len(lines)
            and last - first < SHOWN_LINES
            and sum(len(line) + 1 for line in lines[first : last + 1]) <= room
        ):
            last += 1
        if lines[first].strip():
            yield first, last


def _said(lines: Sequence[str], terms: Sequence[Term], words: Sequence[str]) -> float:
    text = "\n".join(lines)
    spoken = set(_WORD.findall(text.lower()))
    share = sum(word.lower() in spoken for word in words) / max(1, len(words))
    return round(score(terms, "", "", text, share)[0], 6)
