"""What the gate is, what its labels prove, and what is missing, in a maintainer's words."""

import math
from collections.abc import Mapping

from knowledge.gate.promise import labels_needed, promise
from knowledge.types import GateState

_WHY: Mapping[str, tuple[str, str]] = {
    "learned": ("learned from", "由例子学得："),
    "configured": ("distance to the documents, as configured;", "按距离判断（配置如此）；"),
    "few": (
        "distance to the documents, as there is too little to learn from;",
        "按距离判断（例子太少，学不出来）；",
    ),
    "not_better": (
        "distance to the documents, as what is learned is not surely better yet;",
        "按距离判断（学得的还不能确定更好）；",
    ),
    "other_documents": (
        "distance to the documents, as the good examples are about others;",
        "按距离判断（好例子说的不是这些文档）；",
    ),
}


def gate_lines(state: GateState, weekly: float, *, chinese: bool) -> list[str]:
    """Which gate serves and from how many examples, what it promises where there are `weekly`
    messages, and what it takes to reach what was wished for."""
    english, zh = _WHY[state.why]
    if chinese:
        first = f"门控：{zh}{state.good} 个好例子，{state.bad} 个坏例子"
    else:
        first = f"gate: {english} {state.good} good and {state.bad} bad examples"
    if not state.examples_fit:
        return [first, _other_documents(chinese=chinese)]
    return [first, promise_text(state, weekly, chinese=chinese), *_shortfall(state, chinese)]


def promise_text(state: GateState, weekly: float, *, chinese: bool) -> str:
    """At most so many unwanted replies a week, how sure that is, and from how many labels."""
    said = promise(state.unprompted.counts, state.share, state.confidence, weekly)
    most, recall = math.ceil(said.unwanted), state.unprompted.recall
    if chinese:
        return (
            f"每周 {weekly:.0f} 条消息时，不该说的回复最多 {most} 条，把握 {said.confidence:.0%}，"
            f"依据 {said.labels} 个标注；该回答的约 {recall:.0%} 会主动回答"
        )
    return (
        f"at most {most} unwanted replies a week of {weekly:.0f} messages, "
        f"{said.confidence:.0%} sure, from {said.labels} labels; "
        f"about {recall:.0%} of the good ones are answered unprompted"
    )


def _shortfall(state: GateState, chinese: bool) -> list[str]:
    """What is missing of the precision that was wished for; nothing where it is proven."""
    point = state.unprompted
    if point.proven:
        return []
    needed = labels_needed(point.counts, state.target, state.share, state.confidence)
    more = None if needed is None else max(1, needed - point.counts.labels)
    if point.precision < state.target:
        missed = (
            f"the target is missed: of what passes {point.precision:.0%} are estimated to be good, "
            f"{state.target:.0%} are wished for; more labels help, or a lower gate.target_precision"
        )
        zh = (
            f"没有达到目标：通过的消息里估计 {point.precision:.0%} 是该回答的，目标是 "
            f"{state.target:.0%}；请多标注一些，或调低 gate.target_precision"
        )
    elif more is None:
        missed = f"precision {state.target:.0%} is an estimate; what passes among the labels is " \
                 "not good enough to prove it"  # fmt: skip
        zh = f"精确率 {state.target:.0%} 只是估计；标注里通过的消息还不足以证明"
    else:
        missed = f"precision {state.target:.0%} is an estimate; about {more} more labels prove it"
        zh = f"精确率 {state.target:.0%} 只是估计；再标注约 {more} 条就能证明"
    return [zh if chinese else missed]


def _other_documents(*, chinese: bool) -> str:
    if chinese:
        return "好例子和这些文档无关，用文档的标题代替；没有保证。请在 gate.examples 里写自己的例子"
    return (
        "the good examples are not about these documents, whose headings stand in; nothing is "
        "promised. Write questions that your documents answer into gate.examples"
    )
