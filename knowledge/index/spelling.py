"""Mending misspelt words by the vocabulary of the documents."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

LEAST = 5
"""Letters of a word that is mended: among shorter ones every second is one letter from another."""

LEAST_EXCHANGED = 6
"""Letters of a word in which one vowel may stand for another."""

_VOWELS = frozenset("aeiou")


@cache
def common_words() -> frozenset[str]:
    """Words that are nobody's name, from the vocabulary of the encoder's tokenizer (Apache 2.0);
    `python -m bench.common_words` writes the list."""
    text = Path(__file__).with_name("common_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def may_be_misspelt(word: str) -> bool:
    """Only plain lower-case words are: names with digits or capitals are meant as written."""
    plain = word.isascii() and word.isalpha() and word.islower()
    return plain and len(word) >= LEAST and word not in common_words()


def nearest(word: str, vocabulary: Iterable[tuple[str, int]]) -> str | None:
    """The word of a vocabulary, given with how often each occurs, that is one slip away: a letter
    more or less, two exchanged, or a wrong vowel. Of several the likeliest."""
    found: list[tuple[float, int, str]] = []
    for known, count in vocabulary:
        slip = _slip(word, known)
        if slip == 1.0 or (slip and len(word) >= LEAST_EXCHANGED):
            found.append((slip, -count, known))
    return min(found)[2] if found else None


def _slip(one: str, other: str) -> float | None:
    """1 for a letter more or less, or two exchanged; 1.5 for a wrong vowel; None for the rest."""
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    if len(longer) - len(shorter) > 1 or one == other:
        return None
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(shorter))
    if len(longer) > len(shorter):
        return 1.0 if longer[at + 1 :] == shorter[at:] else None
    if one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]:
        return 1.0
    vowels = {one[at], other[at]} <= _VOWELS
    return 1.5 if vowels and one[at + 1 :] == other[at + 1 :] else None
