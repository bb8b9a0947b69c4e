"""Labelled questions about our own documentation, the third collection that ranking and evidence
are fitted to: short ones, to pages whose headings are questions."""

import re
from collections.abc import Iterator

from bench.follows import made
from bench.setup import ROOT
from knowledge.evaluate import Labelled

NEAR_MISSES = ROOT / "bench" / "near_misses.txt"
"""Questions that sound as if our documentation answered them, one a line."""


def own_labelled() -> list[Labelled]:
    """Those with an answer, each once, and near misses."""
    return [*_answered(), *_near_misses()]


def _answered() -> Iterator[Labelled]:
    for lang in ("en", "zh"):
        rows = {row.question: row for row in reversed(made(lang))}
        for number, row in enumerate(rows.values()):
            name = row.page.partition("/")[2]
            yield Labelled(
                id=f"own-{lang}{number}",
                lang=lang,
                kind="answerable",
                question=row.question,
                gold_paths=(f"en/{name}", f"zh/{name}"),
                must_contain=(re.escape(row.quote),),
            )


def _near_misses() -> Iterator[Labelled]:
    lines = NEAR_MISSES.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(filter(None, lines)):
        lang = "en" if line.isascii() else "zh"
        yield Labelled(f"own-near{number}", lang, "near_miss", line, (), ())
