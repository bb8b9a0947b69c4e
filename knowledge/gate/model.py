"""The learned gate's model: how likely a message is good, from examples of both kinds.

Its kernel has three parts: the features of a message, linearly; messages with a like meaning that
stand to the documents alike; and runs of characters that they share. The prior mean is what is
known of the features from other documents, see `prior`, so that the first examples adjust it
instead of starting from nothing. A fitted model needs numpy alone.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from knowledge.gate.examples import Examples
from knowledge.gate.features import BUCKETS, FEATURES, Seen
from knowledge.gate.kernel import fit_kernel, log_loss, log_odds, sigmoid
from knowledge.gate.prior import prior_weights, scales, standardised
from knowledge.types import Flags, Floats, IndexMismatch

Singles = NDArray[np.float32]

LINEAR, ALIKE, SHARED, CONSTANT = 3.0, 30.0, 30.0, 9.0
"""Prior variances of the parts, in squared log odds. Three times more or less of all of them moves
the AUC by at most 0.005."""

DISTANCE = FEATURES.index("near 5")

AT_A_TIME = 2048
"""Buckets of characters; 16 MB for 2,000 examples."""

VERSION = 3


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A fitted model. `vectors`, `features` (standardised) and `dual` are the examples'; `linear`
    and `grams` are weights; `width` is the mean squared distance of two examples' vectors; `slope`
    and `offset` calibrate."""

    center: Floats
    spread: Floats
    width: float
    vectors: Singles
    features: Singles
    dual: Singles
    linear: Floats
    grams: Singles
    bias: float
    slope: float
    offset: float
    version: int = VERSION

    def probability(self, seen: Seen) -> float:
        """How likely a message is good among the messages of a group, 0..1."""
        return float(sigmoid(np.asarray(self.slope * self._logit(seen) + self.offset)))

    def _logit(self, seen: Seen) -> float:
        features = standardised(seen.features, self.center, self.spread)
        apart = 2.0 - 2.0 * (self.vectors @ seen.vector)
        away = np.square(self.features - features.astype(np.float32)).mean(axis=1)
        alike = np.exp(-np.maximum(apart, 0.0) / self.width - away / 4.0)
        return (
            self.bias
            + float(self.linear @ features)
            + float(self.dual @ alike)
            + float(self.grams[seen.grams] @ seen.counts)
        )

    def save(self, path: Path) -> None:
        """Writes the model by write-then-rename: arrays only, nothing that runs when read."""
        waiting = path.with_suffix(".tmp")
        with waiting.open("wb") as file:
            arrays = {name: np.asarray(value) for name, value in asdict(self).items()}
            np.savez(file, allow_pickle=False, **arrays)
        waiting.replace(path)

    @classmethod
    def load(cls, path: Path) -> "LearnedModel":
        """Reads a model. Raises IndexMismatch for what is none, or of another version."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                values = {field.name: found[field.name] for field in fields(cls)}
        except (OSError, ValueError, KeyError, EOFError, AttributeError, BadZipFile) as error:
            raise IndexMismatch(f"{path} is unreadable: {error}") from error
        if int(values["version"]) != VERSION or len(values["center"]) != len(FEATURES):
            raise IndexMismatch(f"{path} was written by another version")
        plain = {name: value.item() if value.ndim == 0 else value for name, value in values.items()}
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class LearnedFit:
    """A model and what it says of its own examples without having seen them: their calibrated
    probabilities, and by how much it is better than the distance alone, in nats per example, with
    the standard error of that."""

    model: LearnedModel
    held_out: Floats
    gain: float
    doubt: float


def fit_model(seen: Sequence[Seen], examples: Examples, share: float) -> LearnedFit:
    """Fits to examples of both kinds, at least two of each; `share` of a group's messages are
    good, whatever it is among the examples."""
    good, surplus, telling = examples.labels, examples.surplus(share), examples.telling
    raw = np.stack([each.features for each in seen])
    center, spread = scales(raw, good)
    features = standardised(raw, center, spread)
    vectors = np.stack([each.vector for each in seen]).astype(np.float64)
    width = max(float(2.0 - 2.0 * np.square(vectors.mean(axis=0)).sum()), 1e-6)
    base, known = log_odds(share), prior_weights()
    prior = features @ known + base + surplus
    kernel = _kernel(seen, vectors, features, width)
    fit = fit_kernel(kernel, good, prior, examples.weights)
    held_out = fit.held_out - surplus
    slope, offset = calibrate(held_out, good, telling, surplus, STIFFNESS)
    calibrated = slope * held_out + offset
    model = LearnedModel(
        center=center,
        spread=spread,
        width=width,
        vectors=vectors.astype(np.float32),
        features=features.astype(np.float32),
        dual=(ALIKE * fit.dual).astype(np.float32),
        linear=known + LINEAR * features.T @ fit.dual / len(FEATURES),
        grams=_gram_weights(seen, SHARED * fit.dual),
        bias=base + float(CONSTANT * fit.dual.sum()),
        slope=slope,
        offset=offset,
    )
    near = features[:, DISTANCE]
    slope, offset = calibrate(near, good, telling, surplus, HARDLY)
    losses = (log_loss(odds + surplus, good) for odds in (slope * near + offset, calibrated))
    plain, learned = losses
    counted = float(telling.sum())
    better = plain - learned
    gain = float(telling @ better) / counted
    doubt = float(np.linalg.norm(telling * (better - gain))) / counted
    return LearnedFit(model, sigmoid(calibrated), gain + SEEN / counted, doubt)


def _kernel(seen: Sequence[Seen], vectors: Floats, features: Floats, width: float) -> Floats:
    """The three parts, shape (n, n); in place, as each of them takes 32 MB for 2,000 examples."""
    kernel = (vectors @ vectors.T - 1.0) * (2.0 / width)
    np.minimum(kernel, 0.0, out=kernel)
    squares = np.square(features).sum(axis=1) / len(FEATURES)
    inner = features @ features.T / len(FEATURES)
    kernel += 0.5 * inner - 0.25 * squares - 0.25 * squares[:, None]
    np.exp(kernel, out=kernel)
    kernel *= ALIKE
    inner *= LINEAR
    kernel += inner
    inner = _shared_grams(seen)
    inner *= SHARED
    kernel += inner
    kernel += CONSTANT
    return kernel


def _shared_grams(seen: Sequence[Seen]) -> Floats:
    """Cosines of the examples' runs of characters, shape (n, n); some buckets at a time, since
    all of them would be a large matrix."""
    shared = np.zeros((len(seen), len(seen)))
    for first in range(0, BUCKETS, AT_A_TIME):
        part = np.zeros((len(seen), AT_A_TIME), np.float32)
        for row, each in zip(part, seen, strict=True):
            here = (each.grams >= first) & (each.grams < first + AT_A_TIME)
            row[each.grams[here] - first] = each.counts[here]
        shared += part @ part.T
    return shared


def _gram_weights(seen: Sequence[Seen], dual: Floats) -> Singles:
    weights = np.zeros(BUCKETS)
    for each, factor in zip(seen, dual, strict=True):
        weights[each.grams] += factor * each.counts
    return weights.astype(np.float32)


STIFFNESS = 20.0, 0.5
"""How many examples it takes to move slope and offset away from 1 and 0 (Platt 1999, but with
a prior: on few examples the plain fit is noise)."""

OFFSET_ALONE = 1e9, 1e-9
HARDLY = 1.0, 0.1
SEEN = 2.0
"""The distance alone is calibrated, hardly held back, to the very examples that it is compared on.
Its two parameters make it look better there by so many nats (Akaike 1974)."""


def calibrate(
    logits: Floats, good: Flags, weights: Floats, surplus: Floats, stiffness: tuple[float, float]
) -> tuple[float, float]:
    """Slope and offset that make log odds true of the examples that they are held out from, but
    for the `surplus` that the odds of each have beside a group's messages."""
    across = np.stack([logits, np.ones_like(logits)])
    wanted, stiff = np.asarray([1.0, 0.0]), np.asarray(stiffness)
    found = wanted.copy()
    for _ in range(30):
        said = sigmoid(found @ across + surplus)
        slope = across @ (weights * (said - good)) + stiff * (found - wanted)
        curve = (across * (weights * said * (1.0 - said))) @ across.T + np.diag(stiff)
        found = found - np.linalg.solve(curve, slope)
    return float(found[0]), float(found[1])
