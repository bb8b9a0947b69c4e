"""Judging texts that are not in the index, such as web pages, as if they were documents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from knowledge.index.lexical import LexicalIndex
from knowledge.ingest.split import PATH, outline_of, split
from knowledge.retrieval.evidence import Scale, asks_the_same, evidence, held
from knowledge.types import Found, Passage, Piece, Vectors

PIECE_CHARS = (200, 900)
"""About what a passage from the index has: enough to answer from, little enough to be near."""

MAX_PIECES = 120
"""Pieces of all texts that are embedded for one question."""

TITLE_COUNTS = 0.5
"""A page's title is soon written, and search engines may show another one: it counts half, and no
more than the text bears out, by the share of the question's words that stand in the text itself."""

PER_TEXT = 2
"""Passages of one text among the best."""


@dataclass(frozen=True, slots=True)
class _Scored:
    text: Passage
    piece: Piece
    cosine: float
    evidence: float


def assess(
    question: str,
    texts: Sequence[Passage],
    k: int,
    encode: Callable[[Sequence[str]], Vectors],
    words: LexicalIndex,
    scale: Scale,
) -> Found:
    """The k best passages of whole texts, and how well they cover the question; the figures mean
    what they do for documents, see `Found`."""
    cuts = [(text, piece) for text in texts for piece in _pieces(text.text)][:MAX_PIECES]
    if not cuts:
        return Found((), 0.0, ())
    shown = [f"{piece.heading}\n{piece.text}" for _, piece in cuts]
    vectors = encode([question, *shown])
    asked, telling = words.terms(question), words.telling_terms(question)
    titles = "\n".join(text.heading for text in texts)
    said = words.term_set("\n".join(text.text for text in texts))
    missing = [name for name in words.unknown_names(question) if set(words.terms(name)) - said]
    titled = said | words.term_set(titles)
    unknown = [name for name in missing if set(words.terms(name)) - titled]
    scored = []
    for (text, piece), own, vector in zip(cuts, shown, vectors[1:], strict=True):
        cosine = float(vector @ vectors[0])
        own_title = asks_the_same(words, asked, piece.heading)
        title = asks_the_same(words, asked, _heading(text, piece))
        share, count = held(words, telling, own)
        with_title, _ = held(words, telling, f"{text.heading}\n{own}")
        borne = TITLE_COUNTS * share
        sure = evidence(
            scale.of(cosine),
            share + borne * (with_title - share),
            count,
            own_title + borne * (title - own_title),
            len(missing) + borne * (len(unknown) - len(missing)),
        )
        scored.append(_Scored(text, piece, cosine, sure))
    best = _best(scored, k)
    return Found(tuple(map(_passage, best)), best[0].evidence, tuple(unknown))


def _pieces(text: str) -> list[Piece]:
    outline = outline_of(text, "markdown")
    return split(text, "markdown", outline, PIECE_CHARS, 2 * PIECE_CHARS[1])


def _best(scored: Sequence[_Scored], k: int) -> list[_Scored]:
    kept: list[_Scored] = []
    for one in sorted(scored, key=lambda s: -s.evidence):
        if sum(other.text is one.text for other in kept) < PER_TEXT and len(kept) < k:
            kept.append(one)
    return kept


def _heading(text: Passage, piece: Piece) -> str:
    if not piece.heading or piece.heading == text.heading:
        return text.heading
    return f"{text.heading}{PATH}{piece.heading}" if text.heading else piece.heading


def _passage(one: _Scored) -> Passage:
    return replace(
        one.text,
        text=one.piece.text,
        heading=_heading(one.text, one.piece),
        line=one.piece.line,
        start=one.piece.start,
        score=one.cosine,
        rank_score=one.evidence,
    )
