"""What the gate is, what its labels prove, and what is missing, in a maintainer's words."""

import math

from bot.texts.notices import notice
from knowledge.gate.promise import SURE, promise
from knowledge.types import GateState

TELLING, ROUND = 100, 50
"""From so many labels on they tell how many more it takes, and how finely: from fewer the number
comes out anywhere between 100 and 10,000."""


def gate_lines(state: GateState, *, chinese: bool, weekly: float | None = None) -> list[str]:
    """Which gate serves and from how many examples, what it promises where there are `weekly`
    messages (as configured where that is not known), and what is missing of what was wished."""
    first = notice(f"gate_is_{state.why}", chinese, good=state.good, bad=state.bad)
    if not state.examples_fit:
        return [first, notice("gate_no_promise", chinese)]
    said = _promise(state, weekly or state.weekly, chinese=chinese)
    return [first, said, *_shortfall(state, chinese=chinese)]


def _promise(state: GateState, weekly: float, *, chinese: bool) -> str:
    """At most so many unwanted replies a week, how sure that is, and from how many labels."""
    said = promise(state.unprompted.counts, state.share, weekly)
    return notice(
        "gate_promise",
        chinese,
        most=math.ceil(said.unwanted),
        weekly=f"{weekly:.0f}",
        sure=f"{SURE:.0%}",
        labels=said.labels,
        recall=f"{state.unprompted.recall:.0%}",
    )


def _shortfall(state: GateState, *, chinese: bool) -> list[str]:
    """What is missing of the precision that was wished for; nothing where it is proven."""
    point = state.unprompted
    if point.proven:
        return []
    target, precision = f"{state.target:.0%}", f"{point.precision:.0%}"
    if point.precision < state.target:
        return [notice("gate_missed", chinese, target=target, precision=precision)]
    labels, sure = point.counts.labels, f"{state.confidence:.0%}"
    if labels < TELLING:
        return [notice("gate_estimate_few", chinese, target=target, sure=sure)]
    if point.needed is None:
        return [notice("gate_unprovable", chinese, target=target)]
    more = ROUND * max(1, math.ceil((point.needed - labels) / ROUND))
    return [notice("gate_estimate", chinese, target=target, more=more, sure=sure)]
