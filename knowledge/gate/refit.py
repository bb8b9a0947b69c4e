"""Taking up labels that came from groups: only where the gate is no worse for it, and so that it
can be undone.

What was taken up stands beside the index, a file for each step with all labels as of then; the
newest counts, together with the examples that are configured. The gate follows from its examples,
so going back a step brings back the gate as it was, whatever became of the index meanwhile.
"""

import fcntl
import json
import logging
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from knowledge.gate.examples import Example, load_examples
from knowledge.gate.points import Scored, point_at
from knowledge.gate.state import FittedGate
from knowledge.types import GateState, KnowledgeError

log = logging.getLogger(__name__)

FOLDER, KEPT = "labels", 20
"""Where the steps stand, and how many can be gone back."""

_NAME = re.compile(r"(\d+)\.jsonl")


@dataclass(frozen=True, slots=True)
class Refit:
    """What became of a refit. `before` and `after` are the precisions of the two gates at their
    operating points, both on the new examples and each without having seen a message's label; None
    where the good examples are not about the documents, and so there is nothing to measure.
    `changed` is False where there were no other labels than before; `state` is that of the gate
    that was tried."""

    taken: bool
    changed: bool
    before: float | None
    after: float | None
    state: GateState


def unchanged(state: GateState) -> Refit:
    """There was nothing new to learn."""
    return Refit(taken=False, changed=False, before=None, after=None, state=state)


def taken_labels(folder: Path) -> tuple[Example, ...]:
    """The labels of the newest step whose file is not damaged; none where there is no step."""
    for step in reversed(_steps(folder)):
        try:
            return load_examples([step]).items
        except KnowledgeError as error:
            log.warning("the step before is taken: %s", error)
    return ()


def take_labels(folder: Path, labels: Sequence[Example]) -> None:
    """Makes a step; the oldest ones of many are forgotten. Raises KnowledgeError."""
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        with _alone(folder):
            steps = _steps(folder)
            number = int(steps[-1].stem) + 1 if steps else 1
            _write(folder / FOLDER / f"{number:06}.jsonl", labels)
            for step in steps[: -(KEPT - 1)]:
                step.unlink(missing_ok=True)
    except OSError as error:
        raise KnowledgeError(f"can't write the labels: {error}") from error


def drop_labels(folder: Path) -> bool:
    """Goes back a step; False where there is none."""
    if not (folder / FOLDER).is_dir():
        return False
    with _alone(folder):
        steps = _steps(folder)
        if steps:
            steps[-1].unlink(missing_ok=True)
        return bool(steps)


def labelled_texts(folder: Path) -> set[str]:
    """The texts of all steps whose files are not damaged."""
    found: set[str] = set()
    for step in _steps(folder):
        with suppress(KnowledgeError):
            found |= {item.text for item in load_examples([step]).items}
    return found


def forget_labels(folder: Path, texts: Collection[str], person: str) -> int:
    """Takes out of every step the labels of these texts, and those that a person gave; how many.
    The gate follows from its examples: it is fitted without them when it is opened next. A step
    that can't be read is dropped: nobody can tell what it holds."""
    if not (folder / FOLDER).is_dir():
        return 0
    with _alone(folder):
        return sum(_forget(step, texts, person) for step in _steps(folder))


def _forget(step: Path, texts: Collection[str], person: str) -> int:
    try:
        items = load_examples([step]).items
    except KnowledgeError:
        step.unlink(missing_ok=True)
        return 0
    kept = [item for item in items if item.text not in texts and item.person != person]
    if len(kept) < len(items):
        _write(step, kept)
    return len(items) - len(kept)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While steps are changed: by the bot, or by a command beside it, which waits for the other."""
    handle = os.open(folder / FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(step: Path, labels: Sequence[Example]) -> None:
    waiting = step.with_name("waiting.tmp")
    rows = [{**asdict(item), "label": int(item.good)} for item in labels]
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    waiting.write_text("".join(lines), encoding="utf-8", errors="replace")
    waiting.replace(step)


def compare(
    before: FittedGate, after: FittedGate, score: Callable[[str], float], target: float
) -> Refit:
    """Is the gate `after` no less precise than `before`, as far as that was wished for? Beyond
    `target` precision is not what was asked for, and may go for recall.

    `score` is that of the gate before, for messages that it was not fitted to.
    """
    if not (before.state.examples_fit and after.state.examples_fit):
        taken = after.state.examples_fit or not before.state.examples_fit
        return Refit(taken=taken, changed=True, before=None, after=None, state=after.state)
    judged, items = after.held_out, after.examples
    held_out, known_items = before.held_out, before.examples
    if judged is None or held_out is None:
        raise ValueError("a gate that was loaded has no held-out scores")
    known = {
        item.text: value for item, value in zip(known_items, held_out.scores.tolist(), strict=True)
    }
    scores = [known[item.text] if item.text in known else score(item.text) for item in items]
    old = Scored(np.asarray(scores, np.float64), judged.good, judged.weights)
    threshold, share = before.state.unprompted.threshold, after.state.share
    was = point_at(old, threshold, share, proven=False).precision
    now = point_at(judged, after.state.unprompted.threshold, share, proven=False).precision
    taken = now >= min(was, target)
    return Refit(taken=taken, changed=True, before=was, after=now, state=after.state)


def _steps(folder: Path) -> list[Path]:
    """The files of the steps, oldest first."""
    found = (folder / FOLDER).glob("*.jsonl")
    return sorted((path for path in found if _NAME.fullmatch(path.name)), key=lambda p: int(p.stem))
