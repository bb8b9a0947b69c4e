"""The score board: trust before relevance, and the version that was asked for."""

import random

from bot.answering.evidence import TRUST, Evidence, board
from knowledge.types import Passage


def evidence(path: str, origin: str = "documents", relevance: float = 0.5) -> Evidence:
    return Evidence(Passage("mmdet", path, "", 1, path, 0.5, origin=origin), relevance)


def test_trust_comes_before_relevance() -> None:
    entries = [evidence(f"{origin} {r}", origin, r) for origin in TRUST for r in (0.9, 0.6)]
    mixed = random.Random(1).sample(entries, len(entries))
    assert board(mixed, "how?", ()) == [entry.passage for entry in entries]


def test_what_describes_another_version_is_left_out() -> None:
    entries = [evidence("docs/3.x/a.md", relevance=0.9), evidence("docs/2.x/a.md"), evidence("b")]
    assert [p.path for p in board(entries, "mmdet 2.x 怎么训练", ["mmdet"])] == [
        "docs/2.x/a.md", "b",
    ]  # fmt: skip
    assert len(board(entries, "怎么训练", ["mmdet"])) == 3


def test_another_version_is_better_than_nothing() -> None:
    entries = [evidence("docs/3.x/a.md")]
    assert len(board(entries, "mmdet 2.x 怎么训练", ["mmdet"])) == 1


def test_there_is_a_limit() -> None:
    assert len(board([evidence(str(n)) for n in range(50)], "how?", (), most=8)) == 8
