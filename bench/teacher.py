"""What a teacher's labels are worth that are wrong in a known share of cases, beside none: from
no and from fifty labels of people, on messages of the group that nobody labelled for the fit."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bench.figures import Figure, against
from bench.gate import looked_up
from bench.judging import Group, Judged, Rows, judged
from bench.setup import Bench
from bot.cli.label import Candidate
from bot.cli.teacher import WEIGHT, chosen
from bot.store.examples import StoredQuestion
from knowledge.gate.examples import Examples
from knowledge.gate.fit import Lookup
from knowledge.settings import GateSettings
from knowledge.types import Flags

PEOPLE, TAUGHT, ERRORS, TIMES = (0, 50), 200, (0.0, 0.1, 0.2), 6
UNKNOWN = StoredQuestion(
    adapter="", group="", user="", message_id="", text="", at=0.0, reason="", unprompted=True,
    score=None, threshold=None,
)  # fmt: skip


def measure(bench: Bench) -> Iterator[Figure]:
    """Half of the messages are judged, the teacher chooses among the other half."""
    options = bench.config.gate
    group = looked_up(bench.config, bench.data / "rejection_dev.jsonl")
    seeds = looked_up(bench.config, bench.data / "seed_questions.json")
    for people in PEOPLE:
        without = [_run(group, seeds, options, people, None, seed) for seed in range(TIMES)]
        for error in ERRORS:
            found = [_run(group, seeds, options, people, error, seed) for seed in range(TIMES)]
            name = f"{people} labels of people and {TAUGHT} of a teacher wrong in {error:.0%}"
            print("   ", name, _shown(found), "without:", _shown(without))
            for what in ("auc", "recall", "precision"):
                yield against(f"teacher: {what} from {name}", _mean(found, what),
                              _mean(without, what), "", "without", more_is_better=True)  # fmt: skip


def _run(
    group: Group, seeds: Group, options: GateSettings, people: int, error: float | None, seed: int
) -> Judged:
    random = np.random.default_rng(seed)
    order = random.permutation(len(group.good))
    pool, test = np.split(order, 2)
    known, rest = pool[:people], pool[people:]
    train = _joined([seeds, group.of(known)])
    if error is not None:
        rows = rest[_chosen(group.of(rest), train, options)]
        wrong = random.random(len(rows)) < error
        train = _joined([train, _taught(group, rows, wrong)])
    return judged(train, group.of(test), options)


def _chosen(rest: Group, train: Group, options: GateSettings) -> Rows:
    """As the command chooses: by the gate that there is before the teacher is asked."""
    scores = judged(train, rest, options).scores.tolist()
    candidates = [
        Candidate(replace(UNKNOWN, message_id=str(row)), score, 0.0)
        for row, score in enumerate(scores)
    ]
    return np.asarray([int(one.question.message_id) for one in chosen(candidates, TAUGHT)])


def _taught(group: Group, rows: Rows, wrong: Flags) -> Group:
    found = group.of(rows)
    items = tuple(
        replace(item, good=item.good != bool(flip), weight=WEIGHT)
        for item, flip in zip(found.examples.items, wrong, strict=True)
    )
    return Group(found.lookup, Examples(items))


def _joined(groups: Sequence[Group]) -> Group:
    seen = [one for group in groups for one in group.lookup.seen]
    items = tuple(item for group in groups for item in group.examples.items)
    return Group(Lookup(seen, groups[0].lookup.own), Examples(items))


def _mean(found: Sequence[Judged], what: str) -> float:
    return float(np.mean([getattr(one, what) for one in found]))


def _shown(found: Sequence[Judged]) -> str:
    return ", ".join(f"{what} {_mean(found, what):.3f}" for what in ("auc", "recall", "precision"))
