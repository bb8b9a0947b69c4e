"""What more labels are worth: gates fitted to some of the examples, judged on the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge.gate.examples import Examples
from knowledge.gate.features import Seen
from knowledge.gate.figures import auc
from knowledge.gate.model import fit_model

SIZES = 10, 20, 50, 100, 200, 500, 1000
TIMES = 5
FEWEST = 3
"""Of each kind; fewer to fit to or to judge by show nothing."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """So many labels, and the lowest, mean and highest AUC of gates that were fitted to them;
    `distance` is the mean AUC of the distance alone on the same messages."""

    labels: int
    lowest: float
    mean: float
    highest: float
    distance: float


def learning_curve(seen: Sequence[Seen], examples: Examples, share: float) -> list[CurvePoint]:
    """The curve up to two thirds of the examples."""
    good = examples.labels
    random = np.random.default_rng(0)
    points: list[CurvePoint] = []
    for size in SIZES:
        found: list[tuple[float, float]] = []
        for _ in range(TIMES if 3 * size <= 2 * len(seen) else 0):
            order = random.permutation(len(seen))
            fitted, judged = order[:size], order[size:]
            kinds = (good[fitted], ~good[fitted], good[judged], ~good[judged])
            if min(kind.sum() for kind in kinds) < FEWEST:
                continue
            some = Examples(tuple(examples.items[i] for i in fitted))
            model = fit_model([seen[i] for i in fitted], some, share).model
            scores = np.asarray([model.probability(seen[i]) for i in judged])
            near = np.asarray([seen[i].nearness(5) for i in judged])
            likes = good[judged]
            found.append((
                auc(scores[likes].tolist(), scores[~likes].tolist()),
                auc(near[likes].tolist(), near[~likes].tolist()),
            ))  # fmt: skip
        if found:
            aucs, plain = zip(*found, strict=True)
            points.append(
                CurvePoint(size, min(aucs), float(np.mean(aucs)), max(aucs), float(np.mean(plain)))
            )
    return points
