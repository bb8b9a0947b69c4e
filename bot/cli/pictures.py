"""Pictures of precision, recall and operating points. matplotlib is imported only here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.gate.gate import precision_recall

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_gate(path: Path, good: Sequence[float], bad: Sequence[float], threshold: float) -> None:
    """Precision over recall, and where the scores of both kinds lie, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    curve, scores = figure.subplots(1, 2)
    precisions, recalls = precision_recall(good, bad)
    curve.plot(recalls, precisions, color="#2563eb")
    hits = sum(score >= threshold for score in good)
    false = sum(score >= threshold for score in bad)
    if hits + false:
        curve.plot([hits / len(good)], [hits / (hits + false)], "o", color="#dc2626",
                   label=f"threshold {threshold:.3f}")  # fmt: skip
        curve.legend()
    _label(curve, "recall", "precision", "Gate")
    curve.set_xlim(0, 1.02)
    curve.set_ylim(0, 1.02)
    scores.hist([list(good), list(bad)], bins=30, label=["good", "bad"],
                color=["#2563eb", "#9ca3af"])  # fmt: skip
    scores.axvline(threshold, color="#dc2626")
    scores.legend()
    _label(scores, "score", "messages", "Scores")
    _save(path, figure)


def draw_operating_points(
    path: Path, answerable: Sequence[float], near_misses: Sequence[float], chosen: float
) -> None:
    """Near misses declined against answerable questions answered, for every `min_evidence`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    points = operating_points(answerable, near_misses)
    axes.plot([p[1] for p in points], [p[2] for p in points], color="#2563eb")
    answered = sum(e >= chosen for e in answerable) / max(1, len(answerable))
    declined = sum(e < chosen for e in near_misses) / max(1, len(near_misses))
    axes.plot([answered], [declined], "o", color="#dc2626", label=f"min_evidence {chosen:g}")
    axes.legend()
    _label(axes, "answerable answered", "near misses declined", "Operating point")
    _save(path, figure)


def operating_points(
    answerable: Sequence[float], near_misses: Sequence[float]
) -> list[tuple[float, float, float]]:
    """(evidence demanded, share of answerable answered, share of near misses declined)."""
    return [
        (
            demanded,
            sum(e >= demanded for e in answerable) / max(1, len(answerable)),
            sum(e < demanded for e in near_misses) / max(1, len(near_misses)),
        )
        for demanded in sorted({0.0, *answerable, *near_misses})
    ]


def _label(axes: "Axes", across: str, up: str, title: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_title(title)
    axes.grid(visible=True, alpha=0.3)


def _save(path: Path, figure: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)  # type: ignore[attr-defined] # a Figure, imported lazily above
