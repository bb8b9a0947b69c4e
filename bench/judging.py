"""Gates judged on labelled messages that they were not fitted to."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from knowledge.gate.examples import Examples
from knowledge.gate.figures import auc, calibration_error, measure
from knowledge.gate.fit import Lookup, fit_gate
from knowledge.gate.promise import promise
from knowledge.gate.state import FittedGate
from knowledge.settings import GateSettings
from knowledge.types import Flags, Floats, Point

Rows = NDArray[np.int64]

SIZES = 10, 20, 50, 100, 200, 500, 1000
TIMES, OFTEN, FEW = 10, 30, 200
"""Random choices of labels for the learning curve; more for few labels, which differ more."""
LEFT = 100
"""Messages to judge by; fewer show little."""

FOLDS = 10
SUBJECTS = {
    "mmpose": ("pose", "keypoint", "关键点", "姿态"),
    "mmdeploy": ("deploy", "部署", "onnx", "ncnn", "tensorrt", "trt"),
    "detection": ("yolo", "det", "检测"),
    "language models": ("llm", "lmdeploy", "internlm", "大模型", "微调", "书生"),
}
"""Words by which questions about a subject are known."""

PROMISED_FROM, SPLITS = (100, 300, 900), 100


@dataclass(frozen=True, slots=True)
class Group:
    """Labelled messages of a group, looked up in its index."""

    lookup: Lookup
    examples: Examples

    @property
    def good(self) -> Flags:
        """Which of them are good."""
        return self.examples.labels

    def of(self, rows: Rows) -> "Group":
        """Some of them."""
        seen = [self.lookup.seen[row] for row in rows]
        items = tuple(self.examples.items[row] for row in rows)
        return Group(Lookup(seen, self.lookup.own), Examples(items))


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate says of messages that it was not fitted to."""

    model: str
    scores: Floats
    good: Flags
    passing: Flags
    point: Point

    @property
    def auc(self) -> float:
        """See `knowledge.gate.figures.auc`."""
        return auc(self.scores[self.good].tolist(), self.scores[~self.good].tolist())

    @property
    def precision(self) -> float:
        """Of what passes unprompted; 1 of nothing."""
        return float(self.good[self.passing].mean()) if self.passing.any() else 1.0

    @property
    def recall(self) -> float:
        """Of what passes unprompted."""
        return float(self.passing[self.good].mean())


def judged(train: Group, test: Group, options: GateSettings) -> Judged:
    """Fits to some messages and judges others."""
    fitted = fit_gate(train.lookup, train.examples, options)
    scores = score(fitted, test, options)
    point = fitted.state.unprompted
    return Judged(fitted.state.model, scores, test.good, scores >= point.threshold, point)


def score(fitted: FittedGate, group: Group, options: GateSettings) -> Floats:
    """Scores as the gate gives them."""
    model = fitted.model
    if model is None:
        return group.lookup.nearness(options.neighbours)
    return np.asarray([model.probability(seen) for seen in group.lookup.seen], np.float64)


def cross_validated(group: Group, options: GateSettings, folds: int = FOLDS) -> dict[str, float]:
    """Each fold is judged by a gate that was fitted, its threshold included, to the others. AUC is
    the mean over folds, all else is of all messages together."""
    order = np.random.default_rng(0).permutation(len(group.good))
    parts = [
        judged(group.of(np.setdiff1d(order, test)), group.of(test), options)
        for test in np.array_split(order, folds)
    ]
    scores = np.concatenate([part.scores for part in parts])
    good = np.concatenate([part.good for part in parts])
    passing = np.concatenate([part.passing for part in parts])
    likes, dislikes = scores[good].tolist(), scores[~good].tolist()
    figures = measure(likes, dislikes, 0.5)
    return {
        "n": len(good),
        "learned": float(np.mean([part.model == "learned" for part in parts])),
        "auc": float(np.mean([part.auc for part in parts])),
        "best_f1": figures.best_f1,
        "recall": float(passing[good].mean()),
        "precision": float(good[passing].mean()) if passing.any() else 1.0,
        "ece": calibration_error(likes, dislikes),
    }


def learning_curve(group: Group, options: GateSettings) -> Iterator[dict[str, float]]:
    """Gates fitted to some labels, judged on all others, beside the distance alone."""
    plain = options.model_copy(update={"model": "distance"})
    for size in SIZES:
        if size + LEFT > len(group.good):
            return
        found: list[Judged] = []
        distance: list[Judged] = []
        for seed in range(OFTEN if size <= FEW else TIMES):
            order = np.random.default_rng(seed).permutation(len(group.good))
            train, test = group.of(order[:size]), group.of(order[size:])
            if train.good.sum() >= 2:
                found.append(judged(train, test, options))
                distance.append(judged(train, test, plain))
        aucs = [each.auc for each in found]
        recalls = [each.recall for each in found]
        yield {
            "labels": size,
            "learned": float(np.mean([each.model == "learned" for each in found])),
            "auc": float(np.mean(aucs)),
            "auc_low": min(aucs),
            "auc_distance": float(np.mean([each.auc for each in distance])),
            "worst_loss": min(a.auc - b.auc for a, b in zip(found, distance, strict=True)),
            "recall": float(np.mean(recalls)),
            "recall_low": min(recalls),
            "precision": pooled_precision(found),
            "recall_distance": float(np.mean([each.recall for each in distance])),
            "precision_distance": pooled_precision(distance),
        }


