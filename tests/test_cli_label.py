"""`run_bot.py label`: labels of people and of a teacher, in the real store."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.base import IncomingMessage
from bot.cli.label import Candidate
from bot.cli.teacher import WEIGHT, chosen, read_labels
from bot.store.examples import Label, Origin, StoredQuestion
from bot.store.store import Store, open_store
from tests.daemon import run
from tests.fakes.llm_api import Call, LlmApi, Say, Script
from tests.knowledge.library import BAD, GOOD
from tests.test_cli_llm import api, remote

__all__ = ["api"]

TEXTS = [*GOOD, *BAD]


@pytest.fixture
async def folder(indexed: Path) -> Path:
    """Where the bot has judged some messages, and nobody labelled any."""
    async with open_store(indexed / "data/bot.sqlite") as store:
        for number, text in enumerate(TEXTS):
            await judged(store, f"m{number}", text)
        await judged(store, "other", "is kettle any good?", group="other")
    return indexed


async def judged(store: Store, message_id: str, text: str, group: str = "g") -> None:
    message = IncomingMessage("web", group, "ann", message_id, text, 1000.0)
    await store.add_message(message, 1000.0)
    await store.decide(
        adapter="web", group=group, message_ids=(message_id,), outcome="silence",
        reason="off_topic", reply=None, now=1001.0,
        trace=[{"stage": "reject", "ms": 1.0, "score": 0.5, "threshold": 0.5}],
    )  # fmt: skip


async def stored(folder: Path) -> list[Label]:
    async with open_store(folder / "data/bot.sqlite") as store:
        return await store.labels()


def shown(out: str) -> list[str]:
    """The messages that a session showed, in its order."""
    return re.findall(r"^  ann: (.*)$", out, re.MULTILINE)


async def test_keys_label_skip_and_undo(folder: Path) -> None:
    status, out, _ = await run(folder, "label", stdin="g\nb\nu\ns\nx\ng\nq\n")
    assert status == 0
    seen = shown(out)
    assert seen[1] == seen[3], "what was undone is shown again"
    assert "g good   b bad   s skip   u undo   q quit" in out
    assert "nearest: " in out
    given = [(one.text, one.good, one.origin, one.weight) for one in await stored(folder)]
    assert given == [
        (seen[0], True, Origin.LABEL, 1.0),
        (seen[4], True, Origin.LABEL, 1.0),
    ]
    _, out, _ = await run(folder, "label", stdin="q\n")
    assert shown(out)[0] == seen[1], "what was skipped is asked again, what was labelled is not"


async def test_the_most_uncertain_come_first(folder: Path) -> None:
    _, out, _ = await run(folder, "label", stdin="s\n" * 20)
    figures = re.findall(r"score ([\d.-]+), threshold ([\d.]+)", out)
    distances = [abs(float(score) - float(threshold)) for score, threshold in figures]
    assert len(distances) == len(TEXTS) + 1
    assert distances == sorted(distances)


async def test_one_group_and_a_limit(folder: Path) -> None:
    _, out, _ = await run(folder, "label", "--group", "web:other", stdin="s\n" * 5)
    assert shown(out) == ["is kettle any good?"]
    _, out, _ = await run(folder, "label", "--limit", "2", stdin="s\n" * 5)
    assert len(shown(out)) == 2


async def test_without_stored_messages_it_says_so(indexed: Path) -> None:
    status, _, err = await run(indexed, "label")
    assert status == 1 and "no stored messages" in err


def teacher(wrong: Sequence[str] = ()) -> Script:
    """Labels what is about kettle as good, and some messages wrongly."""

    def script(call: Call) -> Say:
        lines = []
        for number, text in re.findall(r'<message n="(\d+)">\n(.*?)\n</message>', call.text, re.S):
            good = (text in GOOD or "kettle" in text) != (text in wrong)
            lines.append(f"{number}: {'good' if good else 'bad'}")
        return Say("\n".join(lines))

    return script


async def test_a_teacher_labels_within_its_budget_and_can_be_forgotten(
    folder: Path, api: LlmApi
) -> None:
    api.script = teacher()
    more = [*remote(api), "--set", "llm.remote.prompt_price=2"]
    status, out, _ = await run(folder, "label", "--teacher", "8", "--yes", more=more)
    assert status == 0
    assert re.search(r"8 messages in 1 calls, about \d+ prompt tokens and \d+ to write, cost", out)
    labels = await stored(folder)
    assert len(labels) == 8
    assert {(one.origin, one.weight) for one in labels} == {(Origin.TEACHER, WEIGHT)}
    assert {one.text: one.good for one in labels if one.text in TEXTS} == {
        one.text: one.text in GOOD for one in labels if one.text in TEXTS
    }
    _, out, _ = await run(folder, "label", "--forget-teacher")
    assert "8 labels of the teacher are gone" in out
    assert not await stored(folder)


async def test_nothing_is_asked_without_consent_or_beyond_the_budget(
    folder: Path, api: LlmApi
) -> None:
    api.script = teacher()
    more = remote(api)
    status, out, _ = await run(folder, "label", "--teacher", "8", stdin="n\n", more=more)
    assert status == 0 and "nothing was asked" in out
    for limit, words in (
        (("--max-tokens", "10"), "more than --max-tokens"),
        (("--max-cost", "1"), "needs llm.remote.prompt_price"),
    ):
        status, _, err = await run(folder, "label", "--teacher", "8", "--yes", *limit, more=more)
        assert status == 1 and words in err
    assert not api.calls and not await stored(folder)


async def test_the_guideline_is_the_operators(folder: Path, api: LlmApi) -> None:
    api.script = teacher()
    own = folder / "mine.md"
    own.write_text("good: anything about teapots")
    await run(folder, "label", "--teacher", "2", "--yes", "--guideline", str(own), more=remote(api))
    assert "anything about teapots" in api.calls[0].text


async def test_where_people_and_teacher_both_labelled_their_agreement_is_shown(
    folder: Path, api: LlmApi
) -> None:
    _, out, _ = await run(folder, "label", "--agreement")
    assert "both the teacher and people yet" in out
    await run(folder, "label", stdin="g\n" * 10)
    people = {one.text: one.good for one in await stored(folder)}
    api.script = teacher()
    status, out, _ = await run(folder, "label", "--teacher", "20", "--yes", more=remote(api))
    assert status == 0
    taught = {one.text: one.good for one in await stored(folder) if one.origin == Origin.TEACHER}
    both = people.keys() & taught.keys()
    same = sum(people[text] == taught[text] for text in both)
    assert len(both) == 2, "a tenth of what it was asked"
    assert f"the teacher agrees with people on {same} of 2" in out
    _, out, _ = await run(folder, "label", "--agreement")
    assert f"on {same} of 2" in out and "teacher " in out and "label " in out


async def test_a_teacher_that_fails_keeps_what_it_gave(folder: Path, api: LlmApi) -> None:
    api.script = lambda _: Say(status=400)
    status, _, err = await run(folder, "label", "--teacher", "4", "--yes", more=remote(api))
    assert status == 1 and "can't be asked" in err
    assert not await stored(folder)


def test_lines_of_a_teacher_are_read_with_care() -> None:
    said = "1: good\n- 2. BAD\n3) unsure\n4: good\n4: bad\n9: good\n**5**: bad, since it is a joke"
    assert read_labels(said, 6) == {1: True, 2: False, 5: False}


def test_a_teacher_is_asked_about_sure_and_unsure_ones_as_they_come() -> None:
    question = StoredQuestion(
        adapter="a",
        group="g",
        user="u",
        message_id="m",
        text="t",
        at=0.0,
        reason="",
        unprompted=True,
        score=None,
        threshold=None,
    )
    scores = [0.9, 0.1, 0.2, 0.3, 0.11, 0.12]
    candidates = [Candidate(question, score, 0.9) for score in scores]
    assert [one.score for one in chosen(candidates, 3)] == [0.1, 0.12, 0.3]
    assert len(chosen(candidates, 9)) == 6
