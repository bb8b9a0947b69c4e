"""The tables of `bench.fit`: projects left out one by one, the curve of sure precision against
sure recall, and what each feature is worth."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.fitting import Question, Rows, fit_evidence, fit_ranking
from bot.answering.settings import AnswerSettings
from knowledge.retrieval.features import EVIDENCE, RANKING, Numbers

Judged = Callable[[Sequence[Question], Numbers], Rows]


def print_tables(questions: Sequence[Question], judged: Judged) -> None:
    """Everything that is judged on what was left out."""
    for what in ("project", "corpus"):
        rows, probability = left_out(questions, judged, what)
        print(f"\nleft out: {what}")
        for corpus in dict.fromkeys(q.corpus for q in questions if q.is_labelled):
            _print_corpus(rows, probability, corpus)
            _print_near_misses(rows, probability, corpus)
        if what == "project":
            _print_ablation(rows)


def left_out(questions: Sequence[Question], judged: Judged, what: str) -> tuple[Rows, Numbers]:
    """Every question ranked and judged by models that have seen nothing of its project, or of
    its corpus; with the probability that its answer is right."""
    groups = [str(getattr(q, what)) for q in questions]
    parts = []
    for group in dict.fromkeys(groups):
        ranking = fit_ranking([q for q, g in zip(questions, groups, strict=True) if g != group])
        own = [q for q, g in zip(questions, groups, strict=True) if g == group]
        parts.append(judged(own, ranking))
    rows = Rows(
        questions=[q for part in parts for q in part.questions],
        features=np.concatenate([part.features for part in parts]),
        right=np.concatenate([part.right for part in parts]),
        shown=np.concatenate([part.shown for part in parts]),
    )
    return rows, _evidence_left_out(rows, what, range(len(EVIDENCE)))


def _evidence_left_out(rows: Rows, what: str, columns: Sequence[int]) -> Numbers:
    groups = np.asarray([str(getattr(q, what)) for q in rows.questions])
    probability = np.zeros(len(groups))
    for group in dict.fromkeys(groups.tolist()):
        if not any(
            q.is_labelled for q, g in zip(rows.questions, groups, strict=True) if g == group
        ):
            continue
        model = fit_evidence(_some(rows, groups != group), np.zeros(len(RANKING)), columns)
        for row in np.flatnonzero(groups == group):
            probability[row] = model.probability(rows.features[row])
    return probability


def _some(rows: Rows, which: NDArray[np.bool_]) -> Rows:
    chosen = np.flatnonzero(which)
    return Rows(
        questions=[rows.questions[int(n)] for n in chosen],
        features=rows.features[which],
        right=rows.right[which],
        shown=rows.shown[which],
    )


def _print_corpus(rows: Rows, probability: Numbers, corpus: str) -> None:
    own = np.asarray([q.is_labelled and q.corpus == corpus for q in rows.questions])
    answerable = np.asarray([q.kind == "answerable" for q in rows.questions]) & own
    count = int(answerable.sum())
    print(
        f"  {corpus}: {count} answerable; facts in the passages "
        f"{rows.shown[answerable].mean():.3f}, in the quotes {rows.right[answerable].mean():.3f}"
    )
    order = np.argsort(-probability[own], kind="stable")
    right = np.cumsum(rows.right[own][order])
    for share in (0.5, 0.55, 0.6, 0.65, 0.7):
        at = int(np.searchsorted(right, share * count))
        if at < len(right):
            print(
                f"    sure recall {share:.2f}: sure precision {right[at] / (at + 1):.3f} "
                f"from {probability[own][order][at]:.2f} on"
            )
    names = [rows.questions[n] for n in np.flatnonzero(own)[order]]
    marks = {"answerable": "-", "near_miss": "N"}
    print("    " + " ".join(
        f"{q.id}{'+' if ok else marks[q.kind]}{p:.2f}"
        for q, ok, p in zip(names, rows.right[own][order], probability[own][order], strict=True)
    ))  # fmt: skip


def _print_near_misses(rows: Rows, probability: Numbers, corpus: str) -> None:
    """How many near misses get through as sure: those that people wrote, those made by putting a
    foreign name in, and those made by taking the answering pages out."""
    sure = AnswerSettings().sure_evidence
    for kind in ("near_miss", "spliced", "taken_out"):
        own = np.asarray([q.kind == kind and q.corpus == corpus for q in rows.questions])
        if own.any():
            through = int((probability[own] >= sure).sum())
            print(f"    {kind}: {through} of {int(own.sum())} from {sure} on")


def _likelihood(rows: Rows, probability: Numbers) -> float:
    own = np.asarray([q.is_labelled for q in rows.questions])
    p = np.clip(probability[own], 1e-3, 1 - 1e-3)
    return float(np.where(rows.right[own], np.log(p), np.log(1 - p)).mean())


def _print_ablation(rows: Rows) -> None:
    """What is lost without each feature: of the ranking, first hits on the right page; of the
    evidence, the likelihood of the labelled questions."""
    every = range(len(EVIDENCE))
    base = _likelihood(rows, _evidence_left_out(rows, "project", every))
    print(f"  evidence without a feature (mean log likelihood {base:.3f} with all)")
    for number, name in enumerate(EVIDENCE):
        some = [other for other in every if other != number]
        without = _likelihood(rows, _evidence_left_out(rows, "project", some))
        print(f"    {name:18}{without - base:+.4f}")
    print(f"  ranking without a feature (first hit right, among five: {_hits(rows, None)})")
    for number, name in enumerate(RANKING):
        print(f"    {name:18}{_hits(rows, number)}")


def _hits(rows: Rows, without: int | None) -> str:
    columns = [n for n in range(len(RANKING)) if n != without]
    first = five = count = 0
    asked = [q for q in rows.questions if q.kind in ("answerable", "made")]
    for project in dict.fromkeys(q.project for q in asked):
        own = [q for q in asked if q.project == project and q.kind == "answerable"]
        if own:
            ranking = fit_ranking([q for q in asked if q.project != project], columns)
        for question in own:
            order = np.argsort(-(question.features @ ranking), kind="stable")
            first += bool(question.gold[order[:1]].any())
            five += bool(question.gold[order[:5]].any())
            count += 1
    return f"{first / max(1, count):.3f}, {five / max(1, count):.3f}"
