"""The gate: does a message belong to the documents?

Two ways of scoring a message stand behind one Protocol: its distance to the nearest pieces, as in
the HuixiangDou paper (arXiv 2401.08772, section 3.2), and a model learned from examples. A message
passes from a threshold on, which is higher where nobody called the bot; see `fit`.
"""

from dataclasses import dataclass
from typing import Protocol

from knowledge.gate.features import EFFORT, mean_cosine, see
from knowledge.gate.model import LearnedModel
from knowledge.index.open import EVERYTHING, Scope, Snapshot
from knowledge.index.vectors import VectorIndex
from knowledge.types import GateState, Vectors, Verdict


class Gate(Protocol):
    """Scores messages: higher is more likely to be one for the bot."""

    def score(self, text: str, vector: Vectors, scope: Scope = EVERYTHING) -> float:
        """The score of a message, whose vector has shape (dim,), among the pieces of a scope."""
        ...


@dataclass(frozen=True, slots=True)
class DistanceGate:
    """Mean cosine to the `neighbours` nearest pieces of the rejecting view, -1..1.

    With one neighbour this is the paper's distance; the mean of a few is less easily fooled by
    one stray piece.
    """

    index: VectorIndex
    neighbours: int

    def score(self, _: str, vector: Vectors, scope: Scope = EVERYTHING) -> float:
        """Mean cosine to the nearest pieces; -1 where there are none."""
        found = self.index.search(vector, self.neighbours, EFFORT, scope.reject)
        return mean_cosine(found[1])


@dataclass(frozen=True, slots=True)
class LearnedGate:
    """The probability that a message is good, 0..1, by what the examples say."""

    snapshot: Snapshot
    model: LearnedModel

    def score(self, text: str, vector: Vectors, scope: Scope = EVERYTHING) -> float:
        """The calibrated probability."""
        return self.model.probability(see(self.snapshot, text, vector, scope))


def verdict(score: float, state: GateState, *, mention: bool, group: str = "") -> Verdict:
    """Accepts what reaches the threshold, which may be a group's own."""
    unprompted, mentioned = state.groups.get(group, (state.unprompted, state.mention))
    threshold = (mentioned if mention else unprompted).threshold
    accept = score >= threshold
    if state.model == "distance":
        return Verdict(accept, score, threshold, "close" if accept else "far")
    return Verdict(accept, score, threshold, "likely" if accept else "unlikely")
