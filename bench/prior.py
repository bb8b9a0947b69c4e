"""`python -m bench.prior`: fits the weights of `knowledge/gate/prior.py` and prints them."""

import numpy as np

from bench.gate import others
from bench.judging import Group
from bench.setup import ROOT, Bench
from knowledge.gate.features import FEATURES
from knowledge.gate.kernel import sigmoid
from knowledge.gate.prior import scales, standardised
from knowledge.types import Flags, Floats

L2 = 30.0
"""Strength of the pull towards zero, in examples."""


def fit(groups: list[Group]) -> Floats:
    """The weights of a logistic regression in which both kinds of all groups count alike."""
    raw = [np.stack([seen.features for seen in group.lookup.seen]) for group in groups]
    parts = [
        standardised(features, *scales(features, group.good))
        for features, group in zip(raw, groups, strict=True)
    ]
    return _regressed(np.concatenate(parts), np.concatenate([group.good for group in groups]))


def _regressed(features: Floats, good: Flags) -> Floats:
    counts = np.where(good, 0.5 / good.sum(), 0.5 / (~good).sum()) * len(good)
    columns = np.concatenate([features, np.ones((len(good), 1))], axis=1)
    pull = np.diag([*[L2] * features.shape[1], 1e-3])
    found = np.zeros(columns.shape[1])
    for _ in range(30):
        said = sigmoid(columns @ found)
        slope = columns.T @ (counts * (said - good)) + pull @ found
        curve = (columns.T * (counts * said * (1.0 - said))) @ columns + pull
        found = found - np.linalg.solve(curve, slope)
    return found[:-1]


def main() -> None:
    """Prints the weights as they stand in the file."""
    bench = Bench((ROOT.parent / "shared" / "data").resolve(), ROOT / ".bench")
    weights = fit([group for _, group in others(bench)])
    for name, weight in zip(FEATURES, weights, strict=True):
        print(f'    "{name}": {weight:.2f},')


if __name__ == "__main__":
    main()
