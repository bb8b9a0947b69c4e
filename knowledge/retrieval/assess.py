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

TITLE_FACTOR = 2.0
"""A page's title is soon written, and search engines may show another one: it makes an answer at
most so many times as likely, by odds, as the text does by itself."""

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
    own = [f"{piece.heading}\n{piece.text}" for _, piece in cuts]
    titled = [f"{_heading(text, piece)}\n{piece.text}" for text, piece in cuts]
    vectors = encode([question, *own, *titled])
    near = (vectors[1:] @ vectors[0]).tolist()
    asked, telling = words.terms(question), words.telling_terms(question)
    said = words.term_set("\n".join(text.text for text in texts))
    missing = [name for name in words.unknown_names(question) if set(words.terms(name)) - said]
    told = said | words.term_set("\n".join(text.heading for text in texts))
    unknown = [name for name in missing if set(words.terms(name)) - told]

    def judged(shown: str, cosine: float, heading: str, names: Sequence[str]) -> float:
        share, count = held(words, telling, shown)
        title = asks_the_same(words, asked, heading)
        return evidence(scale.of(cosine), share, count, title, len(names))

    scored = []
    for at, (text, piece) in enumerate(cuts):
        cosine, titled_cosine = near[at], near[len(cuts) + at]
        alone = judged(own[at], cosine, piece.heading, missing)
        whole = judged(titled[at], titled_cosine, _heading(text, piece), unknown)
        scored.append(_Scored(text, piece, titled_cosine, _bounded(whole, alone)))
    best = _best(scored, k)
    return Found(tuple(map(_passage, best)), best[0].evidence, tuple(unknown))


def _bounded(whole: float, alone: float) -> float:
    """The evidence with the title, as far as the text bears it out."""
    most = TITLE_FACTOR * alone / max(1.0 - alone, 1e-9)
    return min(whole, most / (1.0 + most))


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
