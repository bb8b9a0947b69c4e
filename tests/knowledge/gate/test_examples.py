"""Reading examples, and what a person's count for."""

from pathlib import Path

import pytest

from knowledge.gate.examples import Example, Examples, bounded, load_examples
from knowledge.types import ExamplesMissing, KnowledgeError


def by(person: str, count: int, weight: float = 1.0) -> list[Example]:
    return [Example(f"{person} {i}", good=True, weight=weight, person=person) for i in range(count)]


def test_no_single_person_counts_for_more_than_their_share() -> None:
    items = [*by("eve", 40), *by("bob", 3), *by("root", 30), *by("", 50)]
    found = bounded(items, most=5.0, trusted={"root"})
    weights = {
        person: sum(item.weight for item in found if item.person == person)
        for person in ("eve", "bob", "root", "")
    }
    assert weights == pytest.approx({"eve": 5.0, "bob": 3.0, "root": 30.0, "": 50.0})
    assert [item.text for item in found] == [item.text for item in items]


def test_lines_may_say_whence_they_are(tmp_path: Path) -> None:
    lines, lists = tmp_path / "lines.jsonl", tmp_path / "lists.json"
    lines.write_text(
        '{"text": "a", "label": 1, "weight": 0.5, "group": "g", "person": "p", "time": 7}\n\n'
        '{"text": "b", "label": 0}\n'
    )
    lists.write_text('{"good": ["c", "c"], "bad": ["d"]}')
    found = load_examples([lines, lists])
    assert (found.good, found.bad) == (("a", "c"), ("b", "d"))
    assert found.items[0] == Example(
        "a", good=True, weight=0.5, origin="message", group="g", person="p", time=7.0
    )
    assert [item.origin for item in found.items] == ["message", "message", "written", "written"]


@pytest.mark.parametrize(
    "line",
    ['{"text": "a", "label": 2}', '{"text": "a", "label": 1, "weight": 0}', '{"text": "a"}', "[]"],
)
def test_what_is_no_example_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a", "label": 1}\n' + line + "\n")
    with pytest.raises(KnowledgeError, match=r"x\.jsonl:2"):
        load_examples([path])
    with pytest.raises(ExamplesMissing):
        load_examples([tmp_path / "none.json"])


def test_only_messages_tell_the_share_of_a_group() -> None:
    written = Examples.of([Example(str(i), good=i < 90) for i in range(100)])
    assert written.share(0.25) == pytest.approx(0.25)
    messages = Examples.of([Example(str(i), i < 400, origin="message") for i in range(1000)])
    assert messages.share(0.25) == pytest.approx(0.4, abs=0.01)


def test_the_digest_changes_with_a_label_and_a_weight() -> None:
    digests = {
        Examples.of([Example("a", good=good, weight=weight)]).digest
        for good in (True, False)
        for weight in (1.0, 0.5)
    }
    assert len(digests) == 4
