"""The terms of a text as sorted 32-bit checksums: small to store, and quick to look a question's
terms up in. Two of a question's terms with one checksum are once in a hundred million."""

import zlib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Terms: TypeAlias = NDArray[np.uint32]
"""Checksums in rising order, each once."""


def as_terms(stored: bytes) -> Terms:
    """What was stored, without copying it."""
    return np.frombuffer(stored, np.uint32)


def checksums(terms: Sequence[str]) -> Terms:
    """The checksum of each term, in the terms' order."""
    return np.asarray([zlib.crc32(term.encode("utf-8", "replace")) for term in terms], np.uint32)


def terms_from(terms: Iterable[str]) -> Terms:
    """The terms of a text."""
    return np.unique(checksums(list(terms)))


def which_are_in(asked: Terms, text: Terms) -> NDArray[np.bool_]:
    """Which of the asked terms, in any order, a text holds."""
    if not len(text):
        return np.zeros(len(asked), np.bool_)
    at = np.searchsorted(text, asked)
    at[at == len(text)] = 0
    found: NDArray[np.bool_] = text[at] == asked
    return found


def which_are_in_each(asked: Terms, texts: Sequence[Terms]) -> NDArray[np.bool_]:
    """The same of many texts, shape (len(texts), len(asked))."""
    held = np.zeros((len(texts), len(asked)), np.bool_)
    filled = [row for row, text in enumerate(texts) if len(text)]
    if filled and len(asked):
        some = [texts[row] for row in filled]
        starts = np.cumsum([0, *map(len, some[:-1])])
        same = np.concatenate(some)[:, None] == asked
        held[filled] = np.logical_or.reduceat(same, starts, axis=0)
    return held
