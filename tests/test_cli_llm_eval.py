"""`eval` with a language model: what its scores are worth, what it costs, what it wrote."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.cli.labelled import load_probes, load_scored, load_subjects
from bot.cli.parser import parse
from bot.cli.scoring import eval_scoring
from bot.config.schema import load_config
from bot.grounding.markdown import MARK
from bot.llm.scoring import Rubric
from knowledge.types import KnowledgeError
from tests.bot.llm import models
from tests.daemon import lines_of_json, run
from tests.fakes.llm_api import Call, LlmApi, Say, digit, verdicts
from tests.test_cli_llm import ASK, GOOD, api, remote, scoring

__all__ = ["api"]

MESSAGES = [
    {"text": ASK, "label": 1},
    {"text": "DLL load failed on windows when importing kettle", "label": 1},
    {"text": "lunch?", "label": 0},
    {"text": "the kettle server is in the kitchen", "label": 0},
]
PAIRS = {
    "relevance": ("question", "passage"),
    "dodge": ("question", "answer"),
    "unsafe": ("text",),
    "question": ("text",),
}
DEAD = ["--set", "llm.remote={provider: custom, base_url: 'http://127.0.0.1:9/v1', model: chat}",
        "--set", "llm.retries=0"]  # fmt: skip


def data(folder: Path, rows: Sequence[dict[str, Any]] = MESSAGES) -> str:
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


async def test_scoring_shows_the_distribution_by_label(indexed: Path, api: LlmApi) -> None:
    api.script = lambda call: digit(9 if "?" in call.text or "DLL" in call.text else 1)
    more = remote(api)
    command = ("eval", "scoring", "--data", data(indexed))
    status, out, _ = await run(indexed, *command, "--json", more=more)
    (figures,) = lines_of_json(out)
    assert status == 0
    assert (figures["n"], figures["expected"], figures["unreadable"]) == (4, 4, 0)
    assert figures["label_1"] == [0] * 9 + [2]
    assert figures["label_0"] == [0, 1] + [0] * 7 + [1]  # "lunch?" has a question mark
    assert figures["balanced_accuracy"] == 0.75
    status, out, _ = await run(indexed, *command, more=more)
    assert "best_threshold" in out
    assert "llm.thresholds.question is 6" in out


async def test_the_best_threshold_is_written_into_the_configuration(
    indexed: Path, tmp_path: Path, api: LlmApi
) -> None:
    api.script = lambda call: digit(3 if "?" in call.text or "DLL" in call.text else 1)
    config = tmp_path / "config.yaml"
    before = "llm:  # mine\n  thresholds: {question: 6, dodge: 9}  # of another model\n"
    config.write_text(before)
    rows = [MESSAGES[0], MESSAGES[1], MESSAGES[3]]
    args = parse(["--config", str(config), "eval", "scoring", "--write", "--data",
                  data(indexed, rows)])  # fmt: skip
    async with models.model({"remote": models.remote(api)}) as llm:
        assert await eval_scoring(llm, args) == 0
        after = config.read_text()
        assert 1.2 < float(after.partition("question: ")[2].partition(",")[0]) <= 3.5
        assert re.sub(r"question: [\d.]+", "question: 6", after) == before
        config.write_text("llm: [1]\n")
        with pytest.raises(KnowledgeError, match=r"no room for llm\.thresholds\.question; write"):
            await eval_scoring(llm, args)


@pytest.mark.parametrize(("judge", "asked"), [("missing", True), ("follows", False)])
@pytest.mark.parametrize("before", ["llm:\n  retries: 1  # mine\n", "llm: {retries: 1}\n", "{}\n"])
async def test_a_model_is_fitted_to_without_any_labels(
    tmp_path: Path, api: LlmApi, before: str, judge: str, asked: bool
) -> None:
    wrong = [MARK.sub("", one.wrong).strip() for one in load_subjects()]

    def script(call: Call) -> Say:
        if call.kind == "follows":
            return verdicts(call, lambda said: judge if said.strip() in wrong else "follows")
        rows = load_probes(Rubric(call.kind))
        (label,) = {
            row.label for row in rows if all(text in call.text for text in row.texts.values())
        }
        return digit(5 if label else 3)

    api.script = script
    config = tmp_path / "config.yaml"
    config.write_text(before)
    args = parse(["--config", str(config), "eval", "scoring", "--write"])
    async with models.model({"remote": models.remote(api)}) as llm:
        assert await eval_scoring(llm, args) == 0
    found = load_config(config, [f"llm.remote={json.dumps(models.remote(api))}"]).llm
    assert found.check_sentences is asked
    assert all(3 * 10 / 9 < one < 5 * 10 / 9 for one in found.thresholds.model_dump().values())
    assert "# mine" not in before or "  retries: 1  # mine\n" in config.read_text()


@pytest.mark.parametrize("rubric", PAIRS)
async def test_each_rubric_is_scored_as_the_bot_does(
    tmp_path: Path, api: LlmApi, rubric: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api.script = lambda call: digit(9 if "fits" in call.text else 0)
    rows = [{name: f"{name} {word}" for name in PAIRS[rubric]} | {"label": label}
            for word, label in (("fits", 1), ("fails", 0))]  # fmt: skip
    args = parse(["eval", "scoring", "--rubric", rubric, "--json", "--data", data(tmp_path, rows)])
    async with models.model({"remote": models.remote(api)}) as llm:
        assert await eval_scoring(llm, args) == 0
    assert json.loads(capsys.readouterr().out)["auc"] == 1.0
    assert api.kinds() == [rubric, rubric]
    for name in PAIRS[rubric]:
        assert f"{name} fits" in "".join(call.text for call in api.calls)


async def test_scores_are_asked_for_together_but_not_all_at_once(
    tmp_path: Path, api: LlmApi
) -> None:
    api.script = lambda _: digit(5)
    api.together = asyncio.Barrier(3)
    rows = [{"text": f"message {number}", "label": number % 2} for number in range(9)]
    args = parse(["eval", "scoring", "--data", data(tmp_path, rows), "--limit", "3"])
    async with models.model({"remote": models.remote(api, concurrency=3)}) as llm:
        assert await eval_scoring(llm, args) == 0
    assert (len(api.calls), api.most_at_once) == (6, 3)


async def test_gate_counts_what_the_model_costs(indexed: Path, api: LlmApi) -> None:
    api.script = lambda call: scoring(question=0 if "kitchen" in call.text else 9)(call)
    command = ("eval", "gate", "--llm", "--json", "--data", data(indexed))
    status, out, _ = await run(indexed, *command, more=remote(api))
    (figures,) = lines_of_json(out)
    assert status == 0
    asked = {call.text for call in api.calls}
    assert figures["calls_per_1000"] == 1000 * len(api.calls) / len(MESSAGES)
    assert not any("lunch" in text for text in asked)  # the gate is first, the model second
    assert figures["llm_precision"] == 1.0
    assert 0 < figures["share_of_llm_first"] < 1
    assert figures["rewritings_per_1000_at_most"] == 250  # "lunch?" is one


async def test_some_of_what_passes_the_gate_stand_for_all(indexed: Path, api: LlmApi) -> None:
    command = ("eval", "gate", "--llm", "--json", "--data", data(indexed))
    _, out, _ = await run(indexed, *command, more=remote(api))
    (whole,) = lines_of_json(out)
    _, out, _ = await run(indexed, *command, "--limit", "2", more=remote(api))
    (part,) = lines_of_json(out)
    assert (whole["asked"], part["asked"]) == (3, 2)
    assert part["calls_per_1000"] == whole["calls_per_1000"] == 1500
    assert part["llm_first_calls_per_1000"] == 2000
    assert part["share_of_llm_first"] == pytest.approx(whole["share_of_llm_first"], abs=0.01)


@pytest.mark.parametrize("command", [("scoring",), ("gate", "--llm")])
async def test_without_a_model_it_says_so(indexed: Path, command: tuple[str, ...]) -> None:
    status, _, err = await run(indexed, "eval", *command, "--data", data(indexed))
    assert status == 1
    assert "configure llm.local or llm.remote" in err


@pytest.mark.parametrize("command", [("scoring",), ("gate", "--llm")])
async def test_a_dead_server_is_one_line_and_status_1(
    indexed: Path, command: tuple[str, ...]
) -> None:
    status, out, err = await run(indexed, "eval", *command, "--data", data(indexed), more=DEAD)
    assert (status, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("the language model can't be asked: ")


@pytest.mark.parametrize(
    "row",
    [{"text": "x", "label": 1}, {"question": "q", "passage": 1, "label": 1},
     {"question": "q", "passage": "p", "label": 2}, []],
)  # fmt: skip
def test_lines_that_do_not_fit_the_rubric_are_named(tmp_path: Path, row: Any) -> None:
    expected = r'rows.jsonl:1: expected {"question": "...", "passage": "...", "label": 1 or 0}'
    with pytest.raises(KnowledgeError, match=re.escape(expected)):
        load_scored(Path(data(tmp_path, [row])), Rubric.RELEVANCE)


QUESTIONS: list[dict[str, Any]] = [
    {"id": "1", "lang": "en", "question": ASK, "gold_paths": ["en/serving.md"],
     "must_contain": ["7311"]},
    {"id": "2", "lang": "en", "question": "why is the first request to kettle slow?",
     "gold_paths": ["en/serving.md"]},
    {"id": "3", "lang": "en", "kind": "offtopic", "question": "what's for lunch today?"},
]  # fmt: skip


async def test_answers_tells_written_ones_from_quoted_ones(indexed: Path, api: LlmApi) -> None:
    def script(call: Call) -> Say:
        if call.kind == "answer" and "why is" in call.text:
            return Say(status=400)
        return scoring(relevance=0)(call) if "lunch" in call.text else scoring()(call)

    api.script = script
    command = ("eval", "answers", "--data", data(indexed, QUESTIONS))
    status, out, _ = await run(indexed, *command, "--json", more=remote(api))
    (figures,) = lines_of_json(out)
    assert status == 0
    assert (figures["written"], figures["quoted"], figures["failed"]) == (1, 1, 1)
    assert figures["en"]["written"] == 1
    _, out, _ = await run(indexed, *command, more=remote(api))
    assert [line.split() for line in out.splitlines() if line.startswith("written")] == [
        ["written", "1", "0", "1"]
    ]
    _, out, _ = await run(indexed, *command, "--json")
    assert "written" not in lines_of_json(out)[0]


async def test_answers_of_a_dead_model_are_no_figures_of_it(indexed: Path) -> None:
    command = ("eval", "answers", "--json", "--data", data(indexed, QUESTIONS))
    status, out, err = await run(indexed, *command, more=DEAD)
    (figures,) = lines_of_json(out)
    assert status == 1
    # What is about lunch never comes to the model.
    assert (figures["written"], figures["failed"]) == (0, 2)
    (line,) = err.splitlines()
    assert line.startswith("nothing was written by the language model: llm remote: ")
    assert "these are the figures of quoted answers" in line


async def test_a_model_that_declines_everything_has_figures(indexed: Path, api: LlmApi) -> None:
    api.script = scoring(question=0)
    command = ("eval", "answers", "--json", "--data", data(indexed, QUESTIONS))
    status, out, err = await run(indexed, *command, more=remote(api))
    (figures,) = lines_of_json(out)
    assert (status, figures["written"], figures["quoted"]) == (0, 0, 0)
    assert GOOD not in out
    assert "language model" not in err


async def test_a_judge_grades_answers_and_agrees_with_the_patterns_or_not(
    indexed: Path, tmp_path: Path, api: LlmApi
) -> None:
    def script(call: Call) -> Say:
        if call.kind == "grade":
            assert "port 7311" in call.text.split("<question>")[0]
            return Say("right" if "which port" in call.text.split("<question>")[1] else "Wrong.")
        return scoring()(call)

    api.script = script
    rows = [*QUESTIONS[:2], QUESTIONS[1] | {"id": "4", "must_contain": ["7311"]}]
    command = ("eval", "answers", "--judge", "--out", str(tmp_path), "--data", data(indexed, rows))
    status, out, _ = await run(indexed, *command, "--json", more=remote(api))
    (figures,) = lines_of_json(out)
    assert status == 0
    assert (figures["judged"], figures["judged_right"]) == (3, 0.3333)
    assert figures["judged_wrong"] == 0.6667
    assert (figures["agreement"], figures["kappa"]) == (0.5, 0.0)
    judged = lines_of_json((tmp_path / "answers-judged.jsonl").read_text())
    assert [(row["grade"], row["patterns"]) for row in judged] == [
        ("right", True), ("wrong", None), ("wrong", True),
    ]  # fmt: skip
    _, _, err = await run(indexed, *command)
    assert "configure llm.local or llm.remote" in err
