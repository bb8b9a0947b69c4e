"""How many tokens a text may take, when the model's tokenizer is not at hand."""

import math
import re

_WIDE = re.compile(r"[\u1100-\uffff\U00010000-\U0010ffff]")

NARROW_CHARS = 3.0
"""Characters of a token of English or code: 3.5 to 4.5 are common, so this overestimates."""


def estimate(text: str) -> int:
    """An upper estimate: one token per Chinese character, one per three others."""
    wide = len(_WIDE.findall(text))
    return wide + math.ceil((len(text) - wide) / NARROW_CHARS)


def shortened(text: str, tokens: int) -> str:
    """The text's beginning that is estimated at no more than `tokens`, whole lines if it can be."""
    if estimate(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if estimate(text[:middle]) <= tokens else (low, middle - 1)
    kept = text[:low]
    line_end = kept.rfind("\n")
    return kept[:line_end] if line_end > low // 2 else kept
