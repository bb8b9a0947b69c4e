"""Kernel logistic regression by Laplace's method, with leave-one-out scores that cost no refit.

A Gaussian process for classification (Rasmussen and Williams, "Gaussian Processes for Machine
Learning", 2006, section 3.4): with few labels it stays near its prior mean, with many it follows
them. What an example would have scored without itself comes from the same matrices (Opper and
Winther 2000; Vehtari et al., JMLR 2016), so calibration, thresholds and the choice between models
need no folds.
"""

import math
from dataclasses import dataclass

import numpy as np

from knowledge.types import Flags, Floats

STEPS = 50
"""Newton's method takes five to ten."""

TOLERANCE = 1e-6
LEAST_CURVATURE = 1e-8


@dataclass(frozen=True, slots=True)
class KernelFit:
    """A fit to n examples: the score of something new is its prior mean plus its kernel with the
    examples times `dual`. `held_out` are the examples' own scores, each without its own label, as
    log odds. Both have shape (n,)."""

    dual: Floats
    held_out: Floats


def fit_kernel(kernel: Floats, good: Flags, prior: Floats, weights: Floats) -> KernelFit:
    """Fits to examples whose kernel has shape (n, n); `prior` are their prior means in log odds
    and `weights` how much each counts, both of shape (n,)."""
    labels = good.astype(np.float64)
    dual = np.zeros(len(labels))
    height = -np.inf
    for _ in range(STEPS):
        latent = kernel @ dual
        residual, curvature = _slopes(prior + latent, labels, weights)
        root = np.sqrt(curvature)
        wanted = curvature * latent + residual
        inner = np.linalg.solve(_stiff(kernel, root), root * (kernel @ wanted))
        step = wanted - root * inner - dual
        dual, reached = _uphill(kernel, prior, labels, weights, dual, step, height)
        if reached - height < TOLERANCE * max(1.0, abs(reached)):
            break
        height = reached
    latent = kernel @ dual
    residual, curvature = _slopes(prior + latent, labels, weights)
    inverse = np.diag(np.linalg.inv(_stiff(kernel, np.sqrt(curvature))))
    inverse = np.clip(inverse, 1e-9, 1.0)
    # Mean of the distribution of a score without its own label.
    held_out = latent - residual * (1.0 - inverse) / (curvature * inverse)
    return KernelFit(dual, prior + held_out)


def sigmoid(logits: Floats) -> Floats:
    """Probabilities of log odds."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))


def log_odds(probability: float) -> float:
    """The log odds of a probability."""
    return math.log(probability / (1.0 - probability))


def log_loss(logits: Floats, good: Flags) -> Floats:
    """How far each score is off, in nats; shape (n,)."""
    return np.logaddexp(0.0, np.where(good, -logits, logits))


def _slopes(logits: Floats, labels: Floats, weights: Floats) -> tuple[Floats, Floats]:
    said = sigmoid(logits)
    return weights * (labels - said), np.maximum(weights * said * (1.0 - said), LEAST_CURVATURE)


def _stiff(kernel: Floats, root: Floats) -> Floats:
    stiff = kernel * root
    stiff *= root[:, None]
    stiff[np.diag_indices_from(stiff)] += 1.0
    return stiff


def _uphill(
    kernel: Floats, prior: Floats, labels: Floats, weights: Floats,
    dual: Floats, step: Floats, height: float,
) -> tuple[Floats, float]:  # fmt: skip
    """Goes the step, or the half of it and so on, as long as that leads downhill."""
    part = 1.0
    while True:
        tried = dual + part * step
        latent = kernel @ tried
        loss = weights @ log_loss(prior + latent, labels > 0.5)
        reached = float(-0.5 * tried @ latent - loss)
        if reached >= height or part < 1e-3:
            return tried, reached
        part /= 2.0
