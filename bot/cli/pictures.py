"""Pictures of precision, recall and operating points. matplotlib is imported only here."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.gate.curve import CurvePoint
from knowledge.gate.figures import at_threshold, precision_recall, reliability
from knowledge.gate.promise import SURE, promise
from knowledge.types import GateState

if TYPE_CHECKING:
    from matplotlib.axes import Axes


BLUE, GREY, RED, GREEN = "#2563eb", "#9ca3af", "#dc2626", "#16a34a"


def draw_gate(
    path: Path,
    good: Sequence[float],
    bad: Sequence[float],
    state: GateState,
    curve: Sequence[CurvePoint],
) -> None:
    """Precision over recall with the operating points, the scores of both kinds, how true the
    probabilities are, and what more labels are worth, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8.4), layout="constrained")
    (first, second), (third, fourth) = figure.subplots(2, 2)
    _draw_precision(first, good, bad, state)
    threshold = state.unprompted.threshold
    second.hist([list(good), list(bad)], bins=30, label=["good", "bad"], color=[BLUE, GREY])
    second.axvline(threshold, color=RED)
    second.legend()
    _label(second, "score", "messages", "Scores")
    _draw_reliability(third, good, bad, state)
    _draw_curve(fourth, curve)
    _save(path, figure)


def _draw_precision(
    axes: "Axes", good: Sequence[float], bad: Sequence[float], state: GateState
) -> None:
    precisions, recalls = precision_recall(good, bad)
    axes.plot(recalls, precisions, color=BLUE)
    for name, point, color in (
        ("unprompted", state.unprompted, RED),
        ("mentioned", state.mention, GREEN),
    ):
        precision, recall = at_threshold(good, bad, point.threshold)
        if precision:
            label = f"{name}, from {point.threshold:.3f}"
            axes.plot([recall], [precision], "o", color=color, label=label)
    counts = state.unprompted.counts
    if counts.good_passing:
        labelled = counts.good / counts.labels
        surely = promise(counts, labelled, 0.0).precision
        precision, recall = at_threshold(good, bad, state.unprompted.threshold)
        text = f"at least {surely:.2f}, {SURE:.0%} sure"
        axes.plot([recall, recall], [surely, precision], "_-", color=RED, label=text)
    axes.axhline(state.target, color=GREY, linestyle=":")
    axes.legend()
    _label(axes, "recall", "precision", f"Gate: {state.model}")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)


def _draw_reliability(
    axes: "Axes", good: Sequence[float], bad: Sequence[float], state: GateState
) -> None:
    _label(axes, "probability", "share of good ones", "Reliability")
    if state.model != "learned":
        axes.text(0.1, 0.5, "the scores are cosines")
        return
    groups = reliability(good, bad)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    axes.plot([said for said, _, _ in groups], [true for _, true, _ in groups], "o-", color=BLUE)


def _draw_curve(axes: "Axes", curve: Sequence[CurvePoint]) -> None:
    _label(axes, "labels", "AUC on the others", "Learning curve")
    if not curve:
        axes.text(0.1, 0.5, "see calibrate")
        return
    labels = [point.labels for point in curve]
    low, high = [p.lowest for p in curve], [p.highest for p in curve]
    axes.fill_between(labels, low, high, color=BLUE, alpha=0.2)
    axes.plot(labels, [point.mean for point in curve], "o-", color=BLUE, label="learned")
    axes.plot(labels, [point.distance for point in curve], "o-", color=GREY, label="distance")
    axes.set_xscale("log")
    axes.legend()


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
    figure.savefig(path, dpi=120)  # type: ignore[attr-defined]  # a Figure, imported lazily above
