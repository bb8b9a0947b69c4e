"""How often the check of hard facts drops what is true: sentences of real documents, held against
their own page, as they stand and set a little differently."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.figures import Figure, at_most
from bench.setup import ROOT, Bench
from bot.grounding.facts import facts_in
from bot.grounding.sources import Sources
from common.language import HAN

SAMPLE = 3000
"""Sentences of each language."""

_HAN, _LATIN = f"[{HAN}]", r"[A-Za-z0-9`]"
_NAME = re.compile(r"(?<![`\w/.-])([A-Za-z]\w*[._/-][\w./-]*\w)(?![`\w/.-])", re.ASCII)

VARIANTS: dict[str, Callable[[str], str]] = {
    "nothing changed": lambda text: text,
    "spaces added": lambda text: re.sub(
        rf"(?<={_HAN})(?=-*{_LATIN})|(?<={_LATIN})(?={_HAN})", " ", text
    ),
    "spaces removed": lambda text: re.sub(
        rf"(?<={_HAN}) +(?=-*{_LATIN})|(?<={_LATIN}) +(?={_HAN})", "", text
    ),
    "code marks removed": lambda text: text.replace("`", ""),
    "code marks added": lambda text: text if "`" in text else _NAME.sub(r"`\1`", text),
}


def measure(bench: Bench) -> Iterator[Figure]:
    """The share of sentences with a fact that its own page is said not to hold."""
    folders = {"documents": bench.corpus, "our own": ROOT / "docs"}
    for name, folder in folders.items():
        for language in ("zh", "en"):
            found = sentences(folder, language)
            worst, variant = max((_dropped(found, change), v) for v, change in VARIANTS.items())
            yield at_most(f"true sentences dropped: {name}, {language} ({len(found)}), at worst "
                          f"with {variant}", worst, 0.005)  # fmt: skip


def _dropped(found: Sequence[tuple[Sources, str]], change: Callable[[str], str]) -> float:
    changed = [(page, change(sentence)) for page, sentence in found]
    lost = sum(
        any(page.mentions.strange_in(said)) or not all(page.hold(f, said) for f in facts_in(said))
        for page, said in changed
    )
    return lost / max(1, len(found))


def sentences(folder: Path, language: str) -> list[tuple[Sources, str]]:
    """Sentences with something of a name in them, each with its page."""
    found: list[tuple[Sources, str]] = []
    pages = sorted(folder.rglob("*.md"))
    random.Random(0).shuffle(pages)  # noqa: S311 - a sample
    for page in pages:
        text = page.read_text(encoding="utf-8", errors="ignore")
        sources = Sources([text], "")
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        lines = re.split(r"\n|(?<=。)|(?<=\.)\s", prose)
        found += [(sources, line.strip()) for line in lines if _fits(line.strip(), language)]
        if len(found) >= SAMPLE:
            break
    return found[:SAMPLE]


def _fits(line: str, language: str) -> bool:
    chinese = len(re.findall(_HAN, line))
    right = chinese >= 8 if language == "zh" else not chinese and line.count(" ") >= 4
    plain = not any(sign in line for sign in ("](", "|", "<"))
    return right and plain and 15 < len(line) < 300 and bool(re.search(r"[A-Za-z]{3}", line))
