"""Values that leave the knowledge base, and its contracts.

KnowledgeError
├── SourceError         a source folder or git address can't be read
├── ExamplesMissing     a file of examples that is configured can't be read
├── IndexMismatch       a saved index or gate was made with another embedder or format
├── RerankerError       see `knowledge.retrieval.rerank`
└── EmbedderError       the embedder can't be loaded or its service failed
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""Shape (n, dim), each row of length 1."""

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]


class KnowledgeError(Exception):
    """Base of what can go wrong in the knowledge base."""


class SourceError(KnowledgeError):
    """A source can't be read; says which and what to do."""


class ExamplesMissing(KnowledgeError):
    """A file of examples that the configuration names can't be read."""


class IndexMismatch(KnowledgeError):
    """A saved artefact does not belong to this configuration; says how to rebuild it."""


class EmbedderError(KnowledgeError):
    """The embedder can't be loaded, or its service failed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a passage that can be quoted by itself: characters `start` to `end` of the
    document, its 1-based line, the headings above it, and how well it answers, beside others."""

    start: int
    end: int
    line: int
    heading: str
    score: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A readable excerpt of one document, found for a question.

    `path` is relative to its source's folder, with forward slashes; `line` is 1-based;
    `heading` is the path of headings above it ("Install > From source"). `score` is the
    cosine of the best piece inside it to the question; `rank_score` orders the hits.
    `also_in` lists the other places where the same text stands; `starts_under` are the headings
    above its first line, where they are others than those of the best piece. `start` is where it
    begins in the document, in characters; `parts` are what it is made of, as far as that was
    looked at. `origin` says who stands for it: our "documents", or what a search beyond them
    names. `places` are the line in the file and the section's anchor of each line, if known.
    """

    source: str
    path: str
    heading: str
    line: int
    text: str
    score: float
    rank_score: float = 0.0
    url: str = ""
    also_in: tuple[str, ...] = ()
    starts_under: str = ""
    start: int = 0
    origin: str = "documents"
    parts: tuple[Part, ...] = ()
    places: tuple[tuple[int, str], ...] = ()

    def place(self, at: int) -> tuple[int, str]:
        """The line in the file, and the address with its anchor, of a line of the text, from 0."""
        if at >= len(self.places):
            return self.line + at, self.url
        line, anchor = self.places[at]
        return line, f"{self.url}#{anchor}" if self.url and anchor else self.url

    @property
    def section_url(self) -> str:
        """The address of the section that `heading` names."""
        starts = (part.start for part in self.parts if part.heading == self.heading)
        return self.place(self.text.count("\n", 0, max(0, next(starts, 0) - self.start)))[1]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought: passages, best first, and how well they cover the question.

    `evidence` is the fitted probability that the best passage answers, 0..1; `unknown` are names
    in the question that occur nowhere in the documents. `reranked` names the reranker whose order
    it is, or says why it is not; "" where there is none.
    """

    passages: tuple[Passage, ...]
    evidence: float
    unknown: tuple[str, ...]
    reranked: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """Text cut verbatim from a passage; `line` is where it starts in the document, 1-based,
    `heading` the path of headings above it, and `url` its address, with the section's anchor.

    `score` is how well its best part answers, beside other parts of the same question.
    """

    text: str
    passage: Passage
    heading: str
    line: int
    score: float
    url: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Labels that count fully, and how many of them pass a threshold."""

    good: int
    good_passing: int
    bad: int
    bad_passing: int

    @property
    def labels(self) -> int:
        """All of them."""
        return self.good + self.bad


@dataclass(frozen=True, slots=True)
class Point:
    """An operating point: a message passes from `threshold` on. `precision` and `recall` are
    estimates for the group; what was wished for is `proven`, or may be from `needed` labels on."""

    threshold: float
    precision: float
    recall: float
    counts: Counts
    proven: bool
    needed: int | None = None


GateReason: TypeAlias = Literal["learned", "configured", "few", "not_better", "other_documents"]
"""What decided for the gate's model: it was learned, or the distance serves since that was
configured, the examples are few, what is learned is not better yet, or the good examples are
about other documents."""


@dataclass(frozen=True, slots=True)
class GateState:
    """The fitted gate without its model, tied to the `index` and, by `key`, to the embedder, the
    examples and the options.

    `groups` holds points of groups with enough labels of their own. `share` of a group's messages
    are taken to be good, of `weekly` messages. `talk` and `question` are how near small talk and
    a typical question about the documents are, as cosines.
    """

    model: Literal["learned", "distance"]
    why: GateReason
    index: str
    key: str
    unprompted: Point
    mention: Point
    groups: Mapping[str, tuple[Point, Point]]
    good: int
    bad: int
    share: float
    weekly: float
    target: float
    confidence: float
    talk: float
    question: float

    @property
    def examples_fit(self) -> bool:
        """Are the good examples about these documents?"""
        return self.why != "other_documents"


@dataclass(frozen=True, slots=True)
class Status:
    """What a knowledge base serves. `built_at` is in seconds since the epoch; `thresholds` are
    the gate's, unprompted and when mentioned."""

    snapshot: str
    documents: int
    pieces: int
    skipped: int
    sources: tuple[str, ...]
    built_at: float
    gate: GateState

    @property
    def thresholds(self) -> tuple[float, float]:
        """The gate's thresholds, unprompted and when mentioned."""
        return self.gate.unprompted.threshold, self.gate.mention.threshold


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate thinks of a message. `reason` names the rule that decided."""

    accept: bool
    score: float
    threshold: float
    reason: str


class Embedder(Protocol):
    """Turns texts into unit vectors. Blocking: call it from a thread or another process."""

    @property
    def id(self) -> str:
        """Names model and settings; vectors of different ids can't be compared."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embeds texts, shape (len(texts), dim). Raises EmbedderError."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters `start` to `end` of a document; `line` is 1-based; `heading` joined by " > "."""

    start: int
    end: int
    line: int
    heading: str
    text: str


PATH = " > "
"""Between the headings of a path."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading at a 0-based line; `level` 1 is the highest."""

    line: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Outline:
    """Headings in order, and the 0-based line ranges [first, last) that should stay whole."""

    headings: tuple[Heading, ...] = ()
    solid: tuple[tuple[int, int], ...] = ()


class HeadingPaths:
    """The path of headings above each line of a document."""

    def __init__(self, outline: Outline) -> None:
        self._lines = [heading.line for heading in outline.headings]
        self._paths: list[str] = []
        above: list[Heading] = []
        for heading in outline.headings:
            while above and above[-1].level >= heading.level:
                above.pop()
            above.append(heading)
            self._paths.append(PATH.join(each.text for each in above))

    def at(self, line: int) -> str:
        """The headings above a 0-based line, outermost first; its own counts."""
        number = bisect_right(self._lines, line)
        return self._paths[number - 1] if number else ""
