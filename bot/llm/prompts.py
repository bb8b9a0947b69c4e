"""The prompts, one file per kind and language, and the fence around what others wrote.

A file holds the fixed part, a line of equal signs, and the variable part with `$name` where
texts go. Texts from groups, documents and the web are data: each stands in a fence of its own
that it cannot close, and marks that models take for commands are broken.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from bot.llm.types import Prompt

FOLDER = Path(__file__).parent / "prompts"

_BORDER = re.compile(r"^={5,}\n", re.MULTILINE)
_FENCE = re.compile(
    r"<(?=/?\s*(?:message|passage|history|question|answer|sentence|repository|guideline|data)\b)",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"<(?=[|｜])|\[(?=/?INST\])|<(?=/?s>|/?SYS>>|<SYS)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts by (name, language), each as its fixed part and the template of the rest."""

    by_name: Mapping[tuple[str, str], tuple[str, Template]]

    def render(
        self, name: str, *, chinese: bool, language: str = "", **texts: str | Sequence[str]
    ) -> Prompt:
        """A prompt with texts filled in, each in its fence; several passages are numbered.
        `language` is a word of ours: the name of the one to write in."""
        fixed, template = self.by_name[name, "zh" if chinese else "en"]
        fences = {
            tag: fence(tag, text) if isinstance(text, str) else numbered(tag, text)
            for tag, text in texts.items()
        }
        return Prompt(fixed, template.substitute(fences, language=language))


def load_prompts() -> Prompts:
    """Reads the prompts' files."""
    found: dict[tuple[str, str], tuple[str, Template]] = {}
    for file in sorted(FOLDER.glob("*/*.md")):
        fixed, variable = _BORDER.split(file.read_text(encoding="utf-8"), maxsplit=1)
        found[file.stem, file.parent.name] = (fixed.strip(), Template(variable.strip()))
    return Prompts(found)


def fence(tag: str, text: str) -> str:
    """A text as data between tags that it cannot forge."""
    return f"<{tag}>\n{disarmed(text).strip()}\n</{tag}>"


def numbered(tag: str, texts: Sequence[str]) -> str:
    """Texts as data, each with the number that a citation [n] of it carries."""
    return "\n".join(
        f'<{tag} n="{n}">\n{disarmed(text).strip()}\n</{tag}>' for n, text in enumerate(texts, 1)
    )


def disarmed(text: str) -> str:
    """Without tags of ours and without control marks of chat templates."""
    return _CONTROL.sub("‹", _FENCE.sub("‹", text))


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
