"""The fitted gate: when the learned model is taken, what it keeps of a promise, how it is saved."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge.gate.examples import Example, Examples
from knowledge.gate.features import FEATURES, Seen, grams_of
from knowledge.gate.fit import Lookup, fit_gate
from knowledge.gate.model import LearnedModel
from knowledge.gate.points import Scored, estimated_threshold
from knowledge.gate.state import MODEL, STATE, FittedGate
from knowledge.settings import GateSettings
from knowledge.types import IndexMismatch

OPTIONS = GateSettings(examples=(Path("examples.json"),))
ASKS, TALKS = ("how do I configure the port", "怎么配置端口"), ("lunch at noon", "周末去爬山吗")


def message(random: np.random.Generator, *, good: bool, telling: float) -> Seen:
    """A message that its nearness tells apart a little, and its other features by `telling`."""
    shift = 1.0 if good else -1.0
    features = random.normal(0, 1, len(FEATURES))
    features[:3] = 0.4 + 0.1 * (random.normal() + shift)
    features[10:] += telling * shift
    vector = random.normal(0, 1, 16)
    texts = ASKS if good else TALKS
    return Seen(
        (vector / np.linalg.norm(vector)).astype(np.float32),
        np.full(5, features[1], np.float32),
        features,
        *grams_of(str(random.choice(texts))),
    )


def group(count: int, telling: float, seed: int = 0, name: str = "") -> tuple[Lookup, Examples]:
    """So many messages of a group; three of ten are good, and one of thirty is labelled wrong."""
    random = np.random.default_rng(seed)
    likes = [random.uniform() < 0.3 for _ in range(count)]
    seen = [message(random, good=good, telling=telling) for good in likes]
    labels = [good != (random.uniform() < 1 / 30) for good in likes]
    items = (
        Example(f"{name}{i}", good, origin="message", group=name) for i, good in enumerate(labels)
    )
    return Lookup(seen, ()), Examples(tuple(items))


def test_the_model_is_taken_when_it_is_better_than_the_distance() -> None:
    lookup, examples = group(300, telling=0.8)
    state = fit_gate(lookup, examples, OPTIONS).state
    assert (state.model, state.why) == ("learned", "learned")
    assert state.mention.threshold <= state.unprompted.threshold
    assert 0.25 < state.share < 0.4


def test_few_examples_and_a_configured_distance_leave_it_at_the_distance() -> None:
    few = fit_gate(*group(4, telling=0.8), OPTIONS).state
    assert (few.model, few.why) == ("distance", "few")
    configured = OPTIONS.model_copy(update={"model": "distance"})
    state = fit_gate(*group(300, telling=0.8), configured).state
    assert (state.model, state.why) == ("distance", "configured")


def as_written(examples: Examples) -> Examples:
    return Examples(tuple(replace(item, origin="written") for item in examples.items))


def test_written_examples_about_other_documents_teach_nothing() -> None:
    lookup, examples = group(300, telling=0.8)
    near_questions = Lookup(lookup.seen, [0.8] * 30)
    far = fit_gate(near_questions, as_written(examples), OPTIONS).state
    assert (far.model, far.why) == ("distance", "other_documents")
    assert not far.examples_fit and not far.unprompted.proven
    assert far.unprompted.counts.good == 0
    # Messages were labelled where these documents are asked about.
    assert fit_gate(near_questions, examples, OPTIONS).state.model == "learned"


def test_examples_that_ship_are_left_out_once_there_are_messages() -> None:
    (one, written), (other, messages) = group(60, telling=0.8, name="w"), group(300, telling=0.8)
    lookup = Lookup([*one.seen, *other.seen], [0.8] * 30)
    both = Examples(as_written(written).items + messages.items)
    state = fit_gate(lookup, both, OPTIONS).state
    assert state.model == "learned"
    assert state.good == sum(item.good for item in messages.items)


def test_what_is_learned_holds_on_other_messages() -> None:
    fitted = fit_gate(*group(900, telling=0.5), OPTIONS)
    assert fitted.model and fitted.held_out
    lookup, others = group(2000, telling=0.5, seed=1)
    scores = np.asarray([fitted.model.probability(seen) for seen in lookup.seen])
    good = np.asarray([item.good for item in others.items])
    passing = scores >= fitted.state.unprompted.threshold
    assert fitted.state.unprompted.proven
    assert good[passing].mean() >= 0.88
    assert good[passing].sum() / good.sum() > 0.3
    assert abs(scores.mean() - good.mean()) < 0.03
    # Without its own label an example scores as a new message does, not better.
    held_out = fitted.held_out.scores
    assert abs(held_out[fitted.held_out.good].mean() - scores[good].mean()) < 0.05


def test_fewer_unwanted_replies_need_a_higher_threshold() -> None:
    lookup, examples = group(600, telling=0.5)
    points = [
        fit_gate(
            lookup, examples, OPTIONS.model_copy(update={"max_unwanted_per_week": most})
        ).state.unprompted
        for most in (40.0, 20.0)
    ]
    assert all(point.proven for point in points)
    assert points[0].threshold < points[1].threshold
    unprovable = OPTIONS.model_copy(update={"max_unwanted_per_week": 0.1})
    assert not fit_gate(lookup, examples, unprovable).state.unprompted.proven


def test_labels_of_less_weight_prove_nothing() -> None:
    lookup, examples = group(600, telling=0.5)
    lighter = Examples(tuple(replace(item, weight=0.5) for item in examples.items))
    state = fit_gate(lookup, lighter, OPTIONS).state
    assert state.model == "learned" and not state.unprompted.proven
    assert state.unprompted.counts.labels == 0


def test_a_teacher_moves_no_threshold_where_people_labelled_enough() -> None:
    (one, people), (other, taught) = group(120, telling=0.5), group(200, telling=0.5, seed=1)
    wrong = tuple(replace(item, good=not item.good, weight=0.5) for item in taught.items)
    both = Examples(people.items + wrong)
    assert both.telling.tolist() == [1.0] * 120 + [0.0] * 200
    fitted = fit_gate(Lookup([*one.seen, *other.seen], ()), both, OPTIONS)
    assert fitted.held_out
    passing = fitted.held_out.scores >= fitted.state.unprompted.threshold
    assert people.labels[passing[:120]].mean() > 0.8, "what it says of people's labels holds"
    few = Examples(people.items[:20] + wrong)
    assert few.telling.sum() == 20 + 0.5 * 200, "a few don't do"


def test_written_examples_say_nothing_of_a_group_s_share() -> None:
    written = [Example(f"w{number}", good=number < 15) for number in range(20)]
    messages = [Example(f"m{number}", good=number < 25, origin="message") for number in range(100)]
    both = Examples((*written, *messages))
    surplus = both.surplus(0.25)
    assert surplus[0] > 1.5 and abs(surplus[-1]) < 0.1
    assert both.telling.tolist() == [0.5] * 20 + [1.0] * 100
    only_bad = Examples((*written[15:], *messages))
    assert set(only_bad.surplus(0.25)) == {only_bad.surplus(0.25)[0]}, "they tell what is bad"


def test_more_confidence_and_fewer_labels_mean_a_higher_threshold() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(0, 1, 2000)
    found = {}
    for count in (60, 2000):
        some = scores[:count]
        scored = Scored(some, random.uniform(0, 1, count) < some, np.ones(count))
        found[count] = [estimated_threshold(scored, 0.8, 0.5, sure) for sure in (0.5, 0.8, 0.95)]
        assert found[count] == sorted(found[count])
    assert found[60][-1] - found[60][0] > 2 * (found[2000][-1] - found[2000][0])


def test_three_good_labels_that_score_low_by_chance_do_not_lower_the_threshold() -> None:
    scores = np.asarray([0.35, 0.3, 0.2, 0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05])
    scored = Scored(scores, np.arange(10) < 3, np.ones(10))
    careful = estimated_threshold(scored, 0.9, 0.25, 0.65)
    assert careful > np.quantile(scores[scored.good], 0.75)
    assert careful < 0.5, "and yet a quarter of the good ones may be expected to pass"


def test_a_group_with_labels_of_its_own_gets_its_own_points() -> None:
    many, few = group(300, telling=0.8, name="a:many"), group(30, telling=0.8, seed=2, name="a:few")
    seen = [*many[0].seen, *few[0].seen]
    state = fit_gate(Lookup(seen, ()), Examples(many[1].items + few[1].items), OPTIONS).state
    assert set(state.groups) == {"a:many"}
    assert state.groups["a:many"][0].counts.labels == 300


def test_the_artefact_belongs_to_its_index_and_examples(tmp_path: Path) -> None:
    lookup, examples = group(300, telling=0.8, name="a:b")
    fitted = fit_gate(lookup, examples, OPTIONS, "snapshot-3", "use")
    fitted.save(tmp_path)
    found = FittedGate.load(tmp_path, "snapshot-3", fitted.state.key)
    assert found and found.state == fitted.state
    assert found.model and fitted.model
    assert found.model.probability(lookup.seen[0]) == fitted.model.probability(lookup.seen[0])
    for index, key in (("snapshot-4", fitted.state.key), ("snapshot-3", "other")):
        assert FittedGate.load(tmp_path, index, key) is None
    assert FittedGate.load(tmp_path / "elsewhere", "snapshot-3", fitted.state.key) is None
    (tmp_path / STATE).write_text("[]")
    with pytest.raises(IndexMismatch, match="unreadable"):
        FittedGate.load(tmp_path, "snapshot-3", fitted.state.key)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"\x80\x04}."])
def test_a_damaged_model_is_refused(tmp_path: Path, damage: bytes) -> None:
    fitted = fit_gate(*group(300, telling=0.8), OPTIONS)
    fitted.save(tmp_path)
    (tmp_path / MODEL).write_bytes(damage)
    with pytest.raises(IndexMismatch, match="unreadable"):
        LearnedModel.load(tmp_path / MODEL)
