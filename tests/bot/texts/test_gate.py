"""What the gate's labels prove, in words."""

from dataclasses import replace

import pytest

from bot.texts.gate import gate_lines
from knowledge.types import Counts, GateReason, GateState, Point

PROVEN = Point(
    threshold=0.7,
    precision=0.93,
    recall=0.6,
    counts=Counts(good=40, good_passing=24, bad=100, bad_passing=1),
    proven=True,
)
STATE = GateState(
    model="learned",
    why="learned",
    index="snapshot-1",
    key="k",
    unprompted=PROVEN,
    mention=PROVEN,
    groups={},
    good=40,
    bad=100,
    share=0.25,
    weekly=1000.0,
    target=0.9,
    confidence=0.8,
    talk=0.2,
    question=0.5,
)


def at(point: Point) -> GateState:
    return replace(STATE, unprompted=point)


def test_a_promise_counts_replies_a_week_of_the_groups_own_traffic() -> None:
    first, said, *rest = gate_lines(STATE, chinese=False, weekly=100)
    assert first == "gate: learned from 40 good and 100 bad examples"
    assert said.startswith("at most 4 unwanted replies a week of 100 messages, 90% sure, from 140")
    assert "about 60% of the good ones" in said
    assert not rest
    assert "35 unwanted replies a week of 1000" in gate_lines(STATE, chinese=False)[1]


def test_it_says_how_many_labels_are_missing() -> None:
    lines = gate_lines(at(replace(PROVEN, proven=False, needed=400)), chinese=False)
    assert "about 300 more labels make it 80% sure" in lines[-1]
    lines = gate_lines(at(replace(PROVEN, proven=False)), chinese=False)
    assert "not good enough to prove it" in lines[-1]
    few = replace(PROVEN, proven=False, counts=Counts(10, 6, 30, 0), needed=9000)
    assert "takes some hundreds of labelled messages" in gate_lines(at(few), chinese=False)[-1]
    assert "几百条" in gate_lines(at(few), chinese=True)[-1]


def test_it_says_when_the_target_is_missed() -> None:
    missed = replace(PROVEN, proven=False, precision=0.7)
    assert "the target is missed: of what passes 70%" in gate_lines(at(missed), chinese=False)[-1]
    assert "没有达到目标" in gate_lines(at(missed), chinese=True)[-1]


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("few", "too little to learn from"),
        ("not_better", "not better yet"),
        ("configured", "as configured"),
    ],
)
def test_it_says_why_the_distance_serves(why: GateReason, words: str) -> None:
    state = replace(STATE, model="distance", why=why)
    assert words in gate_lines(state, chinese=False)[0]
    assert "按距离判断" in gate_lines(state, chinese=True)[0]


def test_nothing_is_promised_by_examples_about_other_documents() -> None:
    other = replace(STATE, model="distance", why="other_documents")
    assert "nothing is promised" in gate_lines(other, chinese=False)[-1]
    assert "没有保证" in gate_lines(other, chinese=True)[-1]
