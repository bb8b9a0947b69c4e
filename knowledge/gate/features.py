"""What the learned gate sees of a message: where the index finds it, how it is written.

Nothing here is more than retrieval looks up anyway: one search for vectors, one for words.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.index.open import Scope, Snapshot
from knowledge.types import Floats, Vectors

NEAR, EFFORT = 50, 150
"""Pieces looked at, and candidates for them; more changes the means by under 0.001."""

NEIGHBOURS = 1, 5, NEAR
"""The means of so many cosines are features; the second one is the distance."""

HITS = 5
"""Hits for the words that are looked at."""

WORDS = {"path": 0.5, "heading": 0.5, "text": 1.0}

FEATURES = (
    "nearest", "near 5", "near 50",  # cosines
    "best words", "words",           # BM25 of the best piece, mean of the best five
    "telling", "known", "rarest known", "rarity", "rarest", "unknown names",
    "length", "question marks", "asks", "polite", "identifiers", "latin", "error", "clauses",
)  # fmt: skip

MOST_GRAM = 4
BUCKETS = 1 << 14
"""Runs of one to four characters, hashed; twice as many buckets change nothing."""

MOST_CHARS = 500
"""A longer message is judged by its beginning."""

_ASKS = re.compile(
    r"怎么|咋|如何|什么|啥|哪|为何|吗|嘛|呢|能否|是否|是不是|有没有|多少|几[个种次]|谁"
    r"|\b(?:how|what|why|which|where|when|who|can|could|does|do|is|are|should|any)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"请问|请教|求助|问下|问一下|大佬|谢|想问|帮|please|thanks|help", re.IGNORECASE
)
_IDENTIFIER = re.compile(
    r"[A-Za-z][A-Za-z0-9]*(?:[_./\\-][A-Za-z0-9]+)+|[a-z]+[A-Z]\w*|--\w+|\w+\(\)|`"
)
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]+")
_ERROR = re.compile(r"error|exception|traceback|failed|报错|错误|失败|问题|bug", re.IGNORECASE)
_CLAUSE = re.compile(r"[。，,.]")


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as the gate sees it: `vector` has shape (dim,), `cosines` are those of the nearest
    pieces, at most (NEAR,), `features` (len(FEATURES),); `grams` are numbers of buckets and
    `counts` how much each weighs, together of length 1."""

    vector: Vectors
    cosines: NDArray[np.float32]
    features: Floats
    grams: NDArray[np.int64]
    counts: NDArray[np.float32]

    def nearness(self, neighbours: int) -> float:
        """Mean cosine to so many of the nearest pieces; -1 without any."""
        return mean_cosine(self.cosines[:neighbours])


def see(snapshot: Snapshot, text: str, vector: Vectors, scope: Scope) -> Seen:
    """Looks a message up in a scope of the index; `vector` is its own, of shape (dim,)."""
    text = text[:MOST_CHARS]
    _, cosines = snapshot.reject.search(vector, NEAR, EFFORT, scope.reject)
    near = (mean_cosine(cosines[:count]) for count in NEIGHBOURS)
    features = [*near, *_by_words(snapshot, text, scope), *_surface(text)]
    return Seen(vector, cosines, np.asarray(features, np.float64), *grams_of(text))


def mean_cosine(cosines: NDArray[np.float32]) -> float:
    """Their mean; -1 where there are none."""
    return float(cosines.mean()) if len(cosines) else -1.0


def _by_words(snapshot: Snapshot, text: str, scope: Scope) -> Sequence[float]:
    words = snapshot.words
    asked = dict.fromkeys(words.terms(text), 1.0)
    hits = [score for _, score in words.search(asked, WORDS, HITS, scope.answer)]
    rarities = list(words.rarity(words.telling_terms(text)).values())
    known = [rarity for rarity in rarities if rarity < words.rarity_of_unknown - 1e-9]
    return (
        hits[0] if hits else 0.0,
        sum(hits) / len(hits) if hits else 0.0,
        math.log1p(len(rarities)),
        len(known) / max(1, len(rarities)),
        max(known, default=0.0),
        sum(rarities) / max(1, len(rarities)),
        max(rarities, default=0.0),
        min(3, len(words.unknown_names(text))),
    )


def _surface(text: str) -> Sequence[float]:
    return (
        math.log1p(len(text)),
        min(2, text.count("?") + text.count("？")),
        min(3, len(_ASKS.findall(text))),
        min(2, len(_POLITE.findall(text))),
        math.log1p(len(_IDENTIFIER.findall(text))),
        sum(map(len, _LATIN.findall(text))) / max(1, len(text)),
        float(_ERROR.search(text) is not None),
        min(4, len(_CLAUSE.findall(text))),
    )


def grams_of(text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The buckets of a text's runs of characters, and how much each weighs."""
    characters = [c.encode("utf-8", "replace") for c in f" {' '.join(text.lower().split())} "]
    sums, counts = [0] * len(characters), Counter[int]()
    for size in range(MOST_GRAM):
        # The checksum of a run goes on from that of the run before its last character.
        sums = list(map(zlib.crc32, characters[size:], sums))
        counts.update(checksum % BUCKETS for checksum in sums)
    weights = 1.0 + np.log(np.fromiter(counts.values(), np.float32))
    buckets = np.fromiter(counts, np.int64)
    return buckets, (weights / np.linalg.norm(weights)).astype(np.float32)
