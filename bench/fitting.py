"""Fitting the two models: a choice among candidates, and a probability with known signs."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from knowledge.retrieval.features import EVIDENCE, RANKING, Numbers
from knowledge.retrieval.search import Model

MADE_COUNT = {"ranking": 0.3, "evidence": 1.0}
"""How much all made questions count together, beside the labelled ones. They are worded like the
documents, as people's are not; but only they are short, and hit what documents hold by chance."""

MOST_LABELLED = 100
"""So many labelled questions of one collection count as they are."""

RANKING_L2, EVIDENCE_L2 = 3.0, 2.0
"""Strength of the pull towards zero, in questions."""

AGAINST = frozenset({"unknown", "unknown_names", "elsewhere", "kinds_missing", "missing"})
"""Features that may only speak against; all others may only speak for."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A question with its candidates: `labels` are 1 for what answers, 0 for what does not, -1
    for what may; `gold` are those on the right page. `judge` answers it by scores."""

    id: str
    corpus: str
    project: str
    kind: str
    labels: NDArray[np.int64]
    gold: NDArray[np.bool_]
    judge: Callable[[Numbers], tuple[Numbers, bool, bool]]
    features: Numbers

    @property
    def is_labelled(self) -> bool:
        """Is it one of the development sets?"""
        return self.kind in ("answerable", "near_miss")


@dataclass(frozen=True, slots=True)
class Rows:
    """Questions answered: the evidence's features; is the quote right; do the passages hold it."""

    questions: Sequence[Question]
    features: Numbers
    right: NDArray[np.bool_]
    shown: NDArray[np.bool_]


def fit_ranking(questions: Sequence[Question], columns: Sequence[int] | None = None) -> Numbers:
    """Weights of the conditional logit (McFadden 1974): the right candidates of each question
    against its others. Columns that are left out weigh nothing."""
    usable = [
        (q.features[q.labels >= 0], q.labels[q.labels >= 0] == 1, q)
        for q in questions
        if q.kind in ("answerable", "made") and (q.labels == 1).any() and (q.labels == 0).any()
    ]
    most = max(len(right) for _, right, _ in usable)
    x = np.zeros((len(usable), most, len(RANKING)))
    is_right = np.zeros((len(usable), most), np.bool_)
    is_there = np.zeros((len(usable), most), np.bool_)
    for row, (features, right, _) in enumerate(usable):
        x[row, : len(right)], is_right[row, : len(right)] = features, right
        is_there[row, : len(right)] = True
    weights = _weights([question for *_, question in usable], "ranking")
    scale = x[is_there].std(axis=0) + 1e-9
    free = np.zeros(len(RANKING), np.bool_)
    free[list(range(len(RANKING)) if columns is None else columns)] = True
    z = x / scale * free

    def loss(b: Numbers) -> tuple[float, Numbers]:
        s = np.where(is_there, z @ b, -np.inf)
        e = np.exp(s - s.max(axis=1, keepdims=True))
        chosen = np.where(is_right, e, 0.0)
        share, own = e / e.sum(1, keepdims=True), chosen / chosen.sum(1, keepdims=True)
        value = -(weights * np.log(chosen.sum(1) / e.sum(1))).sum()
        slope = -(weights[:, None] * np.einsum("qc,qcf->qf", own - share, z)).sum(0)
        return value + RANKING_L2 * (b @ b) / 2, slope + RANKING_L2 * b

    start, bounds = np.zeros(len(RANKING)), [(0.0, None)] * len(RANKING)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x / scale * free)


def fit_evidence(rows: Rows, ranking: Numbers, columns: Sequence[int] | None = None) -> Model:
    """Logistic regression on whether the quote is right, each feature with its known sign."""
    weights = _weights(rows.questions, "evidence")
    mean, scale = rows.features.mean(axis=0), rows.features.std(axis=0) + 1e-9
    z, y = (rows.features - mean) / scale, rows.right.astype(np.float64)
    wanted = set(range(len(EVIDENCE)) if columns is None else columns)

    def loss(b: Numbers) -> tuple[float, Numbers]:
        odds = z @ b[:-1] + b[-1]
        p = 1.0 / (1.0 + np.exp(-odds))
        value = (weights * (np.logaddexp(0.0, odds) - y * odds)).sum()
        error = weights * (p - y)
        slope = np.append(z.T @ error + EVIDENCE_L2 * b[:-1], error.sum())
        return value + EVIDENCE_L2 * (b[:-1] @ b[:-1]) / 2, slope

    bounds = [_bounds(name, used=n in wanted) for n, name in enumerate(EVIDENCE)]
    start = np.zeros(len(EVIDENCE) + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]).x
    evidence = found[:-1] / scale
    return Model(ranking, np.asarray(evidence), float(found[-1] - evidence @ mean))


def _bounds(name: str, *, used: bool) -> tuple[float | None, float | None]:
    if not used:
        return 0.0, 0.0
    return (None, 0.0) if name in AGAINST else (0.0, None)


def _weights(questions: Sequence[Question], what: str) -> Numbers:
    """Of each: 1 for a labelled one, less where a collection has more than `MOST_LABELLED`; and
    `MADE_COUNT` of these for all made together."""
    counts = Counter(q.corpus for q in questions if q.is_labelled)
    made = max(1, len(questions) - counts.total())
    counted = sum(min(count, MOST_LABELLED) for count in counts.values())
    share = MADE_COUNT[what] * counted / made if counted else 1.0
    return np.asarray(
        [min(1.0, MOST_LABELLED / counts[q.corpus]) if q.is_labelled else share for q in questions]
    )
