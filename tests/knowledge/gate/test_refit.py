"""Steps of labels on disk, and when a refit is taken."""

from dataclasses import replace
from pathlib import Path

import pytest

from knowledge.gate.examples import Example
from knowledge.gate.fit import fit_gate
from knowledge.gate.refit import KEPT, compare, drop_labels, take_labels, taken_labels
from tests.knowledge.gate.test_fit import OPTIONS, group

LABEL = Example("半个 emoji \ud83d?", good=True, origin="command", person="fake:ann", weight=0.5)


def test_labels_are_taken_step_by_step_and_can_be_dropped_again(tmp_path: Path) -> None:
    assert taken_labels(tmp_path) == ()
    assert not drop_labels(tmp_path)
    for number in range(KEPT + 5):
        take_labels(tmp_path, [replace(LABEL, text=f"{number}")] * 2)
    assert [one.text for one in taken_labels(tmp_path)] == [f"{KEPT + 4}"]
    assert taken_labels(tmp_path)[0] == replace(LABEL, text=f"{KEPT + 4}")
    dropped = 0
    while drop_labels(tmp_path):
        dropped += 1
    assert dropped == KEPT
    assert taken_labels(tmp_path) == ()


def test_half_an_emoji_costs_no_step(tmp_path: Path) -> None:
    take_labels(tmp_path, [LABEL])
    assert taken_labels(tmp_path)[0].text.startswith("半个 emoji")


def test_a_damaged_step_is_left_out_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ("first", "second"):
        take_labels(tmp_path, [replace(LABEL, text=text)])
    newest = max((tmp_path / "labels").iterdir())
    newest.write_bytes(newest.read_bytes()[:20])
    assert [one.text for one in taken_labels(tmp_path)] == ["first"]
    assert newest.name in caplog.text


@pytest.mark.parametrize(("target", "taken"), [(0.9, False), (0.2, True)])
def test_precision_may_fall_only_where_it_was_more_than_wished_for(
    target: float, taken: bool
) -> None:
    strict = fit_gate(*group(200, telling=0.8), OPTIONS)
    everything = replace(strict.state.unprompted, threshold=-1.0)
    loose = replace(strict, state=replace(strict.state, unprompted=everything))
    fell = compare(strict, loose, lambda _: 0.0, target)
    assert fell.before and fell.after and fell.before > 0.85 and fell.after < 0.5
    assert fell.taken is taken
    assert compare(loose, strict, lambda _: 0.0, target).taken


def test_the_old_gate_is_judged_on_what_is_new_too() -> None:
    lookup, examples = group(200, telling=0.8)
    few = fit_gate(
        type(lookup)(lookup.seen[:100], ()), type(examples)(examples.items[:100]), OPTIONS
    )
    asked: list[str] = []

    def score(text: str) -> float:
        asked.append(text)
        return 1.0  # it lets all of the new ones pass

    many = fit_gate(lookup, examples, OPTIONS)
    judged = compare(few, many, score, 0.9)
    assert len(asked) == 100
    assert judged.taken and judged.before and judged.before < 0.6