def pooled_precision(parts: Sequence[Judged]) -> float:
    """Of everything that passes."""
    passing = sum(int(part.passing.sum()) for part in parts)
    return sum(int((part.passing & part.good).sum()) for part in parts) / max(1, passing)


def promises(group: Group, options: GateSettings) -> Iterator[dict[str, float]]:
    """How often a precision that was said to be proven, and the number of unwanted replies that is
    said, are missed on the messages that are left: as seen, and with the noise of these messages
    taken away. `made` is the share of gates with such a proof, `missed` a share of these; the
    recall is that of all gates."""
    for size in PROMISED_FROM:
        parts: list[Judged] = []
        for seed in range(SPLITS):
            order = np.random.default_rng(1000 + seed).permutation(len(group.good))
            parts.append(judged(group.of(order[:size]), group.of(order[size:]), options))
        made = [part for part in parts if part.point.proven]
        spare = np.asarray([part.precision - options.target_precision for part in made])
        noise = [part.precision * (1 - part.precision) / max(1, part.passing.sum())
                 for part in made]  # fmt: skip
        said = np.asarray([promise(part.point.counts, 0.0, 1.0).unwanted for part in parts])
        rates = np.asarray([part.passing[~part.good].mean() for part in parts])
        rate_noise = [rate * (1 - rate) / (~part.good).sum()
                      for rate, part in zip(rates, parts, strict=True)]  # fmt: skip
        yield {
            "labels": size,
            "made": len(made) / SPLITS,
            "missed": float((spare < 0).mean()) if made else 0.0,
            "missed_truly": _truly_below(spare, noise),
            "allowed": 1.0 - options.confidence,
            "precision": pooled_precision(parts),
            "recall": float(np.mean([part.recall for part in parts])),
            "said_missed": float((said < rates).mean()),
            "said_missed_truly": _truly_below(said - rates, rate_noise),
        }


def _truly_below(spare: Floats, noise: Sequence[float]) -> float:
    """The share of gates with less than nothing to spare when the noise of the messages that they
    are judged on is taken away: what varies more than counting explains is the gates' own."""
    if len(spare) < 5:
        return 0.0
    own = max(float(spare.var() - np.mean(noise)), 1e-9) ** 0.5
    return NormalDist(float(spare.mean()), own).cdf(0.0)


def drift(group: Group, options: GateSettings) -> Iterator[tuple[str, dict[str, float]]]:
    """The questions about one subject left out of the fit, and judged beside unseen talk. What a
    question is about is told by the names of the subjects: the data has no groups and no times."""
    order = np.random.default_rng(0).permutation(len(group.good))
    texts = [item.text.lower() for item in group.examples.items]
    for name, words in SUBJECTS.items():
        about = np.asarray([any(word in text for word in words) for text in texts])
        talk = order[~group.good[order]]
        held = np.concatenate([np.flatnonzero(about & group.good), talk[: len(talk) // 4]])
        # Talk that names the subject is left out as well: nothing of it was heard before.
        rest = np.setdiff1d(np.flatnonzero(~about), held)
        train, test = group.of(rest), group.of(held)
        part = judged(train, test, options)
        plain = judged(train, test, options.model_copy(update={"model": "distance"}))
        counts = {"questions": int((about & group.good).sum()), "auc": part.auc}
        figures = {"recall": part.recall, "precision": part.precision, "distance": plain.auc}
        yield name, {**counts, **figures}


def judge_ms(group: Group, options: GateSettings) -> float:
    """CPU time of a probability, once the message was looked up, with all labels in the model."""
    model = fit_gate(group.lookup, group.examples, options).model
    began = time.process_time()
    if model is None:
        return 0.0
    for seen in group.lookup.seen:
        model.probability(seen)
    return (time.process_time() - began) / len(group.good) * 1000


def refit_seconds(group: Group, options: GateSettings, labels: int = 2000) -> float:
    """CPU time of one fit to so many labels; messages come up twice where there are too few."""
    rows = np.arange(labels) % len(group.good)
    many = group.of(rows)
    began = time.process_time()
    fit_gate(many.lookup, many.examples, options)
    return time.process_time() - began
